"""What a plan says, for the terminal, a notebook and JSON: one table, one order of sentences."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow import figures
from spot_mlflow.evidence import jsonable
from spot_mlflow.lift.promise.scale import contract_scale
from spot_mlflow.lift.verdict.chances import TRUTHS
from spot_mlflow.reporting.words.plan_words import holdout_words, know_when
from spot_mlflow.reporting.words.tables import Table
from spot_mlflow.verdicts import VERDICTS

if TYPE_CHECKING:
    from spot_mlflow.lift.verdict.chances import Truth
    from spot_mlflow.lift.verdict.plan import HoldoutPlan, LiftPlan

_SHOWN: Final = 0.005  # chances that round to 0 % are not worth a word
_FOUND: Final = {"half true": "half true", "false": "false", None: "not true"}


def opening(plan: LiftPlan) -> list[str]:
    """Returns when it will be known, then what each share costs and is worth."""
    return [know_when(plan), *holdout_words(plan)]


def chances_at(plan: LiftPlan) -> str:
    """Returns for how many units the chances are stated."""
    units = sorted({row.units for row in plan.holdouts})
    if len(units) == 1:
        return f"Chances at {units[0]:,.0f} matured units."
    return "Chances at the units that each share needs."


def plan_table(plan: LiftPlan) -> Table:
    """Returns one row for each share: waits, chances, and the smallest gap that is found."""
    what = "days" if plan.per_day is not None else "units"
    columns = (
        "Holdout",
        f"{what} to a verdict if true",
        f"{what} to a verdict if {_FOUND[plan.decisive]}",
        "If true",
        "If half true",
        "If false",
        "Smallest gap found",
    )
    rows = tuple(_cells(plan, row) for row in plan.holdouts)
    return Table("By holdout", columns, rows, frozenset({1, 2, 6}))


def worth_showing(plan: LiftPlan) -> list[tuple[Truth, str]]:
    """Returns truths and verdicts that have a chance at any of the shares."""
    return [
        (truth, verdict)
        for truth in TRUTHS
        for verdict in VERDICTS
        if any(getattr(r.chances[truth], verdict) >= _SHOWN for r in plan.holdouts)
    ]


def plan_dict(plan: LiftPlan) -> dict[str, Any]:
    """Returns the plan as JSON values; "never" is null."""
    return {
        "metric": plan.predicted.metric,
        "summary": know_when(plan),
        "decision": holdout_words(plan),
        "baseline": plan.baseline,
        "per_day": plan.per_day,
        "power": plan.power,
        "looks": plan.predicted.looks_used,
        "planned_units": plan.predicted.planned_units,
        "tolerance": plan.predicted.tolerance_used,
        "decisive": plan.decisive,
        "starts": plan.starts and plan.starts.isoformat(),
        "money": jsonable(plan.money),
        "holdouts": plan_rows(plan),
        "notes": list(plan.notes),
    }


def plan_rows(plan: LiftPlan) -> list[dict[str, Any]]:
    """Returns the shares as JSON values."""
    extra = ("units_needed", "days_needed")
    return [
        {**jsonable(row), **{k: jsonable(getattr(row, k)) for k in extra}} for row in plan.holdouts
    ]


def waits(plan: LiftPlan, row: HoldoutPlan) -> tuple[float | None, float | None]:
    """Returns days, or units without a daily volume, until a kept and a broken promise is found."""
    if plan.per_day is None:
        return row.units_met, row.units_short
    return row.days_met, row.days_short


def _cells(plan: LiftPlan, row: HoldoutPlan) -> tuple[str, ...]:
    gap = row.detectable_gap
    return (
        figures.share(row.holdout),
        *(_count(w) for w in waits(plan, row)),
        *(_chances(row, truth) for truth in TRUTHS),
        contract_scale(plan.predicted, gap).amount(gap) if math.isfinite(gap) else "none",
    )


def _count(x: float | None) -> str:
    return "never" if x is None or math.isinf(x) else f"{x:,.0f}"


def _chances(row: HoldoutPlan, truth: Truth) -> str:
    """The verdicts of at least one percent, likeliest first."""
    c = row.chances[truth]
    worth = sorted(((p, k) for k in VERDICTS if (p := getattr(c, k)) >= _SHOWN), reverse=True)
    return ", ".join(f"{k} {figures.share(p)}" for p, k in worth)
