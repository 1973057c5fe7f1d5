"""``spot import``: takes an exported record in, bound to the model here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from spot_mlflow.errors import Refused
from spot_mlflow.figures import things
from spot_mlflow_cli.moving import destination_option, record_here
from spot_mlflow_cli.options import dry_run_option, format_option
from spot_mlflow_cli.terminal import echo_json

if TYPE_CHECKING:
    from spot_mlflow.record.import_file import Checked
    from spot_mlflow.record.importing import Imported


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--model", metavar="NAME", help="Name of the model here, if it differs.")
@click.option("--create", is_flag=True, help="Create missing model and versions, without files.")
@click.option("--signed-by", "key", metavar="KEY", help="Fingerprint that `spot export` printed.")
@click.option("--unsigned", is_flag=True, help="Let a gated server import an unsigned file.")
@destination_option
@dry_run_option
@format_option("text", "json")
def command(
    file: Path,
    model: str | None,
    key: str | None,
    destination: str | None,
    output_format: str,
    *,
    create: bool,
    unsigned: bool,
    dry_run: bool,
) -> None:
    """Import a record that `spot export` wrote, for the model of the same name here.

    The whole file is checked before anything is written. Entries keep their content and digests. They count as
    soon as one further entry says where they come from. If the command was stopped, run it again: it continues.
    A second run writes nothing. On a gated server the operator imports files on its host, on its database and
    with its SPOT_MLFLOW_HOME.

    \b
    Example:
      spot import churn.jsonl --dry-run
      spot import churn.jsonl --model churn-eu
      spot import churn.jsonl --create        into an empty registry

    Exit status: 0 taken in, 1 refused, 2 the file or a name is wrong, 3 MLflow did not answer.
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    from spot_mlflow.record.import_file import check_file
    from spot_mlflow.record.importing import take_in

    checked = check_file(file)
    record, keep, _, _ = record_here(destination, make=create and not dry_run)
    _check_key(checked, key, unsigned=unsigned or keep is None)
    if dry_run:
        _say_checked(checked, output_format)
        return
    done = take_in(record, checked, model, create=create, keep=keep)
    if output_format == "json":
        echo_json(done.to_dict())
    else:
        say_taken(done)


def _check_key(checked: Checked, key: str | None, *, unsigned: bool) -> None:
    """Compares who signed the file with whom it is expected from.

    Raises:
        Refused: somebody else did, or nobody said whose signature is expected.
    """
    signed = checked.origin.key
    if key is not None and key.strip().lower() != signed:
        said = f"signed by key {signed}" if signed else "not signed"
        raise Refused(f"{checked.path}: the file is {said}, expected key {key}")
    if key is None and not unsigned:
        raise Refused(
            f"{checked.path}: a gated server takes in what a key that you name has signed",
            fix=f"The file's key is {signed}; compare it with what the origin printed: --signed-by KEY."
            if signed
            else "The file is not signed; where you trust it all the same: --unsigned.",
        )


def _say_checked(checked: Checked, output_format: str) -> None:
    origin = checked.origin
    if output_format == "json":
        echo_json({"entries": len(checked.entries), "origin": origin.to_dict()})
        return
    by = f"signed by key {origin.key}" if origin.key else "not signed"
    click.echo(
        f"The file is whole, {by}: {things(len(checked.entries), 'entry', 'entries')} of {origin.model} from "
        f"{origin.server}, exported {origin.exported[:10]}."
    )


def say_taken(done: Imported) -> None:
    """Prints what was taken in."""
    origin = done.origin
    if done.created:
        click.echo(
            f"Made version{'s' * (len(done.created) > 1)} {', '.join(done.created)} of {done.model}, "
            "without files."
        )
    if not (done.counted or done.written or done.erased):
        click.echo(f"Nothing to do: all {done.entries:,} entries count for {done.model} already.")
        return
    click.echo(
        f"{done.counted:,} of {done.entries:,} entries of {origin.model} from {origin.server} now "
        f"count for {done.model}."
    )
    if done.erased:
        click.echo(f"Erased names in {things(done.erased, 'entry', 'entries')}, as in the file.")
    if done.left_out:
        click.echo(f"{done.left_out:,} files of entries are not in the export.")
