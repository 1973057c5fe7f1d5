from __future__ import annotations

import math
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spot_mlflow.reporting.charts.pen import Pen, width_of


def pen() -> Pen:
    """A pen whose colours are their names."""
    return Pen("p", 100, lambda colour: colour)


@given(words=st.text(max_size=40))
def test_whatever_a_person_wrote_is_text(words: str) -> None:
    """No text can leave its element, whatever is in it."""
    drawn = pen()
    drawn.text((1, 1), words)
    root = ET.fromstring(f"<svg>{drawn.marks}</svg>")  # noqa: S314 - our own drawing
    assert [e.tag for e in root] == ["text"]
    assert len(root[0]) == 0


@pytest.mark.parametrize("unknown", [math.nan, math.inf, -math.inf])
def test_what_is_not_known_is_not_drawn(unknown: float) -> None:
    """A place that is no number leaves no mark, and no "nan" in the file."""
    drawn = pen()
    drawn.line((0, 0), (1, unknown), "ink")
    drawn.course([(0, 0), (unknown, 1)], "ink")
    drawn.area([(0, 0), (1, 1), (0, unknown)], "ink")
    drawn.box((0, unknown), (1, 1), fill="ink")
    drawn.mark("o", (unknown, 0), 5, "ink")
    drawn.text((0, unknown), "words")
    assert drawn.marks == ""


def test_every_shape_can_be_filled_open_or_hollow() -> None:
    """Marks differ by shape and by what is in them, so that none needs its colour to be told apart."""
    found = set()
    for shape in "osD^v<>":
        for look in ({}, {"filled": False}, {"hollow": True}):
            drawn = pen()
            drawn.mark(shape, (5, 5), 8, "ink", **look)
            found.add(drawn.marks)
    assert len(found) == 21


def test_a_minus_is_a_minus() -> None:
    """Figures in a picture are typeset as everywhere else."""
    drawn = pen()
    drawn.text((0, 0), "-1.5 points")
    assert "\u22121.5\u00a0points" in drawn.marks


def test_longer_words_are_wider() -> None:
    """The estimate grows with every letter and with the size."""
    assert 0 == width_of("") < width_of("i") < width_of("m") < width_of("mi") < width_of("mi", 20)
