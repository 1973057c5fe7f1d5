"""The frame around the marks: scales with their ticks, rows with their labels, notes on lines."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from spot_mlflow.reporting import figures
from spot_mlflow.reporting.charts.pen import SMALL, TEXT, width_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spot_mlflow.reporting.charts.pen import Pen

GAP: Final = 8.0  # between words and what they name
LINE: Final = 15.0  # height of a line of text
PLOT: Final = 190.0  # height of a plot over time or by score
EDGE: Final = 0.2  # of the width: nearer to an edge a note runs inwards
LABEL, NARROW_LABEL = 30, 17  # characters of a line of a row's label
TICKS, NARROW_TICKS = 7, 4
DASHES: Final = "5 4"


@dataclass(frozen=True)
class Scale:
    """From a figure to its place in the picture, along one axis.

    Attributes:
        low: lowest figure.
        high: highest figure, above ``low``.
        start: where ``low`` lies.
        end: where ``high`` lies.
    """

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Returns the place of a figure; beyond the ends where it is."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self, most: int) -> list[tuple[float, str]]:
        """Returns round figures within the scale, at most so many, each as it is written."""
        step = _round_step((self.high - self.low) / max(1, most - 1))
        decimals = max(0, -math.floor(math.log10(step) + 1e-9))
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        found = [i * step for i in range(first, last + 1)]
        return [(v, figures.number(v, decimals)) for v in found]


def _round_step(least: float) -> float:
    """Returns the smallest of 1, 2, 5, 10, ... times a power of ten that is not below ``least``."""
    power: float = 10.0 ** math.floor(math.log10(least))
    return next(f * power for f in (1, 2, 5, 10) if f * power >= least * (1 - 1e-9))


def limits(values: Sequence[float], pad: float = 0.0) -> tuple[float, float]:
    """Returns lowest and highest of the finite values, never the same, with a share of room beside."""
    finite = [v for v in values if math.isfinite(v)] or [0.0]
    low, high = min(finite), max(finite)
    if not high > low:
        low, high = low - 1.0, high + 1.0
    return low - pad * (high - low), high + pad * (high - low)


@dataclass(frozen=True)
class Rows:
    """A frame with a label per row.

    Attributes:
        x: the scale along the rows.
        top: where the first row begins.
        step: height of a row.
        bottom: where the last row ends.
    """

    x: Scale
    top: float
    step: float
    bottom: float

    def y(self, row: float) -> float:
        """Returns the middle of a row, the first one being 0."""
        return self.top + (row + 0.5) * self.step

    def upright(self, pen: Pen, value: float, colour: str, *, dash: str = "") -> None:
        """Draws a line through all rows at a figure."""
        x = self.x.at(value)
        pen.line((x, self.top), (x, self.bottom), colour, dash=dash)


def rows_frame(
    pen: Pen,
    labels: Sequence[str],
    span: tuple[float, float],
    *,
    step: float,
    below: str,
    top: float = GAP,
    bold: frozenset[int] = frozenset(),
    ticks: Sequence[tuple[float, str]] | None = None,
    narrow: bool,
) -> Rows:
    """Writes the rows' labels, the scale under them and the words below; gives the picture its height.

    Args:
        pen: what draws.
        labels: of the rows, from above; set on one or two lines.
        span: lowest and highest figure.
        step: height of a row; more where a label takes two lines.
        below: the unit and the key of the marks.
        top: room above the first row.
        bold: rows whose label stands out.
        ticks: figures with their words, where they are not the round ones.
        narrow: whether it is for a phone.
    """
    lines = [wrapped(label, narrow=narrow) for label in labels]
    room = max((width_of(x) for found in lines for x in found), default=0.0)
    left = min(room, 0.42 * pen.width) + GAP
    step = max(step, 2 * LINE + 2 if any(len(found) > 1 for found in lines) else 0)
    bottom = top + step * len(labels)
    rows = Rows(Scale(*span, left, pen.width - GAP), top, step, bottom)
    for i, found in enumerate(lines):
        first = rows.y(i) + 0.35 * TEXT - (len(found) - 1) * LINE / 2
        for j, words in enumerate(found):
            pen.text((left - GAP, first + j * LINE), words, anchor="end", bold=i in bold)
    pen.line((left, bottom), (pen.width - GAP, bottom), "line")
    _ticks_below(pen, rows.x, bottom, ticks, narrow=narrow)
    pen.height = _words_below(pen, below, bottom + LINE + 3, narrow=narrow)
    return rows


def wrapped(label: str, *, narrow: bool) -> list[str]:
    """Returns the label of a row on one or two lines, cut where it is longer still."""
    width = NARROW_LABEL if narrow else LABEL
    return textwrap.wrap(label, width, max_lines=2, placeholder="…") or [""]


def _ticks_below(
    pen: Pen,
    x: Scale,
    bottom: float,
    ticks: Sequence[tuple[float, str]] | None,
    *,
    narrow: bool,
) -> None:
    most = NARROW_TICKS if narrow else TICKS
    for value, words in x.ticks(most) if ticks is None else ticks:
        pen.text((x.at(value), bottom + LINE), words, "muted", anchor="middle")


def _words_below(pen: Pen, words: str, under: float, *, narrow: bool) -> float:
    """Writes the words on as many lines as it takes; returns where the picture ends."""
    most = 52 if narrow else 100
    lines = textwrap.wrap(words, most)
    for i, line in enumerate(lines):
        pen.text(
            (pen.width / 2, under + (i + 1) * LINE), line, "muted", size=SMALL, anchor="middle"
        )
    return under + len(lines) * LINE + 5


@dataclass(frozen=True)
class Plane:
    """A frame with a scale in both directions.

    Attributes:
        x: the scale to the right.
        y: the scale upwards.
    """

    x: Scale
    y: Scale

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Returns the place of a point."""
        return self.x.at(x), self.y.at(y)

    def level(
        self, pen: Pen, value: float, colour: str, *, width: float = 1.0, dash: str = ""
    ) -> None:
        """Draws a line from left to right at a figure."""
        y = self.y.at(value)
        pen.line((self.x.start, y), (self.x.end, y), colour, width=width, dash=dash)

    def band(
        self, pen: Pen, x: Sequence[float], low: Sequence[float], high: Sequence[float]
    ) -> None:
        """Fills what lies between the bounds; a bound that is not known reaches to the edge."""
        upper = [self.at(a, self._within(b)) for a, b in zip(x, high, strict=True)]
        lower = [self.at(a, self._within(b)) for a, b in zip(x, low, strict=True)]
        pen.area([*upper, *reversed(lower)], "band")

    def upright(self, pen: Pen, x: float, low: float, high: float) -> None:
        """Draws an interval; a bound that is not known reaches to the edge."""
        pen.line(self.at(x, self._within(low)), self.at(x, self._within(high)), "realized", width=2)

    def course(self, pen: Pen, x: Sequence[float], y: Sequence[float]) -> None:
        """Draws figures that follow each other, each with its mark."""
        points = [self.at(a, b) for a, b in zip(x, y, strict=True) if math.isfinite(b)]
        pen.course(points, "realized")
        for point in points:
            pen.mark("o", point, 5, "realized")

    def _within(self, value: float) -> float:
        return min(max(value, self.y.low), self.y.high)


def plane_frame(
    pen: Pen,
    x: tuple[float, float],
    y: tuple[float, float],
    *,
    unit: str,
    below: str,
    ticks: Sequence[tuple[float, str]] | None = None,
    note: str = "",
    narrow: bool,
) -> Plane:
    """Writes the unit above, the scale at the left and below; gives the picture its height.

    Args:
        pen: what draws.
        x: lowest and highest figure to the right.
        y: lowest and highest figure upwards.
        unit: of the figures upwards.
        below: the words under the picture.
        ticks: places below with their words, where they are not round figures.
        note: words that will name a level at the right edge, to leave room for them.
        narrow: whether it is for a phone.
    """
    heights = Scale(*y, 0, 1).ticks(6)
    left = max(width_of(words) for _, words in heights) + GAP
    right = pen.width - 2 * GAP - (width_of(note, SMALL) if note else 0)
    top = 2 * LINE
    plane = Plane(Scale(*x, left, right), Scale(*y, top + PLOT, top))
    pen.text((0, SMALL), unit, "muted", size=SMALL)
    for value, words in heights:
        plane.level(pen, value, "line")
        pen.text((left - GAP, plane.y.at(value) + 4), words, "muted", anchor="end")
    _ticks_below(pen, plane.x, top + PLOT, ticks, narrow=narrow)
    pen.height = _words_below(pen, below, top + PLOT + LINE + 3, narrow=narrow)
    return plane


def thinned(labels: Sequence[str], *, narrow: bool) -> list[tuple[float, str]]:
    """Returns so many of the labels, with their places, as fit side by side."""
    step = max(1, math.ceil(len(labels) / (NARROW_TICKS - 1 if narrow else TICKS)))
    return [(float(i), labels[i]) for i in range(0, len(labels), step)]


def level_note(pen: Pen, plane: Plane, value: float, words: str) -> None:
    """Names a level at the right edge, beside the plane."""
    pen.text((plane.x.end + 5, plane.y.at(value) + 4), words, "muted", size=SMALL)


def notes_above(pen: Pen, x: Scale, base: float, notes: Sequence[tuple[float, str]]) -> None:
    """Names upright lines and bands above the frame; a note that would meet another gives way upwards.

    Args:
        pen: what draws.
        x: the scale.
        base: base line of the lowest notes.
        notes: a figure and its words each.
    """
    taken: list[tuple[float, float, float]] = []
    for value, words in notes:
        place, width = x.at(value), width_of(words, SMALL)
        share = (place - x.start) / (x.end - x.start)
        anchor = "start" if share < EDGE else "end" if share > 1 - EDGE else "middle"
        left = place - {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor] * width
        line = base
        while any(left < b and a < left + width and y == line for a, b, y in taken):
            line -= LINE
        taken.append((left, left + width, line))
        pen.text((place, line), words, "muted", size=SMALL, anchor=anchor)
