from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import pytest
from matplotlib.figure import Figure
from reports import make_report

from spot_mlflow.lift.interval import Interval
from spot_mlflow.reporting.charts import lift as charts
from spot_mlflow.reporting.charts.drawing import prepare
from spot_mlflow.reporting.charts.palette import LIGHT
from spot_mlflow.reporting.message.headline import headline_of
from spot_mlflow.reporting.words.lift_view import lift_view
from spot_mlflow.verdicts import UNDECIDABLE, VERDICTS

if TYPE_CHECKING:
    from spot_mlflow.lift.report import LiftReport
    from spot_mlflow.reporting.charts.drawing import Chart


def painted(chart: Chart):
    """The axes of a chart, painted in the light theme."""
    axes = Figure().add_subplot()
    prepare(axes, LIGHT)
    chart.paint(axes, LIGHT, False)
    return axes


def test_lift_gap_shows_what_it_is_given(short_report: LiftReport) -> None:
    """Promise and realized lift lie where they are, as an open square and a filled circle."""
    view = lift_view(short_report)
    axes = painted(charts.lift_gap_chart(view))
    marks = {line.get_marker(): line for line in axes.lines if line.get_marker() in {"s", "o"}}
    assert marks["s"].get_xdata()[0] == pytest.approx(100 * view.predicted.lift)
    assert marks["s"].get_markerfacecolor() == LIGHT.paper
    assert marks["o"].get_xdata()[0] == pytest.approx(100 * view.realized.lift)
    assert marks["o"].get_markerfacecolor() == LIGHT.realized


def test_lift_gap_names_minimum_and_tolerance(short_report: LiftReport) -> None:
    """The least worth having is a named line, the tolerance a named band."""
    axes = painted(charts.lift_gap_chart(lift_view(short_report)))
    said = {t.get_text() for t in axes.texts}
    assert {"least worth having", "within tolerance"} <= said


@pytest.mark.parametrize("narrow", [False, True], ids=["wide", "narrow"])
@pytest.mark.parametrize("place", [0.05, 0.3, 0.5, 0.8, 0.95])
def test_lift_gap_notes_never_lie_on_each_other(
    short_report: LiftReport, place: float, *, narrow: bool
) -> None:
    """Wherever the least worth having lies below the promise, the two notes can be read apart."""
    promised = short_report.predicted.predicted.lift
    said = short_report.to_dict() | {"minimum_viable": place * promised}
    figure = charts.lift_gap_chart(lift_view(said))._draw(LIGHT, narrow=narrow)
    figure.canvas.draw()
    notes = [t for t in figure.axes[0].texts if t.get_text() in charts.NOTES]
    first, second = (t.get_window_extent() for t in notes)
    assert not first.overlaps(second)


def test_lift_gap_numbers_stand_beside_it(short_report: LiftReport) -> None:
    """The table of the chart has promise, realized lift, gap, minimum and tolerance."""
    view = lift_view(short_report)
    table = charts.lift_gap_chart(view).table
    rows = {r[0]: r[1:] for r in table.rows}
    assert rows["promised"] == (view.scale.number(0.023), view.scale.interval(view.predicted))
    assert rows["gap"][0] == view.scale.signed(view.gap.lift)
    assert set(rows) >= {"least worth having", "tolerance"}


def test_lift_gap_png_is_a_png(short_report: LiftReport) -> None:
    """The PNG can be made from a report and from its record alike, and is the same."""
    png = charts.lift_gap_png(short_report)
    assert png.startswith(b"\x89PNG")
    assert charts.lift_gap_png(short_report.to_dict()) == png
    assert int.from_bytes(png[16:20], "big") <= 640  # MLflow shows a picture in its own size


@pytest.mark.parametrize("low", [-math.inf, 0.001])
@pytest.mark.parametrize("high", [math.inf, 0.02])
def test_open_intervals_end_in_arrows(short_report: LiftReport, low: float, high: float) -> None:
    """An unbounded side runs to the edge and ends in an arrow; the picture stays finite."""
    view = dataclasses.replace(lift_view(short_report), realized=Interval(0.01, low, high))
    axes = painted(charts.lift_gap_chart(view))
    arrows = {line.get_marker() for line in axes.lines} & {"<", ">"}
    assert arrows == ({"<"} if math.isinf(low) else set()) | ({">"} if math.isinf(high) else set())
    assert all(map(math.isfinite, axes.get_xlim()))
    charts.lift_gap_chart(view).svg()


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
    assert len(painted(chart).get_yticks()) == charts.ROWS_DRAWN
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
