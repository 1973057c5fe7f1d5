"""What ``spot`` alone says: where MLflow is, what is there, what needs attention, what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from spot_mlflow.reporting.words.tables import printable
from spot_mlflow.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spot_mlflow.record import Record
    from spot_mlflow.reporting.pages.portfolio_row import PortfolioRow

_SHOWN: Final = 3  # models that need attention


def say_where_one_is() -> None:
    """Prints it; makes no database where there is none.

    Raises:
        Unavailable: the server or the database did not answer.
    """
    import mlflow

    from spot_mlflow.record import Record
    from spot_mlflow.record.transport import without_password
    from spot_mlflow.record.whereabouts import absent, none_at, store_of, unset

    click.echo(f"spot-mlflow {__version__}")
    uri = str(mlflow.get_tracking_uri())
    if absent(uri):
        click.echo(printable(f"No MLflow at {without_password(uri)} yet{unset()}."))
        _say_next("spot demo", "the whole story on real data, or set MLFLOW_TRACKING_URI")
        return
    record = Record()
    click.echo(printable(_place(uri)))
    rows = _rows(record)
    if not rows:
        click.echo(printable(none_at(store_of(record.client))))
        _say_next("spot init outcomes.csv", "write the contract of a first model")
        return
    from spot_mlflow.reporting.pages.portfolio import portfolio_summary

    click.echo(printable(portfolio_summary(rows).words))
    asking = [row for row in rows if row.request or row.concerns]
    for row in asking[:_SHOWN]:
        said = row.request or f"{row.concerns} open concerns"
        click.echo(f"  {printable(f'{row.model}: {row.said}. {said}')}")
    if len(asking) > _SHOWN:
        click.echo(f"  and {len(asking) - _SHOWN} more: spot portfolio")
    if all(row.stage == "not assessed" for row in rows):
        _say_next(f"spot ask {rows[0].model} --role business", "ask somebody for an assessment")
    else:
        _say_next("spot todo", "what waits for whom")


def _rows(record: Record) -> tuple[PortfolioRow, ...]:
    from spot_mlflow.reporting.pages.portfolio_row import portfolio_rows

    found: Iterable[PortfolioRow] = portfolio_rows(record.portfolio())
    return tuple(found)


def _place(uri: str) -> str:
    """Says which server or store it is, and whether it has the gate."""
    import mlflow

    from spot_mlflow.record import remote
    from spot_mlflow.record.transport import without_password

    plain = without_password(uri)
    if uri.startswith(("http://", "https://")):
        if not remote.is_gated(uri):
            return f"Server {plain}, without the gate (spot doctor)."
        user = remote.said_of_itself(uri).get("user")
        return f"Server {plain}, with the gate{f'; you are {user}' if user else ''}."
    gated = str(mlflow.get_registry_uri()).startswith("spot+")
    return f"Store {plain}, {'gated by its address' if gated else 'without the gate'}."


def _say_next(command: str, why: str) -> None:
    click.secho(printable(f"Next: {command}  ({why})"), bold=True)
    click.echo("All commands: spot --help")
