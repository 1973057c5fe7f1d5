"""``spot involve``: logs who took part, one by one or from an attendance list."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spot_mlflow.involvement.attendance import batch_of, read_attendance
from spot_mlflow.involvement.log import KINDS, PHASES, check_entry
from spot_mlflow.record.login import login
from spot_mlflow.reporting.words.tables import printable
from spot_mlflow.roles import ROLES
from spot_mlflow_cli.identity import pseudonym_option, speaker
from spot_mlflow_cli.options import dry_run_option, format_option, model_argument
from spot_mlflow_cli.terminal import echo_json, progress

if TYPE_CHECKING:
    from spot_mlflow.involvement.log import Involvement
    from spot_mlflow.record import ModelRef, Record


@click.command("involve")
@model_argument
@click.option("--phase", type=click.Choice(PHASES), help="In which phase.")
@click.option(
    "--kind",
    type=click.Choice(KINDS),
    help='In which way; "informed" does not count towards the score.',
)
@click.option("--person", envvar="SPOT_PERSON", help="Who took part. Default: SPOT_PERSON.")
@click.option("--role", type=click.Choice(ROLES), help="In which role.")
@click.option("--what", default="", help="What was done; for naming decided, the product's name.")
@click.option("--evidence", default=None, help="Link to minutes, a ticket, a recording.")
@click.option("--when", default=None, help="The day it happened, 2027-01-31; default: today.")
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path),
    help="CSV with the columns person, role and any of phase, kind, what, evidence, when; blank "
    "cells take the options above.",
)
@pseudonym_option
@format_option("text", "json")
@dry_run_option
def command(
    *,
    model: str,
    phase: str | None,
    kind: str | None,
    person: str | None,
    role: str | None,
    what: str,
    evidence: str | None,
    when: str | None,
    source: Path | None,
    output_format: str,
    as_pseudonym: bool,
    dry_run: bool,
) -> None:
    """Log who helped with naming, scope, features, review or feedback.

    A file is imported as a whole or not at all, and once: importing it again adds nothing.

    \b
    Example:
      spot involve churn --phase scope --kind contributed --person "Kim" --role business \\
        --what "named the cases that do not count"
      spot involve churn --phase naming --kind decided --person "Kim" --role business \\
        --what "Stay Radar"
      spot involve churn --phase review --kind contributed --from attendance.csv
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    given = {"phase": phase, "kind": kind, "what": what, "evidence": evidence, "when": when}
    if source is not None:
        record, ref, written = _from_file(model, source, given, role, as_pseudonym, dry_run)
    else:
        record, ref, written = _one(model, given, person, role, as_pseudonym, dry_run)
    _report(record, ref, written, output_format, dry_run=dry_run)


def _one(  # noqa: PLR0917 - private; the command names its options
    model: str,
    given: dict[str, Any],
    person: str | None,
    role: str | None,
    as_pseudonym: bool,  # noqa: FBT001
    dry_run: bool,  # noqa: FBT001
) -> tuple[Record, ModelRef, int]:
    from spot_mlflow import log_involvement

    for name, value in (("--kind", given["kind"]), ("--person", person), ("--role", role)):
        if not value:
            raise click.UsageError(f"Missing option '{name}' (or --from FILE).")
    name, record = speaker(str(person), as_pseudonym=as_pseudonym)
    ref = record.resolve(model)
    check_entry(**given)
    if not dry_run:
        log_involvement(ref, **given, person=name, role=str(role), record=record)
    return record, ref, 1


def _from_file(  # noqa: PLR0917 - private; the command names its options
    model: str,
    source: Path,
    given: dict[str, Any],
    role: str | None,
    as_pseudonym: bool,  # noqa: FBT001
    dry_run: bool,  # noqa: FBT001
) -> tuple[Record, ModelRef, int]:

    rows = read_attendance(source, {**given, "role": role})
    record = speaker(login() or "import", as_pseudonym=as_pseudonym)[1]
    ref = record.resolve(model)
    if as_pseudonym:
        rows = tuple(r.under(speaker(r.person, as_pseudonym=True)[0]) for r in rows)
    known = {e.id: e for e in record.entries(ref)}
    batch = batch_of(rows, model=f"{ref.name}:{ref.created}", known=known)
    missing = [entry for entry in batch if entry.id not in known]
    if not dry_run:
        with progress() as bar:
            for entry in bar.track(missing, description="Recording"):
                record.append(
                    ref,
                    "involvement",
                    entry.payload,
                    person=entry.person,
                    role=entry.role,
                    entry_id=entry.id,
                    refresh=False,
                )
        record.refresh(ref)
    return record, ref, len(missing)


def _report(
    record: Record, ref: ModelRef, written: int, output_format: str, *, dry_run: bool
) -> None:

    involvement = record.adoption(ref).involvement
    if output_format == "json":
        echo_json(
            {"model": ref.name, "recorded": 0 if dry_run else written, **summary(involvement)}
        )
        return
    said = "Would be recorded" if dry_run else "Recorded"
    entries = "entry" if written == 1 else "entries"
    click.echo(printable(f"{said}: {written} {entries} for {ref.name}."))
    click.echo(involvement.words)
    for line in involvement.lines():
        click.echo(f"  {line}")


def summary(involvement: Involvement) -> dict[str, Any]:
    """Returns the log as documented JSON values."""
    return {
        "involvement": {
            "score": involvement.score,
            "words": involvement.words,
            "parts": dict(involvement.parts),
            "caps": [{"name": c.name, "limit": c.limit, "why": c.why} for c in involvement.caps],
            "phases": dict(involvement.phases),
            "people": involvement.people,
            "champion": involvement.champion,
            "product_name": involvement.product_name,
        }
    }
