"""``spot outcomes``: checks an outcome log against the promise and records the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from spot_mlflow_cli.options import dry_run_option, format_option, model_argument

if TYPE_CHECKING:
    from collections.abc import Callable

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.lift.report import LiftReport
    from spot_mlflow.record import ModelRef, Record

# What --fail-on may name -> whether a report is that.
_FAILURES: Final[dict[str, Callable[[LiftReport], bool]]] = {
    "shortfall": lambda r: r.verdict == "shortfall",
    "inconclusive": lambda r: r.verdict == "inconclusive",
    "not-viable": lambda r: r.viable == "not viable",
    "data": lambda r: not r.success,
}
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
@click.option("--full", is_flag=True, help="Read everything, closed cohorts too.")
@click.option(
    "--fail-on",
    type=click.Choice(tuple(_FAILURES)),
    multiple=True,
    help="Exit with 1, once recorded, where this is the answer. May be given more than once.",
)
@click.option("--person", envvar="SPOT_PERSON", help="Who checks. Otherwise SPOT_PERSON.")
@format_option("text", "json", "markdown")
@dry_run_option
def command(  # noqa: PLR0917 - click passes them by name
    model: str,
    source: str,
    table: str | None,
    query: str | None,
    as_of: str | None,
    segment: str | None,
    full: bool,  # noqa: FBT001 - click passes it by name
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
      0  checked and recorded, whatever the verdict
      1  what --fail-on names
      2  the log cannot be used; nothing is recorded
      3  MLflow or the database did not answer
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    from spot_mlflow.record import Record

    record = Record()
    ref = record.resolve(model)
    settings = {"table": table, "query": query, "as_of": as_of, "segment": segment}
    report, adoption = _check(
        record, ref, source, settings, full=full, person=person, dry_run=dry_run
    )
    _show(report, adoption, ref, output_format, dry_run=dry_run)
    if any(_FAILURES[name](report) for name in fail_on):
        raise SystemExit(_FAILED)


def _check(
    record: Record,
    ref: ModelRef,
    source: str,
    settings: dict[str, Any],
    *,
    full: bool,
    person: str | None,
    dry_run: bool,
) -> tuple[LiftReport, Adoption]:
    """Checks, and records unless dry; with progress for whoever looks on."""
    from spot_mlflow import InvalidInput, log_outcomes
    from spot_mlflow.record.outcomes import latest_moments, previous_looks, with_history
    from spot_mlflow_checks import check_outcomes
    from spot_mlflow_cli.terminal import progress

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

        report = check_outcomes(
            source,
            adoption.predicted,
            **settings,
            model_version=ref.version,
            previous=None if full else latest_moments(record, adoption),
            previous_looks=previous_looks(adoption),
            progress=tell,
        )
        report = with_history(report, adoption)
        if not dry_run:
            tell("recording")
            log_outcomes(ref, report, person=person, record=record)
    return report, adoption


def _show(
    report: LiftReport, adoption: Adoption, ref: ModelRef, output_format: str, *, dry_run: bool
) -> None:
    """Prints the answer."""
    from spot_mlflow.reporting import lift_report
    from spot_mlflow_cli.terminal import echo_json

    if output_format == "json":
        head = {"model": ref.name, "version": ref.version, "recorded": not dry_run}
        echo_json(head | report.to_dict())
        return
    if output_format == "markdown":
        click.echo(lift_report.markdown(report, adoption), nl=False)
        return
    from spot_mlflow.reporting.headline import headline_of
    from spot_mlflow.reporting.lift_view import lift_view
    from spot_mlflow.reporting.sections import sections_of
    from spot_mlflow_cli.sections import page, print_headline, print_sections

    out = page()
    print_headline(out, headline_of(report, adoption), f"{adoption.name} · version {ref.version}")
    print_sections(out, sections_of(lift_view(report), adoption, brief=True))
    said = "Nothing was recorded (--dry-run)." if dry_run else f"Recorded for {ref}."
    click.echo(
        f"\n{said} The whole report: spot report {ref.typed}" if not dry_run else f"\n{said}"
    )
