"""``spot init``: a first lift contract, one's own instrument, or a tag on every model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from spot_mlflow.errors import InvalidInput
from spot_mlflow_checks.engines import open_any
from spot_mlflow_cli.each import EachModel, leave_unread
from spot_mlflow_cli.options import dry_run_option
from spot_mlflow_cli.terminal import progress

if TYPE_CHECKING:
    from collections.abc import Sequence

_CONTRACT: Final = "lift.yaml"
_INSTRUMENT: Final = "instrument.yaml"


@click.command("init")
@click.argument("sources", metavar="[SOURCE]...", nargs=-1)
@click.option(
    "--table",
    "tables",
    metavar="NAME",
    multiple=True,
    help="For a database: the table, or schema.table. May be given more than once.",
)
@click.option("--query", metavar="SQL", help="For a database: a query instead of a table.")
@click.option("--instrument", is_flag=True, help="Copy the S.P.O.T. questions, to adapt them.")
@click.option(
    "--all", "everything", is_flag=True, help="Tag every model not yet touched 'not assessed'."
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help=f"Where to write; - for standard output. Otherwise {_CONTRACT} or {_INSTRUMENT} here.",
)
@click.option(
    "--ask/--no-ask",
    default=None,
    help="Ask for what the tables do not show; otherwise it is left as TODO. Default: ask in a terminal.",
)
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@dry_run_option
def command(  # noqa: PLR0917 - click passes them by name
    sources: tuple[str, ...],
    tables: tuple[str, ...],
    query: str | None,
    instrument: bool,  # noqa: FBT001 - click passes it by name
    everything: bool,  # noqa: FBT001
    output: Path | None,
    ask: bool | None,  # noqa: FBT001
    force: bool,  # noqa: FBT001
    dry_run: bool,  # noqa: FBT001
) -> None:
    """Write a commented lift.yaml from the columns of a log, or start a registry.

    One SOURCE is a log with a row per unit. Several are the tables that it is made of: what was
    decided, who was held out, what happened, what was delivered. The command guesses which is which from the
    first 20,000 rows of each, and writes its reason beside every guess.

    \b
    Example:
      spot init outcomes.csv                      lift.yaml, columns and arms guessed
      spot init scores.csv holdout.csv orders.csv    lift.yaml with the tables as sources
      spot init postgresql://ann@db/crm --table offers.outcomes
      spot init postgresql://ann@db/shop --table scores --table orders holdout.csv
      spot init --instrument                      the questions, to adapt them
      spot init --all                             tag every model 'not assessed'
    """  # noqa: D301 - \b is click's mark for text to keep as it is
    if sum([bool(sources), instrument, everything]) != 1:
        raise click.UsageError("Give one of SOURCE, --instrument and --all.")
    if everything:
        _tag_all(dry_run=dry_run)
        return
    if instrument:
        text, path = _instrument(), output or Path(_INSTRUMENT)
        hint = f"Complete it, then: export SPOT_INSTRUMENT={path}"
    else:
        path = output or Path(_CONTRACT)
        _refuse_to_overwrite(path, force=force or dry_run)
        text = _contract(sources, tables, query, ask=ask).replace(
            f"MODEL/VERSION {_CONTRACT}", f"MODEL/VERSION {path}", 1
        )
        hint = f"Complete it, then: spot promise MODEL/VERSION {path}"
    _write(text, path, hint, force=force, dry_run=dry_run)


def _contract(
    sources: Sequence[str], tables: Sequence[str], query: str | None, *, ask: bool | None
) -> str:
    """Returns a first contract: of a log with a row per unit, or of several tables."""
    if len(sources) > 1 or len(tables) > 1:
        from spot_mlflow_cli.raw_tables import contract_of_tables

        if query is not None:
            raise click.UsageError("--query is for one SOURCE; make a view of it.")
        return contract_of_tables(sources, tables, ask=ask)
    from spot_mlflow_checks.draft import draft_contract

    with open_any(sources[0], {}, table=next(iter(tables), None), query=query) as opened:
        return draft_contract(opened)


def _instrument() -> str:
    from spot_mlflow.readiness.instrument import default_path

    return default_path().read_text(encoding="utf-8")


def _write(text: str, path: Path, hint: str, *, force: bool, dry_run: bool) -> None:

    if dry_run or str(path) == "-":
        click.echo(text, nl=False)
        return
    _refuse_to_overwrite(path, force=force)
    try:
        with path.open("w" if force else "x", encoding="utf-8") as f:
            f.write(text)
    except OSError as e:
        raise InvalidInput(f"cannot be written: {e.strerror}", where=str(path)) from None
    click.echo(f"Wrote {path}. {hint}")


def _refuse_to_overwrite(path: Path, *, force: bool) -> None:
    if not force and str(path) != "-" and path.exists():
        raise InvalidInput(
            "already exists", where=str(path), fix="Use --force to overwrite it, or -o FILE."
        )


def _tag_all(*, dry_run: bool) -> None:
    """Writes the summary of every model that has none yet; touched ones stay as they are."""
    from spot_mlflow.record import Record

    record = Record()
    bare = _untouched(record.portfolio())
    with progress() as bar:
        each = EachModel(bar.track(bare, description="Tagging models"))
        for name in each:
            with each.reading(name):
                ref = record.resolve(name)
                if not dry_run:
                    record.refresh(ref)
    said, count = "would be tagged" if dry_run else "tagged", len(bare) - len(each.unread)
    click.echo(f"{count:,} {'model' if count == 1 else 'models'} {said} 'not assessed'.")
    leave_unread(each.unread)


def _untouched(portfolio: Sequence[tuple[str, object]]) -> list[str]:
    return [name for name, tags in portfolio if "spot" not in dict(tags)]  # type: ignore[call-overload] # a mapping of tags
