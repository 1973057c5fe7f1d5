"""What a new answer leaves out of the units that the last one rests on: a value, and its sentence."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.days import day

if TYPE_CHECKING:
    from collections.abc import Mapping

FEW: Final = 0.05  # share of the last check's units that corrections may take without a reason


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Units of the last check that this answer does not rest on.

    Attributes:
        units: how many, at least.
        of: units that the last check rests on.
        since: ISO time as of which it was made.
        why: where they are missing, as a clause.
        whole: whether a period, an arm or a segment is missing altogether, or the units are others.
        explained: of ``units``, those that an earlier ``as_of`` leaves out.
        reason: what a person gave as the reason, or "".
    """

    units: int
    of: int
    since: str
    why: str
    whole: bool = False
    explained: int = 0
    reason: str = ""

    @property
    def words(self) -> str:
        """The sentence that comes before the answer."""
        given = f" Reason given: {self.reason.strip().rstrip('.')}." if self.reason else ""
        return (
            f"{self.units:,} of the {self.of:,} units of the last check (as of {day(self.since)}) "
            f"are not in this answer: {self.why}.{given}"
        )

    @property
    def needs_reason(self) -> bool:
        """Whether this is more than a correction, so that a person must say why."""
        return self.whole or self.units - self.explained > FEW * self.of

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> LeftOut:
        """Reads what ``to_dict`` wrote."""
        return cls(**{k: data[k] for k in cls.__slots__ if k in data})
