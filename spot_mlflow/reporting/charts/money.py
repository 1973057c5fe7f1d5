"""The pictures of money and causes: the waterfall from promised to realized."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.reporting import figures
from spot_mlflow.reporting.charts.drawing import Chart, rows_of_labels, words_below, wrapped
from spot_mlflow.reporting.charts.lift import unit_words
from spot_mlflow.reporting.words.tables import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from spot_mlflow.lift.causes.bridge import Bar, Bridge
    from spot_mlflow.reporting.charts.palette import Palette
    from spot_mlflow.reporting.words.lift_view import LiftView

HATCH: Final = "////"
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
    worst = f"; the largest loss is {losses[0].label}, {write(losses[0].amount)}" if losses else ""
    return Chart(
        name=f"waterfall-{basis}",
        title=f"From promised to realized, {fall.words}",
        alt=f"Promised {write(bars[0].end)}, realized {write(bars[-1].end)}{worst}.",
        height=0.4 * len(bars) + 0.75,
        paint=lambda axes, palette, narrow: _paint(axes, palette, fall, narrow=narrow),
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
        columns=("step", "S.P.O.T.", "amount", "interval", "shown"),
        rows=tuple((b.label, b.letter, fall.signed(b), interval(b), shown(b)) for b in fall.bars),
        numeric=frozenset({2, 3}),
    )


def _paint(axes: Any, palette: Palette, fall: Waterfall, *, narrow: bool) -> None:
    ends = [fall.factor * x for b in fall.bars for x in (b.start, b.end)]
    low, high = min([*ends, 0.0]), max([*ends, 0.0])
    room = (0.34 if narrow else 0.16) * ((high - low) or 1.0)
    axes.set_xlim(low - (room if low < 0 else 0.02 * room), high + room)
    for y, bar in enumerate(fall.bars):
        _paint_bar(axes, y, bar, palette, fall)
        if y + 1 < len(fall.bars):
            end = fall.factor * bar.end
            axes.plot([end, end], [y + 0.29, y + 0.71], color=palette.muted, linewidth=0.8)
    axes.axvline(0, color=palette.muted, linewidth=0.8)
    rows_of_labels(axes, [wrapped(_label(b), narrow=narrow) for b in fall.bars], palette)
    words_below(axes, f"{fall.words}; hatched: lost; dashed: within the noise", narrow=narrow)


def _paint_bar(axes: Any, y: int, bar: Bar, palette: Palette, fall: Waterfall) -> None:
    """Draws one bar: the promise open, what arrived filled, a shown loss hatched, noise dashed."""
    colour = {
        "promised": palette.promised,
        "realized": palette.realized,
        "loss": palette.loss,
        "gain": palette.gain,
    }[bar.kind]
    start, end = fall.factor * bar.start, fall.factor * bar.end
    shown = fall.shown(bar)
    axes.barh(
        y,
        end - start,
        left=start,
        height=0.58,
        facecolor=colour if shown and bar.kind in {"realized", "gain"} else palette.paper,
        edgecolor=colour,
        linewidth=1.6,
        linestyle="-" if shown else (0, (3, 2)),
        hatch=HATCH if shown and bar.kind == "loss" else None,
        zorder=2,
    )
    axes.annotate(
        figures.typeset(fall.signed(bar)),
        (max(start, end), y),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        color=palette.ink,
    )


def _label(bar: Bar) -> str:
    return f"{bar.label} ({bar.letter})" if bar.letter else bar.label
