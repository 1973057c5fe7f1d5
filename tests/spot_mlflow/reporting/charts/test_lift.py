from __future__ import annotations

import dataclasses
import math
import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any

import pytest
from reports import make_report

from spot_mlflow.lift.interval import Interval
from spot_mlflow.reporting.charts import lift as charts
from spot_mlflow.reporting.message.headline import headline_of
from spot_mlflow.reporting.words.lift_view import lift_view
from spot_mlflow.verdicts import UNDECIDABLE, VERDICTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from spot_mlflow.lift.report import LiftReport
    from spot_mlflow.reporting.charts.drawing import Chart


def painted(chart: Chart, *, narrow: bool = False) -> ET.Element:
    """The picture of a chart, as a tree."""
    text = chart.svg(narrow=narrow).replace('xmlns="http://www.w3.org/2000/svg" ', "")
    return ET.fromstring(text)  # noqa: S314 - our own drawing


def words(root: ET.Element) -> list[str]:
    """What is written in a picture."""
    return [t.text or "" for t in root.iter("text")]


def middle(mark: ET.Element) -> tuple[float, float]:
    """Where a mark of several corners has its middle."""
    points = [tuple(map(float, p.split(","))) for p in mark.attrib["points"].split()]
    x, y = ([p[i] for p in points] for i in (0, 1))
    return (min(x) + max(x)) / 2, (min(y) + max(y)) / 2


def ruler(root: ET.Element) -> Callable[[float], float]:
    """From a place to the figure there, read from the figures under the picture."""
    below = [t for t in root.iter("text") if re.fullmatch(r"[\u2212\d.,]+", t.text or "")]
    foot = max(float(t.attrib["y"]) for t in below)
    marks = [
        (float(t.attrib["x"]), float((t.text or "").replace("\u2212", "-")))
        for t in below
        if float(t.attrib["y"]) == foot
    ]
    (a, p), (b, q) = marks[0], marks[-1]
    return lambda x: p + (x - a) / (b - a) * (q - p)


def test_lift_gap_shows_what_it_is_given(short_report: LiftReport) -> None:
    """Promise and realized lift lie where they are, as an open square and a filled circle."""
    view = lift_view(short_report)
    root = painted(charts.lift_gap_chart(view))
    figure = ruler(root)
    square = next(p for p in root.iter("polygon"))
    circle = next(c for c in root.iter("circle"))
    assert figure(middle(square)[0]) == pytest.approx(100 * view.predicted.lift, abs=0.01)
    assert square.attrib["fill"] == "var(--spot-paper)"
    assert figure(float(circle.attrib["cx"])) == pytest.approx(100 * view.realized.lift, abs=0.01)
    assert circle.attrib["fill"] == "var(--spot-realized)"


def test_lift_gap_names_minimum_and_tolerance(short_report: LiftReport) -> None:
    """The minimum worthwhile lift is a named line, the tolerance a named band."""
    root = painted(charts.lift_gap_chart(lift_view(short_report)))
    assert {"minimum worthwhile lift", "within tolerance"} <= set(words(root))
    assert [r.attrib["fill"] for r in root.iter("rect")] == ["var(--spot-band)"]


def test_lift_gap_numbers_stand_beside_it(short_report: LiftReport) -> None:
    """The table of the chart has promise, realized lift, gap, minimum and tolerance."""
    view = lift_view(short_report)
    table = charts.lift_gap_chart(view).table
    rows = {r[0]: r[1:] for r in table.rows}
    assert rows["promised"] == (view.scale.number(0.023), view.scale.interval(view.predicted))
    assert rows["gap"][0] == view.scale.signed(view.gap.lift)
    assert set(rows) >= {"minimum worthwhile lift", "tolerance"}


def test_lift_gap_file_is_the_same_from_report_and_record(short_report: LiftReport) -> None:
    """The file can be made from a report and from its record alike; a PNG of it on request."""
    svg = charts.lift_gap_svg(short_report)
    assert charts.lift_gap_svg(short_report.to_dict()) == svg
    assert charts.lift_gap_png(short_report).startswith(b"\x89PNG")
    width = int(ET.fromstring(svg).attrib["width"])  # noqa: S314 - our own drawing
    assert 600 < width < 760  # MLflow shows a picture in its own size


@pytest.mark.parametrize("low", [-math.inf, 0.001])
@pytest.mark.parametrize("high", [math.inf, 0.02])
def test_open_intervals_end_in_arrows(short_report: LiftReport, low: float, high: float) -> None:
    """An unbounded side runs to the edge and ends in an arrow; the picture stays finite."""
    view = dataclasses.replace(lift_view(short_report), realized=Interval(0.01, low, high))
    root = painted(charts.lift_gap_chart(view))
    arrows = [p for p in root.iter("polygon") if len(p.attrib["points"].split()) == 3]
    assert len(arrows) == math.isinf(low) + math.isinf(high)
    assert "inf" not in charts.lift_gap_chart(view).svg().replace("unbounded", "")


def test_nothing_known_yet_is_drawn_as_nothing(short_report: LiftReport) -> None:
    """A lift that cannot be estimated does not break the picture."""
    view = dataclasses.replace(
        lift_view(short_report),
        realized=Interval(math.nan, -math.inf, math.inf),
        gap=Interval(math.nan, -math.inf, math.inf),
    )
    chart = charts.lift_gap_chart(view)
    assert chart.svg()
    assert "–" in chart.alt


def test_segments_chart_bounds_what_it_draws() -> None:
    """With forty segments the picture has twelve, the table all."""
    names = tuple(f"Region {i:02d} <b>$x$" for i in range(40))
    view = lift_view(make_report(n=40_000, segments=names))
    chart = charts.segments_chart(view)
    assert chart is not None
    assert len(chart.table.rows) == 40
    assert sum("Region" in w for w in words(painted(chart))) == charts.ROWS_DRAWN
    assert "&lt;b&gt;" in chart.svg()


def test_no_segments_no_chart() -> None:
    """A log without segments has no picture of them."""
    assert charts.segments_chart(lift_view(make_report(segments=("",)))) is None


@pytest.mark.parametrize("se", [0.0, 0.004, 0.02])
@pytest.mark.parametrize("lift", [0.0, 0.01, 0.023, 0.06])
@pytest.mark.parametrize("looks", [{}, {"looks": "monitored", "planned_units": 90_000}])
def test_picture_sentence_and_verdict_agree(lift: float, se: float, looks: dict[str, Any]) -> None:
    """The interval drawn as judged lies above, within or below the band exactly as the verdict says."""
    promise = {"lift": 0.023, "se": se} if se else 0.023
    report = make_report(
        lift=lift, n=40_000, contract={"predicted": promise, "tolerance": 0.006, **looks}
    )
    view = lift_view(report)
    drawn = charts.judged_against(view)
    low, high = view.predicted.lift - view.tolerance, view.predicted.lift + view.tolerance
    seen = (
        "exceeded"
        if drawn.low > high
        else "shortfall"
        if drawn.high < low
        else "met"
        if drawn.low >= low
        else "inconclusive"
    )
    assert view.verdict == seen
    word = UNDECIDABLE if view.undecidable else VERDICTS[view.verdict].words
    assert headline_of(report).finding.startswith(word)
    assert "as judged" in str(charts.lift_gap_chart(view).table.rows)
