"""How a log is cut into strata: the choice that is made at the first check and kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Calendar = Literal["day", "week", "month", "whole"]
CALENDARS: Final[tuple[Calendar, ...]] = ("day", "week", "month")


@dataclass(frozen=True, slots=True)
class Cut:
    """How a log is cut into strata; ``strata.choice.choose`` chooses it from counts alone.

    Attributes:
        calendar: length of a stratum in time.
        pooled: whether segments too small to be cut by it are compared together, period by period.
    """

    calendar: Calendar
    pooled: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values."""
        return {"calendar": self.calendar, "pooled": self.pooled}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Cut:
        """Reads what ``to_dict`` wrote."""
        return cls(data["calendar"], bool(data["pooled"]))
