"""The sentences of a verdict, made last from what was decided; nothing reads them back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from spot_mlflow import figures
from spot_mlflow.lift.holds.words import hold_words
from spot_mlflow.lift.promise.scale import contract_scale

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.lift.holds.hold import Hold
    from spot_mlflow.lift.interval import Interval
    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow.lift.results import Never
    from spot_mlflow.verdicts import Verdict

TOO_UNCERTAIN: Final = "the prediction itself is too uncertain"
NEVER: Final[Mapping[Never, str]] = {
    "promise": f"more units cannot decide it, because {TOO_UNCERTAIN}",
    "border": "more units cannot decide it while the gap lies on the tolerance",
}


def held_words(hold: Hold, wait: str = "") -> str:
    """Says why there is no verdict, how long it takes (``wait``), and what would lift it."""
    reason, remedy = hold_words(hold)
    return f"{reason}{wait}. {remedy}" if remedy else f"{reason}{wait}"


def gap_words(verdict: Verdict, gap: Interval, realized: Interval, predicted: PredictedLift) -> str:
    """Says what arrived of what was promised, and what that makes of the gap.

    Args:
        verdict: against the promise.
        gap: realized minus predicted, with the interval that the verdict is read from.
        realized: the lift at the level of the verdict; its width decides on the digits.
        predicted: the contract.
    """
    scale = contract_scale(predicted, (realized.high - realized.low) / 2)
    found = (
        f"{scale.amount(realized.lift)} realized, {scale.amount(predicted.predicted.lift)} promised"
    )
    d = predicted.tolerance_used
    border, bound = (d, gap.low) if verdict == "exceeded" else (-d, gap.low)
    bound = gap.high if verdict == "shortfall" else bound
    finer = scale.telling_apart(bound, border)  # or the sentence would contradict the verdict
    low, high = finer.signed(gap.low), finer.signed(gap.high)
    tolerance = finer.amount(d)
    return {
        "exceeded": f"{found}; the gap is at least {low}, more than the tolerance of {tolerance}",
        "shortfall": f"{found}; the gap is at most {high}, more than the tolerance of {tolerance} below",
        "met": f"{found}; the gap is at least {low}, within the tolerance of {tolerance}",
        "inconclusive": f"{found}; the gap may be anything from {low} to {high}",
    }[verdict]


def waiting_words(
    units: float | None, days: float | None, unit_word: str, never: Never | None
) -> str:
    """Says how long it still takes, or why it never ends; "" where it is decided or not known."""
    if never is not None:
        return f": {NEVER[never]}"
    if units is None or math.isinf(units):
        return ""
    when = f", {figures.about(days)} days at the present rate" if days is not None else ""
    return f": about {figures.about(units)} more {unit_word}{when}"
