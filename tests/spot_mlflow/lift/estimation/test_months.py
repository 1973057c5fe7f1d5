"""Tests of the lift by month."""

from __future__ import annotations

import pytest

from spot_mlflow.lift.estimation.months import MonthLift, by_month, without_small_months
from spot_mlflow.lift.interval import Interval
from spot_mlflow.lift.results import SegmentLift


def period(day: str, lift: float, treated: int, holdout: int = 50) -> SegmentLift:
    """One period of a check."""
    return SegmentLift(day, Interval(lift, lift - 1, lift + 1, None), treated, holdout, 0.1)


def test_periods_are_weighted_by_their_treated_units() -> None:
    """A period without a holdout has units and says nothing of the lift; months come by time."""
    rows = [
        period("2027-02-01", 0.3, 40),
        period("2027-01-04", 0.1, 100),
        period("2027-01-11", 0.2, 300),
        period("2027-01-18", float("nan"), 70, 0),
    ]
    assert by_month(rows) == (
        MonthLift("2027-01", 470, 100, pytest.approx((0.1 * 100 + 0.2 * 300) / 400)),
        MonthLift("2027-02", 40, 50, 0.3),
    )
    assert by_month([period("2027-03-01", 0.3, 40, 0)]) == (MonthLift("2027-03", 40, 0, None),)


def test_a_month_of_fewer_than_ten_people_is_not_shown_by_itself() -> None:
    """It joins its neighbour, under the month of the larger; whichever arm is small."""
    months = [
        MonthLift("2027-01", 9, 30, 0.9),
        MonthLift("2027-02", 91, 70, 0.1),
        MonthLift("2027-03", 50, 50, 0.2),
        MonthLift("2027-04", 50, 9, 0.4),
    ]
    assert without_small_months(months) == (
        MonthLift("2027-02", 100, 100, pytest.approx((0.9 * 9 + 0.1 * 91) / 100)),
        MonthLift("2027-03", 100, 59, pytest.approx(0.3)),
    )
    alone = [MonthLift("2027-01", 3, 3, None)]
    assert without_small_months(alone) == tuple(alone)
