"""``spot worksheet``: the questions as a file that opens from a mail, or prints."""

from __future__ import annotations

from pathlib import Path

import click

from spot_mlflow.roles import ROLES
from spot_mlflow_cli.files import write_new
from spot_mlflow_cli.options import dry_run_option


@click.command("worksheet")
@click.argument("model", metavar="[MODEL]", required=False)
@click.option("--role", type=click.Choice(ROLES), help="Whose questions; default: all of them.")
@click.option(
    "--as",
    "form",
    type=click.Choice(("html", "markdown", "yaml", "csv")),
    default="html",
    show_default=True,
    help="html opens from a mail and saves an answer file; the others are filled in by hand.",
)
@click.option("--person", default="", help="Name to fill in.")
@click.option("--return-to", default="", metavar="MAIL", help="Address the answers go to.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Deadline, 2027-01-31.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=True),
    help="File or folder; - prints. Otherwise a file in this folder.",
)
@click.option("--mine", is_flag=True, help="Fill in what --person answered last time.")
@dry_run_option
def command(
    *,
    model: str | None,
    role: str | None,
    form: str,
    person: str,
    return_to: str,
    until: object,
    output: Path | None,
    mine: bool,
    dry_run: bool,
) -> None:
    """Write the S.P.O.T. questions of one role, or all of them, as one file.

    Without MODEL, the file is for no particular model, to print or to read. Record a filled file with
    `spot assess MODEL --from FILE`.

    \b
    Example:
      spot worksheet churn --role business --return-to dana@example.org
      spot worksheet churn --as csv -o -
      spot worksheet                         the whole questionnaire, to print
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    from spot_mlflow.readiness.worksheet import ENDINGS
    from spot_mlflow.readiness.worksheet_written import written
    from spot_mlflow_cli.sheets import sheet_for

    if mine and not person:
        raise click.UsageError("--mine needs --person.")
    sheet = sheet_for(model, role=role, person=person, return_to=return_to, until=until, mine=mine)
    text = written(sheet, form)
    if str(output) == "-":
        click.echo(text, nl=False)
        return
    path = output or Path()
    if path.is_dir():
        path /= sheet.file_name(form)
    elif path.suffix.casefold() != ENDINGS[form]:
        raise click.UsageError(f"{path}: a {form} worksheet must end in {ENDINGS[form]}.")
    if dry_run:
        click.echo(f"Would write {path} ({len(sheet.questions)} questions).")
        return
    write_new(path, text.encode())
    click.echo(f"{path} ({len(sheet.questions)} questions)")
