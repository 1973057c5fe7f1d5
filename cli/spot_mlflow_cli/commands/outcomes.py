"""``spot outcomes``: checks an outcome log against the promise and records the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from spot_mlflow.days import day
from spot_mlflow.reporting.message.headline import headline_of
from spot_mlflow.reporting.words.lift_view import lift_view
from spot_mlflow.verdicts import VERDICTS, VIABILITY
from spot_mlflow_checks import check_outcomes
from spot_mlflow_cli.options import dry_run_option, format_option, model_argument
from spot_mlflow_cli.sections import page, print_headline, print_sections
from spot_mlflow_cli.terminal import echo_json, progress

if TYPE_CHECKING:
    from spot_mlflow.adoption import Adoption
    from spot_mlflow.lift.report import LiftReport
    from spot_mlflow.record import ModelRef, Record

# What --fail-on may name: verdicts, and a log that failed a critical check.
_FAILURES: Final = (
    *(m.fail_on for m in (*VERDICTS.values(), *VIABILITY.values()) if m.fail_on),
    "data",
)
_FAILED = 1
_PASSES: Final = {
    "closed cohorts": "Looking at the closed cohorts",
    "quantile": "Finding where outcomes are capped",
    "base": "Reading the log",
    "clusters": "Adding up clusters",
    "examples": "Finding examples of what is wrong",
    "units": "Looking for units that occur twice",
    "score bins": "Adding up by score",
    "teams": "Adding up by team and week",
    "actions": "Counting what was acted on",
    "offers": "Adding up by offer",
    "statistics": "Computing the lift",
    "recording": "Recording in MLflow",
}


@click.command("outcomes")
@model_argument
@click.argument("source", metavar="SOURCE")
@click.option("--table", metavar="NAME", help="For a database: the table, or schema.table.")
@click.option("--query", metavar="SQL", help="For a database: a query instead of a table.")
@click.option(
    "--as-of",
    metavar="DATE",
    help="Judge maturity as of this moment, UTC; now otherwise. Later decisions do not count.",
)
@click.option(
    "--segment",
    metavar="COLUMN",
    help="Break the lift down by this column, where the promise names none.",
)
@click.option(
    "--reduced",
    is_flag=True,
    help="SOURCE is a table reduced elsewhere: n, sum, sum_of_squares by arm, day and segment.",
)
@click.option("--full", is_flag=True, help="Read everything, closed cohorts too.")
@click.option(
    "--fewer",
    metavar="REASON",
    help="Why units of the last check are missing on purpose: erased on request, a month restated.",
)
@click.option(
    "--again", is_flag=True, help="Record the check also where its figures are on record already."
)
@click.option(
    "--fail-on",
    type=click.Choice(_FAILURES),
    multiple=True,
    help="Exit with 1, once recorded, where this is the answer. May be given more than once.",
)
@click.option("--person", envvar="SPOT_PERSON", help="Who checks. Otherwise SPOT_PERSON.")
@format_option("text", "json", "markdown")
@dry_run_option
def command(  # noqa: PLR0913, PLR0917 - click passes them by name
    model: str,
    source: str,
    table: str | None,
    query: str | None,
    as_of: str | None,
    segment: str | None,
    reduced: bool,  # noqa: FBT001 - click passes it by name
    full: bool,  # noqa: FBT001 - click passes it by name
    fewer: str | None,
    again: bool,  # noqa: FBT001 - click passes it by name
    fail_on: tuple[str, ...],
    person: str | None,
    output_format: str,
    dry_run: bool,  # noqa: FBT001 - click passes it by name
) -> None:
    """Check an outcome log against what the model version promised, and record the answer.

    SOURCE is a CSV or Parquet file, a glob of them in quotes, or a database URL with --table or
    --query. The columns stand in the recorded promise. Rows stay where they are: only sums leave
    the engine.

    \b
    Example:
      spot outcomes churn/3 outcomes.parquet
      spot outcomes churn/3 'log/2027-*.csv' --as-of 2027-04-15 --dry-run
      spot outcomes churn/3 postgresql://ann@db/crm --table offers.outcomes
      spot outcomes churn/3 outcomes.csv --format json --fail-on shortfall

    \b
    Exit status:
      0  checked and on record, whatever the verdict
      1  what --fail-on names
      2  the log, the promise or the command is at fault; nothing is recorded, and trying again
         does not help
      3  MLflow or the database did not answer: try again later
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    from spot_mlflow.record import Record

    record = Record()
    ref = record.resolve(model)
    settings = {
        "table": table,
        "query": query,
        "as_of": as_of,
        "segment": segment,
        "reduced": reduced,
        "full": full,
        "fewer": fewer,
    }
    found = _check(record, ref, source, settings, person=person, dry_run=dry_run, again=again)
    report = found.report
    _show(found, ref, output_format)
    if _failures(report).intersection(fail_on):
        raise SystemExit(_FAILED)


def _failures(report: LiftReport) -> set[str]:
    """Returns the names under which ``--fail-on`` finds this report."""
    found = {VERDICTS[report.verdict].fail_on, VIABILITY[report.viable].fail_on}
    return found if report.success else {*found, "data"}


@dataclass(frozen=True, slots=True)
class _Checked:
    """What came of a check.

    Attributes:
        report: the answer.
        adoption: what was known of the version before.
        recorded: whether an entry was written.
        known_since: time of the entry that has the same figures, or "".
    """

    report: LiftReport
    adoption: Adoption
    recorded: bool
    known_since: str = ""


def _check(
    record: Record,
    ref: ModelRef,
    source: str,
    settings: dict[str, Any],
    *,
    person: str | None,
    dry_run: bool,
    again: bool,
) -> _Checked:
    """Checks, and records unless dry or known; with progress for whoever looks on."""
    from spot_mlflow import InvalidInput, log_outcomes
    from spot_mlflow.record import outcomes

    adoption = record.adoption(ref)
    if adoption.predicted is None:
        raise InvalidInput(
            f"no predicted lift is recorded for {ref}",
            fix=f"First: spot promise {ref.typed} lift.yaml",
        )
    with progress() as bar:
        task = bar.add_task("Starting", total=None)

        def tell(name: str) -> None:
            bar.update(task, description=_PASSES.get(name, name))

        last = outcomes.latest_moments(record, adoption)
        report = check_outcomes(
            source,
            adoption.predicted,
            **settings,
            model_version=ref.version,
            previous=last,
            previous_looks=outcomes.previous_looks(adoption),
            progress=tell,
        )
        report = outcomes.as_stored(report, last)
        known = None if again else outcomes.on_record(report, adoption, last)
        if known is not None:
            report = outcomes.looked_again(report, int(known["previous_looks"]), last)
            return _Checked(report, adoption, recorded=False, known_since=str(known["at"]))
        report = outcomes.with_history(report, adoption, last)
        if not dry_run:
            tell("recording")
            log_outcomes(ref, report, person=person, again=again, record=record)
    return _Checked(report, adoption, recorded=not dry_run)


def _show(found: _Checked, ref: ModelRef, output_format: str) -> None:
    """Prints the answer."""
    from spot_mlflow.reporting.pages import lift_report

    report, adoption = found.report, found.adoption
    if output_format == "json":
        head = {"model": ref.name, "version": ref.version, "recorded": found.recorded}
        echo_json(head | {"on_record_since": found.known_since or None} | report.to_dict())
        return
    if output_format == "markdown":
        click.echo(lift_report.markdown(report, adoption), nl=False)
        return
    from spot_mlflow.reporting.sections.lift import sections_of

    out = page()
    print_headline(out, headline_of(report, adoption), f"{adoption.name} · version {ref.version}")
    print_sections(out, sections_of(lift_view(report), adoption, brief=True))
    click.echo(f"\n{_closing(found, ref)}")


def _closing(found: _Checked, ref: ModelRef) -> str:
    """Says what was recorded, and where the whole report is."""
    if found.known_since:
        return (
            f"On record already: the check of {day(found.known_since)} has the same figures. Nothing "
            f"new was recorded (--again records it once more). The whole report: spot report {ref.typed}"
        )
    if not found.recorded:
        return "Nothing was recorded (--dry-run)."
    return f"Recorded for {ref}. The whole report: spot report {ref.typed}"
