"""Where the rest was lost, in one sentence that claims no more than the bridge has shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from spot_mlflow.lift.bridge import Bridge, letter_words
from spot_mlflow.reporting import figures

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.lift.bridge import Contribution
    from spot_mlflow.reporting.lift_view import LiftView

MOST: Final = 0.5
READABLE: Final = 0.005  # of all contributions; less rounds to nothing in every figure shown
# What a shown loss of one factor means; {missed} is the share that fell out at this step.
_SHARES: Final[Mapping[str, str]] = {
    "coverage": "{missed} of those flagged were offered nothing",
    "system": "{missed} of offers failed in the system",
    "delivery": "{missed} of offers not delivered",
    "timeliness": "{missed} of offers delivered late",
}
_PLAIN: Final[Mapping[str, str]] = {
    "mix": "other customers than planned",
    "response": "those who got the offer answered to it less than promised",
    "value": "an outcome won was worth less than promised",
    "cost": "a contact cost more than promised",
    "handling": "handling cost more than promised",
}


def bridge_of(view: LiftView) -> Bridge | None:
    """Returns the bridge from promised to realized, where the check has one."""
    data = view.data.get("attribution")
    return Bridge.from_dict(data) if data else None


def cause_sentence(view: LiftView) -> str:
    """Returns where the rest was lost; empty where nothing is missing or nothing is shown.

    "Most" is said only where the smallest losses that the simultaneous bounds allow add up to more
    than half of the gap.
    """
    bridge = bridge_of(view)
    if bridge is None or view.data_fault or view.verdict in ("exceeded", "met"):
        return ""
    shown = shown_losses(bridge)
    if not shown:
        return (
            "Where the rest was lost, this log does not show."
            if view.verdict == "shortfall"
            else ""
        )
    causes = [c for c in shown if c.letter == shown[0].letter]
    said = " and ".join(cause_words(c) for c in causes[:2])
    gap = bridge.money_gap if bridge.basis == "money" and bridge.money_gap else bridge.gap
    most = sum(c.lost_at_least for c in causes) > MOST * -gap.lift > 0
    opening = "Most was lost in" if most else "The largest loss shown lies in"
    return f"{opening} {letter_words(shown[0].letter)}: {said}."


def shown_losses(bridge: Bridge) -> tuple[Contribution, ...]:
    """Returns the losses shown beyond doubt that are large enough to be read, surest first."""
    whole = sum(abs(c.amount(bridge.basis).lift) for c in bridge.contributions)
    return tuple(c for c in bridge.losses if -c.amount(bridge.basis).lift > READABLE * whole)


def losing_letter(view: LiftView) -> str | None:
    """Returns the letter (or letters) of the surest loss, or None where none is shown."""
    bridge = bridge_of(view)
    shown = () if bridge is None else shown_losses(bridge)
    return shown[0].letter if shown else None


def cause_words(cause: Contribution) -> str:
    """Returns what a loss means: "41 % of offers not delivered (5 % planned)"."""
    factor = cause.cause
    if factor in _SHARES and cause.realized is not None:
        said = _SHARES[factor].format(missed=figures.share(1 - cause.realized))
        planned = 0.0 if cause.promised is None else 1 - cause.promised
        return said if planned < 0.005 else f"{said} ({figures.share(planned)} planned)"  # noqa: PLR2004 - rounds to nothing
    return _PLAIN.get(factor, cause.words)
