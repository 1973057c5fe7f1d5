from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spot_mlflow.figures import LiftScale, scale_of
from spot_mlflow.lift.interval import Interval
from spot_mlflow.reporting import figures
from spot_mlflow.reporting.pages.portfolio_row import parse_money

POINTS = LiftScale(100.0, "points", 1)


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (2334.6, 1, "2,334.6"),
        (-0.004, 2, "0.00"),
        (-2334.6, 2, "-2,334.60"),
        (None, 1, "–"),
        (math.nan, 1, "–"),
        (math.inf, 0, "unbounded"),
    ],
)
def test_number(value: float | None, decimals: int, text: str) -> None:
    """A number has its thousands set off, never a minus before zero, and a dash where there is none."""
    assert figures.number(value, decimals) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.41, "41 %"),
        (0.0024, "0.24 %"),
        (0.05, "5 %"),
        (0.015, "1.5 %"),
        (0.0, "0 %"),
        (1.0, "100 %"),
        (None, "–"),
    ],
)
def test_share(value: float | None, text: str) -> None:
    """A share has two significant digits, without idle zeros."""
    assert figures.share(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0004, "p < 0.001"), (0.0421, "p = 0.042"), (0.41, "p = 0.41"), (None, "–")],
)
def test_p_value(value: float | None, text: str) -> None:
    """A p value is never written as zero."""
    assert figures.p_value(value) == text


@pytest.mark.parametrize(
    ("value", "unit", "half_width", "text"),
    [
        (120_000, "", None, "120k"),
        (47_312, "USD", None, "47.3k USD"),
        (47_312, "USD", 16_000, "47k USD"),
        (1_254_300, "EUR", 40_000, "1.25M EUR"),
        (-2334.6, "USD", None, "-2,335 USD"),
        (3.37, "USD", None, "3.37 USD"),
        (-1_200, "", 30_000, "-1k"),
        (999_900, "", None, "1M"),
        (2.5e9, "", None, "2.5bn"),
        (0, "USD", None, "0 USD"),
        (math.nan, "USD", None, "–"),
    ],
)
def test_money(value: float, unit: str, half_width: float | None, text: str) -> None:
    """Money is short from ten thousand on and rounded where its interval makes digits meaningless."""
    assert figures.money(value, unit, half_width=half_width) == text


@pytest.mark.parametrize(
    ("half_width", "decimals"),
    [
        (0.354, 2),
        (0.36, 1),
        (0.949, 1),
        (1.0, 1),
        (3.5, 1),
        (3.6, 0),
        (0.012, 3),
        (28.0, 0),
        (140.0, -1),
    ],
)
def test_decimals_follow_the_particle_data_group(half_width: float, decimals: int) -> None:
    """An uncertainty keeps two digits from 10 to 35, else one (Review of Particle Physics, 5.3)."""
    assert figures.decimals_for(half_width) == decimals


@pytest.mark.parametrize(
    ("kind", "effect", "half_width", "exact", "text"),
    [
        ("binary", "absolute", 0.0047, (0.023,), "2.3 points"),
        ("binary", "absolute", 0.00148, (0.015,), "2.30 points"),
        ("binary", "relative", 0.2, (0.10,), "2 %"),
        ("money", "absolute", 600.0, (1794.34,), "0 USD"),
        ("count", "absolute", 0.04, (), "0.02"),
    ],
)
def test_scale_of_a_contract(
    kind: str, effect: str, half_width: float, exact: tuple[float, ...], text: str
) -> None:
    """Rates are in points, relative lifts in per cent, money in its currency, digits by the interval."""
    scale = scale_of(kind=kind, effect=effect, unit="USD", half_width=half_width, exact=exact)
    assert scale.amount(0.023) == text


def test_a_written_minimum_is_not_rounded_out_of_sight() -> None:
    """A wide interval may not turn a promise of 1.5 points into 2."""
    scale = scale_of(kind="binary", effect="absolute", half_width=0.2, exact=(0.015,))
    assert scale.amount(0.015) == "1.5 points"


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (0.016, 0.026, "1.6 to 2.6"),
        (-math.inf, 0.031, "at most 3.1"),
        (0.01, math.inf, "at least 1.0"),
        (-math.inf, math.inf, "unbounded"),
    ],
)
def test_interval(low: float, high: float, text: str) -> None:
    """An open side of an interval is said in words."""
    assert POINTS.interval(Interval(0.02, low, high)) == text


def test_a_commitment_has_no_interval_to_show() -> None:
    """A promise taken as exact is written without bounds."""
    assert POINTS.with_interval(Interval(0.023, 0.023, 0.023)) == "2.3 points"


@pytest.mark.parametrize(("value", "text"), [(0.004, "+0.4"), (-0.012, "-1.2"), (0.0001, "0.0")])
def test_signed(value: float, text: str) -> None:
    """A difference carries its sign, unless it rounds to nothing."""
    assert POINTS.signed(value) == text


def test_one_point_is_singular() -> None:
    """One point is no points."""
    assert LiftScale(100.0, "points", 0).amount(0.01) == "1 point"


def test_typeset_sets_a_true_minus_and_leaves_dates() -> None:
    """Print has a minus before a figure, a hyphen in a date, and units that stay with their number."""
    assert figures.typeset("-1.2 points on 2027-01-04") == "−1.2\u00a0points on 2027-01-04"
    assert figures.typeset("(-0.5 to 1.0)") == "(−0.5 to 1.0)"


def test_sentence() -> None:
    """A sentence begins with a capital, ends with a stop, and has a space before a per cent sign."""
    assert figures.sentence("57% of offers acted on") == "57 % of offers acted on."
    assert figures.sentence("") == ""


@pytest.mark.parametrize(
    ("value", "text"), [(1234, "1,300"), (18, "18"), (1_000, "1,000"), (95_001, "96,000")]
)
def test_about_rounds_up(value: float, text: str) -> None:
    """What is still needed is rounded up, to two digits: never promised too early."""
    assert figures.about(value) == text


def test_days_do_not_depend_on_the_language_of_the_machine() -> None:
    """A day is written in English whatever the locale."""
    assert figures.day("2027-01-30T10:00:00+00:00") == "30 January 2027"
    assert figures.short_day("2027-03-01") == "1 Mar"
    assert figures.day("week 7") == "week 7"


@given(st.floats(-1e12, 1e12), st.sampled_from(["", "USD", "EUR"]), st.floats(0, 1e9))
def test_money_reads_back(value: float, unit: str, half_width: float) -> None:
    """What is written as money reads back within what was rounded off."""
    read, label = parse_money(figures.money(value, unit, half_width=half_width))
    assert read is not None
    assert label == unit
    step = 10.0 ** -figures.decimals_for(half_width) if half_width > 0 else 0.0
    assert abs(read - value) <= max(0.0051 * abs(value), step, 0.5) * 1.01


@given(st.floats(-10, 10), st.floats(0, 5), st.floats(0, 5))
def test_an_estimate_is_never_written_outside_its_interval(
    lift: float, below: float, above: float
) -> None:
    """Rounding keeps low <= estimate <= high."""
    interval = Interval(lift, lift - below, lift + above)
    scale = scale_of(kind="binary", effect="absolute", half_width=(below + above) / 2)
    low, value, high = (
        float(scale.number(x).replace(",", ""))
        for x in (interval.low, interval.lift, interval.high)
    )
    assert low <= value <= high
