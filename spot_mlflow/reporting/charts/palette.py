"""The colours of every surface, light and dark, and their names as CSS variables.

Contrast is at least 4.5:1 for text and 3:1 for marks on paper and panel in both themes (WCAG 2.2,
1.4.3 and 1.4.11; a test computes it). The hues of marks follow Okabe and Ito's set, which people
with any of the common colour-vision deficiencies can tell apart; no meaning rests on hue alone.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of one theme, as #rrggbb.

    Attributes:
        paper: background of the page and of charts.
        panel: background of cards and table heads.
        line: hairlines that carry no meaning.
        ink: text.
        muted: secondary text, axes.
        accent: links and the mark beside what is asked of the reader.
        promised: marks of what was promised.
        realized: marks of what arrived.
        loss: bars of lift or money lost, always hatched as well.
        gain: bars of lift or money gained.
        band: fill of intervals and tolerance.
    """

    paper: str
    panel: str
    line: str
    ink: str
    muted: str
    accent: str
    promised: str
    realized: str
    loss: str
    gain: str
    band: str


LIGHT: Final = Palette(
    paper="#ffffff",
    panel="#f6f7f9",
    line="#d5dce3",
    ink="#11171c",
    muted="#55636f",
    accent="#0e538b",
    promised="#445461",
    realized="#0072b2",
    loss="#c8500a",
    gain="#008562",
    band="#dfe9f2",
)
DARK: Final = Palette(
    paper="#12181d",
    panel="#1a2229",
    line="#36424d",
    ink="#e8ecf0",
    muted="#a7b4bf",
    accent="#8acaff",
    promised="#b4c0ca",
    realized="#5bb6ea",
    loss="#f0894b",
    gain="#45c79d",
    band="#223646",
)
THEMES: Final = {"light": LIGHT, "dark": DARK}


def css_variables(palette: Palette) -> str:
    """Returns the colours as CSS declarations: "--spot-ink: #11171c; ..."."""
    return " ".join(f"--spot-{name}: {value};" for name, value in asdict(palette).items())
