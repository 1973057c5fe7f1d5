from __future__ import annotations

from typing import TYPE_CHECKING

from spot_mlflow.lift.interval import Interval
from spot_mlflow.reporting.charts.adoption import adoption_chart, share_words
from spot_mlflow.reporting.words.lift_view import lift_view

if TYPE_CHECKING:
    from spot_mlflow.lift.report import LiftReport


def test_share_with_its_interval() -> None:
    """The unit is written once, behind the upper bound."""
    assert share_words(Interval(0.41, 0.38, 0.44)) == "41 % (38 to 44 %)"


def test_adoption_curve_has_a_row_for_each_week(full_report: LiftReport) -> None:
    """Ten weeks of decisions make ten rows beside the curve."""
    chart = adoption_chart(lift_view(full_report))
    assert chart is not None
    assert len(chart.table.rows) == 10
    assert chart.table.rows[0][0] == "4 January 2027"
    assert chart.svg()


def test_no_adoption_no_picture(short_report: LiftReport) -> None:
    """A log that does not say what was acted on has no adoption curve."""
    assert adoption_chart(lift_view(short_report)) is None
