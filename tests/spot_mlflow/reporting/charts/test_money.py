from __future__ import annotations

import xml.etree.ElementTree as ET
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
    """A shown loss is hatched; what lies within the noise is dashed, and not hatched."""
    view = lift_view(full_report)
    bridge = bridge_of(view)
    assert bridge is not None
    chart = waterfall_chart(view, bridge)
    svg = chart.svg().replace('xmlns="http://www.w3.org/2000/svg" ', "")
    root = ET.fromstring(svg)  # noqa: S314 - our own drawing
    bars = [r for r in root.findall("rect") if "stroke" in r.attrib]
    shown = [r[4] == "yes" and r[2].startswith("-") for r in chart.table.rows]
    assert [r.attrib["fill"].startswith("url(") for r in bars] == shown
    assert ["stroke-dasharray" in r.attrib for r in bars] == [
        r[4] == "no" for r in chart.table.rows
    ]
    assert any(shown)


def test_waterfall_leaves_out_what_did_nothing(full_report: LiftReport) -> None:
    """A factor whose part is a rounding error is not drawn as a cause."""
    view = lift_view(full_report)
    bridge = bridge_of(view)
    assert bridge is not None
    drawn = {r[0] for r in waterfall_chart(view, bridge, "money").table.rows}
    assert "value of a good outcome" not in drawn
    assert "offers not delivered" in drawn
