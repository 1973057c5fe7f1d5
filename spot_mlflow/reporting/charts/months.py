"""The picture of money over time: promised and arrived to date, month by month."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from spot_mlflow.days import MONTHS
from spot_mlflow.reporting import figures
from spot_mlflow.reporting.charts.drawing import Chart
from spot_mlflow.reporting.charts.frames import DASHES, limits, plane_frame, thinned
from spot_mlflow.reporting.words.tables import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spot_mlflow.lift.money.months import MonthMoney
    from spot_mlflow.reporting.charts.pen import Pen

FEWEST: Final = 2  # one month is no course
MOST: Final = 24  # months in a picture; the table has all of them
_SIZES: Final = ((1e9, "billion"), (1e6, "million"), (1e3, "thousand"))
_ROOM: Final = 14.0  # between the names of the two lines
PROMISED: Final = "promised"


def months_chart(
    months: Sequence[MonthMoney], *, currency: str, arrived: str, promised: str
) -> Chart | None:
    """Promised and arrived to date by the month of the decision; None without two months.

    Args:
        months: oldest first; an undated rest before them.
        currency: label of the money.
        arrived: the whole sum in words, and
        promised: the whole promise in words.
    """
    dated = [m for m in months if m.month]
    if len(dated) < FEWEST:
        return None
    sums = _to_date(months)
    unit = currency or "money"
    last = month_words(dated[-1].month)
    return Chart(
        name=f"months-{''.join(c for c in unit.lower() if c.isalnum())}",
        title=f"Promised and realized to date, {unit}",
        alt=(
            f"With all units decided up to {last}, {arrived} of {promised} promised was realized."
        ),
        paint=lambda pen, narrow: _paint(pen, sums[-MOST:], unit, narrow=narrow),
        table=_table(months, sums, currency),
    )


def month_words(month: str) -> str:
    """Writes "2027-01" as "January 2027"; "not dated" where there is none."""
    year, _, number = month.partition("-")
    known = number.isdigit() and 1 <= int(number) <= len(MONTHS)
    return f"{MONTHS[int(number) - 1]} {year}" if known else month or "not dated"


def _to_date(months: Sequence[MonthMoney]) -> list[tuple[str, Decimal, Decimal]]:
    """Returns (month, promised, arrived) up to and with each month that has a date."""
    promised = arrived = Decimal(0)
    found = []
    for m in months:
        promised, arrived = promised + m.promised, arrived + m.arrived
        if m.month:
            found.append((m.month, promised, arrived))
    return found


def _paint(
    pen: Pen, sums: Sequence[tuple[str, Decimal, Decimal]], unit: str, *, narrow: bool
) -> None:
    largest = max(abs(float(v)) for _, *pair in sums for v in pair)
    size, word = next(((s, w) for s, w in _SIZES if largest >= s), (1.0, ""))
    promised = [float(p) / size for _, p, _ in sums]
    arrived = [float(a) / size for _, _, a in sums]
    plane = plane_frame(
        pen,
        (-0.4, len(sums) - 0.6),
        limits([*promised, *arrived, 0.0], 0.05),
        unit=f"{word} {unit}".strip(),
        below="",
        ticks=thinned([_short(m) for m, *_ in sums], narrow=narrow),
        note=PROMISED,
        narrow=narrow,
    )
    plane.level(pen, 0, "muted")
    x = [float(i) for i in range(len(sums))]
    points = [plane.at(a, b) for a, b in zip(x, promised, strict=True)]
    for start, end in itertools.pairwise(points):
        pen.line(start, end, "promised", width=1.6, dash=DASHES)
    plane.course(pen, x, arrived)
    _names(pen, points[-1], plane.at(x[-1], arrived[-1]))


def _names(pen: Pen, promised: tuple[float, float], arrived: tuple[float, float]) -> None:
    """Names both lines at their ends, apart from each other."""
    middle = (promised[1] + arrived[1]) / 2
    apart = max(_ROOM, abs(promised[1] - arrived[1])) / 2
    up = -1 if promised[1] <= arrived[1] else 1
    for words, colour, side in ((PROMISED, "promised", up), ("realized", "realized", -up)):
        pen.text((arrived[0] + 9, middle + side * apart + 4), words, colour, size=11.0)


def _short(month: str) -> str:
    return figures.short_day(f"{month}-01").partition(" ")[2] + f" {month[2:4]}"


def _table(
    months: Sequence[MonthMoney], sums: Sequence[tuple[str, Decimal, Decimal]], currency: str
) -> Table:
    to_date = {month: (p, a) for month, p, a in sums}
    rows = []
    for m in reversed(months):
        both = to_date.get(m.month)
        told = [figures.money(float(x)) for x in (m.promised, m.arrived)]
        summed = [figures.money(float(x)) for x in both] if both else [figures.NOTHING] * 2
        rows.append((month_words(m.month), *told, *summed))
    unit = f", {currency}" if currency else ""
    return Table(
        f"Money by the month of the decision{unit}",
        ("month", "promised", "realized", "promised to date", "realized to date"),
        tuple(rows),
        frozenset({1, 2, 3, 4}),
    )
