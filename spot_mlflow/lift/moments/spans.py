"""Days that stored cells do not keep apart, and two answers compared by those that both keep apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    Days = NDArray[np.datetime64]

_DAY: Final = np.timedelta64(1, "D")


@dataclass(frozen=True, slots=True)
class Spans:
    """Runs of days, where cells of few units were stored together over time.

    Attributes:
        first: ISO first day of each run, ascending.
        end: ISO day after the last.
    """

    first: tuple[str, ...]
    end: str

    @classmethod
    def of(cls, days: Days, runs: Iterable[tuple[Any, Any]]) -> Spans:
        """Returns the shortest runs of days that no group of cells crosses.

        Args:
            days: all days there are.
            runs: (first day, last day) of each group of cells.
        """
        known = np.unique(days[~np.isnat(days)])
        crossed = np.zeros(len(known) + 1, dtype=np.int64)
        for low, high in runs:
            np.add.at(crossed, np.searchsorted(known, [low, high], side="right"), [1, -1])
        free = known[np.cumsum(crossed)[:-1] == 0]
        end = known[-1] + _DAY if len(known) else np.datetime64("1970-01-01")
        return cls(tuple(free.astype(str).tolist()), str(end))

    @property
    def days(self) -> Days:
        """The first days."""
        return np.array(self.first, dtype="datetime64[D]")

    def onto(self, period: Days) -> Days:
        """Returns the first day of the run of each day; days before the first, and NaT, stay."""
        days = self.days
        at = np.searchsorted(days, period, side="right") - 1
        inside = ~np.isnat(period) & (at >= 0)
        out: Days = period.copy()
        out[inside] = days[at[inside]]
        return out

    def before(self, day: str) -> str:
        """Returns the last of the first days up to a day; the first of all where there is none."""
        return max((d for d in self.first if d <= day), default=min(self.first, default=day))

    def within(self, other: Spans) -> Spans:
        """Returns the runs whose ends both have."""
        return Spans(tuple(sorted({*self.first} & {*other.first})), max(self.end, other.end))

    def then(self, days: Days, until: str) -> Spans:
        """Returns the runs before ``until`` and each later day by itself."""
        later = sorted({str(d) for d in days[~np.isnat(days)] if str(d) >= until})
        end = str(np.datetime64(later[-1]) + _DAY) if later else self.end
        return Spans((*(d for d in self.first if d < until), *later), max(end, self.end))

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values."""
        return {"first": list(self.first), "end": self.end}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Spans:
        """Reads what ``to_dict`` wrote."""
        return cls(tuple(data["first"]), data["end"])
