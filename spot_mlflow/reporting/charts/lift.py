"""The pictures of a lift check: promised against realized, and by segment.

Those over time, of money, score and adoption stand in modules of that name. Each is a
``Chart`` with its alternative text and its numbers in a table. Nothing is told by colour alone:
promised is an open square, realized a filled circle, a loss is hatched.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.lift.interval import Interval
from spot_mlflow.reporting import figures
from spot_mlflow.reporting.charts.drawing import Chart
from spot_mlflow.reporting.charts.frames import DASHES, limits, notes_above, rows_frame
from spot_mlflow.reporting.words.lift_view import LiftView, lift_view
from spot_mlflow.reporting.words.tables import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.lift.report import LiftReport
    from spot_mlflow.reporting.charts.drawing import Theme
    from spot_mlflow.reporting.charts.frames import Rows
    from spot_mlflow.reporting.charts.pen import Pen
    from spot_mlflow.reporting.words.lift_view import LiftRow

PROMISED: Final = "promised"
JUDGED: Final = "as judged"  # with the uncertainty of the promise
NOTES: Final = ("minimum worthwhile lift", "within tolerance")
TOP: Final = 38.0  # above the first row: two lines of notes
ROWS_DRAWN: Final = 12  # segments in a picture; the table has them all


def lift_gap_svg(check: LiftReport | Mapping[str, Any], theme: Theme = "light") -> bytes:
    """Draws predicted against realized lift with intervals, minimum and tolerance, as an SVG file.

    Args:
        check: the outcome check, fresh or from the record.
        theme: light or dark.
    """
    return lift_gap_chart(lift_view(check)).svg_file(theme).encode()


def lift_gap_png(
    check: LiftReport | Mapping[str, Any], theme: Theme = "light", *, zoom: float = 2.0
) -> bytes:
    """Returns the same picture as a PNG, for a mail or a slide; needs the extra ``png``.

    Args:
        check: the outcome check, fresh or from the record.
        theme: light or dark.
        zoom: pixels for each unit of the drawing, which is 712 units wide.

    Raises:
        InvalidInput: the extra is not installed.
    """
    return lift_gap_chart(lift_view(check)).png(theme, zoom=zoom)


def lift_gap_chart(view: LiftView) -> Chart:
    """Predicted against realized lift, with intervals, the minimum worthwhile lift and the tolerance.

    Where a fault of the log leaves no verdict, what arrived is not drawn: it would look like one.
    """
    scale = view.scale
    levels = _levels(view, "realized, valid at any look")
    rows = [(name, scale.number(i.lift), scale.interval(i)) for name, i in levels]
    judged = judged_against(view)
    if not view.data_fault:
        rows.append(("gap", scale.signed(view.gap.lift), scale.interval(view.gap)))
    if view.minimum is not None:
        rows.append(("minimum worthwhile lift", scale.number(view.minimum), figures.NOTHING))
    rows.append(("tolerance", scale.number(view.tolerance), figures.NOTHING))
    realized = (
        "this log cannot show the realized lift"
        if view.data_fault
        else f"realized {scale.with_interval(view.realized)}; against the promise, whose own "
        f"uncertainty counts, {scale.interval(judged)}; verdict: {view.verdict}"
    )
    alt = f"Promised {scale.with_interval(view.predicted)}; {realized}."
    title = f"Promised and realized lift of {view.metric}"
    if view.data_fault:
        title = f"Promised lift of {view.metric}; the realized lift cannot be shown"
    return Chart(
        name="lift-gap",
        title=title,
        alt=alt,
        paint=lambda pen, narrow: _paint_gap(pen, view, narrow=narrow),
        table=_lift_table(f"Lift, {unit_words(view)}", rows),
    )


def _levels(view: LiftView, at_any_look: str) -> list[tuple[str, Interval]]:
    """Returns what is drawn, from above."""
    levels = [(PROMISED, view.predicted)]
    if view.data_fault:
        return levels
    levels.append(("realized", view.realized))
    if view.always_valid is not None:
        levels.append((at_any_look, view.always_valid))
    levels.append((JUDGED, judged_against(view)))
    return levels


def judged_against(view: LiftView) -> Interval:
    """Returns the interval that the verdict is read from: the promise plus the gap's interval.

    It holds the promise's own uncertainty, too. Above, below or within the promise's tolerance: that
    is the verdict, so picture and verdict cannot differ.
    """
    promise, gap = view.predicted.lift, view.gap
    return Interval(promise + gap.lift, promise + gap.low, promise + gap.high)


def _paint_gap(pen: Pen, view: LiftView, *, narrow: bool) -> None:
    f, scale = view.scale.factor, view.scale
    rows = _levels(view, "at any look" if narrow else "valid at any look")
    p, d = f * view.predicted.lift, f * view.tolerance
    drawn = [f * x for _, i in rows for x in (i.low, i.high, i.lift)]
    frame = rows_frame(
        pen,
        [name for name, _ in rows],
        limits([*drawn, 0.0, p - d, p + d], 0.06),
        step=38,
        top=TOP,
        below=unit_words(view),
        narrow=narrow,
    )
    notes = [(p, NOTES[1])] if d > 0 else []
    if d > 0:
        left, right = frame.x.at(p - d), frame.x.at(p + d)
        pen.box((left, frame.top), (right - left, frame.bottom - frame.top), fill="band")
    frame.upright(pen, 0, "muted")
    if view.minimum is not None:
        frame.upright(pen, f * view.minimum, "ink", dash=DASHES)
        notes.insert(0, (f * view.minimum, NOTES[0]))
    notes_above(pen, frame.x, TOP - 6, notes)
    for row, (name, interval) in enumerate(rows):
        mark_interval(pen, frame, row, interval, f, promised=name == PROMISED, thin=row > 1)
        place = (frame.x.at(f * interval.lift), frame.y(row) - 9)
        pen.text(place, scale.number(interval.lift), anchor="middle", bold=row == 1)


def mark_interval(
    pen: Pen,
    frame: Rows,
    row: float,
    interval: Interval,
    factor: float,
    *,
    promised: bool = False,
    thin: bool = False,
) -> None:
    """Draws an estimate with its interval: an open square for a promise, else a filled circle.

    An unbounded side runs to the edge and ends in an arrow.
    """
    colour = "promised" if promised else "realized"
    y, x = frame.y(row), frame.x
    low, high = factor * interval.low, factor * interval.high
    left = x.at(low) if math.isfinite(low) else x.start
    right = x.at(high) if math.isfinite(high) else x.end
    dash = "3 2" if promised else ""
    pen.line((left, y), (right, y), colour, width=1.5 if thin else 2.6, dash=dash)
    for bound, edge, shape in ((low, left, "<"), (high, right, ">")):
        if not math.isfinite(bound):
            pen.mark(shape, (edge, y), 7, colour)
    at = (x.at(factor * interval.lift), y)
    pen.mark("s" if promised else "o", at, 6 if thin else 9, colour, filled=not promised)


def segments_chart(view: LiftView, rows: tuple[LiftRow, ...] | None = None) -> Chart | None:
    """Realized lift of each segment (or arm) with its interval, beside what was promised of it."""
    by_arm = rows is not None
    rows = view.segments if rows is None else rows
    if not rows:
        return None
    scale, drawn = view.scale, rows[:ROWS_DRAWN]
    what = "arm" if by_arm else "segment"
    best, worst = (f(rows, key=lambda r: r.estimate.lift) for f in (max, min))
    alt = (
        f"Realized lift by {what}: highest in {best.label} with {scale.with_interval(best.estimate)}, "
        f"lowest in {worst.label} with {scale.with_interval(worst.estimate)}."
    )
    return Chart(
        name="arms" if by_arm else "segments",
        title=f"Realized lift by {what}",
        alt=alt,
        paint=lambda pen, narrow: _paint_rows(pen, view, drawn, narrow=narrow),
        table=rows_table(view, rows, what),
    )


def rows_table(view: LiftView, rows: tuple[LiftRow, ...], what: str) -> Table:
    """Writes segments, arms or periods as a table."""
    scale = view.scale
    return Table(
        caption=f"Lift by {what}, {unit_words(view)}",
        columns=(what, "realized", "interval", "promised", "treated", "holdout", "share"),
        rows=tuple(
            (
                r.label,
                scale.number(r.estimate.lift),
                scale.interval(r.estimate),
                scale.number(r.predicted),
                figures.count(r.n_treatment),
                figures.count(r.n_holdout),
                figures.share(r.share),
            )
            for r in rows
        ),
        numeric=frozenset(range(1, 7)),
    )


def _paint_rows(pen: Pen, view: LiftView, rows: tuple[LiftRow, ...], *, narrow: bool) -> None:
    f = view.scale.factor
    values = [f * x for r in rows for x in (r.estimate.low, r.estimate.high)]
    promised = [f * r.predicted for r in rows if r.predicted is not None]
    signs = "open square: promised, circle: realized" if promised else "circle: realized"
    frame = rows_frame(
        pen,
        [r.label for r in rows],
        limits([*values, *promised, 0.0], 0.04),
        step=32,
        below=f"{unit_words(view)}; {signs}",
        narrow=narrow,
    )
    frame.upright(pen, 0, "muted")
    for row, r in enumerate(rows):
        if r.predicted is not None:
            mark_interval(pen, frame, row, _exact(r.predicted), f, promised=True)
        mark_interval(pen, frame, row, r.estimate, f)


def unit_words(view: LiftView) -> str:
    """Returns the unit of the lift for an axis: "percentage points", "% of the holdout", "USD per unit"."""
    if view.effect == "relative":
        return "% of the holdout's mean"
    if view.scale.word == "points":
        return "percentage points"
    return f"{view.scale.word} per unit".strip()


def _lift_table(caption: str, rows: list[tuple[str, str, str]]) -> Table:
    return Table(caption, ("what", "lift", "interval"), tuple(rows), frozenset({1, 2}))


def _exact(value: float) -> Interval:
    return Interval(value, value, value)
