"""``spot log``: makes the outcome log of raw tables and writes it, with a page that audits it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from spot_mlflow.errors import InvalidInput
from spot_mlflow_cli.checking import PASSES
from spot_mlflow_cli.files import write_new
from spot_mlflow_cli.options import guardrail_option
from spot_mlflow_cli.terminal import progress

if TYPE_CHECKING:
    from spot_mlflow.lift.promise.contract import PredictedLift

_ENGINES = (
    "duckdb", "postgresql", "mysql", "mariadb", "sqlite", "spark", "mssql", "oracle", "trino", "snowflake",
    "bigquery", "databricks",
)  # fmt: skip


@click.command("log")
@click.argument("promise", metavar="MODEL|LIFT.YAML")
@click.option("--decisions", metavar="TABLE", help="What the scoring job wrote.")
@click.option("--arms", metavar="TABLE", help="Who was held out, or in which arm each unit is.")
@click.option("--events", metavar="TABLE", help="What happened: orders, payments, cancellations.")
@click.option("--steps", metavar="TABLE", help="What was done: contacts, deliveries.")
@guardrail_option
@click.option(
    "--complete-until", metavar="DATE", help="Date up to which all events are in their table."
)
@click.option("--as-of", metavar="DATE", help="Later events do not count (UTC); default: now.")
@click.option("--version", metavar="VERSION", help="Of the model; other versions do not count.")
@click.option(
    "-o", "--out", metavar="FILE", help="A .parquet or .csv file, or DATABASE_URL::TABLE, both new."
)
@click.option(
    "--page", metavar="FILE", help="The page of the rules; default: FILE.html beside a file."
)
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@click.option(
    "--sql",
    "engine",
    type=click.Choice(_ENGINES),
    help="Print the query that makes the log in this engine; nothing is read.",
)
def command(  # noqa: PLR0917 - click passes them by name
    promise: str,
    decisions: str | None,
    arms: str | None,
    events: str | None,
    steps: str | None,
    guardrail: dict[str, str],
    complete_until: str | None,
    as_of: str | None,
    version: str | None,
    out: str | None,
    page: str | None,
    force: bool,  # noqa: FBT001 - click passes it by name
    engine: str | None,
) -> None:
    """Make the outcome log from the raw tables that a contract names, and write it.

    A page beside it shows how many rows each rule touched. `spot outcomes` reads this log, and gives the same
    verdict as for the raw tables.

    \b
    Example:
      spot log lift.yaml --out outcomes.parquet
      spot log churn/3 --events 'orders/*.csv' --out postgresql://ann@db/crm::outcomes
      spot log lift.yaml --sql snowflake
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    predicted, own = _promised(promise)
    version = version or own
    if engine is not None:
        from spot_mlflow_checks.raw.written import log_sql

        click.echo(log_sql(engine, predicted, as_of=as_of, model_version=version))
        return
    if out is None:
        raise click.UsageError("Give --out FILE, or --sql ENGINE.")
    from spot_mlflow_checks.engines.files import split_table

    _, into = split_table(out)
    place = Path(page) if page else None if into else Path(out).with_suffix(".html")
    for path in (None if into else Path(out), place):
        if path is not None and path.exists() and not force:
            raise InvalidInput("already exists", where=str(path), fix="Use --force.")
    tables = {
        "decisions": decisions, "arms": arms, "events": events, "steps": steps, "guardrails": guardrail,
    }  # fmt: skip
    from spot_mlflow.reporting.pages import join_page
    from spot_mlflow_checks.raw.exported import export_log
    from spot_mlflow_checks.raw.joined import complete_to, joined_log

    with progress() as bar:
        task = bar.add_task("Starting", total=None)
        read = complete_to(predicted, complete_until)
        with joined_log(
            tables,
            read,
            as_of=as_of,
            model_version=version,
            progress=lambda name: bar.update(task, description=PASSES.get(name, name)),
        ) as log:
            bar.update(task, description="Writing the log")
            rows = export_log(log, out)
            joined, moment = log.joined, log.as_of.isoformat()
    shown = into or out
    if place is not None:
        said = join_page.html(joined, read, rows=rows, out=shown, as_of=moment)
        write_new(place, said.encode())
    click.echo(f"Wrote {shown}: {rows:,} rows" + (f". The rules: {place}" if place else "."))


def _promised(promise: str) -> tuple[PredictedLift, str | None]:
    """The contract of a file, or of the record with the version that it is for."""
    from spot_mlflow.lift.promise.contract import PredictedLift

    if promise.endswith((".yaml", ".yml")):
        return PredictedLift.load(Path(promise)), None
    from spot_mlflow.record import Record

    record = Record()
    ref = record.resolve(promise)
    found = record.adoption(ref).predicted
    if found is None:
        raise InvalidInput(
            f"no predicted lift is recorded for {ref}",
            fix=f"First: spot promise {ref.typed} lift.yaml",
        )
    return found, ref.version
