"""Time of the bridge by number of segments, against a bootstrap of the same intervals.

The baseline resamples the table of cells 200 times (each cell's means drawn from their normal
limit) and splits every draw again: what one would do without derivatives.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import Any

import numpy as np

from spot_mlflow.lift.causes.attribution import attribute
from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT
from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
from spot_mlflow.lift.money.economics import economics_of
from spot_mlflow.lift.promise.contract import PredictedLift

DRAWS = 200
TREATED, OFFERED, DELIVERED = 0.9, 0.9, 0.7


def make(
    segments: int, units: int = 400_000, seed: int = 7
) -> tuple[OutcomeMoments, PredictedLift]:
    """Makes a log with a full funnel and a promise for every segment."""
    rng = np.random.default_rng(seed)
    arm = np.where(rng.random(units) < TREATED, TREATMENT, HOLDOUT)
    label = np.array([f"s{i:03d}" for i in range(segments)])
    segment = label[rng.integers(0, segments, units)]
    offered = (arm == TREATMENT) & (rng.random(units) < OFFERED)
    delivered = offered & (rng.random(units) < DELIVERED)
    good = rng.random(units) < 0.05 + 0.06 * delivered
    measures = {
        "outcome": good,
        "value": good * rng.gamma(4, 10, units),
        "cost": delivered * rng.gamma(9, 0.06, units),
        "offered": offered,
        "delivered": delivered,
    }
    cells = Moments.of_units(measures, arm, segment=segment)
    promise = PredictedLift.load(
        {
            "metric": "bought",
            "predicted": {"lift": 0.05, "se": 0.002},
            "columns": {"arm": "arm", "outcome": "bought"},
            "economics": {"unit": "EUR", "value": 40, "offer_cost": 0.5},
            "funnel": {"offered": 0.95, "delivered": 0.9},
            "segments": {s: {"share": 1 / segments} for s in label},
        }
    )
    return OutcomeMoments(cells, {}, as_of=""), promise


def resampled(log: OutcomeMoments, rng: np.random.Generator) -> OutcomeMoments:
    """Draws the sums of every cell anew from their normal limit."""
    cells = log.cells
    s1 = np.empty_like(cells.s1)
    for i in range(len(cells)):
        n = float(cells.n[i])
        mean = cells.s1[i] / n
        cov = cells.s2[i] / n - np.outer(mean, mean)
        s1[i] = rng.multivariate_normal(cells.s1[i], cov * n, method="eigh")
    return replace(log, cells=replace(cells, s1=s1))


def seconds(f: Any) -> float:
    """Returns the best of three timings."""
    best = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        f()
        best = min(best, time.perf_counter() - began)
    return best


def run() -> dict[str, object]:
    """Returns milliseconds by number of segments, and the ratio to the bootstrap."""
    out: dict[str, object] = {}
    sizes = (1, 10, 50, 200) if os.environ.get("SPOT_BENCH_FULL") else (1, 10, 50)
    for segments in sizes:
        log, promise = make(segments)
        bridge = seconds(lambda log=log, promise=promise: attribute(log, promise))
        money = seconds(lambda log=log, promise=promise: economics_of(log, promise))
        out[f"attribute_ms_{segments}_segments"] = round(1000 * bridge, 1)
        out[f"economics_ms_{segments}_segments"] = round(1000 * money, 1)
    log, promise = make(10)
    rng = np.random.default_rng(1)
    began = time.perf_counter()
    draws = [
        [c.money.lift for c in attribute(resampled(log, rng), promise).contributions if c.money]
        for _ in range(DRAWS // 10)
    ]
    bootstrap = 10 * (time.perf_counter() - began)
    exact = float(out["attribute_ms_10_segments"]) / 1000  # type: ignore[arg-type] # numbers only
    out["bootstrap_over_delta_method"] = round(bootstrap / exact, 1)
    out["draws"] = len(draws)
    return out


if __name__ == "__main__":
    import json

    print(json.dumps(run(), indent=1))
