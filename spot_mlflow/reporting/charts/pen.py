"""Draws marks and words as SVG: the only place that knows how a line, a square or a text is written.

A unit is a pixel at 100 %. Colours are names of ``Palette``; what a name becomes is up to the one who
asked for the picture: a variable of the page, so that one picture follows the reader's theme and prints
dark on white, or the colour itself in a file that has no page around it. Attributes only, no styles: a
strict Content-Security-Policy lets them pass.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from spot_mlflow.reporting import figures
from spot_mlflow.reporting.words.tables import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Point = tuple[float, float]

TEXT: Final = 12.0
SMALL: Final = 11.0
NARROW_LETTERS: Final = "iljtfrI.,:;'|()[]! "
WIDE_LETTERS: Final = "mwMW%@—"
HATCH_STEP: Final = 6


class Pen:
    """A picture in the making.

    Attributes:
        name: prefix of the ids in it, unique in a document.
        width: of the picture.
        height: of the picture, set once it is known.
    """

    def __init__(self, name: str, width: float, colour: Callable[[str], str]) -> None:
        """Begins an empty picture.

        Args:
            name: prefix of the ids in it, unique in a document.
            width: of the picture.
            colour: from a name of ``Palette`` to what stands in the file.
        """
        self.name = name
        self.width = width
        self.height = 0.0
        self.colour = colour
        self._parts: list[str] = []
        self._hatches: set[str] = set()

    @property
    def marks(self) -> str:
        """Everything drawn so far, the patterns it refers to in front."""
        return "".join((*map(self._pattern, sorted(self._hatches)), *self._parts))

    def line(
        self, start: Point, end: Point, colour: str, *, width: float = 1.0, dash: str = ""
    ) -> None:
        """Draws a straight line; ``dash`` as in SVG, "4 3"."""
        (x1, y1), (x2, y2) = start, end
        self._add(
            f'<line x1="{_n(x1)}" y1="{_n(y1)}" x2="{_n(x2)}" y2="{_n(y2)}" '
            f"{self._stroke(colour, width, dash)}/>",
            *start,
            *end,
        )

    def course(self, points: Sequence[Point], colour: str) -> None:
        """Draws a line through the points."""
        self._add(
            f'<polyline points="{_points(points)}" fill="none" {self._stroke(colour, 2.0, "")} '
            f'stroke-linejoin="round"/>',
            *(n for p in points for n in p),
        )

    def area(self, points: Sequence[Point], colour: str) -> None:
        """Fills what the points enclose."""
        self._add(
            f'<polygon points="{_points(points)}" fill="{self.colour(colour)}"/>',
            *(n for p in points for n in p),
        )

    def box(
        self,
        corner: Point,
        size: tuple[float, float],
        *,
        fill: str = "",
        edge: str = "",
        hatch: str = "",
        dash: str = "",
    ) -> None:
        """Draws a rectangle from its upper left corner: filled, framed, or hatched in a colour."""
        (x, y), (width, height) = corner, size
        inside = self.colour(fill) if fill else "none"
        if hatch:
            self._hatches.add(hatch)
            inside = f"url(#{self.name}-{hatch})"
        frame = f" {self._stroke(edge, 1.6, dash)}" if edge else ""
        self._add(
            f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}" '
            f'fill="{inside}"{frame}/>',
            *corner,
            *size,
        )

    def mark(
        self,
        shape: str,
        at: Point,
        size: float,
        colour: str,
        *,
        filled: bool = True,
        hollow: bool = False,
    ) -> None:
        """Draws a mark: "o" a circle, "s" a square, "D" a diamond, "^", "v", "<" and ">" triangles.

        Args:
            shape: which.
            at: its middle.
            size: its width.
            colour: of its edge, and of what is in it where it is filled.
            filled: else it is of paper, and covers what lies under it.
            hollow: what lies under it is seen.
        """
        x, y = at
        r = size / 2
        ink = self.colour(colour)
        inside = "none" if hollow else ink if filled else self.colour("paper")
        look = f'fill="{inside}" stroke="{ink}" stroke-width="1.6"'
        if shape == "o":
            self._add(f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(r)}" {look}/>', x, y)
            return
        corners = [(x + r * dx, y + r * dy) for dx, dy in _SHAPES[shape]]
        self._add(f'<polygon points="{_points(corners)}" {look}/>', x, y)

    def text(
        self,
        at: Point,
        words: str,
        colour: str = "ink",
        *,
        size: float = TEXT,
        anchor: str = "start",
        bold: bool = False,
        halo: bool = False,
    ) -> None:
        """Writes a line of text; ``at`` is where its base line starts, ends or has its middle.

        A halo of paper keeps words legible on lines that they cross.
        """
        from markupsafe import escape

        x, y = at
        weight = ' font-weight="600"' if bold else ""
        around = f' paint-order="stroke" {self._stroke("paper", 4, "")}' if halo else ""
        where = "" if anchor == "start" else f' text-anchor="{anchor}"'
        self._add(
            f'<text x="{_n(x)}" y="{_n(y)}" font-size="{_n(size)}"{where}{weight}{around} '
            f'fill="{self.colour(colour)}">{escape(figures.typeset(printable(words)))}</text>',
            x,
            y,
        )

    def _add(self, element: str, *places: float) -> None:
        """Keeps an element; what lies nowhere, because a figure is not known, is not drawn."""
        if all(map(math.isfinite, places)):
            self._parts.append(element)

    def _stroke(self, colour: str, width: float, dash: str) -> str:
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        return f'stroke="{self.colour(colour)}" stroke-width="{_n(width)}"{dashes}'

    def _pattern(self, colour: str) -> str:
        step = HATCH_STEP
        return (
            f'<pattern id="{self.name}-{colour}" width="{step}" height="{step}" '
            f'patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
            f'<rect width="{step}" height="{step}" fill="{self.colour("paper")}"/>'
            f'<line x1="1" y1="0" x2="1" y2="{step}" {self._stroke(colour, 2.2, "")}/></pattern>'
        )


_SHAPES: Final[dict[str, Sequence[Point]]] = {
    "s": ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
    "D": ((0, -1.2), (1.2, 0), (0, 1.2), (-1.2, 0)),
    "^": ((0, -1.1), (1.1, 0.9), (-1.1, 0.9)),
    "v": ((0, 1.1), (1.1, -0.9), (-1.1, -0.9)),
    "<": ((-1.1, 0), (0.9, -1.1), (0.9, 1.1)),
    ">": ((1.1, 0), (-0.9, -1.1), (-0.9, 1.1)),
}


def width_of(words: str, size: float = TEXT) -> float:
    """Returns about how wide a line of text is in a common sans serif font; rather too wide."""
    units = 0.0
    for c in words:
        units += 0.34 if c in NARROW_LETTERS else 0.92 if c in WIDE_LETTERS else 0.6
        units += 0.1 if c.isupper() else 0
    return units * size


def _points(points: Sequence[Point]) -> str:
    return " ".join(f"{_n(x)},{_n(y)}" for x, y in points)


def _n(value: float) -> str:
    """Writes a place to a tenth of a pixel, without needless digits."""
    return f"{value:.1f}".removesuffix(".0")
