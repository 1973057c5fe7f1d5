"""Readiness meets reality: what the panel said of a letter, against what was lost there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from spot_mlflow.letters import letter_words
from spot_mlflow.reporting.message.cause import bridge_of, shown_losses
from spot_mlflow.reporting.message.request import plan_words

if TYPE_CHECKING:
    from spot_mlflow.adoption import Adoption
    from spot_mlflow.lift.causes.bridge import Bridge
    from spot_mlflow.reporting.words.lift_view import LiftView

LOW: Final = 2  # of 5: the panel saw it coming
HIGH: Final = 4  # of 5: the panel felt safe
LARGE: Final = 0.2  # of the gap
PLAN_NAMED: Final = 3  # open items named


@dataclass(frozen=True, slots=True)
class Reality:
    """One letter where lift was lost, beside what the panel had said of it.

    Attributes:
        letter: "O"; "O/T" where the log cannot tell them apart.
        level: the lowest level the panel gave these letters, or None where not known.
        surprise: whether it was rated high and lost the lift all the same.
        words: both in a sentence or two.
        plan: open items of the plan for it, in words.
    """

    letter: str
    level: int | None
    surprise: bool
    words: str
    plan: tuple[str, ...] = ()


def readiness_meets_reality(view: LiftView, adoption: Adoption | None) -> tuple[Reality, ...]:
    """Compares readiness with the shown, large losses; surprises first.

    Args:
        view: the check.
        adoption: what is known of the model; nothing to compare where None or never assessed.
    """
    bridge = bridge_of(view)
    if bridge is None or adoption is None or not adoption.readiness.people or view.data_fault:
        return ()
    found = []
    for letter in dict.fromkeys(c.letter for c in shown_losses(bridge)):
        if _part(bridge, letter) >= LARGE:
            found += [r for r in [_reality(view, bridge, adoption, letter)] if r is not None]
    return tuple(sorted(found, key=lambda r: not r.surprise))


def _part(bridge: Bridge, letter: str) -> float:
    """Returns how much of the gap the shown losses of a letter make up; 0 where nothing is missing."""
    money = bridge.money_gap if bridge.basis == "money" else None
    gap = (money or bridge.gap).lift
    lost = sum(c.amount(bridge.basis).lift for c in shown_losses(bridge) if c.letter == letter)
    return lost / gap if gap < 0 else 0.0


def _reality(view: LiftView, bridge: Bridge, adoption: Adoption, letter: str) -> Reality | None:
    levels = [adoption.readiness.letters[x].level for x in letter.split("/")]
    known = [x for x in levels if x is not None]
    level = min(known) if known else None
    name = letter_words(letter)
    points = -sum(c.lift.lift for c in shown_losses(bridge) if c.letter == letter)
    lost = (
        f"{view.scale.amount(points)} of lift were lost there"
        if points > 0
        else "money was lost there"
    )
    plan = tuple(
        plan_words(p) for p in adoption.readiness.plan if p.letter in letter and p.now != p.target
    )[:PLAN_NAMED]
    if level is None:
        said = f"Nobody could say how ready {name} is, and {lost}."
        return Reality(letter, None, surprise=False, words=said, plan=plan)
    if level <= LOW:
        said = f"The panel saw it coming: {name} was rated {level} of 5, and {lost}."
        return Reality(letter, level, surprise=False, words=said, plan=plan)
    if level >= HIGH:
        said = (
            f"{name} was rated {level} of 5, and {lost} all the same. "
            "The assessment does not match what happens: ask those who do the work, and look there first."
        )
        return Reality(letter, level, surprise=True, words=said, plan=plan)
    return None
