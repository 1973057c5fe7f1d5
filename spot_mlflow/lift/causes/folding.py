"""Causes that hold only if unknown answers are like the known ones: folded, and said.

Whatever the unknown answers are, the share of a step lies between that with none and that with all of
them passed (Manski 1989, Journal of Human Resources 24, 343-360). A cause is told where it is found at
both ends; where it is not, the step is taken out and its loss counts with the steps around it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from spot_mlflow.lift.causes.attribution import attribute
from spot_mlflow.lift.moments.labels import HOLDOUT
from spot_mlflow.lift.moments.unknown_steps import (
    STEPS,
    each_table,
    known_steps,
    over_known,
    unknown_steps,
    without_steps,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spot_mlflow.lift.causes.bridge import Bridge
    from spot_mlflow.lift.moments.cells import Moments
    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
    from spot_mlflow.lift.moments.unknown_steps import Guess
    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow.lift.results import RealizedLift

Cause = tuple[str, ...]  # the factors folded into it
_ENDS: Final[tuple[Guess, ...]] = ("all", "none")
_FOLDED: Final = "this step is not separated from the others"
_SHOWN: Final = "only the loss at this step is"
_FACTOR: Final = {
    "offered": "coverage",
    "delivered": "delivery",
    "system_failure": "system",
    "on_time": "timeliness",
}
_WHAT: Final = {
    "offered": ("`offered`", "whether they were offered anything"),
    "delivered": ("`delivered`", "whether they were delivered"),
    "system_failure": ("`undelivered_reason`", "why they were not delivered"),
    "on_time": ("`delivered_at` and `due_at`", "whether they were delivered in time"),
}


@dataclass(frozen=True, eq=False)
class Separable:
    """What the known answers allow to separate.

    Attributes:
        moments: the log over its known units, without the steps whose unknown answers decide a cause.
        notes: what was folded, or is not shown, for which unknown answers.
        doubted: causes found over the known units, but not at both ends.
    """

    moments: OutcomeMoments
    notes: tuple[str, ...] = ()
    doubted: frozenset[Cause] = frozenset()

    def told(self, bridge: Bridge) -> Bridge:
        """Returns the bridge with the notes, and without the loss of causes in doubt."""
        made = tuple(
            replace(c, found=False) if c.factors in self.doubted else c
            for c in bridge.contributions
        )
        sure = {c.letter for c in made if c.found}
        letters = tuple(replace(x, found=x.letter in sure) for x in bridge.letters)
        notes = (*self.notes, *bridge.notes)
        return replace(bridge, contributions=made, letters=letters, notes=notes)


def separable(
    moments: OutcomeMoments, predicted: PredictedLift, realized: RealizedLift | None = None
) -> Separable:
    """Returns what to explain the lift by.

    Where the loss at a step itself is sure, another cause that is not is only not shown; else the step
    is folded with those beside it.

    Args:
        moments: the reduced log.
        predicted: the contract.
        realized: the headline, as for ``attribution.attribute``.
    """
    notes: list[str] = []
    doubted: frozenset[Cause] = frozenset()
    while steps := [s for s in unknown_steps(moments.cells) if s in STEPS]:
        found, taken = _doubts(moments, steps, predicted, realized)
        folded = [s for s, gone in taken.items() if gone and not _sure(s, found - gone)]
        if not folded:
            doubted = frozenset(c for gone in taken.values() for c in gone)
            notes += [_note(moments.cells, s, _SHOWN) for s, gone in taken.items() if gone]
            break
        notes += [_note(moments.cells, s, _FOLDED) for s in folded]
        moments = _without(moments, folded)
    return Separable(known_steps(moments), tuple(notes), doubted)


def _doubts(
    moments: OutcomeMoments,
    steps: Sequence[str],
    predicted: PredictedLift,
    realized: RealizedLift | None,
) -> tuple[set[Cause], dict[str, set[Cause]]]:
    """Returns the causes found, and by step those that its unknown answers could take back."""

    def lost(cells: Moments) -> set[Cause]:
        bridge: Bridge = attribute(replace(moments, cells=cells), predicted, realized)
        return {c.factors for c in bridge.losses}

    found = lost(over_known(moments.cells))
    if not found:
        return found, {}
    ends = {s: [lost(over_known(moments.cells, {s: end})) for end in _ENDS] for s in steps}
    return found, {s: found - (a & b) for s, (a, b) in ends.items()}


def _sure(step: str, found: set[Cause]) -> bool:
    """Whether the loss at a step itself is among the causes found."""
    return any(_FACTOR[step] in cause for cause in found)


def _without(moments: OutcomeMoments, steps: Sequence[str]) -> OutcomeMoments:
    return each_table(moments, lambda table: without_steps(table, steps))


def _note(cells: Moments, step: str, so: str) -> str:
    treated = cells.select(cells.arm.astype(str) != HOLDOUT).collapse()
    count = int(treated.missing[0, cells.measures.index(step)])
    columns, what = _WHAT[step]
    return (
        f"of {count:,} of {int(treated.n[0]):,} treated units the log does not say {what}; depending "
        f"on them another cause would be named, so {so}; fill {columns} to tell"
    )
