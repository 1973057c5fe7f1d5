"""``spot ask``: writes the message and the worksheet that ask a role for its answers."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import click

from spot_mlflow.readiness.ask import ask_message
from spot_mlflow.reporting.words.tables import harmless
from spot_mlflow.roles import ROLES
from spot_mlflow_cli.files import write_new
from spot_mlflow_cli.options import dry_run_option, model_argument
from spot_mlflow_cli.terminal import echo_json

_DAYS = 7


@click.command("ask")
@model_argument
@click.option("--role", type=click.Choice(ROLES), required=True, help="Whose answers are wanted.")
@click.option("--to", default="", metavar="MAIL", help="Address of the one who is asked.")
@click.option("--name", default="", help="Name of the one who is asked.")
@click.option("--sender", default="", envvar="SPOT_PERSON", help="Who asks. Otherwise SPOT_PERSON.")
@click.option("--return-to", default="", metavar="MAIL", help="Address the answers go to.")
@click.option(
    "--by", type=click.DateTime(["%Y-%m-%d"]), help=f"Deadline; in {_DAYS} days otherwise."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=Path(),
    help="Folder for the worksheet; this one otherwise.",
)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(("text", "eml", "json")),
    default="text",
    show_default=True,
    help="eml writes a draft that a mail program opens, worksheet attached.",
)
@dry_run_option
def command(
    *,
    model: str,
    role: str,
    to: str,
    name: str,
    sender: str,
    return_to: str,
    by: datetime | None,
    output: Path,
    output_format: str,
    dry_run: bool,
) -> None:
    """Write the message that asks a colleague for an assessment, and the worksheet for it.

    The worksheet needs no install: it opens from the mail, on a phone too, takes three minutes and
    saves an answer file. Record it with `spot assess MODEL --from FILE`.

    \b
    Example:
      spot ask churn --role business --name "Kim" --return-to dana@example.org
      spot ask churn --role frontline --to fay@example.org --format eml
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    from spot_mlflow_cli.sheets import sheet_for

    deadline = by or datetime.now(timezone.utc) + timedelta(days=_DAYS)
    sheet = sheet_for(model, role=role, person=name, return_to=return_to, until=deadline)
    message = ask_message(sheet, to=to, sender=sender, name=name)
    worksheet = output / message.file_name
    draft = worksheet.with_suffix(".eml")
    if not dry_run:
        if output_format == "eml":
            write_new(draft, message.eml())
        else:
            write_new(worksheet, message.worksheet.encode())
    if output_format == "eml":
        click.echo(f"{draft}{' (not written)' if dry_run else ''}")
    elif output_format == "json":
        echo_json(
            {
                "model": sheet.model,
                "role": role,
                "subject": message.subject,
                "body": message.body,
                "to": to,
                "worksheet": str(worksheet),
                "deadline": sheet.deadline.isoformat() if sheet.deadline else None,
                "written": not dry_run,
            }
        )
    else:
        click.echo(harmless(message.text()))
        click.echo(f"Attach: {worksheet}{' (not written)' if dry_run else ''}", err=True)
