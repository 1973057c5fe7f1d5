"""Where the rest was lost, in one sentence that claims no more than the bridge has shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.letters import letter_words
from spot_mlflow.lift.causes.bridge import Bridge
from spot_mlflow.lift.causes.words import happened

if TYPE_CHECKING:
    from spot_mlflow.lift.causes.bridge import Contribution
    from spot_mlflow.reporting.words.lift_view import LiftView

MOST: Final = 0.5
READABLE: Final = 0.005  # of all contributions; less rounds to nothing in every figure shown


def bridge_of(view: LiftView) -> Bridge | None:
    """Returns the bridge from promised to realized, where the check has one."""
    data = view.data.get("attribution")
    return Bridge.from_dict(data) if data else None


def cause_sentence(view: LiftView) -> str:
    """Returns where the rest was lost; empty where nothing is missing or nothing is shown.

    "Most" is said only where the smallest losses that the simultaneous bounds allow add up to more
    than half of the gap. Where acting costs more than it brings, that is said first.
    """
    if view.data_fault:
        return ""
    parts = [_nothing_to_gain(view)]
    bridge = bridge_of(view)
    if bridge is not None and not view.kept:
        parts.append(_loss(view, bridge))
    return " ".join(p for p in parts if p)


def _nothing_to_gain(view: LiftView) -> str:
    """Says that acting costs more than it brings, and for whom it does not, where that is shown."""
    economics = view.data.get("economics") or {}
    if economics.get("worth") != "no":
        return ""
    part = (economics.get("curve") or {}).get("cutoff") or {}
    if part.get("worth") == "yes":
        return f"It is cheaper to do nothing than to contact everybody; {part['words']}."
    return "It is cheaper to do nothing."


def _loss(view: LiftView, bridge: Bridge) -> str:
    gap = bridge.money_gap if bridge.basis == "money" and bridge.money_gap else bridge.gap
    if not gap.lift < 0:
        return ""  # what was lost at one step was won back at another
    shown = shown_losses(bridge)
    if not shown:
        return "This log does not show where the rest was lost." if view.kept is False else ""
    causes = [c for c in shown if c.letter == shown[0].letter]
    said = " and ".join(happened(c) for c in causes[:2])
    most = sum(c.lost_at_least for c in causes) > MOST * -gap.lift > 0
    opening = "Most was lost in" if most else "The largest loss shown is in"
    return f"{opening} {letter_words(shown[0].letter)}: {said}{_place(view, causes[0].cause)}."


def _place(view: LiftView, cause: str) -> str:
    """Returns where most of a loss happened: ", most in team West"; only what is shown."""
    ranked: list[dict[str, Any]] = (view.data.get("diagnosis") or {}).get("ranked") or []
    where: list[dict[str, Any]] = next((r["where"] for r in ranked if r["cause"] == cause), [])
    if not where:
        return ""
    first = where[0]
    much = "most in" if first["part"] >= MOST else "above all in"
    return f", {much} {first['dimension']} {first['label']}"


def shown_losses(bridge: Bridge) -> tuple[Contribution, ...]:
    """Returns the losses shown beyond doubt that are large enough to be read, surest first."""
    whole = sum(abs(c.amount(bridge.basis).lift) for c in bridge.contributions)
    return tuple(c for c in bridge.losses if -c.amount(bridge.basis).lift > READABLE * whole)


def losing_letter(view: LiftView) -> str | None:
    """Returns the letter (or letters) of the surest loss, or None where none is shown."""
    bridge = bridge_of(view)
    shown = () if bridge is None else shown_losses(bridge)
    return shown[0].letter if shown else None
