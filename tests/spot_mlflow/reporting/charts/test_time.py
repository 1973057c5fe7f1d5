from __future__ import annotations

import math

import pytest
from reports import make_report

from spot_mlflow.lift.interval import Interval
from spot_mlflow.reporting.charts.time import by_week, course_chart, periods_chart
from spot_mlflow.reporting.words.lift_view import LiftRow, lift_view


def row(label: str, lift: float, half: float, share: float) -> LiftRow:
    """One period."""
    return LiftRow(label, Interval(lift, lift - half, lift + half), 80, 20, share, 0.02, None)


def test_days_of_a_week_are_put_together() -> None:
    """The week's lift is the days' average by units, its half width theirs in quadrature."""
    days = [
        row("2027-01-04", 0.01, 0.003, 0.1),
        row("2027-01-10", 0.03, 0.004, 0.3),
        row("2027-01-11", 0.02, 0.005, 0.1),
    ]
    monday, next_monday = by_week(days)
    assert monday.label == "2027-01-04"
    assert monday.estimate.lift == pytest.approx(0.025)
    assert monday.estimate.high - monday.estimate.lift == pytest.approx(
        math.hypot(0.25 * 0.003, 0.75 * 0.004)
    )
    assert (monday.n_treatment, monday.n_holdout) == (160, 40)
    assert next_monday.label == "2027-01-11"


def test_course_ends_at_the_whole_log() -> None:
    """The last point of the course speaks of all units, and its sentence says so."""
    view = lift_view(make_report())
    chart = course_chart(view)
    assert chart is not None
    assert view.course[-1].share == pytest.approx(1)
    assert view.scale.with_interval(view.course[-1].estimate) in chart.alt
    assert chart.svg()
    assert chart.svg(narrow=True)


def test_periods_have_their_numbers() -> None:
    """Each period drawn is a row of the table."""
    chart = periods_chart(lift_view(make_report()))
    assert chart is not None
    assert len(chart.table.rows) == 12
    assert chart.svg()


def test_one_period_is_no_course() -> None:
    """A log without dates has no picture over time."""
    view = lift_view(make_report().to_dict() | {"periods": [], "course": []})
    assert course_chart(view) is None
    assert periods_chart(view) is None
