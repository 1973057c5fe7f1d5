"""``spot assign``: who is held out, written beside the scores or as SQL."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from spot_mlflow import figures
from spot_mlflow.errors import InvalidInput
from spot_mlflow_cli.terminal import mind_interrupts, progress

if TYPE_CHECKING:
    from collections.abc import Mapping

_ENGINES = (
    "duckdb", "postgresql", "mysql", "mariadb", "sqlite", "spark", "mssql", "oracle", "trino", "snowflake",
    "bigquery", "databricks",
)  # fmt: skip


@click.command("assign")
@click.argument("contract", metavar="LIFT.YAML", type=click.Path(path_type=Path))
@click.argument("scored", metavar="[SCORED]", required=False)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where to write the rows with their arm: .csv, .csv.gz or .parquet.",
)
@click.option(
    "--at",
    metavar="DATE",
    help="Time of decision (UTC), which picks the step of a schedule; otherwise the column of the contract, or now.",
)
@click.option("--force", is_flag=True, help="Overwrite an existing file without asking.")
@click.option(
    "--sql",
    "engine",
    type=click.Choice(_ENGINES),
    help="Print the arm as an expression for this engine, and read no file.",
)
def command(  # noqa: PLR0917 - click passes them by name
    contract: Path,
    scored: str | None,
    out: Path | None,
    at: str | None,
    force: bool,  # noqa: FBT001 - click passes it by name
    engine: str | None,
) -> None:
    """Decide by a hash of the id who is treated and who is held out.

    The assignment of the contract decides: the same id always has the same arm, in a file, in Python
    and in every database, and a larger holdout keeps everybody who was held out before.

    \b
    Example:
      spot assign lift.yaml scored.csv --out arms.csv
      spot assign lift.yaml --sql snowflake
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    from spot_mlflow.lift.promise.contract import PredictedLift

    predicted = PredictedLift.load(contract)
    if engine is not None:
        if scored is not None or out is not None:
            raise click.UsageError("--sql reads and writes no file; leave SCORED and --out out.")
        from spot_mlflow_checks.holdout.written import arm_sql

        click.echo(arm_sql(engine, predicted, at=at))
        return
    if scored is None or out is None:
        raise click.UsageError("Give SCORED and --out FILE, or --sql ENGINE.")
    _mind_what_is_there(scored, out, force=force)
    from spot_mlflow_checks.holdout.assign_file import assign_file

    with progress() as bar:
        task = bar.add_task("reading", total=None)
        counts = assign_file(
            scored, out, predicted, at=at, progress=lambda p: bar.update(task, description=p)
        )
    click.echo(_said(out, counts))


def _mind_what_is_there(scored: str, out: Path, *, force: bool) -> None:
    if not out.exists():
        return
    if Path(scored).exists() and out.samefile(scored):
        raise InvalidInput("is the file that is read", where=str(out), fix="Choose another --out.")
    if force:
        return
    if sys.stdin.isatty():
        mind_interrupts()
        click.confirm(f"{out} already exists. Overwrite it?", abort=True, err=True)
        return
    raise InvalidInput(
        "already exists", where=str(out), fix="Use --force to overwrite it, or another --out."
    )


def _said(out: Path, counts: Mapping[str, int]) -> str:
    total = sum(counts.values())
    each = ", ".join(
        f"{label} {n:,}" + (f" ({figures.share(n / total)})" if total else "")
        for label, n in counts.items()
    )
    return f"Wrote {out}: {total:,} rows, {each}."
