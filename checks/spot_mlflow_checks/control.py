"""Judges control totals: a log that a ledger contradicts carries no verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spot_mlflow.lift.promise.control import control_totals
from spot_mlflow_checks.fault_checks import Judgement

if TYPE_CHECKING:
    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
    from spot_mlflow.lift.promise.contract import PredictedLift


def judge_control(moments: OutcomeMoments, predicted: PredictedLift) -> Judgement | None:
    """Whether the log agrees with every total that the contract declares; None without any.

    Observed is the largest difference, as a share of the total.
    """
    found = control_totals(moments.cells, predicted.control)
    if not found:
        return None
    off = [t for t in found if not t.agrees]
    worst = max((abs(t.difference) for t in found), default=0.0)
    said = "; ".join(t.words for t in off or found)
    observed = worst if worst == worst else None  # noqa: PLR0124 - NaN: nothing to compare
    return Judgement(not off, "critical", observed, said)
