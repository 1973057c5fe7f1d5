"""The pictures over time: the lift so far with its band, and the lift of each period."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.lift.interval import Interval
from spot_mlflow.reporting import figures
from spot_mlflow.reporting.charts.drawing import Chart
from spot_mlflow.reporting.charts.lift import limits, rows_table, unit_words
from spot_mlflow.reporting.words.lift_view import LiftRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spot_mlflow.reporting.charts.palette import Palette
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
        height=2.7,
        paint=lambda axes, palette, narrow: _paint_course(axes, palette, view, rows, narrow=narrow),
        table=rows_table(view, tuple(rows), "decided up to"),
    )


def _paint_course(
    axes: Any, palette: Palette, view: LiftView, rows: Sequence[LiftRow], *, narrow: bool
) -> None:
    f = view.scale.factor
    bottom, top = _window(view, rows)
    x = range(len(rows))
    low = [max(f * r.estimate.low, bottom) for r in rows]
    high = [min(f * r.estimate.high, top) for r in rows]
    axes.fill_between(x, low, high, color=palette.band, linewidth=0)
    axes.plot(
        x,
        [f * r.estimate.lift for r in rows],
        "o-",
        color=palette.realized,
        linewidth=1.8,
        markersize=4,
    )
    _frame(axes, palette, view, [r.label for r in rows], narrow=narrow)
    axes.set_ylim(bottom, top)


def _window(view: LiftView, rows: Sequence[LiftRow]) -> tuple[float, float]:
    """Returns the part of the axis worth seeing: the first bands are wide beyond all use."""
    f = view.scale.factor
    reach = WORST * max(abs(f * view.predicted.lift), abs(f * rows[-1].estimate.lift), 1e-12)
    values = [f * v for r in rows for v in (r.estimate.low, r.estimate.high)]
    low, high = limits(
        [*(max(-reach, min(reach, v)) for v in values), 0.0, f * view.predicted.lift]
    )
    pad = 0.05 * (high - low)
    return low - pad, high + pad


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
        height=2.7,
        paint=lambda axes, palette, narrow: _paint_periods(
            axes, palette, view, rows, narrow=narrow
        ),
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


def _paint_periods(
    axes: Any, palette: Palette, view: LiftView, rows: Sequence[LiftRow], *, narrow: bool
) -> None:
    f = view.scale.factor
    x = range(len(rows))
    low, high = (
        [f * v for v in side]
        for side in zip(*((r.estimate.low, r.estimate.high) for r in rows), strict=True)
    )
    bottom, top = limits([*low, *high, 0.0, f * view.predicted.lift])
    axes.vlines(
        x,
        [max(v, bottom) for v in low],
        [min(v, top) for v in high],
        color=palette.realized,
        linewidth=1.8,
    )
    axes.plot(x, [f * r.estimate.lift for r in rows], "o", color=palette.realized, markersize=5)
    _frame(axes, palette, view, [r.label for r in rows], narrow=narrow)
    pad = 0.04 * (top - bottom)
    axes.set_ylim(bottom - pad, top + pad)


def _frame(
    axes: Any, palette: Palette, view: LiftView, labels: Sequence[str], *, narrow: bool
) -> None:
    """Draws the promise, the least worth having, the zero line, and the days below."""
    f = view.scale.factor
    promised = f * view.predicted.lift
    axes.axhline(0, color=palette.muted, linewidth=0.8)
    axes.axhline(promised, color=palette.promised, linestyle=(0, (4, 3)), linewidth=1.4)
    side_note(axes, promised, "promised", palette)
    step = max(1, math.ceil(len(labels) / (3 if narrow else 7)))
    axes.set_xticks(range(len(labels))[::step], [figures.short_day(d) for d in labels][::step])
    axes.set_ylabel(unit_words(view))


def side_note(axes: Any, y: float, words: str, palette: Palette) -> None:
    """Names a level at the right edge, beside the axes."""
    axes.annotate(
        words,
        (1.0, y),
        xycoords=axes.get_yaxis_transform(),
        xytext=(5, 0),
        textcoords="offset points",
        va="center",
        color=palette.muted,
        fontsize=8.5,
        annotation_clip=False,
    )
