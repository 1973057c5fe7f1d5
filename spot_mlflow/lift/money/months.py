"""Money by the month in which was decided: parts of a total that was estimated as one; pure.

The total is the headline's. A month gets its share of it by treated units, and more or less as its own
lift was above or below the average of all months. The parts sum to the total to the last cent.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Final

from spot_mlflow.lift.estimation.months import FEWEST, MonthLift, without_small_months

if TYPE_CHECKING:
    from collections.abc import Sequence

CENT: Final = Decimal("0.01")
UNDATED: Final = ""


@dataclass(frozen=True, slots=True)
class MonthMoney:
    """Money of the units that were decided in one month.

    Attributes:
        month: "2027-01"; "" where the log has no dates.
        promised: at the promised lift, cost included.
        arrived: at the realized lift.
    """

    month: str
    promised: Decimal
    arrived: Decimal


def cents(value: float) -> Decimal:
    """Returns a sum of money in whole cents."""
    return Decimal(repr(float(value))).quantize(CENT, ROUND_HALF_EVEN)


def shared_out(
    months: Sequence[MonthLift], *, promised: float, arrived: float, a_lift: float, treated: float
) -> tuple[MonthMoney, ...]:
    """Shares a total out over months.

    Args:
        months: by time; without any everything is undated.
        promised: promised to date.
        arrived: arrived to date.
        a_lift: money that one unit of lift brings for one treated unit; 0 where that is not known,
            then months differ by their units alone.
        treated: treated units that the total is of; those of no month are undated.

    Returns:
        Months by time, the undated rest first; they sum to the totals in whole cents.
    """
    months = [m for m in months if m.n_treatment]
    rest = max(0.0, treated - sum(m.n_treatment for m in months))
    small = rest < FEWEST and bool(months)
    parts = [] if small else [MonthLift(UNDATED, round(rest) or 1, 0, None)]
    parts += without_small_months(months)
    units = sum(m.n_treatment for m in parts)
    known = [m for m in parts if m.lift is not None]
    weight = sum(m.n_treatment for m in known)
    mean = sum((m.lift or 0.0) * m.n_treatment for m in known) / weight if weight else 0.0
    came = [
        arrived * m.n_treatment / units
        + (0.0 if m.lift is None else a_lift * m.n_treatment * (m.lift - mean))
        for m in parts
    ]
    said = _exact([promised * m.n_treatment / units for m in parts], promised)
    found = zip(parts, said, _exact(came, arrived), strict=True)
    return tuple(MonthMoney(m.month, p, a) for m, p, a in found)


def _exact(parts: Sequence[float], total: float) -> list[Decimal]:
    """Returns the parts in cents; the greatest takes what rounding leaves over."""
    found = [cents(p) for p in parts]
    greatest = max(range(len(found)), key=lambda i: abs(found[i]))
    found[greatest] += cents(total) - sum(found)
    return found
