from __future__ import annotations

from typing import Any

from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.lift.verdict.plan import plan_lift
from spot_mlflow.reporting.charts.plan import plan_chart


def _plan(per_day: float | None, **said: Any) -> Any:
    contract = {
        "metric": "renewed",
        "predicted": {"lift": 0.04, "baseline": 0.1, **said},
        "tolerance": 0.015,
        "columns": {"arm": "offered", "outcome": "renewed"},
    }
    return plan_lift(PredictedLift.load(contract), holdouts=(0.1, 0.3), per_day=per_day)


def test_each_share_is_drawn_and_said_in_words() -> None:
    """The picture's words and its table have the waits of every share, in days where they are known."""
    plan = _plan(1_000)
    chart = plan_chart(plan)
    assert chart is not None
    assert [r[0] for r in chart.table.rows] == ["10 %", "30 %"]
    assert f"{plan.holdouts[0].days_met:,.0f} days if the promise is true" in chart.alt
    assert chart.svg().count("held out") >= 2
    in_units = plan_chart(_plan(None))
    assert in_units is not None
    assert in_units.title.startswith("Units until")


def test_no_picture_of_what_never_comes() -> None:
    """A promise too uncertain to be judged has no waits to draw."""
    assert plan_chart(_plan(1_000, se=0.05)) is None
