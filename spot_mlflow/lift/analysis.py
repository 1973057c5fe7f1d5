"""From the moments of an outcome log to everything that is said of its lift."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spot_mlflow.lift.arm import arms_of
from spot_mlflow.lift.clusters import clustered_arms, clustered_difference
from spot_mlflow.lift.difference import welch
from spot_mlflow.lift.report import Interval, LiftAnalysis, RealizedLift
from spot_mlflow.lift.verdict import Evidence, judge

if TYPE_CHECKING:
    from spot_mlflow.lift.contract import PredictedLift
    from spot_mlflow.lift.moments import Moments, OutcomeMoments


def analyze(
    moments: OutcomeMoments,
    predicted: PredictedLift,
    *,
    previous_looks: int = 0,  # noqa: ARG001
    previous: OutcomeMoments | None = None,  # noqa: ARG001
) -> LiftAnalysis:
    """Computes everything that one outcome log says about one contract."""
    treated, holdout = arms_of(moments.cells)
    if moments.clusters is not None:
        raw = clustered_difference(
            *clustered_arms(moments.clusters), confidence=predicted.confidence
        )
    else:
        raw = welch(treated, holdout, confidence=predicted.confidence)
    found = raw.improved(predicted.direction)
    estimate = Interval(found.value, found.low, found.high, found.se)
    realized = RealizedLift(
        estimate=estimate,
        n_treatment=treated.n,
        n_holdout=holdout.n,
        mean_treatment=treated.mean,
        mean_holdout=holdout.mean,
        raw_difference=raw.value,
        p_value=raw.p_value,
        method=raw.method,
        grade="A",
    )
    days = days_of(moments.cells)
    evidence = Evidence(estimate, estimate, treated.n + holdout.n, days)
    return LiftAnalysis(
        realized=realized,
        outcome=judge(evidence, predicted),
        assigned=int(moments.cells.assigned.sum()),
        matured=int(moments.cells.matured.sum()),
    )


def days_of(cells: Moments) -> float | None:
    """Days from the first period with analysed units to the last, both included."""
    logged = cells.period[(cells.n > 0) & ~np.isnat(cells.period)]
    if len(logged) == 0:
        return None
    return float((logged.max() - logged.min()) / np.timedelta64(1, "D")) + 1
