"""The sentence of why units are not in the arm that the assignment gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
    from spot_mlflow.lift.moments.recomputed import ArmCause

LEAST: Final = 5  # units, below which a difference is a slip of somebody's hand
SHARE: Final = 0.001  # of the units, above which the holdout is not the declared one


def causes_words(moments: OutcomeMoments) -> str:
    """Says of how many units the arm is explained by what; "" where nothing was looked for."""
    found = moments.recomputed
    return "" if found is None else "; ".join(map(_said, found.causes))


def _said(cause: ArmCause) -> str:
    units = f"{cause.units:,} of them"
    if cause.kind == "form":
        return f"{units} have the arm of their id {cause.what}: agree on one form of the id in all systems"
    if cause.kind == "salt":
        return f"{units} have the arm of an earlier assignment, salt {cause.what!r}: it was still in use"
    if cause.kind == "schedule":
        step = f"that begins on {cause.what}" if cause.what else "without a first day"
        return f"{units} have the arm of another step of the schedule, the one {step}"
    return f"for {cause.units:,} no form of the id, earlier salt or step of the schedule explains the arm"
