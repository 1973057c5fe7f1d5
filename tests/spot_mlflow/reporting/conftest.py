"""Sample checks and adoptions: simulated units, reduced and compared by hand."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from spot_mlflow.lift.contract import PredictedLift
from spot_mlflow.lift.moments import Moments, OutcomeMoments
from spot_mlflow.lift.report import (
    CheckResult,
    GapVerdict,
    Interval,
    LiftAnalysis,
    LiftReport,
    RealizedLift,
    SegmentLift,
)

if TYPE_CHECKING:
    from collections.abc import Callable

Z = 1.959963984540054


def _welch(y: np.ndarray, treated: np.ndarray) -> Interval:
    a, b = y[treated], y[~treated]
    lift = float(a.mean() - b.mean())
    se = math.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
    return Interval(lift, lift - Z * se, lift + Z * se, se)


def make_report(
    *,
    lift: float = 0.009,
    promised: float = 0.023,
    minimum: float | None = 0.005,
    n: int = 60_000,
    segments: tuple[str, ...] = ("West", "North", "South"),
    seed: int = 7,
    contract: dict[str, Any] | None = None,
    checks: tuple[CheckResult, ...] | None = None,
    **analysis: Any,
) -> LiftReport:
    """Simulates a log of ``n`` units over 12 weeks and compares the arms by Welch."""
    rng = np.random.default_rng(seed)
    treated = rng.random(n) < 0.8
    y = (rng.random(n) < 0.06 + lift * treated).astype(float)
    segment = rng.choice(list(segments), n)
    week = np.datetime64("2027-01-04") + 7 * rng.integers(0, 12, n)
    arm = np.where(treated, "treatment", "holdout")
    predicted = PredictedLift.load(
        {
            "metric": "renewed",
            "predicted": {"lift": promised, "se": 0.002, "source": "backtest"},
            "minimum_viable": minimum,
            "columns": {"arm": "arm", "outcome": "renewed"},
            "economics": {"unit": "USD", "value": 100, "offer_cost": 1},
            **(contract or {}),
        }
    )
    realized = _welch(y, treated)
    se = math.hypot(realized.se or 0, predicted.predicted.standard_error)
    g, d = realized.lift - predicted.predicted.lift, predicted.tolerance_used
    gap = Interval(g, g - Z * se, g + Z * se, se)
    verdict: Any = (
        "exceeded"
        if gap.low > d
        else "shortfall"
        if gap.high < -d
        else "met"
        if gap.low >= -d
        else "inconclusive"
    )
    m = predicted.minimum
    viable: Any = (
        "undecided"
        if m is None or realized.low <= m <= realized.high
        else "viable"
        if realized.low > m
        else "not viable"
    )

    def rows(labels: np.ndarray, values: list[Any]) -> tuple[SegmentLift, ...]:
        out = []
        for v in values:
            rows_of = labels == v
            t = treated[rows_of]
            out.append(
                SegmentLift(
                    str(v),
                    _welch(y[rows_of], t),
                    int(t.sum()),
                    int((~t).sum()),
                    float(rows_of.mean()),
                    promised,
                )
            )
        return tuple(out)

    return LiftReport(
        predicted=predicted,
        analysis=LiftAnalysis(
            realized=RealizedLift(
                estimate=realized,
                n_treatment=int(treated.sum()),
                n_holdout=int((~treated).sum()),
                mean_treatment=float(y[treated].mean()),
                mean_holdout=float(y[~treated].mean()),
                raw_difference=realized.lift,
                p_value=0.0004,
                method="Welch",
                grade="A",
            ),
            outcome=GapVerdict(
                gap=gap,
                verdict=verdict,
                viable=viable,
                reason="The interval of the gap lies below the tolerance.",
                tolerance=d,
                minimum=m,
                more_units=1234.0 if verdict == "inconclusive" else None,
                more_days=18.0 if verdict == "inconclusive" else None,
            ),
            assigned=n + 400,
            matured=n,
            sample_ratio_p=0.41,
            segments=rows(segment, list(segments)),
            periods=rows(week, list(np.unique(week))),
            **analysis,
        ),
        checks=checks
        if checks is not None
        else (
            CheckResult(
                "expect_outcome_log_to_be_complete",
                "critical",
                True,
                0,
                "Every unit has an arm and an outcome.",
            ),  # noqa: FBT003
            CheckResult(
                "expect_units_to_be_unique",
                "warning",
                False,
                214,
                "214 of 60,400 units (0.35 %) appear twice; first: unit 8812.",
            ),  # noqa: FBT003
        ),
        moments=OutcomeMoments(
            cells=Moments.of_units({"outcome": y}, arm, segment=segment, period=week),
            faults={},
            as_of="2027-04-15T00:00:00+00:00",
            source="outcomes.parquet",
            rows=n + 400,
        ),
        created="2027-04-15T09:30:00+00:00",
    )


@pytest.fixture(scope="session")
def report_of() -> Callable[..., LiftReport]:
    """Returns the maker of sample checks."""
    return make_report
