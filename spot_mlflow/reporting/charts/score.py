"""The pictures by score: profit curve and decile calibration."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from spot_mlflow.lift.causes.bridge import interval_from
from spot_mlflow.lift.interval import Interval
from spot_mlflow.reporting import figures
from spot_mlflow.reporting.charts.drawing import Chart
from spot_mlflow.reporting.charts.frames import DASHES, limits, notes_above, plane_frame
from spot_mlflow.reporting.charts.lift import unit_words
from spot_mlflow.reporting.words.tables import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spot_mlflow.figures import LiftScale
    from spot_mlflow.lift.promise.backtest import Backtest
    from spot_mlflow.reporting.charts.pen import Pen
    from spot_mlflow.reporting.words.lift_view import LiftView


def profit_curve_chart(view: LiftView) -> Chart | None:
    """Net value when contacting from the highest score down, with the best cut-off."""
    curve = (view.data.get("economics") or {}).get("curve")
    if not curve or len(curve["points"]) < 2:  # noqa: PLR2004 - one point is no curve
        return None
    unit = curve.get("unit") or "money"
    words = f"{unit} per eligible unit"
    points, cutoff = curve["points"], curve["cutoff"]
    rows = tuple(
        (
            figures.share(p["depth"]),
            figures.plain(p["score_from"], 4),
            view.scale.with_interval(interval_from(p["lift"])),
            _bounds(p["profit"]),
            _bounds(p["cumulative"]),
        )
        for p in points
    )
    heads = ("contacted", "score from", "lift of the bin", "profit of the bin", "profit to here")
    best = max(points, key=lambda p: p["cumulative"]["lift"])
    gain = _bounds(best["cumulative"])
    return Chart(
        name="profit-curve",
        title="Net value by how many are contacted",
        alt=f"Highest where {figures.share(best['depth'])} of customers are contacted: {gain} {words}.",
        paint=lambda pen, narrow: _paint_profit(pen, points, cutoff, words, narrow=narrow),
        table=Table(f"Profit by score, {words}", heads, rows, frozenset({0, 1, 2, 3, 4})),
    )


def _bounds(data: Mapping[str, Any]) -> str:
    x = interval_from(data)
    half = (x.high - x.low) / 2
    decimals = figures.decimals_for(half) if 0 < half < math.inf else 2
    decimals = max(0, min(figures.MOST_DECIMALS, decimals))
    low, high = figures.number(x.low, decimals), figures.number(x.high, decimals)
    return f"{figures.number(x.lift, decimals)} ({low} to {high})"


def _paint_profit(
    pen: Pen,
    points: Sequence[Mapping[str, Any]],
    cutoff: Mapping[str, Any],
    words: str,
    *,
    narrow: bool,
) -> None:
    x = [0.0, *(100 * p["depth"] for p in points)]
    values = [Interval(0.0, 0.0, 0.0), *(interval_from(p["cumulative"]) for p in points)]
    plane = plane_frame(
        pen,
        (0.0, 100.0),
        limits([n for v in values for n in (v.low, v.high)], 0.05),
        unit=words,
        below="% of customers contacted, highest scores first",
        narrow=narrow,
    )
    plane.band(pen, x, [v.low for v in values], [v.high for v in values])
    plane.level(pen, 0, "muted")
    plane.course(pen, x, [v.lift for v in values])
    if cutoff["bin"] is not None:
        depth = 100 * cutoff["depth"]
        foot, head = plane.at(depth, plane.y.low), plane.at(depth, plane.y.high)
        pen.line(foot, head, "ink", dash=DASHES)
        notes_above(pen, plane.x, head[1] - 3, [(depth, "best cut-off")])


def calibration_chart(view: LiftView) -> Chart | None:
    """Predicted against realized lift by score bin, the highest scores first."""
    found = view.data.get("calibration") or ()
    if len(found) < 2:  # noqa: PLR2004 - one bin shows no order
        return None
    bins = sorted(found, key=lambda r: -int(r["bin"]))
    scale = view.scale
    rows = tuple(
        (
            str(i + 1),
            figures.share(r["share"]),
            scale.number(r["predicted"]),
            scale.number(r["realized"]["lift"]),
            scale.interval(interval_from(r["realized"])),
        )
        for i, r in enumerate(bins)
    )
    first, last = (scale.with_interval(interval_from(r["realized"])) for r in (bins[0], bins[-1]))
    heads = ("bin, highest scores first", "share", "predicted", "realized", "interval")
    shown = [(interval_from(r["realized"]), r["predicted"]) for r in bins]
    return Chart(
        name="calibration",
        title="Predicted and realized lift by score",
        alt=f"Realized lift in the bin of the highest scores {first}, in that of the lowest {last}.",
        paint=lambda pen, narrow: _paint_bins(
            pen, shown, scale.factor, unit_words(view), narrow=narrow
        ),
        table=Table(f"Lift by score, {unit_words(view)}", heads, rows, frozenset(range(5))),
    )


def backtest_chart(found: Backtest, scale: LiftScale, words: str) -> Chart:
    """Lift by bin of the score in a backtest, the highest scores first.

    Args:
        found: the backtest.
        scale: how its lifts are written.
        words: their unit, beside the axis.
    """
    rows = tuple(
        (str(i), figures.plain(d.low, 3), scale.number(d.predicted), scale.with_interval(d.actual))
        for i, d in enumerate(found.deciles, 1)
    )
    first, last = (scale.with_interval(d.actual) for d in (found.deciles[0], found.deciles[-1]))
    heads = ("bin, highest scores first", "scores from", "predicted", "lift")
    shown = [(d.actual, d.predicted) for d in found.deciles]
    return Chart(
        name="backtest",
        title="Lift by score in the backtest",
        alt=f"Lift in the bin of the highest scores {first}, in that of the lowest {last}.",
        paint=lambda pen, narrow: _paint_bins(pen, shown, scale.factor, words, narrow=narrow),
        table=Table(f"Lift by score, {words}", heads, rows, frozenset(range(4))),
    )


def _paint_bins(
    pen: Pen,
    shown: Sequence[tuple[Interval, float | None]],
    f: float,
    words: str,
    *,
    narrow: bool,
) -> None:
    """Draws the lift of each bin, and what was predicted of it; ``f`` takes a lift to its unit."""
    promised = [f * said for _, said in shown if said is not None]
    bounds = [f * n for v, _ in shown for n in (v.low, v.high, v.lift)]
    signs = "open square: predicted, circle: realized" if promised else "circle: realized"
    plane = plane_frame(
        pen,
        (-0.5, len(shown) - 0.5),
        limits([*bounds, *promised, 0.0], 0.06),
        unit=words,
        below=f"bins of the score, highest first; {signs}",
        ticks=[(float(i), str(i + 1)) for i in range(len(shown))],
        narrow=narrow,
    )
    plane.level(pen, 0, "muted")
    for x, (realized, said) in enumerate(shown):
        if math.isfinite(realized.low) and math.isfinite(realized.high):
            plane.upright(pen, x, f * realized.low, f * realized.high)
        pen.mark("o", plane.at(x, f * realized.lift), 7, "realized")
        if said is not None:
            pen.mark("s", plane.at(x, f * said), 9, "promised", hollow=True)
