"""``spot erase``: erases a person's name from the record on request."""

from __future__ import annotations

import click

from spot_mlflow.figures import things
from spot_mlflow.reporting.words.tables import printable
from spot_mlflow_cli.options import dry_run_option, format_option
from spot_mlflow_cli.terminal import echo_json, mind_interrupts


@click.command("erase")
@click.argument("person", metavar="PERSON")
@click.option("--yes", is_flag=True, help="Do not ask again.")
@format_option("text", "json")
@dry_run_option
def command(person: str, output_format: str, *, yes: bool, dry_run: bool) -> None:
    """Erase a person's name from the records of all models, on that person's request.

    What the person said stays, with a token instead of the name, and the record still verifies. The name cannot
    be restored. If free text contains it, the command lists those runs.

    \b
    Example:
      spot erase "Kim Lee" --dry-run
      spot erase "Kim Lee"
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    from spot_mlflow.record import Record
    from spot_mlflow.record.erasure import erase_person

    record = Record()
    found = erase_person(record, person, dry_run=True)
    if not dry_run:
        if not yes:
            mind_interrupts()
            click.confirm(
                f"Erase {person!r} in {things(found.entries, 'entry', 'entries')} of {things(len(found.models), 'model')} for good?",
                abort=True,
                err=True,
            )
        found = erase_person(record, person)
    if output_format == "json":
        echo_json({**found.to_dict(), "erased": not dry_run})
        return
    said = "Would be erased" if dry_run else "Erased"
    models = printable(", ".join(found.models) or "no model")
    click.echo(f"{said} in {things(found.entries, 'entry', 'entries')}: {models}.")
    if not dry_run and found.entries:
        click.echo(f"The name was replaced by {found.token}.")
    if found.mentions:
        click.echo(
            f"{things(len(found.mentions), 'entry', 'entries')} still {'holds' if len(found.mentions) == 1 else 'hold'} the name "
            "in free text or a written report, which cannot be changed; "
            "deleting such a run removes it, and `spot verify` will name it as missing:"
        )
        for run in found.mentions:
            click.echo(f"  {run}")
