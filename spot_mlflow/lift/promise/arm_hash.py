"""The hash that decides who is held out, with nothing but numpy beside it.

A model that carries its holdout takes this one file with it (``spot_mlflow.serving``), so that the
formula is written once. The first eight hex digits of ``md5(salt + ":" + id)`` in UTF-8, as an unsigned
number over 2^32, against the holdout's share; the next eight choose between several treatment arms.
"""

from __future__ import annotations

import hashlib
import math
import uuid
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from numbers import Integral
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np
    from numpy.typing import NDArray

Label = str | int | float | bool

SIZE: Final = 1 << 32  # values of eight hex digits


@dataclass(frozen=True, slots=True)
class Cut:
    """One step as bounds of the hash.

    Attributes:
        starts: first day (UTC) on which it holds; None for always.
        segment: the segment that it holds for; None for all.
        held: units whose first number is below are held out; 0 to 2^32.
        bounds: (treatment arms - 1,) ascending bounds of the second number, 0 to 2^32.
        shares: (treatment arms,) the declared share of each.
    """

    starts: date | None
    segment: str | None
    held: int
    bounds: tuple[int, ...]
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ArmRule:
    """An assignment with everything that it needs to be computed.

    Attributes:
        salt: name of the draw.
        column: the column that is hashed.
        treated: labels of the treatment arms. holdout: label of the holdout.
        cuts: in the order in which they are tried: those of a segment first, the latest first.
    """

    salt: str
    column: str
    treated: tuple[Label, ...]
    holdout: Label
    cuts: tuple[Cut, ...]

    @property
    def dated(self) -> bool:
        """Whether the arm depends on the day of decision."""
        return any(c.starts is not None for c in self.cuts)

    @property
    def by_segment(self) -> bool:
        """Whether the arm depends on the segment."""
        return any(c.segment is not None for c in self.cuts)

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values."""
        cuts = [
            {
                "starts": c.starts and c.starts.isoformat(),
                "segment": c.segment,
                "held": c.held,
                "bounds": list(c.bounds),
                "shares": list(c.shares),
            }
            for c in self.cuts
        ]
        own = {"salt": self.salt, "column": self.column, "holdout": self.holdout}
        return {**own, "treated": list(self.treated), "cuts": cuts}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ArmRule:
        """Reads what ``to_dict`` wrote."""
        cuts = tuple(
            Cut(
                date.fromisoformat(c["starts"]) if c["starts"] else None,
                c["segment"],
                c["held"],
                tuple(c["bounds"]),
                tuple(c["shares"]),
            )
            for c in data["cuts"]
        )
        return cls(data["salt"], data["column"], tuple(data["treated"]), data["holdout"], cuts)


def bound_of(share: float) -> int:
    """The least number that is not below a share of 2^32; exact, since a double is scaled by a power of 2."""
    return min(SIZE, math.ceil(share * SIZE))


def bound_text(bound: int) -> str:
    """A bound as text that sorts as the number does against hex digits; "g" is above them all."""
    return "g" if bound >= SIZE else f"{bound:08x}"


def unit_text(value: Any) -> str:
    """Returns an id as the text that is hashed.

    Raises:
        ValueError: where it is missing, or is not text, a whole number, a decimal or a UUID.
    """
    if isinstance(value, str) and value:
        return value
    if isinstance(value, Decimal) and value.is_finite():
        return format(value, "f")
    if isinstance(value, uuid.UUID):
        return str(value)
    if type(value) is not bool and isinstance(value, Integral):
        return str(value)
    if value is None or value == "" or value != value:  # noqa: PLR0124 - NaN of any library; not 0
        raise ValueError("the id is missing, so no arm can be computed")
    kind = type(value).__name__
    raise ValueError(
        f"the id is a {kind}; ids must be text, whole numbers, decimals or UUIDs, since 12 and 12.0 are "
        "two texts"
    )


def numbers(salt: str, units: Iterable[str]) -> NDArray[np.uint32]:
    """Returns (units, 2) the two numbers of each unit, 0 to 2^32 - 1: for the holdout, and for the arm.

    Args:
        salt: name of the draw.
        units: ids as text.
    """
    import numpy as np  # here: a client that only records a promise needs none

    md5, start = hashlib.md5, f"{salt}:".encode()
    found = b"".join([md5(start + u.encode(), usedforsecurity=False).digest()[:8] for u in units])
    return np.frombuffer(found, dtype=">u4").reshape(-1, 2).astype(np.uint32)


def arm_numbers(
    rule: ArmRule,
    units: Iterable[str],
    *,
    days: NDArray[np.datetime64] | None = None,
    segments: NDArray[Any] | None = None,
) -> NDArray[np.int64]:
    """Returns (units,) the arm of each unit: 0 holdout, 1 the first treatment arm; -1 where no step holds.

    Args:
        rule: the assignment.
        units: ids as text (of clusters, where those are hashed).
        days: (units,) when each was decided, UTC; needed where the rule is dated.
        segments: (units,) the segment of each as text; needed where the rule is by segment.
    """
    drawn = numbers(rule.salt, units)
    import numpy as np

    arms = np.full(len(drawn), -1, dtype=np.int64)
    for cut in reversed(rule.cuts):  # those that come first are written last
        holds = _holds(cut, len(drawn), days, segments)
        bounds = np.array(cut.bounds, dtype=np.uint64)
        which = np.searchsorted(bounds, drawn[:, 1].astype(np.uint64), side="right")
        arms = np.where(holds, np.where(drawn[:, 0] < cut.held, 0, which + 1), arms)
    return arms


def _holds(
    cut: Cut, n: int, days: NDArray[np.datetime64] | None, segments: NDArray[Any] | None
) -> NDArray[np.bool_]:
    import numpy as np

    holds = np.ones(n, dtype=bool)
    if cut.starts is not None:
        assert days is not None  # noqa: S101 - the caller looked at rule.dated
        holds &= days >= np.datetime64(cut.starts)  # false for a day that is not known
    if cut.segment is not None:
        assert segments is not None  # noqa: S101 - the caller looked at rule.by_segment
        holds &= segments == cut.segment
    return holds
