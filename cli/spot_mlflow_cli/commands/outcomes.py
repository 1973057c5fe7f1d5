"""``spot outcomes``: checks an outcome log against the promise and records the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from spot_mlflow.days import day
from spot_mlflow.reporting.message.headline import headline_of
from spot_mlflow.reporting.words.lift_view import lift_view
from spot_mlflow.reporting.words.tables import harmless
from spot_mlflow.verdicts import VERDICTS, VIABILITY
from spot_mlflow_cli import schedule_view
from spot_mlflow_cli.checking import PASSES, failures, keep, read_outcomes
from spot_mlflow_cli.options import dry_run_option, format_option, guardrail_option
from spot_mlflow_cli.schedule import Wanted, run_schedule
from spot_mlflow_cli.sections import page, print_headline, print_sections
from spot_mlflow_cli.terminal import echo_json, progress

if TYPE_CHECKING:
    from spot_mlflow.record import ModelRef, Record
    from spot_mlflow_cli.checking import Checked

# What --fail-on may name: verdicts, and a log that failed a critical check.
_FAILURES: Final = (
    *(m.fail_on for m in (*VERDICTS.values(), *VIABILITY.values()) if m.fail_on),
    "data",
)
_FAILED = 1


@click.command("outcomes")
@click.argument("model", metavar="[MODEL]", required=False)
@click.argument("source", metavar="[SOURCE]", required=False)
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Check every watched version whose contract says where its outcomes are.",
)
@click.option("--due", "only_due", is_flag=True, help="With --all: only those whose check is due.")
@click.option(
    "--jobs",
    type=click.IntRange(1, 32),
    default=2,
    show_default=True,
    help="With --all: versions that are read at once.",
)
@click.option("--decisions", metavar="TABLE", help="What the scoring job wrote.")
@click.option("--arms", metavar="TABLE", help="Who was held out, or in which arm each unit is.")
@click.option("--events", metavar="TABLE", help="What happened: orders, payments, cancellations.")
@click.option("--steps", metavar="TABLE", help="What was done: contacts, deliveries.")
@guardrail_option
@click.option(
    "--complete-until",
    metavar="DATE",
    help="Date up to which all events are in their table, if it differs from the promise.",
)
@click.option("--table", metavar="NAME", help="For a database: the table, or schema.table.")
@click.option("--query", metavar="SQL", help="For a database: a query instead of a table.")
@click.option(
    "--as-of",
    metavar="DATE",
    help="Use this time (UTC) to decide which outcomes are mature; default: now. Later decisions do not count.",
)
@click.option(
    "--segment",
    metavar="COLUMN",
    help="Break the lift down by this column, if the promise names none.",
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
    "--again", is_flag=True, help="Record the check even if its figures are already on record."
)
@click.option(
    "--fail-on",
    type=click.Choice(_FAILURES),
    multiple=True,
    help="Exit with 1, after recording, if this is the answer. May be given more than once.",
)
@click.option("--person", envvar="SPOT_PERSON", help="Who checks. Default: SPOT_PERSON.")
@format_option("text", "json", "markdown")
@dry_run_option
def command(  # noqa: PLR0913, PLR0917 - click passes them by name
    model: str | None,
    source: str | None,
    everything: bool,  # noqa: FBT001 - click passes it by name
    only_due: bool,  # noqa: FBT001 - click passes it by name
    jobs: int,
    decisions: str | None,
    arms: str | None,
    events: str | None,
    steps: str | None,
    guardrail: dict[str, str],
    complete_until: str | None,
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
    --query. The recorded promise names the columns. Rows stay where they are: only sums leave
    the engine. Without SOURCE, the command reads the log that the promise names, or makes it from the raw
    tables that the promise or the options name: files, or DATABASE_URL::TABLE.

    \b
    Example:
      spot outcomes churn/3 outcomes.parquet
      spot outcomes churn/3 'log/2027-*.csv' --as-of 2027-04-15 --dry-run
      spot outcomes churn/3 postgresql://ann@db/crm --table offers.outcomes
      spot outcomes churn/3 outcomes.csv --format json --fail-on shortfall
      spot outcomes churn/3 --decisions scores.parquet --arms holdout.csv --events 'orders/*.csv'
      spot outcomes --all --due                   for a scheduler: see docs/schedule.md

    \b
    Exit status:
      0  checked and on record, whatever the verdict
      1  what --fail-on names
      2  the log, the promise or the command is at fault; nothing is recorded, and trying again
         does not help
      3  MLflow or the database did not answer: try again later
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    from spot_mlflow.record import Record

    tables = {"decisions": decisions, "arms": arms, "events": events, "steps": steps}
    options = {f"--{k}": v for k, v in tables.items()} | {"--guardrail": guardrail}
    if everything:
        given = {
            "SOURCE": model or source,
            **options,
            "--complete-until": complete_until,
            "--table": table,
            "--query": query,
            "--segment": segment,
        }
        _refuse_with_all(given | {"--reduced": reduced, "--fewer": fewer, "--again": again})
        wanted = Wanted(only_due, as_of, full, fail_on, person, dry_run, jobs)
        _check_all(wanted, output_format)
        return
    if model is None or only_due:
        raise click.UsageError("Name one MODEL and its SOURCE, or use --all.")
    named: dict[str, Any] = {k: v for k, v in tables.items() if v is not None}
    named |= {"guardrails": guardrail} if guardrail else {}
    if source is not None and named:
        first = next(k for k, v in options.items() if v)
        raise click.UsageError(
            f"SOURCE, a ready log, cannot be combined with {first}, a raw table."
        )
    if source is None and (table or query):
        raise click.UsageError(f"--{'table' if table else 'query'} needs SOURCE, a database.")
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
        "complete_until": complete_until,
    }
    read = named or source
    found = _check(record, ref, read, settings, person=person, dry_run=dry_run, again=again)
    report = found.report
    _show(found, ref, output_format)
    if failures(report).intersection(fail_on):
        raise SystemExit(_FAILED)


def _refuse_with_all(given: dict[str, Any]) -> None:
    for name, value in given.items():
        if value:
            raise click.UsageError(f"{name} cannot be combined with --all: give MODEL and SOURCE.")


def _check_all(wanted: Wanted, output_format: str) -> None:
    """Checks all watched versions and prints what came of each."""
    found = run_schedule(wanted)
    if output_format == "json":
        echo_json(schedule_view.as_json(found))
    elif output_format == "markdown":
        click.echo(schedule_view.markdown(found))
    else:
        for line in schedule_view.lines(found):
            click.echo(line)
    if output_format != "json":
        for line in schedule_view.errors(found):
            click.secho(harmless(line), fg="red", err=True)
    if found.stopped:
        raise click.Abort
    if found.exit_status:
        raise SystemExit(found.exit_status)


def _check(
    record: Record,
    ref: ModelRef,
    source: str | dict[str, Any] | None,
    settings: dict[str, Any],
    *,
    person: str | None,
    dry_run: bool,
    again: bool,
) -> Checked:
    """Checks, and records unless dry or known; with progress for whoever looks on."""
    with progress() as bar:
        task = bar.add_task("Starting", total=None)

        def tell(name: str) -> None:
            bar.update(task, description=PASSES.get(name, name))

        answer = read_outcomes(record, ref, source, settings, tell)
        tell("recording")
        return keep(record, answer, person=person, dry_run=dry_run, again=again)


def _show(found: Checked, ref: ModelRef, output_format: str) -> None:
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


def _closing(found: Checked, ref: ModelRef) -> str:
    """Says what was recorded, and where the whole report is."""
    if found.known_since:
        return (
            f"On record already: the check of {day(found.known_since)} has the same figures. Nothing "
            f"new was recorded (--again records it once more). The whole report: spot report {ref.typed}"
        )
    if not found.recorded:
        return "Nothing was recorded (--dry-run)."
    return f"Recorded for {ref}. The whole report: spot report {ref.typed}"
