"""The pictures of money and causes: the waterfall from promised to realized."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from spot_mlflow.reporting import figures
from spot_mlflow.reporting.charts.drawing import Chart
from spot_mlflow.reporting.charts.frames import limits, rows_frame
from spot_mlflow.reporting.charts.lift import unit_words
from spot_mlflow.reporting.charts.pen import width_of
from spot_mlflow.reporting.words.tables import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from spot_mlflow.lift.causes.bridge import Bar, Bridge
    from spot_mlflow.reporting.charts.frames import Rows
    from spot_mlflow.reporting.charts.pen import Pen
    from spot_mlflow.reporting.words.lift_view import LiftView

BAR: Final = 21.0  # height of a bar
NOTHING_LEFT: Final = 1e-6  # of the largest bar: what rounding leaves
LEVELS: Final = ("promised", "realized")


@dataclass(frozen=True)
class Waterfall:
    """A bridge ready to be painted.

    Attributes:
        bars: promised, causes, realized.
        write: writes an amount.
        words: the unit.
        factor: what amounts are multiplied by on the axis.
        found: words of the causes whose loss is shown beyond doubt.
    """

    bars: tuple[Bar, ...]
    write: Callable[[float | None], str]
    words: str
    factor: float
    found: frozenset[str]

    def shown(self, bar: Bar) -> bool:
        """Whether what a bar says is more than noise; a level always is."""
        if bar.kind == "loss":
            return bar.label in self.found
        return bar.kind in LEVELS or bar.low > 0

    def signed(self, bar: Bar) -> str:
        """Writes what a bar adds, with its sign; a level without."""
        text = self.write(bar.amount)
        rising = bar.kind not in LEVELS and bar.amount > 0 and text.strip("0.,")
        return f"+{text}" if rising else text


def waterfall_chart(view: LiftView, bridge: Bridge, basis: str | None = None) -> Chart:
    """Promised, what each cause took or gave, realized; in money where known, else in lift.

    Args:
        view: the check.
        bridge: the split gap.
        basis: "money" or "lift"; what the bridge ranks by where None.
    """
    basis = basis or bridge.basis
    money = basis == "money" and bridge.promised_money is not None
    fall = Waterfall(
        bars=_drawn(bridge.bars(basis)),
        write=_money_writer(bridge) if money else view.scale.number,
        words=f"{bridge.unit or 'money'} per eligible unit" if money else unit_words(view),
        factor=1.0 if money else view.scale.factor,
        found=frozenset(c.words for c in bridge.contributions if c.found),
    )
    bars, write = fall.bars, fall.write
    losses = sorted((b for b in bars if b.kind == "loss"), key=lambda b: b.amount)
    sure = ", not beyond chance" if losses and not fall.shown(losses[0]) else ""
    worst = (
        f"; the largest loss is {losses[0].label}, {write(losses[0].amount)}{sure}"
        if losses
        else ""
    )
    return Chart(
        name=f"waterfall-{basis}",
        title=f"From promised to realized, {fall.words}",
        alt=f"Promised {write(bars[0].end)}, realized {write(bars[-1].end)}{worst}.",
        paint=lambda pen, narrow: _paint(pen, fall, narrow=narrow),
        table=_table(fall, bridge.rule),
    )


def _drawn(bars: tuple[Bar, ...]) -> tuple[Bar, ...]:
    """Leaves out causes that neither took nor gave anything."""
    size = max((abs(b.amount) for b in bars), default=0.0)
    return tuple(b for b in bars if b.kind in LEVELS or abs(b.amount) > NOTHING_LEFT * size)


def _money_writer(bridge: Bridge) -> Callable[[float | None], str]:
    """Returns a writer of money per unit: cents, and finer where the interval allows."""
    gap = bridge.money_gap
    half = math.inf if gap is None else (gap.high - gap.low) / 2
    decimals = figures.decimals_for(half) if 0 < half < math.inf else 2
    return lambda x: figures.number(x, max(2, min(figures.MOST_DECIMALS, decimals)))


def _table(fall: Waterfall, rule: str) -> Table:
    def shown(bar: Bar) -> str:
        if bar.kind in LEVELS:
            return figures.NOTHING
        return "yes" if fall.shown(bar) else "no"

    def interval(bar: Bar) -> str:
        if bar.kind in LEVELS or not math.isfinite(bar.low) or not math.isfinite(bar.high):
            return figures.NOTHING
        return f"{fall.write(bar.low)} to {fall.write(bar.high)}"

    return Table(
        caption=f"From promised to realized, {fall.words} ({rule})",
        columns=("step", "S.P.O.T.", "amount", "interval", "beyond chance"),
        rows=tuple((b.label, b.letter, fall.signed(b), interval(b), shown(b)) for b in fall.bars),
        numeric=frozenset({2, 3}),
    )


def _paint(pen: Pen, fall: Waterfall, *, narrow: bool) -> None:
    ends = [fall.factor * x for b in fall.bars for x in (b.start, b.end)]
    low, high = limits([*ends, 0.0])
    amounts = max(width_of(fall.signed(b)) for b in fall.bars) / pen.width
    room = (2.4 if narrow else 1.6) * amounts * (high - low)  # for the amounts beside the bars
    frame = rows_frame(
        pen,
        [_label(b) for b in fall.bars],
        (low - (room if low < 0 else 0), high + room),
        step=36,
        below=f"{fall.words}; hatched: lost; dashed: within the noise",
        narrow=narrow,
    )
    frame.upright(pen, 0, "muted")
    for row, bar in enumerate(fall.bars):
        if row + 1 < len(fall.bars):
            x = frame.x.at(fall.factor * bar.end)
            pen.line((x, frame.y(row)), (x, frame.y(row + 1)), "muted")
    for row, bar in enumerate(fall.bars):
        _paint_bar(pen, frame, row, bar, fall)


def _paint_bar(pen: Pen, frame: Rows, row: int, bar: Bar, fall: Waterfall) -> None:
    """Draws one bar: the promise open, what arrived filled, a shown loss hatched, noise dashed."""
    left, right = sorted(frame.x.at(fall.factor * x) for x in (bar.start, bar.end))
    y, shown = frame.y(row), fall.shown(bar)
    pen.box(
        (left, y - BAR / 2),
        (right - left, BAR),
        fill=bar.kind if shown and bar.kind in {"realized", "gain"} else "paper",
        edge=bar.kind,
        hatch="loss" if shown and bar.kind == "loss" else "",
        dash="" if shown else "4 3",
    )
    pen.text((right + 6, y + 4), fall.signed(bar))


def _label(bar: Bar) -> str:
    return f"{bar.label} ({bar.letter})" if bar.letter else bar.label
