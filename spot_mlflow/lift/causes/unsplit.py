"""Steps on the way to the customer that a log cannot separate, and the columns that would.

Light on purpose, as ``causes.words`` is: a request is written from a record without numerical library.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# The columns that would end a step, and so separate it from the next.
ENDS: Final[Mapping[str, tuple[str, ...]]] = {
    "coverage": ("offered",),
    "delivery": ("delivered",),
    "timeliness": ("delivered_at", "due_at"),
}
_ON_THE_WAY: Final = frozenset({*ENDS, "system", "response"})


@dataclass(frozen=True, slots=True)
class Unsplit:
    """Steps that count as one.

    Attributes:
        how: "folded" into one cause, "late" offers within the response, or "failed" ones in delivery.
        factors: the steps.
        columns: by missing step, the columns that would end it.
    """

    how: Literal["folded", "late", "failed"]
    factors: tuple[str, ...]
    columns: tuple[tuple[str, ...], ...]


def unsplit_steps(causes: Sequence[Sequence[str]]) -> tuple[Unsplit, ...]:
    """Returns which steps count as one, folds first.

    Args:
        causes: the factors of each cause, in the order of the way to the customer.
    """
    groups = [g for g in (tuple(f for f in c if f in _ON_THE_WAY) for c in causes) if g]
    known = {f for g in groups for f in g}
    out = [
        Unsplit("folded", g, tuple(ENDS[f] for f in g[:-1] if f in ENDS))
        for g in groups
        if len(g) > 1
    ]
    if "timeliness" not in known:
        out.append(Unsplit("late", ("timeliness", "response"), (ENDS["timeliness"],)))
    if "system" not in known and any(g[-1] == "delivery" for g in groups):
        columns = (ENDS["coverage"], ENDS["delivery"], ("undelivered_reason",))
        out.append(Unsplit("failed", ("system", "delivery"), columns))
    return tuple(out)
