"""The table of what else differs between the arms."""

from __future__ import annotations

from reports import short_report

from spot_mlflow.reporting.pages import lift_report
from spot_mlflow.reporting.sections.means import means_section
from spot_mlflow.reporting.words.lift_view import lift_view

REFUND = {"measure": "refund", "label": "refund", "arms": {"a": 3.25, "holdout": 2.5}}
COST = {"measure": "cost", "label": "cost", "arms": {"a": 1.0, "b": 2.0, "holdout": 0.5}}


def test_every_shown_measure_is_a_row_with_a_column_for_each_arm():
    """The report and its Markdown have one table; an arm without units of it has no figure."""
    check = short_report().to_dict() | {"means": [REFUND, COST]}
    section = means_section(lift_view(check))
    assert section is not None
    (table,) = section.tables
    assert table.columns == ("what", "a", "holdout", "b")
    assert [row[0] for row in table.rows] == ["refund", "cost"]
    assert table.rows[0][1:3] == ("3.25", "2.5")
    assert section.title in lift_report.html(check)
    assert "refund" in lift_report.markdown(check)


def test_nothing_is_said_where_there_is_nothing_or_the_log_is_faulty():
    """No table without a measure to show, and none of a log that must be put right first."""
    check = short_report().to_dict()
    assert means_section(lift_view(check)) is None
    assert means_section(lift_view(check | {"means": [REFUND], "withheld": True})) is None
