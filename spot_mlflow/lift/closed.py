"""What an outcome check remembers of closed cohorts, so that the next one need not read them again.

A cohort is the units decided in one period; it is closed once the period has ended and the outcome
window of its last unit has passed: what was seen of it can then no longer change by time alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    Range = tuple[Any, Any]


@dataclass(frozen=True, eq=False)
class ClosedCohorts:
    """What the closed cohorts of one log held.

    Attributes:
        until: ISO date; cohorts decided before it are closed.
        contract: digest of the contract they were checked against.
        model_version: the version checked, or None for any.
        tallies: first day of each closed period -> counts: "rows", universes, faults by name.
        units: lowest and highest unit id, or None where no unit is named.
        clusters: lowest and highest cluster, or None.
        open_rows: rows of the log that belonged to no closed cohort.
        by_day: whether cohorts are days; early checks stored whole periods of the contract.
    """

    until: str
    contract: str
    model_version: str | None
    tallies: Mapping[str, Mapping[str, int]]
    units: Range | None = None
    clusters: Range | None = None
    open_rows: int = 0
    by_day: bool = True

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values."""
        return {
            "until": self.until,
            "contract": self.contract,
            "model_version": self.model_version,
            "tallies": {k: dict(v) for k, v in self.tallies.items()},
            "units": None if self.units is None else list(self.units),
            "clusters": None if self.clusters is None else list(self.clusters),
            "open_rows": self.open_rows,
            "by_day": self.by_day,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ClosedCohorts:
        """Reads what ``to_dict`` wrote."""

        def span(key: str) -> Range | None:
            return None if data.get(key) is None else (data[key][0], data[key][1])

        return cls(
            until=data["until"],
            contract=data["contract"],
            model_version=data["model_version"],
            tallies=data["tallies"],
            units=span("units"),
            clusters=span("clusters"),
            open_rows=data["open_rows"],
            by_day=data.get("by_day", False),
        )
