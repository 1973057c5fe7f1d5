"""One analysis of one reduced log, shared by all who ask."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from spot_mlflow.lift.withheld import withhold
from spot_mlflow_checks.judgements import judge_data

if TYPE_CHECKING:
    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow.lift.report import LiftAnalysis

# Kept only while the moments themselves are.
_analyses: WeakKeyDictionary[OutcomeMoments, dict[tuple[str, int], LiftAnalysis]] = (
    WeakKeyDictionary()
)


def analysis_of(
    moments: OutcomeMoments,
    predicted: PredictedLift,
    previous_looks: int = 0,
    previous: OutcomeMoments | None = None,
) -> LiftAnalysis:
    """Analyses moments once for all who ask; ``previous`` counts for the one who asks first.

    Where the log cannot carry a verdict, none is given to anyone.
    """
    from spot_mlflow.lift.analysis import analyze
    from spot_mlflow_checks.control import judge_control

    known = _analyses.setdefault(moments, {})
    key = (predicted.digest, previous_looks)
    if key not in known:
        found = analyze(moments, predicted, previous_looks=previous_looks, previous=previous)
        ledger = judge_control(moments, predicted)
        judged = [*judge_data(moments, found), *([] if ledger is None else [ledger])]
        known[key] = withhold(found, judged)
    return known[key]
