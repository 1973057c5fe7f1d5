"""Whether the money of the log is the money of the contract."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from spot_mlflow.lift.money.promised_money import money_matches
from spot_mlflow_checks.fault_checks import Judgement

if TYPE_CHECKING:
    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
    from spot_mlflow.lift.promise.contract import PredictedLift


def judge_money(moments: OutcomeMoments, predicted: PredictedLift) -> Judgement | None:
    """Whether values and costs of the log are those of the contract, up to a factor of 8."""
    found = money_matches(moments.cells, predicted)
    if not found:
        return None
    far = [m for m in found if m.far]
    worst = max(found, key=lambda m: abs(math.log(max(m.factor, 1e-12))))
    if not far:
        message = f"Values and costs are near the contract's: {worst.words}"
        return Judgement(True, "warning", worst.factor, message)
    message = f"{'; '.join(m.words for m in far)}. Give log and contract in one unit of money"
    return Judgement(False, "warning", worst.factor, message)
