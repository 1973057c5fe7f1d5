"""How wide an interval must be for the looks that a contract asks for: one, or any number of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spot_mlflow.lift.estimators.sequence import mixing_variance
from spot_mlflow.lift.estimators.simultaneous import Width

if TYPE_CHECKING:
    from spot_mlflow.lift.promise.contract import PredictedLift


def width_of(predicted: PredictedLift, units: float) -> Width:
    """Returns the width that the contract asks for: one look, or any number of them.

    Args:
        predicted: the contract; ``planned_units`` tunes the sequence where it is monitored.
        units: analysed units so far.
    """
    if predicted.looks_used == "once" or predicted.planned_units is None or units <= 0:
        return Width()
    return Width(mixing=units * mixing_variance(1 - predicted.confidence, predicted.planned_units))
