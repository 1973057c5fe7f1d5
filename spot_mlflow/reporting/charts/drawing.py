"""A chart: a picture with its numbers, as an element of a page, as a file, and as a PNG on request.

Every form is made of the same drawing. In a page its colours are CSS variables, so that it follows
the reader's theme and prints dark on white. A file stands on paper of its own, because nobody knows
on which ground it will be shown. Text stays text: to be searched, read aloud, and set in the page's font.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from spot_mlflow.errors import InvalidInput
from spot_mlflow.reporting.charts.palette import THEMES
from spot_mlflow.reporting.charts.pen import Pen
from spot_mlflow.reporting.words.tables import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from spot_mlflow.reporting.words.tables import Table

Theme = Literal["light", "dark"]
WIDE: Final = 680.0
NARROW: Final = 330.0  # for a phone, where a wide drawing would shrink its letters out of sight
MARGIN: Final = 16.0  # around a picture that is a file
TITLE: Final = 15.0  # size of its title
TITLE_LINE: Final = 78  # characters
FONT: Final = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"
PNG_EXTRA: Final = "spot-mlflow[png]"


@dataclass(frozen=True)
class Chart:
    """A picture with its numbers.

    Attributes:
        name: identifier, unique in a document.
        title: what it shows, a phrase.
        alt: what it says, for those who cannot see it: one or two sentences with the figures.
        paint: draws and sets the height; told whether it is narrow.
        table: the numbers of the picture.
    """

    name: str
    title: str
    alt: str
    paint: Callable[[Pen, bool], None]
    table: Table

    def svg(self, *, narrow: bool = False) -> str:
        """Returns an SVG element to put into HTML; colours are the page's CSS variables."""
        shape = "narrow" if narrow else "wide"
        name = f"{self.name}-narrow" if narrow else self.name
        pen = Pen(name, NARROW if narrow else WIDE, lambda colour: f"var(--spot-{colour})")
        self.paint(pen, narrow)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {pen.width:.0f} {pen.height:.0f}" '
            f'{self._labels(name)} class="chart {shape}">{self._words(name)}{pen.marks}</svg>'
        )

    def svg_file(self, theme: Theme = "light") -> str:
        """Returns a whole SVG file: the title, the picture, and the paper under both."""
        palette = THEMES[theme]
        pen = Pen(self.name, WIDE, lambda colour: str(getattr(palette, colour)))
        self.paint(pen, False)
        head = Pen(f"{self.name}-head", WIDE, pen.colour)
        lines = textwrap.wrap(self.title, TITLE_LINE)
        for i, line in enumerate(lines):
            head.text((0, TITLE + i * 1.3 * TITLE), line, size=TITLE, bold=True)
        below = len(lines) * 1.3 * TITLE + MARGIN
        width, height = WIDE + 2 * MARGIN, pen.height + below + 2 * MARGIN
        size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
        return (
            "<?xml version='1.0' encoding='utf-8'?>\n"
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} {self._labels(self.name)} '
            f'font-family="{FONT}">{self._words(self.name)}'
            f'<rect width="100%" height="100%" fill="{palette.paper}"/>'
            f'<g transform="translate({MARGIN:.0f} {MARGIN:.0f})">{head.marks}'
            f'<g transform="translate(0 {below:.0f})">{pen.marks}</g></g></svg>\n'
        )

    def png(self, theme: Theme = "light", *, zoom: float = 2.0) -> bytes:
        """Returns the file as a PNG, for a mail or a slide.

        Args:
            theme: light or dark.
            zoom: pixels for each unit of the drawing, which is 712 units wide.

        Raises:
            InvalidInput: the extra that makes it is not installed.
        """
        try:
            import resvg_py
        except ImportError as e:
            raise InvalidInput(
                "a PNG needs the extra png",
                fix=f"pip install '{PNG_EXTRA}', or take the SVG, which browsers and office programs show",
            ) from e
        return bytes(resvg_py.svg_to_bytes(svg_string=self.svg_file(theme), zoom=zoom))

    @staticmethod
    def _labels(name: str) -> str:
        return f'role="img" aria-labelledby="{name}-title {name}-alt"'

    def _words(self, name: str) -> str:
        from markupsafe import escape

        return (
            f'<title id="{name}-title">{escape(printable(self.title))}</title>'
            f'<desc id="{name}-alt">{escape(printable(self.alt))}</desc>'
        )
