"""What the commands that move a record share: where it is, with which key, and who may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from spot_mlflow.record import Record
    from spot_mlflow.record.export_file import Seal
    from spot_mlflow.record.exporting import Fetch
    from spot_mlflow.record.importing import Keeper


def destination_option(function: Any) -> Any:
    """Adds ``--artifacts-destination``."""
    return click.option(
        "--artifacts-destination",
        "destination",
        metavar="PLACE",
        help="On a server's host: what the server was started with.",
    )(function)


def record_here(
    destination: str | None, *, make: bool = False
) -> tuple[Record, Keeper | None, Seal | None, Fetch | None]:
    """Returns the record; on the host of a gated server also what its key is for.

    Args:
        destination: where the server keeps the artifacts that it serves, or None.
        make: let MLflow make a database that does not exist.

    Raises:
        Refused: it is a gated server's database, and its memory is not here.
    """
    from spot_mlflow.record import Record
    from spot_mlflow.record.connection import open_client
    from spot_mlflow.record.importing import is_gated_database

    record = Record(client=open_client(make=make))
    uri = str(record.client.tracking_uri)
    if uri.startswith(("http://", "https://")) or not is_gated_database(record.client):
        return record, None, None, None
    from spot_mlflow_plugins.server.record import moved

    return moved.open_here(uri, destination)
