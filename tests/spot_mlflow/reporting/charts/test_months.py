"""Tests of the picture of money over time."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spot_mlflow.lift.money.months import MonthMoney
from spot_mlflow.reporting.charts.months import month_words, months_chart

if TYPE_CHECKING:
    from spot_mlflow.reporting.charts.drawing import Chart


def month(name: str, promised: int, arrived: int) -> MonthMoney:
    """One month."""
    return MonthMoney(name, Decimal(promised), Decimal(arrived))


def drawn(*months: MonthMoney) -> Chart | None:
    """The picture of these months."""
    return months_chart(months, currency="USD", arrived="47k USD", promised="120k USD")


def test_the_picture_ends_at_the_sums() -> None:
    """Promised and realized to date; an undated rest is in the sums, and in the table alone."""
    chart = drawn(month("", 20_000, 7_000), month("2027-01", 40_000, 20_000), month("2027-02", 60_000, 20_000))  # fmt: skip
    assert chart is not None
    assert "up to February 2027, 47k USD of 120k USD promised was realized" in chart.alt
    assert chart.table.rows == (
        ("February 2027", "60k", "20k", "120k", "47k"),
        ("January 2027", "40k", "20k", "60k", "27k"),
        ("not dated", "20k", "7,000", "–", "–"),
    )
    assert "Jan 27" in chart.svg()
    assert "realized" in chart.svg(narrow=True)


@pytest.mark.parametrize("months", [(), (month("2027-01", 1, 1),), (month("", 1, 1), month("2027-01", 1, 1))])  # fmt: skip
def test_one_month_is_no_course(months: tuple[MonthMoney, ...]) -> None:
    """Nor is none, nor one beside what has no date."""
    assert drawn(*months) is None


def test_a_loss_is_drawn_below_zero() -> None:
    """Sums may fall, and nothing at all is a picture too."""
    for arrived in (-90_000, 0):
        chart = drawn(month("2027-01", 1, arrived), month("2027-02", 1, arrived))
        assert chart is not None
        assert "nan" not in chart.svg()


@pytest.mark.parametrize(
    ("month", "words"), [("2027-01", "January 2027"), ("", "not dated"), ("2027-13", "2027-13")]
)
def test_months_are_written_out(month: str, words: str) -> None:
    """What is no month stays as it is."""
    assert month_words(month) == words
