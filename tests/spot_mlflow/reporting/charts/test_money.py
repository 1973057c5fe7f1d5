from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spot_mlflow.figures import NOTHING
from spot_mlflow.reporting.charts.money import waterfall_chart
from spot_mlflow.reporting.message.cause import bridge_of
from spot_mlflow.reporting.words.lift_view import lift_view

if TYPE_CHECKING:
    from spot_mlflow.lift.report import LiftReport


@pytest.mark.parametrize("basis", ["money", "lift"])
def test_waterfall_arrives_where_it_says(full_report: LiftReport, basis: str) -> None:
    """The written steps lead from promised to realized, within what writing rounds off."""
    view = lift_view(full_report)
    bridge = bridge_of(view)
    assert bridge is not None
    table = waterfall_chart(view, bridge, basis).table
    amounts = [float(r[2].replace(",", "")) for r in table.rows]
    digit = 10.0 ** -len(table.rows[0][2].partition(".")[2])
    assert sum(amounts[:-1]) == pytest.approx(amounts[-1], abs=digit * len(amounts))
    assert [table.rows[0][0], table.rows[-1][0]] == ["promised", "realized"]
    # The gap's interval is no interval of a level: what arrived has one of its own.
    assert [table.rows[0][3], table.rows[-1][3]] == [NOTHING, NOTHING]


def test_waterfall_shows_certainty_without_colour(full_report: LiftReport) -> None:
    """A shown loss is hatched; what lies within the noise is not."""
    from matplotlib.figure import Figure

    from spot_mlflow.reporting.charts.palette import LIGHT

    view = lift_view(full_report)
    bridge = bridge_of(view)
    assert bridge is not None
    chart = waterfall_chart(view, bridge)
    axes = Figure().add_subplot()
    chart.paint(axes, LIGHT, False)
    shown = [r[4] == "yes" and r[2].startswith("-") for r in chart.table.rows]
    assert [bool(p.get_hatch()) for p in axes.patches] == shown
    assert any(shown)


def test_waterfall_leaves_out_what_did_nothing(full_report: LiftReport) -> None:
    """A factor whose part is a rounding error is not drawn as a cause."""
    view = lift_view(full_report)
    bridge = bridge_of(view)
    assert bridge is not None
    drawn = {r[0] for r in waterfall_chart(view, bridge, "money").table.rows}
    assert "value of a good outcome" not in drawn
    assert "offers not delivered" in drawn
