"""Causes that hold only if unknown answers are like the known ones: folded, and said.

Whatever the unknown answers are, the share of a step lies between that with none and that with all of
them passed (Manski 1989, Journal of Human Resources 24, 343-360). A cause is told where it is found at
both ends; where it is not, the step is taken out and its loss counts with the steps around it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from spot_mlflow.lift.attribution import attribute
from spot_mlflow.lift.moments import HOLDOUT
from spot_mlflow.lift.unknown import STEPS, known_steps, over_known, unknown_steps, without_steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spot_mlflow.lift.bridge import Bridge
    from spot_mlflow.lift.contract import PredictedLift
    from spot_mlflow.lift.moments import Moments, OutcomeMoments
    from spot_mlflow.lift.report import RealizedLift
    from spot_mlflow.lift.unknown import Guess

_ENDS: Final[tuple[Guess, ...]] = ("all", "none")
_WHAT: Final = {
    "offered": ("`offered`", "whether they were offered anything"),
    "delivered": ("`delivered`", "whether they were delivered"),
    "system_failure": ("`undelivered_reason`", "why they were not delivered"),
    "on_time": ("`delivered_at` and `due_at`", "whether they were delivered in time"),
}


def separable(
    moments: OutcomeMoments, predicted: PredictedLift, realized: RealizedLift | None = None
) -> tuple[OutcomeMoments, tuple[str, ...]]:
    """Returns the log over its known units, without the steps whose unknown answers decide a cause.

    Args:
        moments: the reduced log.
        predicted: the contract.
        realized: the headline, as for ``attribution.attribute``.

    Returns:
        The log to explain the lift by, and what was folded for which unknown answers.
    """
    notes: list[str] = []
    while steps := [s for s in unknown_steps(moments.cells) if s in STEPS]:
        doubtful = _doubtful(moments, steps, predicted, realized)
        if not doubtful:
            break
        notes += [_note(moments.cells, s) for s in doubtful]
        moments = _without(moments, doubtful)
    return known_steps(moments), tuple(notes)


def _doubtful(
    moments: OutcomeMoments,
    steps: Sequence[str],
    predicted: PredictedLift,
    realized: RealizedLift | None,
) -> list[str]:
    """Steps whose unknown answers could take back a cause that is found."""

    def lost(cells: Moments) -> set[str]:
        bridge: Bridge = attribute(replace(moments, cells=cells), predicted, realized)
        return {c.cause for c in bridge.losses}

    found = lost(over_known(moments.cells))
    if not found:
        return []
    return [
        s
        for s in steps
        if any(found - lost(over_known(moments.cells, {s: end})) for end in _ENDS)
    ]


def _without(moments: OutcomeMoments, steps: Sequence[str]) -> OutcomeMoments:
    tables = {k: getattr(moments, k) for k in ("cells", "score_bins", "teams", "offers")}
    return replace(
        moments, **{k: None if t is None else without_steps(t, steps) for k, t in tables.items()}
    )


def _note(cells: Moments, step: str) -> str:
    treated = cells.select(cells.arm.astype(str) != HOLDOUT).collapse()
    count = int(treated.missing[0, cells.measures.index(step)])
    columns, what = _WHAT[step]
    return (
        f"of {count:,} of {int(treated.n[0]):,} treated units the log does not say {what}; depending "
        f"on them another cause would be named, so this step is not separated from the others; fill "
        f"{columns} to separate it"
    )
