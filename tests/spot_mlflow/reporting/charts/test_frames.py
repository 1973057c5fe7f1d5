from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spot_mlflow.reporting.charts.frames import (
    Scale,
    limits,
    notes_above,
    plane_frame,
    rows_frame,
    thinned,
    wrapped,
)
from spot_mlflow.reporting.charts.pen import Pen, width_of

numbers = st.floats(-1e9, 1e9)


@given(low=numbers, width=st.floats(1e-6, 1e9), most=st.integers(3, 9))
def test_ticks_are_round_few_and_within(low: float, width: float, most: int) -> None:
    """At most so many, evenly spaced, none outside, and each written as what it is."""
    scale = Scale(low, low + width, 0, 100)
    if not scale.high > scale.low:
        return
    found = [v for v, _ in scale.ticks(most)]
    assert len(found) <= most
    slack = 1e-6 * max(abs(scale.low), abs(scale.high), width)
    assert all(scale.low - slack <= v <= scale.high + slack for v in found)


def test_ticks_of_known_spans() -> None:
    """The figures a person would choose."""
    assert [w for _, w in Scale(-0.3, 3.2, 0, 1).ticks(7)] == ["0", "1", "2", "3"]
    assert [w for _, w in Scale(0, 0.024, 0, 1).ticks(6)] == [
        "0.000",
        "0.005",
        "0.010",
        "0.015",
        "0.020",
    ]
    assert [w for _, w in Scale(0, 12_000, 0, 1).ticks(4)] == ["0", "5,000", "10,000"]


def test_a_scale_leads_from_end_to_end() -> None:
    """Lowest and highest figure lie at the ends, the middle in the middle, upwards too."""
    assert [Scale(0, 10, 200, 100).at(v) for v in (0, 5, 10)] == [200, 150, 100]


@given(st.lists(st.one_of(numbers, st.sampled_from([math.nan, math.inf, -math.inf]))))
def test_limits_hold_all_that_is_known(values: list[float]) -> None:
    """Never empty, always finite, and nothing known lies outside."""
    low, high = limits(values)
    assert -math.inf < low < high < math.inf
    assert all(low <= v <= high for v in values if math.isfinite(v))


def test_labels_take_two_lines_at_most() -> None:
    """A long label is cut, an empty one is a line, and a dollar sign is a dollar sign."""
    assert len(wrapped("a very long label that goes on and on and on and on", narrow=True)) == 2
    assert wrapped("cost $x$", narrow=False) == ["cost $x$"]
    assert wrapped("", narrow=True) == [""]


@pytest.mark.parametrize("narrow", [False, True])
def test_rows_lie_below_each_other_within_the_picture(*, narrow: bool) -> None:
    """Each row has its place, rows of two lines have room for them, all within the height."""
    pen = Pen("p", 330 if narrow else 680, str)
    labels = ["short", "a label that takes two lines on a phone and on a desk as well"]
    frame = rows_frame(pen, labels, (0, 1), step=20, below="unit", narrow=narrow)
    assert frame.y(1) - frame.y(0) >= 30
    assert frame.bottom < pen.height
    assert 0 < frame.x.start < frame.x.end < pen.width


def test_a_plane_leaves_room_for_its_note() -> None:
    """A level named at the right edge has its name within the picture."""
    pen, other = Pen("p", 680, str), Pen("p", 680, str)
    noted = plane_frame(pen, (0, 1), (0, 1), unit="u", below="", note="promised", narrow=False)
    plain = plane_frame(other, (0, 1), (0, 1), unit="u", below="", narrow=False)
    assert noted.x.end + 5 < pen.width - 40 < plain.x.end


@given(n=st.integers(1, 200), narrow=st.booleans())
def test_so_many_labels_as_fit(*, n: int, narrow: bool) -> None:
    """The first is always there, and no more than there is room for."""
    found = thinned([str(i) for i in range(n)], narrow=narrow)
    assert found[0] == (0.0, "0")
    assert len(found) <= (3 if narrow else 7)


@given(places=st.lists(st.floats(0, 1), min_size=2, max_size=2), narrow=st.booleans())
def test_notes_never_lie_on_each_other(*, places: list[float], narrow: bool) -> None:
    """Wherever two things are, their names can be read apart."""

    class Spy(Pen):
        def text(self, at, words, *_, size, anchor):
            width = width_of(words, size)
            left = at[0] - {"start": 0, "middle": 0.5, "end": 1}[anchor] * width
            boxes.append((left, left + width, at[1]))

    boxes: list[tuple[float, float, float]] = []
    width = 330 if narrow else 680
    words = ("minimum worthwhile lift", "within tolerance")
    notes = list(zip(places, words, strict=True))
    notes_above(Spy("p", width, str), Scale(0, 1, 90, width - 8), 40, notes)
    for (a, b, y), (c, d, z) in itertools.combinations(boxes, 2):
        assert y != z or b <= c or d <= a
