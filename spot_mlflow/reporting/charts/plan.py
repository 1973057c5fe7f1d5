"""The picture of a plan: how long until it is known, by the share that is held out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from spot_mlflow import figures
from spot_mlflow.reporting.charts.drawing import Chart
from spot_mlflow.reporting.charts.frames import limits, rows_frame
from spot_mlflow.reporting.words.plan_view import plan_table, waits
from spot_mlflow.reporting.words.tables import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spot_mlflow.lift.verdict.plan import HoldoutPlan, LiftPlan
    from spot_mlflow.reporting.charts.pen import Pen


def plan_chart(plan: LiftPlan) -> Chart | None:
    """Returns the waits by holdout; None where no share ever gives an answer."""
    unit = "days" if plan.per_day is not None else "units"
    drawn = [row for row in plan.holdouts if any(_finite(w) for w in waits(plan, row))]
    if not drawn:
        return None
    table = plan_table(plan)
    title = f"{unit.capitalize()} until it is known, by the share held out"
    return Chart(
        name="plan",
        title=title,
        alt="; ".join(_said(plan, row, unit) for row in drawn) + ".",
        paint=lambda pen, narrow: _paint(pen, plan, drawn, unit, narrow=narrow),
        table=Table(title, table.columns[:3], tuple(r[:3] for r in table.rows), frozenset({1, 2})),
    )


def _finite(wait: float | None) -> bool:
    return wait is not None and math.isfinite(wait)


def _said(plan: LiftPlan, row: HoldoutPlan, unit: str) -> str:
    met, short = (f"{w:,.0f} {unit}" if _finite(w) else "never" for w in waits(plan, row))
    return (
        f"{figures.share(row.holdout)} held out: {met} if the promise is true, {short} if it is not"
    )


def _paint(
    pen: Pen, plan: LiftPlan, drawn: Sequence[HoldoutPlan], unit: str, *, narrow: bool
) -> None:
    known = [w for row in drawn for w in waits(plan, row) if w is not None and math.isfinite(w)]
    frame = rows_frame(
        pen,
        [f"{figures.share(row.holdout)} held out" for row in drawn],
        limits([0.0, *known], 0.04),
        step=28,
        below=f"{unit}; open square: the promise is true, circle: it is not",
        narrow=narrow,
    )
    frame.upright(pen, 0, "muted")
    for i, row in enumerate(drawn):
        met, short = waits(plan, row)
        if met is not None and math.isfinite(met):
            pen.mark("s", (frame.x.at(met), frame.y(i)), 8, "promised", filled=False)
        if short is not None and math.isfinite(short):
            pen.mark("o", (frame.x.at(short), frame.y(i)), 8, "realized")
