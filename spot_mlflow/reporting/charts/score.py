"""The pictures by score: profit curve and decile calibration."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from spot_mlflow.lift.causes.bridge import interval_from
from spot_mlflow.reporting import figures
from spot_mlflow.reporting.charts.drawing import Chart, words_below
from spot_mlflow.reporting.charts.lift import promise_at, unit_words
from spot_mlflow.reporting.words.tables import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spot_mlflow.reporting.charts.palette import Palette
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
        height=2.9,
        paint=lambda axes, palette, _: _paint_profit(axes, palette, points, cutoff, words),
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
    axes: Any,
    palette: Palette,
    points: Sequence[Mapping[str, Any]],
    cutoff: Mapping[str, Any],
    words: str,
) -> None:
    x = [0.0, *(100 * p["depth"] for p in points)]
    values = [interval_from(p["cumulative"]) for p in points]
    axes.fill_between(
        x,
        [0.0, *(v.low for v in values)],
        [0.0, *(v.high for v in values)],
        color=palette.band,
        linewidth=0,
    )
    axes.plot(
        x,
        [0.0, *(v.lift for v in values)],
        "o-",
        color=palette.realized,
        linewidth=1.8,
        markersize=4,
    )
    axes.axhline(0, color=palette.muted, linewidth=0.8)
    axes.set_xlim(0, 100)
    if cutoff["bin"] is not None:
        depth = 100 * cutoff["depth"]
        axes.axvline(depth, color=palette.ink, linestyle=(0, (4, 3)), linewidth=1.1)
        axes.annotate(
            "best cut-off",
            (depth, 1.0),
            xycoords=axes.get_xaxis_transform(),
            xytext=(0, 3),
            textcoords="offset points",
            ha="right" if depth > 80 else "left" if depth < 20 else "center",  # noqa: PLR2004 - keeps the words inside
            va="bottom",
            color=palette.muted,
            fontsize=8.5,
            annotation_clip=False,
        )
    axes.set_xlabel("% of customers contacted, highest scores first")
    axes.set_ylabel(words)


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
    return Chart(
        name="calibration",
        title="Predicted and realized lift by score",
        alt=f"Realized lift in the bin of the highest scores {first}, in that of the lowest {last}.",
        height=2.9,
        paint=lambda axes, palette, narrow: _paint_calibration(
            axes, palette, view, bins, narrow=narrow
        ),
        table=Table(f"Lift by score, {unit_words(view)}", heads, rows, frozenset(range(5))),
    )


def _paint_calibration(
    axes: Any,
    palette: Palette,
    view: LiftView,
    bins: Sequence[Mapping[str, Any]],
    *,
    narrow: bool,
) -> None:
    f = view.scale.factor
    for x, r in enumerate(bins):
        realized = interval_from(r["realized"])
        if math.isfinite(realized.low) and math.isfinite(realized.high):
            axes.vlines(x, f * realized.low, f * realized.high, color=palette.realized, linewidth=2)
        axes.plot([x], [f * realized.lift], "o", color=palette.realized, markersize=6.5)
        if r["predicted"] is not None:
            promise_at(axes, x, f * r["predicted"], palette)
    axes.axhline(0, color=palette.muted, linewidth=0.8)
    axes.margins(y=0.1)
    axes.set_xticks(range(len(bins)), [str(i + 1) for i in range(len(bins))])
    told = any(r["predicted"] is not None for r in bins)
    signs = "; open square: predicted, circle: realized" if told else "; circle: realized"
    words_below(axes, f"bins of the score, highest first{signs}", narrow=narrow)
    axes.set_ylabel(unit_words(view))
