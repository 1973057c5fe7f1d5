"""``spot history``: which version held a target when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from spot_mlflow.errors import InvalidInput, Unavailable
from spot_mlflow.reporting.words.holdings import (
    holdings_csv,
    since_words,
    standing_words,
    time_words,
    until_words,
)
from spot_mlflow.reporting.words.tables import printable
from spot_mlflow_cli.options import format_option, model_argument
from spot_mlflow_cli.terminal import echo_json

if TYPE_CHECKING:
    from spot_mlflow.gate.holdings import History, Standing

_BY: Final = 24  # characters of a name in the table


@click.command("history")
@model_argument
@click.option(
    "--to", "target", metavar="TARGET", help="A stage, or an alias: @champion; default: all."
)
@click.option(
    "--at", "when", metavar="DATE", help="Who held it on this day, or at this time (UTC)."
)
@format_option("text", "json", "csv")
def command(model: str, target: str | None, when: str | None, output_format: str) -> None:
    """Show which version held a target when; what was not recorded is "unknown".

    It consists of the changes that the gate recorded. A change made before the gate was installed, or around
    it, shows only as a difference.

    \b
    Example:
      spot history churn --to Production
      spot history churn --to Production --at 2027-03-01
      spot history churn --format csv > history.csv

    \b
    Exit status, with --at:
      0  the answer is on record
      3  it is not known, or not in full
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    from spot_mlflow.record.history import get_histories, get_history

    if when is not None and target is None:
        raise click.UsageError("--at needs --to, the target to ask about.")
    found = get_histories(model) if target is None else (get_history(model, target),)
    if when is None:
        _show(found, output_format)
        return
    history = found[0]
    standing = history.at(when)
    if standing.begin > history.now:
        raise InvalidInput(f"--at == {when}, must not be in the future")
    _answer(history, when, standing, output_format)
    if not standing.known:
        raise SystemExit(Unavailable.exit_status)


def _show(found: tuple[History, ...], output_format: str) -> None:
    if output_format == "json":
        echo_json([h.to_dict() for h in found])
    elif output_format == "csv":
        click.echo(holdings_csv((h.model, x) for h in found for x in h.holdings), nl=False)
    elif not found:
        click.echo("No version holds a target, and none is on record.")
    for history in found if output_format == "text" else ():
        _table(history)


def _table(history: History) -> None:
    click.secho(printable(f"{history.model} · {history.target}"), bold=True)
    if history.holdings:
        click.echo(f"  {'version':<9}{'from (UTC)':<18}{'to (UTC)':<18}given by")
    for h in history.holdings:
        line = f"  {h.version:<9}{since_words(h):<18}{until_words(h):<18}{(h.by or '')[:_BY]}"
        click.echo(printable_line(line))
    first = history.recorded_from
    if first is None:
        click.echo("  No change is on record.")
    else:
        click.echo(f"  Nothing is on record before {time_words(first)}.")


def printable_line(line: str) -> str:
    """Returns a line of a table without control characters, its blanks as they are."""
    return "".join(c if c.isprintable() else "\ufffd" for c in line).rstrip()


def _answer(history: History, when: str, standing: Standing, output_format: str) -> None:
    if output_format == "json":
        held = [h.to_dict() for h in standing.holdings]
        said = {"model": history.model, "target": history.target, "at": when}
        echo_json({**said, "known": standing.known, "holdings": held})
        return
    if output_format == "csv":
        click.echo(holdings_csv((history.model, h) for h in standing.holdings), nl=False)
        return
    for line in standing_words(history, standing):
        click.echo(line)
