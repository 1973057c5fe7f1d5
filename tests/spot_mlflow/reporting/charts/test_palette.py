from __future__ import annotations

import pytest
from colours import contrast

from spot_mlflow.reporting.charts.palette import THEMES

TEXT = ("ink", "muted", "accent")
MARKS = ("promised", "realized", "loss", "gain")


def test_contrast_of_known_pairs() -> None:
    """The ratio is WCAG's: 21 for black on white, 4.54 for #767676 on white."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("theme", sorted(THEMES))
@pytest.mark.parametrize("ground", ["paper", "panel", "band"])
def test_text_is_legible(theme: str, ground: str) -> None:
    """Text has at least 4.5:1 on every ground (WCAG 2.2, 1.4.3)."""
    palette = THEMES[theme]
    for name in TEXT:
        assert contrast(getattr(palette, name), getattr(palette, ground)) >= 4.5, name


@pytest.mark.parametrize("theme", sorted(THEMES))
@pytest.mark.parametrize("ground", ["paper", "band"])
def test_marks_are_visible(theme: str, ground: str) -> None:
    """Marks of a chart have at least 3:1 on what they are drawn on (WCAG 2.2, 1.4.11)."""
    palette = THEMES[theme]
    for name in MARKS:
        assert contrast(getattr(palette, name), getattr(palette, ground)) >= 3, name
