"""Charts, drawn by matplotlib through its object interface: no pyplot, no global state."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from spot_mlflow.reporting.lift_view import LiftView, lift_view

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.lift.report import LiftReport

INK, MUTED, BLUE, PAPER = "#11171c", "#5f7281", "#0072b2", "#ffffff"


def lift_gap_png(check: LiftReport | Mapping[str, Any]) -> bytes:
    """Draws predicted against realized lift with intervals, minimum and tolerance, as a PNG."""
    figure = _lift_gap(lift_view(check))
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150, facecolor=PAPER)
    return buffer.getvalue()


def _lift_gap(view: LiftView) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 2.6), layout="constrained")
    axes = figure.add_subplot()
    f = view.scale.factor
    for y, (interval, marker, fill) in enumerate(
        [(view.realized, "o", BLUE), (view.predicted, "s", PAPER)]
    ):
        axes.plot([f * interval.low, f * interval.high], [y, y], color=BLUE, linewidth=2)
        axes.plot([f * interval.lift], [y], marker, color=BLUE, markerfacecolor=fill, markersize=9)
    axes.set_yticks([0, 1], ["realized", "predicted"])
    axes.set_ylim(-0.6, 1.6)
    axes.axvline(0, color=MUTED, linewidth=0.8)
    if view.minimum is not None:
        axes.axvline(f * view.minimum, color=INK, linestyle="--", linewidth=1)
    axes.set_xlabel(f"lift in {view.scale.word or view.metric}")
    return figure
