"""``spot plan``: before launch, when will one know, and with what chance?"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spot_mlflow import figures
from spot_mlflow.evidence import jsonable
from spot_mlflow.lift.promise.scale import contract_scale
from spot_mlflow.verdicts import VERDICTS
from spot_mlflow_cli.options import format_option
from spot_mlflow_cli.terminal import console, echo_json

if TYPE_CHECKING:
    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow.lift.verdict.plan import HoldoutPlan, LiftPlan

_SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)
_SHOWN = 0.005  # chances that round to 0 % are not worth a word
_ABOVE_0 = click.FloatRange(0, min_open=True)


@click.command("plan")
@click.argument("contract", metavar="LIFT.YAML", type=click.Path(path_type=Path))
@click.option(
    "--holdout",
    "holdouts",
    type=_SHARE,
    multiple=True,
    metavar="SHARE",
    help="Share of units left alone; may be given several times.  [default: .05 .1 .2 .3 .5, and that "
    "of the contract's assignment]",
)
@click.option("--per-day", type=_ABOVE_0, metavar="UNITS", help="Units decided a day, both arms.")
@click.option(
    "--units",
    type=_ABOVE_0,
    metavar="UNITS",
    help="State the chances at so many matured units; otherwise at planned_units.",
)
@click.option(
    "--baseline",
    type=float,
    metavar="MEAN",
    help="Mean outcome without treatment; otherwise predicted.baseline of the contract.",
)
@click.option(
    "--sd", type=_ABOVE_0, metavar="SD", help="Spread of one unit's outcome; for counts and money."
)
@click.option(
    "--power",
    type=click.FloatRange(0.5, 1, min_open=True, max_open=True),
    default=0.8,
    show_default=True,
    help="Chance with which one wants to know.",
)
@click.option(
    "--design-effect",
    type=click.FloatRange(1),
    default=1.0,
    help="What clusters multiply the variance with.",
)
@click.option(
    "--cluster-size",
    type=click.FloatRange(1),
    default=1.0,
    metavar="UNITS",
    help="Units in a cluster; planned_units of a clustered contract counts clusters.",
)
@click.option(
    "--starts",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="First day of decisions, to say a date; otherwise measurement.starts of the contract.",
)
@format_option("text", "json", "markdown")
def command(contract: Path, output_format: str, **options: Any) -> None:
    """Say before launch when one will know, and with what chance.

    For each holdout share: the days until a true promise is found met, the days until a broken
    one is found short, and the chance of each verdict if the prediction is true, half true or
    false; all at the width that the check will really use. Where the contract states what an
    outcome is worth, what the holdout costs until then, and what it is worth.

    \b
    Example:
      spot plan lift.yaml --holdout .1 --holdout .2 --per-day 1000
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow.lift.verdict.plan import HOLDOUTS, plan_lift

    predicted = PredictedLift.load(contract)
    shares = options.pop("holdouts") or sorted({*HOLDOUTS, *_assigned(predicted)})
    starts = options.pop("starts")
    day = None if starts is None else starts.date()
    plan = plan_lift(predicted, holdouts=shares, starts=day, **options)
    if output_format == "json":
        echo_json(as_dict(plan))
    elif output_format == "markdown":
        click.echo("\n".join(_markdown(plan)))
    else:
        _print(plan)


def _assigned(predicted: PredictedLift) -> list[float]:
    """The share that the contract holds out, where it is one for all."""
    share = predicted.assignment.holdout if predicted.assignment is not None else None
    return [] if share is None else [share]


def as_dict(plan: LiftPlan) -> dict[str, Any]:
    """Returns the plan as JSON values; "never" is null."""
    from spot_mlflow.lift.verdict.plan import know_when
    from spot_mlflow.lift.verdict.plan_words import holdout_words

    extra = ("units_needed", "days_needed")
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
        "holdouts": [
            {**jsonable(row), **{k: jsonable(getattr(row, k)) for k in extra}}
            for row in plan.holdouts
        ],
        "notes": list(plan.notes),
    }


def _header(plan: LiftPlan) -> list[str]:
    what = "days" if plan.per_day is not None else "units"
    found = {"half true": "half of it", "false": "nothing", None: "-"}[plan.decisive]
    return [
        "Holdout",
        f"{what} until: it arrived",
        f"{what} until: {found} arrived",
        "If true",
        "If half true",
        "If false",
        "Smallest gap found",
    ]


def _cells(plan: LiftPlan, row: HoldoutPlan) -> list[str]:
    waits = (
        (row.units_met, row.units_short) if plan.per_day is None else (row.days_met, row.days_short)
    )
    return [
        figures.share(row.holdout),
        *(_count(w) for w in waits),
        *(_chances(row, truth) for truth in ("true", "half true", "false")),
        _gap(plan, row.detectable_gap) if math.isfinite(row.detectable_gap) else "none",
    ]


def _gap(plan: LiftPlan, gap: float) -> str:
    return contract_scale(plan.predicted, gap).amount(gap)


def _count(x: float | None) -> str:
    return "never" if x is None or math.isinf(x) else f"{x:,.0f}"


def _chances(row: HoldoutPlan, truth: Any) -> str:
    """The verdicts of at least one percent, likeliest first."""
    c = row.chances[truth]
    worth = sorted(((p, k) for k in VERDICTS if (p := getattr(c, k)) >= _SHOWN), reverse=True)
    return ", ".join(f"{k} {figures.share(p)}" for p, k in worth)


def _chances_at(plan: LiftPlan) -> str:
    units = sorted({row.units for row in plan.holdouts})
    if len(units) == 1:
        return f"Chances at {units[0]:,.0f} matured units."
    return "Chances at the units that each share needs."


def _markdown(plan: LiftPlan) -> list[str]:
    from spot_mlflow.lift.verdict.plan import know_when
    from spot_mlflow.lift.verdict.plan_words import holdout_words

    header = _header(plan)
    lines = [know_when(plan), "", "| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    lines += ["| " + " | ".join(_cells(plan, row)) + " |" for row in plan.holdouts]
    return [*lines, "", *holdout_words(plan), _chances_at(plan), *plan.notes]


def _print(plan: LiftPlan) -> None:
    """One column per share, so that it fits a terminal."""
    from rich.table import Table

    from spot_mlflow.lift.verdict.plan import know_when
    from spot_mlflow.lift.verdict.plan_words import holdout_words

    out = console()
    out.print(know_when(plan))
    for line in holdout_words(plan):
        out.print(line)
    table = Table(box=None, pad_edge=False)
    table.add_column("Holdout")
    for row in plan.holdouts:
        table.add_column(figures.share(row.holdout), justify="right")
    rows = [_cells(plan, row) for row in plan.holdouts]
    for i, name in enumerate(_header(plan)[1:3], start=1):
        table.add_row(name, *(cells[i] for cells in rows))
    for truth, verdict in _worth_showing(plan):
        chances = (getattr(row.chances[truth], verdict) for row in plan.holdouts)
        table.add_row(f"if {truth}: {verdict}", *(figures.share(c) for c in chances))
    table.add_row("smallest gap found", *(cells[-1] for cells in rows))
    out.print(table)
    for line in (_chances_at(plan), *plan.notes):
        out.print(line)


def _worth_showing(plan: LiftPlan) -> list[tuple[Any, str]]:
    """Truths and verdicts that have a chance at any of the shares."""
    from spot_mlflow.lift.verdict.chances import TRUTHS

    return [
        (truth, verdict)
        for truth in TRUTHS
        for verdict in VERDICTS
        if any(getattr(r.chances[truth], verdict) >= _SHOWN for r in plan.holdouts)
    ]
