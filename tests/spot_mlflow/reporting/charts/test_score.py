from __future__ import annotations

from typing import TYPE_CHECKING

from spot_mlflow.reporting.charts.score import calibration_chart, profit_curve_chart
from spot_mlflow.reporting.words.lift_view import lift_view

if TYPE_CHECKING:
    from spot_mlflow.lift.report import LiftReport


def test_profit_curve_says_what_its_cut_off_is_worth(full_report: LiftReport) -> None:
    """The sentence of the curve tells its highest point; five bins make five rows."""
    view = lift_view(full_report)
    chart = profit_curve_chart(view)
    assert chart is not None
    assert len(chart.table.rows) == 5
    assert chart.table.rows[-1][0] == "100 %"
    best = max(chart.table.rows, key=lambda r: float(r[-1].split()[0]))
    assert chart.alt == (
        f"Highest where {best[0]} of customers are contacted: {best[-1]} USD per eligible unit."
    )
    assert "best cut-off" in chart.svg()


def test_calibration_has_predicted_beside_realized(full_report: LiftReport) -> None:
    """The bin of the highest scores comes first, with its prediction from training."""
    chart = calibration_chart(lift_view(full_report))
    assert chart is not None
    assert chart.table.rows[0][2] == "4.5"
    assert chart.table.rows[-1][2] == "0.4"
    assert chart.svg()


def test_a_bin_of_which_nothing_can_be_told_leaves_a_gap(full_report: LiftReport) -> None:
    """No lift, no interval: a dash in the table, no mark in the picture."""
    data = full_report.to_dict()
    data["calibration"][0]["realized"] |= {"lift": None, "low": None, "high": None, "se": None}
    chart = calibration_chart(lift_view(data))
    assert chart is not None
    assert chart.table.rows[-1][3:] == ("–", "unbounded")
    assert "nan" not in chart.svg().lower()
    assert "nan" not in chart.alt


def test_without_scores_there_is_no_picture(short_report: LiftReport) -> None:
    """A log without scores has neither curve nor calibration."""
    view = lift_view(short_report)
    assert profit_curve_chart(view) is None
    assert calibration_chart(view) is None
