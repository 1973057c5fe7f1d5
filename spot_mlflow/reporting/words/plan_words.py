"""What a plan says to the one who decides: when it will be known, and what the holdout costs."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

from spot_mlflow import figures
from spot_mlflow.days import day

if TYPE_CHECKING:
    from spot_mlflow.lift.verdict.plan import HoldoutPlan, LiftPlan


def know_when(plan: LiftPlan) -> str:
    """One sentence: "The result will be known with a 10 % holdout in 41 days, with 20 % in 23"."""
    if all(math.isinf(row.units_needed) for row in plan.holdouts):
        return "No number of units will show both that a kept promise was kept and that a broken one was broken."
    return f"The result will be known {known_when(plan)} (chance {figures.share(plan.power)} either way)."


def known_when(plan: LiftPlan) -> str:
    """A time for each share: "with a 10 % holdout in 41 days, with 20 % in 23 days"."""

    def when(row: HoldoutPlan) -> str:
        if math.isinf(row.units_needed):
            return "never"
        if row.days_needed is None:
            return f"after {row.units_needed:,.0f} units"
        return f"in {row.days_needed:,.0f} days"

    first, *rest = plan.holdouts
    said = [f"with a {figures.share(first.holdout)} holdout {when(first)}"]
    return ", ".join([*said, *(f"with {figures.share(r.holdout)} {when(r)}" for r in rest)])


def holdout_words(plan: LiftPlan) -> list[str]:
    """One sentence for each share, and what the holdout is worth; empty where no money is known.

    Args:
        plan: of ``plan_lift``.
    """
    money = plan.money
    if money is None:
        return []
    out = [
        f"With {figures.share(row.holdout)} held out you will know {_when(plan, row)}{_cost(plan, row)}."
        for row in plan.holdouts
        if math.isfinite(row.held_out)
    ]
    if out and money.wasted_per_unit > 0:
        out.append(
            f"Without a holdout, nobody would notice a model that does nothing: {_waste(plan)}."
        )
    return out


def _when(plan: LiftPlan, row: HoldoutPlan) -> str:
    if row.days_needed is None:
        return f"after {row.units_needed:,.0f} units"
    if plan.starts is None:
        return f"in {row.days_needed:,.0f} days"
    return f"by {day(plan.starts + timedelta(days=row.days_needed))}"


def _cost(plan: LiftPlan, row: HoldoutPlan) -> str:
    if row.cost is None or plan.money is None:
        return ""
    if row.cost <= 0:
        return "; it costs nothing, since the promised lift does not pay for its offers"
    return (
        f"; it costs about {figures.about_money(row.cost, plan.money.unit)} of the value promised"
    )


def _waste(plan: LiftPlan) -> str:
    money = plan.money
    assert money is not None  # noqa: S101 - the caller looked
    if money.wasted_a_year is not None:
        return f"it would cost about {figures.about_money(money.wasted_a_year, money.unit)} a year"
    return f"it would cost {figures.money(money.wasted_per_unit, money.unit)} for each unit treated"
