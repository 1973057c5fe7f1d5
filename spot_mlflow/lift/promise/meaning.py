"""What a promise of no gain says when it is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spot_mlflow import figures

if TYPE_CHECKING:
    from spot_mlflow.lift.promise.contract import PredictedLift


def meaning_of(predicted: PredictedLift) -> str:
    """Returns what a promise of 0 or less says when it is kept; "" for one that promises a gain.

    Args:
        predicted: the contract.
    """
    lift, lost = predicted.predicted.lift, predicted.tolerance_used
    scale = figures.scale_of(
        kind=predicted.kind,
        effect=predicted.effect,
        unit=predicted.economics.unit if predicted.economics else "",
        half_width=None,
        exact=(lift, lost, lost - lift),
    )
    if lift > 0:
        return ""
    if lift == 0:
        return f"A no-harm promise: met means that at most the tolerance, {scale.amount(lost)}, is lost."
    return (
        f"The promise is a loss of {scale.amount(-lift)}: met means that at most "
        f"{scale.amount(lost - lift)} is lost, "
        "tolerance included."
    )
