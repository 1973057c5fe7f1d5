"""``spot ask``: writes the message and the worksheet that ask a role for its answers."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from spot_mlflow.readiness.ask import ask_message
from spot_mlflow.reporting.words.tables import harmless
from spot_mlflow.roles import ROLES
from spot_mlflow_cli.files import make_folder, write_new
from spot_mlflow_cli.inviting import invited
from spot_mlflow_cli.options import dry_run_option, model_argument
from spot_mlflow_cli.terminal import echo_json

if TYPE_CHECKING:
    from spot_mlflow.readiness.ask import AskMessage
    from spot_mlflow.readiness.worksheet import Worksheet
    from spot_mlflow_cli.inviting import Invited

_DAYS: Final = 7
_FILES: Final = frozenset({".eml", ".html"})  # what is written into the folder


@click.command("ask")
@model_argument
@click.option("--role", type=click.Choice(ROLES), required=True, help="Whose answers are wanted.")
@click.option("--to", default="", metavar="MAIL", help="Address of the person who is asked.")
@click.option("--name", default="", help="Name of the person who is asked.")
@click.option("--sender", default="", envvar="SPOT_PERSON", help="Who asks. Default: SPOT_PERSON.")
@click.option("--return-to", default="", metavar="MAIL", help="Address the answers go to.")
@click.option(
    "--by", type=click.DateTime(["%Y-%m-%d"]), help=f"Deadline; default: in {_DAYS} days."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Folder for the worksheet, created if missing; default: this folder.",
)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(("text", "eml", "json")),
    default="text",
    show_default=True,
    help="eml writes a draft that a mail program opens, worksheet attached.",
)
@click.option(
    "--link",
    "by_link",
    is_flag=True,
    help="Write a link to the server instead of the worksheet: it needs no account, and is for that person "
    "and role only.",
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
    by_link: bool,
    dry_run: bool,
) -> None:
    """Write the message that asks a colleague for an assessment, and the worksheet or link for it.

    The worksheet needs no install: it opens from the mail, on a phone too, takes three minutes and
    saves an answer file. Record it with `spot assess MODEL --from FILE`. With a gated server, --link asks by an address
    that needs no login; what is sent there is recorded at once, "by link". A newer one replaces it.

    \b
    Example:
      spot ask churn --role business --name "Kim" --return-to dana@example.org
      spot ask churn --role frontline --to fay@example.org --format eml
      spot ask churn --role frontline --name "Fay" --link
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    from spot_mlflow_cli.sheets import sheet_for

    if output.suffix in _FILES:
        raise click.UsageError(
            f"-o is a folder, and {output} looks like a file: leave its name out."
        )
    deadline = by or datetime.now(timezone.utc) + timedelta(days=_DAYS)
    sheet = sheet_for(model, role=role, person=name, return_to=return_to, until=deadline)
    asked = None
    if by_link:
        asked = invited(model, role=role, name=name, sender=sender, until=deadline, dry_run=dry_run)
    message = ask_message(sheet, to=to, sender=sender, name=name, link=asked.url if asked else "")
    worksheet = output / (message.file_name or sheet.file_name("html"))
    draft = output_format == "eml"
    attached = None if asked and not draft else worksheet.with_suffix(".eml" if draft else ".html")
    if attached and not dry_run:
        make_folder(output)
        write_new(attached, message.eml() if draft else message.worksheet.encode())
    if output_format == "json":
        echo_json(_told(sheet, message, asked, to=to, worksheet=worksheet, dry_run=dry_run))
        return
    unwritten = " (not written)" if dry_run else ""
    if draft:
        click.echo(f"{attached}{unwritten}")
        return
    click.echo(harmless(message.text()))
    if attached:
        click.echo(f"Attach: {attached}{unwritten}", err=True)


def _told(
    sheet: Worksheet,
    message: AskMessage,
    asked: Invited | None,
    *,
    to: str,
    worksheet: Path,
    dry_run: bool,
) -> dict[str, Any]:
    """Returns JSON values."""
    said = {
        "model": sheet.model,
        "role": sheet.role,
        "subject": message.subject,
        "body": message.body,
        "to": to,
        "worksheet": None if asked else str(worksheet),
        "deadline": sheet.deadline.isoformat() if sheet.deadline else None,
        "written": not dry_run,
    }
    return said if asked is None else {**said, "link": asked.url, "until": asked.until}
