"""From moments to the complete result, and one difference in means against other libraries.

Baselines in the same run: tea-tasting (test extra) for one difference in means from aggregates, and
gbstats where it is installed. gbstats asks for numpy < 2, so it is no dependency of ours:
``pip install --no-deps gbstats`` is enough for this comparison.
"""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments

SEGMENTS, PERIODS, ROUNDS = 1_000, 90, 7
TARGET = 0.150  # seconds, stated for the complete result


def wide_log(segments: int = SEGMENTS, periods: int = PERIODS) -> OutcomeMoments:
    """Moments of segments x 2 arms x periods, about 12 units a cell, rates of 30 %."""
    from spot_mlflow.lift.moments.cells import Moments
    from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT
    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments

    rng = np.random.default_rng(1)
    cells = segments * 2 * periods
    n = rng.integers(5, 20, cells)
    events = rng.binomial(n, 0.3)
    one, many = events[:, None].astype(float), events[:, None, None].astype(float)
    arm = np.tile(np.repeat([HOLDOUT, TREATMENT], periods), segments).astype(object)
    table = Moments(
        segment=np.repeat([f"s{i:04d}" for i in range(segments)], 2 * periods).astype(object),
        arm=arm,
        period=np.tile(np.datetime64("2027-01-01") + np.arange(periods), 2 * segments),
        measures=("outcome",),
        assigned=n,
        matured=n,
        n=n,
        center=np.zeros(1),
        s1=one,
        s2=many,
        s3=one,
        nonzero=events[:, None],
        largest=np.ones((cells, 1)),
        missing=np.zeros((cells, 1), dtype=int),
    )
    return OutcomeMoments(table, {}, "2027-04-01")


def _median(f: Callable[[], Any], *, rounds: int = ROUNDS, repeat: int = 1) -> float:
    """Median seconds of one call."""
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(repeat):
            f()
        seconds.append((time.perf_counter() - start) / repeat)
    return statistics.median(seconds)


def _both(f: Callable[[], Any]) -> dict[str, float]:
    """Median wall time and least processor time of one call, in milliseconds."""
    busy = []

    def timed() -> None:
        start = time.process_time()
        f()
        busy.append(time.process_time() - start)

    wall = _median(timed)
    return {"wall": round(1000 * wall, 1), "processor": round(1000 * min(busy), 1)}


def _complete() -> dict[str, dict[str, float]]:
    """Seconds for the statistics alone, and with causes and money."""
    from dataclasses import replace

    from spot_mlflow.lift import analysis
    from spot_mlflow.lift.promise.contract import PredictedLift

    contract = PredictedLift.load(
        {
            "metric": "bought",
            "predicted": {"lift": 0.04, "se": 0.01},
            "treatment_share": 0.5,
            "columns": {"arm": "arm", "outcome": "bought"},
        }
    )
    log = wide_log()

    def fresh() -> OutcomeMoments:
        # A table remembers what it was added up to; each round starts without that.
        return replace(log, cells=replace(log.cells))

    analysis.analyze(fresh(), contract)  # imports
    return {
        "statistics": _both(lambda: analysis.measured(fresh(), contract)),
        "complete, with causes and money": _both(lambda: analysis.analyze(fresh(), contract)),
    }


def _one_difference() -> dict[str, float]:
    """Seconds for one difference in means from aggregates, absolute and relative."""
    import tea_tasting as tt
    from tea_tasting.aggr import Aggregates

    from spot_mlflow.lift.estimators.arm import Arm
    from spot_mlflow.lift.estimators.difference import difference, means_of
    from spot_mlflow.lift.estimators.relative import log_delta

    treated, holdout = Arm(10_000, 10.5, 100.0), Arm(2_000, 10.0, 90.0)

    def ours() -> None:
        means = means_of(treated, holdout)
        difference(means)
        log_delta(means)

    metric = tt.Mean("y")
    sides = [
        Aggregates(count_=a.n, mean_={"y": a.mean}, var_={"y": a.var}) for a in (holdout, treated)
    ]
    found = {
        "spot-mlflow": _median(ours, repeat=300),
        "tea-tasting": _median(lambda: metric.analyze_aggregates(*sides), repeat=30),
    }
    try:
        from gbstats.frequentist.tests import FrequentistConfig, TwoSidedTTest
        from gbstats.models.statistics import SampleMeanStatistic
    except ImportError:
        return found
    both = [
        SampleMeanStatistic(n=a.n, sum=a.total, sum_squares=a.var * (a.n - 1) + a.n * a.mean**2)
        for a in (holdout, treated)
    ]
    kinds = [FrequentistConfig(difference_type=d) for d in ("absolute", "relative")]
    found["gbstats"] = _median(
        lambda: [TwoSidedTTest(*both, config=k).compute_result() for k in kinds], repeat=30
    )
    return found


def run() -> dict[str, object]:
    """Measures both; times in milliseconds."""
    complete, one = _complete(), _one_difference()
    return {
        "moments": f"{SEGMENTS:,} segments x 2 arms x {PERIODS} periods",
        "milliseconds": complete,
        "target, milliseconds": 1000 * TARGET,
        "one difference in means, milliseconds": {k: round(1000 * v, 4) for k, v in one.items()},
        "baseline": "tea-tasting",
        "time relative to tea-tasting": round(one["spot-mlflow"] / one["tea-tasting"], 3),
        "time relative to gbstats": (
            round(one["spot-mlflow"] / one["gbstats"], 3) if "gbstats" in one else None
        ),
    }
