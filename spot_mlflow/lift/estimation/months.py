"""The lift by the month in which was decided, put together from shorter periods; pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from spot_mlflow.figures import Bounded

FEWEST: Final = 10  # units of an arm; a month with fewer is shown with its neighbour


class Row(Protocol):
    """A period of a check, as the report and the record have it."""

    @property
    def label(self) -> str:
        """First day of the period, ISO."""

    @property
    def estimate(self) -> Bounded:
        """Realized lift of the period."""

    @property
    def n_treatment(self) -> int:
        """Treated units analysed."""

    @property
    def n_holdout(self) -> int:
        """Holdout units analysed."""


@dataclass(frozen=True, slots=True)
class MonthLift:
    """What was decided in one month.

    Attributes:
        month: "2027-01"; "" where the log has no dates.
        n_treatment: treated units analysed.
        n_holdout: holdout units analysed.
        lift: mean of its periods' lifts by treated units, in the contract's units; None where no
            period has both arms.
    """

    month: str
    n_treatment: int
    n_holdout: int
    lift: float | None

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> MonthLift:
        """Reads what a recorded check holds of a month."""
        lift = data.get("lift")
        return cls(
            str(data["month"]),
            int(data["n_treatment"]),
            int(data["n_holdout"]),
            None if lift is None else float(lift),
        )


def by_month(periods: Iterable[Row]) -> tuple[MonthLift, ...]:
    """Puts periods into the months of their first days, by time."""
    months: dict[str, list[Row]] = {}
    for row in periods:
        months.setdefault(row.label[:7], []).append(row)
    return tuple(_month(key, months[key]) for key in sorted(months))


def _month(key: str, rows: Sequence[Row]) -> MonthLift:
    known = [r for r in rows if math.isfinite(r.estimate.lift) and r.n_treatment and r.n_holdout]
    weight = sum(r.n_treatment for r in known)
    lift = sum(r.estimate.lift * r.n_treatment for r in known) / weight if weight else None
    return MonthLift(key, sum(r.n_treatment for r in rows), sum(r.n_holdout for r in rows), lift)


def without_small_months(months: Sequence[MonthLift]) -> tuple[MonthLift, ...]:
    """Puts months of fewer than 10 units in an arm together with the one before, the first with the next."""
    kept: list[MonthLift] = []
    for month in months:
        small = kept and min(kept[-1].n_treatment, kept[-1].n_holdout) < FEWEST
        if kept and (small or min(month.n_treatment, month.n_holdout) < FEWEST):
            kept[-1] = _together(kept[-1], month)
        else:
            kept.append(month)
    return tuple(kept)


def _together(one: MonthLift, other: MonthLift) -> MonthLift:
    """Returns two months as one, under the month of the larger."""
    known = [m for m in (one, other) if m.lift is not None]
    weight = sum(m.n_treatment for m in known)
    lift = sum((m.lift or 0.0) * m.n_treatment for m in known) / weight if weight else None
    larger = max(one, other, key=lambda m: m.n_treatment)
    n = one.n_treatment + other.n_treatment
    return MonthLift(larger.month, n, one.n_holdout + other.n_holdout, lift)
