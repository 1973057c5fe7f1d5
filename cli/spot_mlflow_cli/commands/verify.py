"""``spot verify``: finds evidence that was edited, deleted or half written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from spot_mlflow.errors import RecordDamaged, Unavailable
from spot_mlflow.figures import things
from spot_mlflow_cli.each import EachModel, say_unread, say_where_looked
from spot_mlflow_cli.options import format_option
from spot_mlflow_cli.terminal import echo_json, progress

if TYPE_CHECKING:
    from spot_mlflow.record import Record, Verification


@click.command("verify")
@click.argument("model", metavar="[MODEL]", required=False)
@click.option("--all", "everything", is_flag=True, help="Verify the records of all models.")
@click.option("--files", is_flag=True, help="Also hash the files of live versions again.")
@click.option(
    "--rebuild", is_flag=True, help="Also derive tags and descriptions again from sound records."
)
@format_option("text", "json")
@click.pass_context
def command(
    ctx: click.Context,
    model: str | None,
    output_format: str,
    *,
    everything: bool,
    files: bool,
    rebuild: bool,
) -> None:
    """Check that no evidence was edited, deleted or half written.

    Every entry carries the digest of what it says and the digests of entries it follows. Half-written
    entries are shown but do no harm: they never count. --files asks a gated server whether the files
    of live versions are those that were hashed first, and those that were approved. --rebuild derives summary
    tags, descriptions and the money by month again, only for sound records.

    \b
    Example:
      spot verify churn
      spot verify churn --files
      spot verify --all --rebuild
      spot verify --all --format json

    Exit status: 0 sound, 1 something was edited, deleted or forged, 3 a record could not be read.
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    from spot_mlflow.record import REGISTRY, Record

    if (model is None) == (not everything):
        raise click.UsageError("Name a MODEL, or use --all.")
    record = Record()
    found: list[Verification] = []
    with progress() as bar:
        names = record.models() if model is None else [model]
        if not names:
            err = output_format == "json"
            say_where_looked(record, known=0, shown=0, err=err)
        task = bar.add_task("Verifying", total=len(names) + 1)
        each = EachModel(names)
        for name in each:
            if model is not None:
                found.append(record.verify(name, files=files))
                _rebuilt(record, name, found[-1], wanted=rebuild)
            else:
                with each.reading(name):
                    found.append(_verified(record, name, files=files))
                    _rebuilt(record, name, found[-1], wanted=rebuild)
            bar.advance(task)
        found.append(record.verify(REGISTRY))
    if output_format == "json":
        missed = [{"model": n, "sound": None, "unread": str(e)} for n, e in each.unread]
        echo_json([*(v.to_dict() for v in found), *missed])
    else:
        for verification in found:
            _print(verification)
        say_unread(each.unread)
    if not all(v.sound for v in found):
        ctx.exit(1)
    ctx.exit(Unavailable.exit_status if each.unread else 0)


def _rebuilt(record: Record, name: str, verified: Verification, *, wanted: bool) -> None:
    if wanted and verified.sound and verified.entries:
        record.refresh(record.resolve(name))


def _verified(record: Record, name: str, *, files: bool) -> Verification:
    """Verifies one of many: a record that is gone is a finding, not an end."""
    from spot_mlflow.record.verification import Finding, Verification

    try:
        return record.verify(name, files=files)
    except RecordDamaged as e:
        return Verification(name, 0, (Finding("missing", "", str(e)),))


def _print(verification: Verification) -> None:
    name = verification.model or "policies"
    if not verification.entries and not verification.findings:
        return
    state = "sound" if verification.sound else "NOT SOUND"
    click.echo(f"{name}: {things(verification.entries, 'entry', 'entries')}, {state}")
    for origin, count in verification.origins:
        click.echo(f"  {count} of them recorded first of {origin.words}")
    for finding in verification.findings:
        run = f" (run {finding.run_id})" if finding.run_id else ""
        click.echo(f"  {finding.trouble}: {finding.what}{run}")
