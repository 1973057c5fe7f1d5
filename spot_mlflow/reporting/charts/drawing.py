"""Draws a chart as PNG or SVG: matplotlib by its object interface, imported late, no pyplot.

One drawing serves every place. As PNG it has the colours of one theme. As SVG its colours are CSS
variables, so that one picture follows the reader's theme and prints dark on white, and its text stays
text.
"""

from __future__ import annotations

import io
import re
import textwrap
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from spot_mlflow.reporting.charts.palette import (
    DARK,
    LIGHT,
    THEMES,
    Palette,
    css_names,
    css_variables,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from spot_mlflow.reporting.words.tables import Table

Theme = Literal["light", "dark"]
WIDE: Final = 7.2  # inches; 72 units an inch in SVG
NARROW: Final = 3.8  # for a phone, where a wide drawing would shrink its letters out of sight
TITLE_HEIGHT: Final = 0.35  # inches
WIDE_LINE: Final = 84  # characters of a line below the axes
NARROW_LINE: Final = 36
TEXT_SIZE: Final = 9.5  # points
# matplotlib's settings are global to the process; drawing takes its turn.
_SETTINGS = threading.RLock()


@dataclass(frozen=True)
class Chart:
    """A picture with its numbers.

    Attributes:
        name: identifier, unique in a document.
        title: what it shows, a phrase.
        alt: what it says, for those who cannot see it: one or two sentences with the figures.
        height: inches.
        paint: draws on an empty matplotlib ``Axes`` in the colours given; told whether it is narrow.
        table: the numbers of the picture.
    """

    name: str
    title: str
    alt: str
    height: float
    paint: Callable[[Any, Palette, bool], None]
    table: Table

    def png(self, theme: Theme = "light", *, dpi: int = 160) -> bytes:
        """Returns the picture as a PNG with an opaque ground and its description as metadata."""
        palette = THEMES[theme]
        with _own_settings(self.name):
            buffer = io.BytesIO()
            meta = {"Title": self.title, "Description": self.alt}
            figure = self._draw(palette, narrow=False, titled=True)
            figure.savefig(buffer, format="png", dpi=dpi, facecolor=palette.paper, metadata=meta)
        return buffer.getvalue()

    def svg(self, *, narrow: bool = False) -> str:
        """Returns an SVG element to put into HTML; colours are the page's CSS variables."""
        with _own_settings(self.name):
            buffer = io.StringIO()
            figure = self._draw(LIGHT, narrow=narrow)
            figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
        return _inline(buffer.getvalue(), self, f"{self.name}{'-narrow' if narrow else ''}")

    def svg_file(self) -> str:
        """Returns a whole SVG file that follows the reader's theme by itself."""
        style = (
            f"<style>svg {{ {css_variables(LIGHT)} background: var(--spot-paper) }} "
            f"@media (prefers-color-scheme: dark) {{ svg {{ {css_variables(DARK)} }} }}</style>"
        )
        head, tail = self.svg().split(">", 1)
        return f"<?xml version='1.0' encoding='utf-8'?>\n{head}>{style}{tail}"

    def _draw(self, palette: Palette, *, narrow: bool, titled: bool = False) -> Any:
        from matplotlib.figure import Figure
        from matplotlib.layout_engine import ConstrainedLayoutEngine

        height = self.height + (TITLE_HEIGHT if titled else 0)
        layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.08)
        figure = Figure(figsize=(NARROW if narrow else WIDE, height), layout=layout)
        axes = figure.add_subplot()
        if titled:  # in a page the heading above says it
            title = self.title.replace("$", r"\$")
            figure.suptitle(title, x=0.02, ha="left", fontsize=11.5, color=palette.ink)
        prepare(axes, palette)
        self.paint(axes, palette, narrow)
        return figure


def prepare(axes: Any, palette: Palette) -> None:
    """Gives empty axes the calm look all charts share."""
    axes.set_facecolor("none")
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(palette.line)
    axes.tick_params(colors=palette.muted, labelcolor=palette.muted, length=0, pad=5)
    axes.xaxis.label.set_color(palette.muted)
    axes.yaxis.label.set_color(palette.muted)
    axes.set_axisbelow(True)


def rows_of_labels(axes: Any, labels: list[str], palette: Palette) -> None:
    """Names the rows of a horizontal chart, first one on top."""
    axes.set_yticks(range(len(labels)), labels)
    axes.tick_params(axis="y", labelcolor=palette.ink)
    axes.set_ylim(len(labels) - 0.4, -0.6)


def words_below(axes: Any, words: str, *, narrow: bool) -> None:
    """Writes the unit and the key of the marks below the axes, on as many lines as it takes."""
    lines = textwrap.wrap(words, NARROW_LINE if narrow else WIDE_LINE)
    axes.set_xlabel("\n".join(lines), fontsize=TEXT_SIZE - 0.5)


def wrapped(label: str, *, narrow: bool) -> str:
    """Returns the label of a row on one or two lines, cut where it is longer still."""
    width = 17 if narrow else 30
    lines = textwrap.wrap(label, width, max_lines=2, placeholder="…") or [""]
    return "\n".join(lines).replace("$", r"\$")


@contextmanager
def _own_settings(salt: str) -> Iterator[None]:
    """Draws with matplotlib's defaults and ours, whatever style the caller's program has set."""
    import matplotlib as mpl
    from matplotlib import style

    ours = {
        "font.size": TEXT_SIZE,
        "font.family": ["DejaVu Sans"],
        "axes.labelsize": TEXT_SIZE,
        "xtick.labelsize": TEXT_SIZE,
        "ytick.labelsize": TEXT_SIZE,
        "svg.fonttype": "none",  # text stays text: to be searched, read aloud, and set in the page's font
        "svg.hashsalt": salt,
        "hatch.linewidth": 1.4,
        "axes.unicode_minus": True,
    }
    with _SETTINGS, style.context("default"), mpl.rc_context(ours):
        yield


def _inline(svg: str, chart: Chart, name: str) -> str:
    """Turns matplotlib's file into an element: own ids, theme colours, alternative text."""
    from markupsafe import escape

    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    view_box = re.search(r'viewBox="([^"]+)"', body)
    body = body.split(">", 1)[1]
    body = re.sub(r' id="([^"]+)"', rf' id="{name}-\1"', body)
    body = re.sub(r"url\(#", f"url(#{name}-", body)
    body = re.sub(r'xlink:href="#', f'href="#{name}-', body)
    body = body.replace("'DejaVu Sans'", "var(--spot-font, system-ui, sans-serif)")
    body = re.sub(
        r"<defs>\s*<style.*?</style>\s*</defs>", "", body, flags=re.DOTALL
    )  # page-wide rules
    for colour, variable in css_names().items():
        body = body.replace(colour, variable)
    body = re.sub(r"\n\s*", "\n", body)
    box = view_box[1] if view_box else "0 0 518 200"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" role="img" '
        f'aria-labelledby="{name}-title {name}-alt" class="chart {"narrow" if "-narrow" in name else "wide"}">'
        f'<title id="{name}-title">{escape(chart.title)}</title>'
        f'<desc id="{name}-alt">{escape(chart.alt)}</desc>{body}'
    )
