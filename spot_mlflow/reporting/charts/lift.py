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
from spot_mlflow.reporting.charts.drawing import Chart, rows_of_labels, words_below, wrapped
from spot_mlflow.reporting.words.lift_view import LiftView, lift_view
from spot_mlflow.reporting.words.tables import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.lift.report import LiftReport
    from spot_mlflow.reporting.charts.drawing import Theme
    from spot_mlflow.reporting.charts.palette import Palette
    from spot_mlflow.reporting.words.lift_view import LiftRow

MLFLOW_DPI: Final = 88  # 634 pixels
JUDGED: Final = "as judged"  # with the uncertainty of the promise
NOTES: Final = ("least worth having", "within tolerance")
SIDE_BY_SIDE: Final = 0.38  # of the axes: so far apart two notes stand on one line
SIDE_BY_SIDE_NARROW: Final = 0.7
ROWS_DRAWN: Final = 12  # segments in a picture; the table has them all


def lift_gap_png(
    check: LiftReport | Mapping[str, Any], theme: Theme = "light", *, dpi: int = MLFLOW_DPI
) -> bytes:
    """Draws predicted against realized lift with intervals, minimum and tolerance, as a PNG.

    Args:
        check: the outcome check, fresh or from the record.
        theme: light or dark.
        dpi: pixels an inch; by default as wide as an MLflow description, which shows pictures in
            their own size.
    """
    return lift_gap_chart(lift_view(check)).png(theme, dpi=dpi)


def lift_gap_chart(view: LiftView) -> Chart:
    """Predicted against realized lift, with intervals, the minimum viable lift and the tolerance.

    Where a fault of the log leaves no verdict, what arrived is not drawn: it would look like one.
    """
    scale = view.scale
    levels = _levels(view, "realized, valid at any look")
    rows = [(name, scale.number(i.lift), scale.interval(i)) for name, i in levels]
    judged = judged_against(view)
    if not view.data_fault:
        rows.append(("gap", scale.signed(view.gap.lift), scale.interval(view.gap)))
    if view.minimum is not None:
        rows.append(("least worth having", scale.number(view.minimum), figures.NOTHING))
    rows.append(("tolerance", scale.number(view.tolerance), figures.NOTHING))
    realized = (
        "what arrived cannot be told from this log"
        if view.data_fault
        else f"realized {scale.with_interval(view.realized)}; against the promise, whose own "
        f"uncertainty counts, {scale.interval(judged)}; verdict: {view.verdict}"
    )
    alt = f"Promised {scale.with_interval(view.predicted)}; {realized}."
    title = f"Promised and realized lift of {view.metric}"
    if view.data_fault:
        title = f"Promised lift of {view.metric}; what arrived cannot be told"
    return Chart(
        name="lift-gap",
        title=title,
        alt=alt,
        height=0.55 * len(levels) + 1.25,
        paint=lambda axes, palette, narrow: _paint_gap(axes, palette, view, narrow=narrow),
        table=_lift_table(f"Lift, {unit_words(view)}", rows),
    )


def _levels(view: LiftView, at_any_look: str) -> list[tuple[str, Interval]]:
    """Returns what is drawn, from above."""
    levels = [("promised", view.predicted)]
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


def _paint_gap(axes: Any, palette: Palette, view: LiftView, *, narrow: bool) -> None:
    f, scale = view.scale.factor, view.scale
    rows = _levels(view, "at any look" if narrow else "valid at any look")
    low, high = limits([f * x for _, i in rows for x in (i.low, i.high, i.lift)] + [0.0])
    p, d = f * view.predicted.lift, f * view.tolerance
    if d > 0:
        axes.axvspan(p - d, p + d, color=palette.band, linewidth=0, zorder=0)
        low, high = min(low, p - d), max(high, p + d)
    axes.axvline(0, color=palette.muted, linewidth=0.8, zorder=1)
    notes = [(p, NOTES[1])] if d > 0 else []
    if view.minimum is not None:
        axes.axvline(f * view.minimum, color=palette.ink, linestyle=(0, (4, 3)), linewidth=1.1)
        notes.insert(0, (f * view.minimum, NOTES[0]))
    for y, (name, interval) in enumerate(rows):
        mark_interval(axes, y, interval, f, palette, promised=name == "promised", thin=y > 1)
        axes.annotate(
            figures.typeset(scale.number(interval.lift)),
            (f * interval.lift, y),
            xytext=(0, 8),
            textcoords="offset points",
            ha="center",
            color=palette.ink,
            fontweight="bold" if y == 1 else "normal",
        )
    rows_of_labels(axes, [name for name, _ in rows], palette)
    axes.set_ylim(len(rows) - 0.5, -0.95)
    pad = 0.06 * (high - low)
    axes.set_xlim(low - pad, high + pad)
    _notes_above(axes, notes, palette, narrow=narrow)
    words_below(axes, unit_words(view), narrow=narrow)


def _notes_above(
    axes: Any, notes: list[tuple[float, str]], palette: Palette, *, narrow: bool
) -> None:
    """Names lines and bands above the axes; when two would meet, the second gives way upwards."""
    left, right = axes.get_xlim()
    apart = SIDE_BY_SIDE_NARROW if narrow else SIDE_BY_SIDE
    near = len(notes) > 1 and abs(notes[0][0] - notes[1][0]) < apart * (right - left)
    for i, (x, words) in enumerate(notes):
        place = (x - left) / (right - left)
        side = "left" if place < 0.2 else "right" if place > 0.8 else "center"  # noqa: PLR2004 - near an edge text runs inwards
        axes.annotate(
            words,
            (x, 1.0),
            xycoords=axes.get_xaxis_transform(),
            xytext=(0, 3 + (12 if near and i else 0)),
            textcoords="offset points",
            ha=side,
            va="bottom",
            color=palette.muted,
            fontsize=8.5,
            annotation_clip=False,
        )


def mark_interval(
    axes: Any,
    y: float,
    interval: Interval,
    factor: float,
    palette: Palette,
    *,
    promised: bool = False,
    thin: bool = False,
) -> None:
    """Draws an estimate with its interval: an open square for a promise, else a filled circle.

    An unbounded side runs to the edge and ends in an arrow.
    """
    colour = palette.promised if promised else palette.realized
    low, high, lift = (factor * x for x in (interval.low, interval.high, interval.lift))
    left, right = axes.get_xlim()
    ends = (low if math.isfinite(low) else left, high if math.isfinite(high) else right)
    style = (0, (2, 1.5)) if promised else "-"
    axes.plot(ends, [y, y], color=colour, linewidth=1.2 if thin else 2.2, linestyle=style, zorder=2)
    for bound, edge, marker in ((low, ends[0], "<"), (high, ends[1], ">")):
        if not math.isfinite(bound):
            axes.plot([edge], [y], marker, color=colour, markersize=6, clip_on=False, zorder=3)
    axes.plot(
        [lift],
        [y],
        "s" if promised else "o",
        markersize=8 if not thin else 5,
        markeredgewidth=1.8,
        color=colour,
        markerfacecolor=palette.paper if promised else colour,
        zorder=4,
    )


def promise_at(axes: Any, x: float, y: float, palette: Palette) -> None:
    """Marks what was promised at a point: an open square."""
    axes.plot(
        [x],
        [y],
        "s",
        markersize=8,
        markeredgewidth=1.8,
        color=palette.promised,
        markerfacecolor="none",
        zorder=4,
    )


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
        height=0.34 * len(drawn) + 0.95,
        paint=lambda axes, palette, narrow: _paint_rows(axes, palette, view, drawn, narrow=narrow),
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


def _paint_rows(
    axes: Any, palette: Palette, view: LiftView, rows: tuple[LiftRow, ...], *, narrow: bool
) -> None:
    f = view.scale.factor
    values = [f * x for r in rows for x in (r.estimate.low, r.estimate.high)]
    promised = [f * r.predicted for r in rows if r.predicted is not None]
    low, high = limits([*values, *promised, 0.0])
    axes.set_xlim(low - 0.04 * (high - low), high + 0.04 * (high - low))
    axes.axvline(0, color=palette.muted, linewidth=0.8)
    for y, r in enumerate(rows):
        if r.predicted is not None:
            promise = _exact(r.predicted)
            mark_interval(axes, y, promise, f, palette, promised=True)
        mark_interval(axes, y, r.estimate, f, palette)
    rows_of_labels(axes, [wrapped(r.label, narrow=narrow) for r in rows], palette)
    signs = "open square: promised, circle: realized" if promised else "circle: realized"
    words_below(axes, f"{unit_words(view)}; {signs}", narrow=narrow)


def unit_words(view: LiftView) -> str:
    """Returns the unit of the lift for an axis: "percentage points", "% of the holdout", "USD per unit"."""
    if view.effect == "relative":
        return "% of the holdout's mean"
    if view.scale.word == "points":
        return "percentage points"
    return f"{view.scale.word} per unit".strip()


def _lift_table(caption: str, rows: list[tuple[str, str, str]]) -> Table:
    return Table(caption, ("what", "lift", "interval"), tuple(rows), frozenset({1, 2}))


def limits(values: list[float]) -> tuple[float, float]:
    """Returns lowest and highest of the finite values, never the same."""
    finite = [v for v in values if math.isfinite(v)] or [0.0]
    low, high = min(finite), max(finite)
    return (low, high) if high > low else (low - 1.0, high + 1.0)


def _exact(value: float) -> Interval:

    return Interval(value, value, value)
