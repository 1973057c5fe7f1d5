"""The pictures over time: the lift so far with its band, and the lift of each period."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from spot_mlflow.lift.interval import Interval
from spot_mlflow.reporting import figures
from spot_mlflow.reporting.charts.drawing import Chart
from spot_mlflow.reporting.charts.frames import (
    DASHES,
    level_note,
    limits,
    plane_frame,
    thinned,
)
from spot_mlflow.reporting.charts.lift import PROMISED, rows_table, unit_words
from spot_mlflow.reporting.words.lift_view import LiftRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spot_mlflow.reporting.charts.frames import Plane
    from spot_mlflow.reporting.charts.pen import Pen
    from spot_mlflow.reporting.words.lift_view import LiftView

MOST_DRAWN: Final = 16  # periods in a picture; more are put together by the week
FEWEST: Final = 2  # one point is no course
WORST: Final = 3.0  # the first points' bands may be this many times the promise; then they are cut


def course_chart(view: LiftView) -> Chart | None:
    """Lift of all units up to each period, with the band that may be read at any look."""
    rows = [r for r in view.course if math.isfinite(r.estimate.lift)]
    if len(rows) < FEWEST:
        return None
    scale, last = view.scale, rows[-1]
    return Chart(
        name="course",
        title="Realized lift so far, valid at any look",
        alt=(
            f"With all units decided up to the period of {figures.day(last.label)} the lift is "
            f"{scale.with_interval(last.estimate)}; promised {scale.amount(view.predicted.lift)}."
        ),
        paint=lambda pen, narrow: _paint_course(pen, view, rows, narrow=narrow),
        table=rows_table(view, tuple(rows), "decided up to"),
    )


def _paint_course(pen: Pen, view: LiftView, rows: Sequence[LiftRow], *, narrow: bool) -> None:
    f = view.scale.factor
    plane = _frame(pen, view, rows, _window(view, rows), narrow=narrow)
    x = [float(i) for i in range(len(rows))]
    plane.band(pen, x, [f * r.estimate.low for r in rows], [f * r.estimate.high for r in rows])
    _promise_and_nothing(pen, plane, view)
    plane.course(pen, x, [f * r.estimate.lift for r in rows])


def _window(view: LiftView, rows: Sequence[LiftRow]) -> tuple[float, float]:
    """Returns the part of the axis worth seeing: the first bands are wide beyond all use."""
    f = view.scale.factor
    reach = WORST * max(abs(f * view.predicted.lift), abs(f * rows[-1].estimate.lift), 1e-12)
    values = [f * v for r in rows for v in (r.estimate.low, r.estimate.high)]
    cut = (max(-reach, min(reach, v)) for v in values)
    return limits([*cut, 0.0, f * view.predicted.lift], 0.05)


def periods_chart(view: LiftView) -> Chart | None:
    """Lift of each period by itself with its interval, beside the promise."""
    every = [r for r in view.periods if r.n_treatment and r.n_holdout]
    rows = by_week(every) if len(every) > MOST_DRAWN else every
    if len(rows) < FEWEST:
        return None
    scale, first, last = view.scale, rows[0], rows[-1]
    return Chart(
        name="periods",
        title="Realized lift of each period",
        alt=(
            f"Lift by period of decision, from {scale.number(first.estimate.lift)} in that of "
            f"{figures.day(first.label)} to {scale.amount(last.estimate.lift)} in that of "
            f"{figures.day(last.label)}; promised {scale.amount(view.predicted.lift)}."
        ),
        paint=lambda pen, narrow: _paint_periods(pen, view, rows, narrow=narrow),
        table=rows_table(view, tuple(rows), "period"),
    )


def by_week(rows: Sequence[LiftRow]) -> list[LiftRow]:
    """Puts periods together by the week: their average by units, half widths in quadrature.

    Rows without a date, or with an open interval, are left as they are.
    """
    weeks: dict[str, list[LiftRow]] = {}
    for r in rows:
        weeks.setdefault(_monday(r), []).append(r)
    return [_together(label, found) for label, found in weeks.items()]


def _monday(row: LiftRow) -> str:
    try:
        day = date.fromisoformat(row.label[:10])
    except ValueError:
        return row.label
    return (day - timedelta(days=day.weekday())).isoformat()


def _together(label: str, rows: Sequence[LiftRow]) -> LiftRow:
    share = sum(r.share for r in rows)
    weights = [r.share / share if share else 1 / len(rows) for r in rows]

    def average(values: Sequence[float]) -> float:
        return sum(w * v for w, v in zip(weights, values, strict=True))

    def width(values: Sequence[float]) -> float:
        return math.sqrt(sum((w * v) ** 2 for w, v in zip(weights, values, strict=True)))

    lift = average([r.estimate.lift for r in rows])
    below = width([r.estimate.lift - r.estimate.low for r in rows])
    above = width([r.estimate.high - r.estimate.lift for r in rows])
    promised = [r.predicted for r in rows if r.predicted is not None]
    return LiftRow(
        label=label,
        estimate=Interval(lift, lift - below, lift + above),
        n_treatment=sum(r.n_treatment for r in rows),
        n_holdout=sum(r.n_holdout for r in rows),
        share=share,
        predicted=promised[0] if promised else None,
        p_value=None,
    )


def _paint_periods(pen: Pen, view: LiftView, rows: Sequence[LiftRow], *, narrow: bool) -> None:
    f = view.scale.factor
    bounds = [f * v for r in rows for v in (r.estimate.low, r.estimate.high)]
    span = limits([*bounds, 0.0, f * view.predicted.lift], 0.04)
    plane = _frame(pen, view, rows, span, narrow=narrow)
    _promise_and_nothing(pen, plane, view)
    for x, r in enumerate(rows):
        plane.upright(pen, x, f * r.estimate.low, f * r.estimate.high)
        pen.mark("o", plane.at(x, f * r.estimate.lift), 6, "realized")


def _frame(
    pen: Pen,
    view: LiftView,
    rows: Sequence[LiftRow],
    span: tuple[float, float],
    *,
    narrow: bool,
) -> Plane:
    return plane_frame(
        pen,
        (-0.4, len(rows) - 0.6),
        span,
        unit=unit_words(view),
        below="",
        ticks=thinned([figures.short_day(r.label) for r in rows], narrow=narrow),
        note=PROMISED,
        narrow=narrow,
    )


def _promise_and_nothing(pen: Pen, plane: Plane, view: LiftView) -> None:
    """Draws the zero line, and the promise with its name."""
    promised = view.scale.factor * view.predicted.lift
    plane.level(pen, 0, "muted")
    plane.level(pen, promised, "promised", width=1.6, dash=DASHES)
    level_note(pen, plane, promised, PROMISED)
