"""``spot export``: writes a model's record as one file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from spot_mlflow.errors import InvalidInput, SpotError
from spot_mlflow.figures import things
from spot_mlflow_cli.moving import destination_option, record_here
from spot_mlflow_cli.options import format_option
from spot_mlflow_cli.terminal import echo_json

if TYPE_CHECKING:
    from spot_mlflow.record import Record
    from spot_mlflow.record.export_file import Seal
    from spot_mlflow.record.exporting import Fetch


@click.command("export")
@click.argument("model", metavar="MODEL")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="The file; default: MODEL.jsonl."
)
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@destination_option
@format_option("text", "json")
def command(
    model: str, output: Path | None, destination: str | None, output_format: str, *, force: bool
) -> None:
    """Write the record of a model, with its files, as one file that another server can import.

    A gated server signs it; the command prints the fingerprint of its key for whoever imports the file. With
    logins only an administrator may export. Erased names stay erased. Files of checks that were
    stored before small cells were merged are left out.

    \b
    Example:
      spot export churn -o churn.jsonl
      spot --tracking-uri http://there:5000 import churn.jsonl

    Exit status: 0 written, 1 refused, 2 wrong input, 3 the record could not be read.
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    from spot_mlflow.record.import_file import check_file

    record, _, seal, fetch = record_here(destination)
    about = record.about(model)
    name = about.ref.name
    path = output or Path(f"{name.replace('/', '_')}.jsonl")
    if path.exists() and not force:
        raise InvalidInput(
            "already exists", where=str(path), fix="Use --force to overwrite it, or -o FILE."
        )
    draft = path.with_name(f".{path.name}.part")
    try:
        left_out = _written(record, name, draft, seal, fetch)
        checked = check_file(draft)
        draft.replace(path)
    except SpotError:  # some of ours are errors of the operating system's kinds, too
        raise
    except OSError as e:
        raise InvalidInput(f"cannot be written: {e.strerror}", where=str(path)) from None
    finally:
        draft.unlink(missing_ok=True)
    said = {
        "model": name,
        "file": str(path),
        "entries": len(checked.entries),
        "bytes": path.stat().st_size,
        "key": checked.origin.key,
        "left_out": [{"entry": e, "file": f, "why": w} for e, f, w in left_out],
    }
    if output_format == "json":
        echo_json(said)
        return
    click.echo(f"Wrote {things(len(checked.entries), 'entry', 'entries')} of {name} to {path}.")
    key = checked.origin.key
    click.echo(f"Signed by key {key}." if key else "Not signed: plain MLflow has no key.")
    for entry, file, why in left_out:
        click.echo(f"  left out: {file} of entry {entry[:12]}: {why}")


def _written(
    record: Record, name: str, path: Path, seal: Seal | None, fetch: Fetch | None
) -> list[tuple[str, str, str]]:
    """Writes the file; returns what is left out."""
    from spot_mlflow.record.exporting import export_lines, left_out_in
    from spot_mlflow.record.login import login
    from spot_mlflow.record.remote import RouteWriter

    with path.open("wb") as f:
        if isinstance(record.writer, RouteWriter):
            record.writer.export(name, f)
        else:
            about = record.named(name)
            f.writelines(export_lines(record, about, by=login(), seal=seal, fetch=fetch))
    return left_out_in(path)
