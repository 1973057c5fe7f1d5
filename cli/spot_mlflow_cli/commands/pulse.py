"""``spot pulse``: is it useful, would you use it? Asked of users, guessed by builders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from spot_mlflow.involvement.appeal import ITEMS, is_guess
from spot_mlflow.record import Record
from spot_mlflow.roles import ROLES
from spot_mlflow_cli.identity import pseudonym_option, speaker
from spot_mlflow_cli.options import dry_run_option, format_option, model_argument
from spot_mlflow_cli.terminal import echo_json, mind_interrupts

if TYPE_CHECKING:
    from spot_mlflow.involvement.appeal import Appeal

_SCALE = "1 = not at all, 5 = fully"


@click.command("pulse")
@model_argument
@click.option("--person", envvar="SPOT_PERSON", help="Who answers. Default: SPOT_PERSON.")
@click.option("--role", type=click.Choice(ROLES), help="In which role; builders guess.")
@click.option("--useful", type=click.IntRange(1, 5), help=f"It is useful for my work; {_SCALE}.")
@click.option("--would-use", type=click.IntRange(1, 5), help=f"I would use it tomorrow; {_SCALE}.")
@click.option("--show", "only_show", is_flag=True, help="Show the answers, record none.")
@pseudonym_option
@format_option("text", "json")
@dry_run_option
def command(
    *,
    model: str,
    person: str | None,
    role: str | None,
    useful: int | None,
    would_use: int | None,
    output_format: str,
    only_show: bool,
    as_pseudonym: bool,
    dry_run: bool,
) -> None:
    """Answer two questions, 1 to 5: is it useful for my work; would I use it tomorrow?

    Builders (data_scientist, engineer) guess what users would say; both are shown side by side.
    The command asks for what is not given as an option.

    \b
    Example:
      spot pulse churn --person "Fay" --role frontline --useful 2 --would-use 1
      spot pulse churn --person "Dana" --role data_scientist      asks for the guess
      spot pulse churn --show
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    record = Record()
    if not only_show:
        if not person or not role:
            raise click.UsageError("Missing option '--person' or '--role' (or --show).")
        name, record = speaker(person, as_pseudonym=as_pseudonym)
        _answer(record, model, name, role, useful, would_use, dry_run=dry_run)
    _show(record.adoption(model).appeal, output_format)


def _answer(  # noqa: PLR0917 - private; the command names its options
    record: Any,
    model: str,
    name: str,
    role: str,
    useful: int | None,
    would_use: int | None,
    *,
    dry_run: bool,
) -> None:
    from spot_mlflow import log_pulse

    ref = record.resolve(model)
    lead = "What would users say: " if is_guess(role) else ""
    given = {"useful": useful, "would_use": would_use}
    mind_interrupts()
    answers = {
        item: value
        if value is not None
        else click.prompt(f"{lead}{ITEMS[item]} ({_SCALE})", type=click.IntRange(1, 5), err=True)
        for item, value in given.items()
    }
    if dry_run:
        click.echo(f"Would be recorded for {ref.name}: {answers}", err=True)
        return
    log_pulse(ref, person=name, role=role, record=record, **answers)


def _show(appeal: Appeal, output_format: str) -> None:

    if output_format == "json":
        items = {
            i.item: {
                "users": i.users,
                "n_users": i.n_users,
                "builders": i.builders,
                "n_builders": i.n_builders,
                "gap": i.gap,
            }
            for i in appeal.items
        }
        echo_json({**items, "gap": appeal.gap, "words": appeal.words})
        return
    for i in appeal.items:
        users, builders = (
            f"{mean:.1f} (n = {n})" if mean is not None else "not yet"
            for mean, n in ((i.users, i.n_users), (i.builders, i.n_builders))
        )
        gap = f"{i.gap:+.1f}" if i.gap is not None else "not known"
        click.echo(f"{i.text:28} users {users}; builders guess {builders}; difference {gap}")
    click.echo(f"{appeal.words[0].upper()}{appeal.words[1:]}.")
