"""``spot benchmark``: a model against the portfolio, and summaries that teams can pool."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import click

from spot_mlflow.reporting.words.tables import printable
from spot_mlflow_cli.files import write_new
from spot_mlflow_cli.options import dry_run_option, format_option
from spot_mlflow_cli.terminal import echo_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spot_mlflow.readiness.benchmark import Standing
    from spot_mlflow.reporting.pages.portfolio_row import PortfolioRow


@click.command("benchmark")
@click.argument("model", metavar="[MODEL]", required=False)
@click.option(
    "--with",
    "summaries",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Summary that another team exported; repeatable.",
)
@click.option("--only-others", is_flag=True, help="Leave our own portfolio out of the comparison.")
@click.option(
    "--export",
    "target",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write our own anonymous summary to this file.",
)
@format_option("text", "json")
@dry_run_option
def command(
    *,
    model: str | None,
    summaries: tuple[Path, ...],
    only_others: bool,
    target: Path | None,
    output_format: str,
    dry_run: bool,
) -> None:
    """Compare a model's letters and lift with those of other models, or export a summary for others.

    A comparison needs at least five models and always shows n. A summary holds counts of models
    per level: no names, no texts, and no count under five.

    \b
    Example:
      spot benchmark churn
      spot benchmark --export ours.json
      spot benchmark churn --with theirs.json
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    if (model is None) == (target is None):
        raise click.UsageError("Name a MODEL to compare, or use --export FILE.")
    portfolio = _portfolio()
    if target is not None:
        _export(portfolio, target, dry_run=dry_run)
    elif model is not None:
        _compare(portfolio, model, summaries, output_format, only_others=only_others)


def _portfolio() -> tuple[PortfolioRow, ...]:
    from spot_mlflow.record import Record
    from spot_mlflow.reporting.pages.portfolio_row import portfolio_rows

    return portfolio_rows(Record().portfolio())


def _export(portfolio: Sequence[PortfolioRow], target: Path, *, dry_run: bool) -> None:
    from spot_mlflow.readiness.benchmark import export_summary
    from spot_mlflow.readiness.instrument import default_instrument

    month = datetime.now(timezone.utc).strftime("%Y-%m")
    levels = [row.compared for row in portfolio]
    summary = export_summary(levels, default_instrument(), month=month)
    text = json.dumps(summary.model_dump(mode="json"), indent=2) + "\n"
    if dry_run:
        click.echo(text, nl=False)
        return
    write_new(target, text.encode())
    click.echo(f"{target}: counts per level only; read it before you send it.")


def _compare(
    portfolio: Sequence[PortfolioRow],
    model: str,
    summaries: tuple[Path, ...],
    output_format: str,
    *,
    only_others: bool,
) -> None:
    from spot_mlflow.readiness.benchmark import LIFT, compare, distributions, load_summary, pooled
    from spot_mlflow.readiness.instrument import default_instrument
    from spot_mlflow.record import Record
    from spot_mlflow.validation import load_yaml

    if only_others and not summaries:
        raise click.UsageError("--only-others needs --with FILE.")
    name = Record().resolve(model).name
    own = next(row for row in portfolio if row.model == name)
    others = [row.compared for row in portfolio if row.model != name]
    parts = [] if only_others else [distributions(others)]
    parts += [
        # JSON is YAML; one reader names the line of a fault in both.
        load_summary(load_yaml(path), default_instrument(), where=str(path)).measures
        for path in summaries
    ]
    standings = compare(own.compared, pooled(parts))
    if output_format == "json":
        echo_json({"model": name, "standings": [_json(s) for s in standings]})
        return
    titles: dict[str, str] = {str(k): v.title for k, v in default_instrument().letters.items()}
    titles[LIFT] = "Lift"
    click.echo(printable(f"{own.name} among {'other teams' if only_others else 'other models'}"))
    for s in standings:
        click.echo(f"  {titles.get(s.measure, 'Readiness'):11} {s.words}")


def _json(standing: Standing) -> dict[str, object]:
    return {
        "measure": standing.measure,
        "level": standing.level,
        "n": standing.n,
        "below": standing.below,
        "same": standing.same,
        "above": standing.above,
        "hidden": standing.hidden,
    }
