"""Dates as a person writes them."""

from __future__ import annotations

import pytest

from spot_mlflow.days import date_of, day, days_between, moment


@pytest.mark.parametrize(
    ("first", "last", "written"),
    [
        ("2024-08-05", "2024-08-09", "5 to 9 August 2024"),
        ("2024-08-30", "2024-09-02", "30 August to 2 September 2024"),
        ("2024-12-30", "2025-01-02", "30 December 2024 to 2 January 2025"),
        ("2024-08-05", "2024-08-05", "5 August 2024"),
    ],
)
def test_a_span_names_month_and_year_once(first: str, last: str, written: str) -> None:
    """As little as tells the two days apart."""
    assert days_between(first, last) == written


def test_what_is_no_date_is_written_as_it_is() -> None:
    """A label stays a label; a time of day is said where there is one."""
    assert day("soon") == "soon"
    assert date_of(None) is None
    assert moment(1_722_816_000) == "5 August 2024"
    assert moment(1_722_816_000 + 52_200) == "5 August 2024, 14:30 UTC"
