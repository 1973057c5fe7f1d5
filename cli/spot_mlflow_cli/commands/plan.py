"""``spot plan``: before launch, when will the result be known, and how likely is each verdict?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spot_mlflow import figures
from spot_mlflow_cli.options import format_option
from spot_mlflow_cli.terminal import console, echo_json

if TYPE_CHECKING:
    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow.lift.verdict.plan import LiftPlan

_SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)
_ABOVE_0 = click.FloatRange(0, min_open=True)


@click.command("plan")
@click.argument("contract", metavar="LIFT.YAML", type=click.Path(path_type=Path))
@click.option(
    "--holdout",
    "holdouts",
    type=_SHARE,
    multiple=True,
    metavar="SHARE",
    help="Share of units held out; may be given several times.  [default: .05 .1 .2 .3 .5, and that "
    "of the contract's assignment]",
)
@click.option("--per-day", type=_ABOVE_0, metavar="UNITS", help="Units decided per day, both arms.")
@click.option(
    "--units",
    type=_ABOVE_0,
    metavar="UNITS",
    help="Compute the probabilities at this many matured units; default: planned_units.",
)
@click.option(
    "--baseline",
    type=float,
    metavar="MEAN",
    help="Mean outcome without treatment; default: predicted.baseline of the contract.",
)
@click.option(
    "--sd", type=_ABOVE_0, metavar="SD", help="Spread of one unit's outcome; for counts and money."
)
@click.option(
    "--power",
    type=click.FloatRange(0.5, 1, min_open=True, max_open=True),
    default=0.8,
    show_default=True,
    help="Probability of a clear answer that you want.",
)
@click.option(
    "--design-effect",
    type=click.FloatRange(1),
    default=1.0,
    help="Factor by which clusters multiply the variance.",
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
    help="First day of decisions, to give dates; default: measurement.starts of the contract.",
)
@format_option("text", "json", "markdown")
def command(contract: Path, output_format: str, **options: Any) -> None:
    """Say before launch when the result will be known, and how likely each verdict is.

    For each holdout share: the days until a true promise is found met, the days until a broken
    one is found short, and the chance of each verdict if the prediction is true, half true or false. All use
    the interval width of the real check. If the contract states what an outcome is worth, also what the holdout
    costs until then, and what it is worth.

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
        echo_json(plan.to_dict())
    elif output_format == "markdown":
        click.echo("\n".join(_markdown(plan)))
    else:
        _print(plan)


def _assigned(predicted: PredictedLift) -> list[float]:
    """The share that the contract holds out, where it is one for all."""
    share = predicted.assignment.holdout if predicted.assignment is not None else None
    return [] if share is None else [share]


def _markdown(plan: LiftPlan) -> list[str]:
    from spot_mlflow.reporting.words.plan_view import chances_at, opening, plan_table

    table = plan_table(plan)
    lines = ["| " + " | ".join(table.columns) + " |", "|" + " --- |" * len(table.columns)]
    lines += ["| " + " | ".join(row) + " |" for row in table.rows]
    first, *rest = opening(plan)
    return [first, "", *lines, "", *rest, chances_at(plan), *plan.notes]


def _print(plan: LiftPlan) -> None:
    """One column per share, so that it fits a terminal."""
    from rich.table import Table

    from spot_mlflow.reporting.words.plan_view import (
        chances_at,
        opening,
        plan_table,
        worth_showing,
    )

    out = console()
    for line in opening(plan):
        out.print(line)
    table = Table(box=None, pad_edge=False)
    table.add_column("Holdout")
    for row in plan.holdouts:
        table.add_column(figures.share(row.holdout), justify="right")
    told = plan_table(plan)
    for i, name in enumerate(told.columns[1:3], start=1):
        table.add_row(name, *(cells[i] for cells in told.rows))
    for truth, verdict in worth_showing(plan):
        chances = (getattr(row.chances[truth], verdict) for row in plan.holdouts)
        table.add_row(f"if {truth}: {verdict}", *(figures.share(c) for c in chances))
    table.add_row("smallest gap found", *(cells[-1] for cells in told.rows))
    out.print(table)
    for line in (chances_at(plan), *plan.notes):
        out.print(line)
