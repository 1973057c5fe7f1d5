"""``spot confirm``: what somebody else wrote down for a person is that person's word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from spot_mlflow.record import Record
from spot_mlflow.reporting.words.tables import printable
from spot_mlflow.roles import ROLES
from spot_mlflow.taken_down import check_confirmation, unconfirmed
from spot_mlflow_cli.identity import pseudonym_option, speaker
from spot_mlflow_cli.options import dry_run_option, format_option, model_argument
from spot_mlflow_cli.terminal import echo_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spot_mlflow.evidence import Evidence


@click.command("confirm")
@model_argument
@click.argument("entry", required=False)
@click.option("--person", envvar="SPOT_PERSON", help="Who confirms. Default: SPOT_PERSON.")
@click.option("--role", type=click.Choice(ROLES), help="In which role; default: that of the entry.")
@pseudonym_option
@format_option("text", "json")
@dry_run_option
def command(
    *,
    model: str,
    entry: str | None,
    person: str | None,
    role: str | None,
    as_pseudonym: bool,
    output_format: str,
    dry_run: bool,
) -> None:
    """Confirm what somebody else wrote down for you on a server with logins.

    The entry already counts, and shows who wrote it. Without ENTRY, the command lists the entries that wait.
    ENTRY is an id or its first digits.

    \b
    Example:
      spot confirm churn
      spot confirm churn 3f2a91c0 --person "Fay"
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    from spot_mlflow import confirm_entry

    record = Record()
    if entry is not None:
        if not person:
            raise click.UsageError("Missing option '--person'.")
        name, record = speaker(person, as_pseudonym=as_pseudonym)
        check_confirmation(record.entries(record.resolve(model)), entry, name)
        if not dry_run:
            confirm_entry(model, entry, person=name, role=role, record=record)
    _show(unconfirmed(record.entries(record.resolve(model))), output_format)


def _show(waiting: Sequence[Evidence], output_format: str) -> None:
    if output_format == "json":
        from spot_mlflow.reporting.pages.adoption_view import taken_down_dict

        echo_json([taken_down_dict(e) for e in waiting])
        return
    for e in waiting:
        said = f"{e.id[:8]}  {e.kind} of {e.person} ({e.role}), written down by {e.recorded_by}"
        click.echo(printable(said))
    if not waiting:
        click.echo("Nothing waits for a confirmation.")
