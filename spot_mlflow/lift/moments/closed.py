"""What an outcome check remembers of closed cohorts, so that the next one need not read them again.

A cohort is the units decided in one period; it is closed once the period has ended and the outcome
window of its last unit has passed: what was seen of it can then no longer change by time alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.days import day

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.lift.moments.spans import Spans

    Range = tuple[Any, Any]

_DAY: Final = 86_400  # seconds
_TICK: Final = 1e-6  # seconds: what an engine can tell apart


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
        last: time of the latest decision, seconds since 1970, where every row of the log had closed:
            whatever was decided later is new, also within a period or week that had begun. Else None.
        first_open: time of the first decision in the log that belonged to no closed cohort, or None.
    """

    until: str
    contract: str
    model_version: str | None
    tallies: Mapping[str, Mapping[str, int]]
    units: Range | None = None
    clusters: Range | None = None
    open_rows: int = 0
    by_day: bool = True
    last: float | None = None
    first_open: float | None = None

    @property
    def boundary(self) -> float:
        """Units decided before this moment, seconds since 1970, are closed."""
        if self.last is not None:
            return self.last + _TICK
        return datetime.fromisoformat(self.until).replace(tzinfo=timezone.utc).timestamp()

    @property
    def rows(self) -> int:
        """Rows of closed cohorts."""
        return sum(counts.get("rows", 0) for counts in self.tallies.values())

    @property
    def words(self) -> str:
        """Which units these are: "decided before 8 September 2024"."""
        if self.last is not None:
            return f"decided up to {day(datetime.fromtimestamp(self.last, timezone.utc))}"
        return f"decided before {day(self.until)}"

    def cut_at(self, spans: Spans, *, compared: Spans) -> ClosedCohorts:
        """Returns what is closed of whole runs of days, where cells of several days are stored together.

        The days after the last whole run count as open: the next check reads them again.

        Args:
            spans: runs of days that all stored tables keep apart.
            compared: those by which rows and outcomes are compared at the next check.
        """
        whole = self.last is not None or self.until in spans.first or self.until >= spans.end
        until = self.until if whole else spans.before(self.until)
        added: dict[str, dict[str, int]] = {}
        for key, counts in self.tallies.items():
            if not whole and key >= until:
                continue
            run = added.setdefault(compared.before(key) if key >= compared.first[0] else key, {})
            for name, n in counts.items():
                run[name] = run.get(name, 0) + n
        made = replace(self, until=until, tallies=added)
        if whole:
            return made
        end_of_day = datetime.fromisoformat(until).replace(tzinfo=timezone.utc).timestamp() + _DAY
        opened = self.open_rows + self.rows - made.rows
        return replace(made, open_rows=opened, first_open=end_of_day - _TICK)

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
            "last": self.last,
            "first_open": self.first_open,
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
            last=data.get("last"),
            first_open=data.get("first_open"),
        )
