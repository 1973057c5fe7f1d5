"""Opens the client through which the record speaks, and says at once where nobody answers.

MLflow itself tries a database that is down for many minutes before it gives up.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from spot_mlflow.errors import InvalidInput
from spot_mlflow.record.faults import mlflow_errors

if TYPE_CHECKING:
    from mlflow import MlflowClient

_SECONDS: Final = 10  # that a database server may take to accept a connection
_SERVERS: Final = {"postgresql", "mysql", "mssql"}
# Drivers that take ``connect_timeout``; the others keep their own limit.
_LIMITED: Final = {"psycopg", "psycopg2", "pymysql", "mysqldb", "mysqlconnector"}


def open_client(tracking_uri: str | None = None, registry_uri: str | None = None) -> MlflowClient:
    """Returns a client of MLflow, MLflow's own settings where an address is None.

    A gated registry URI refuses the derived tags to everybody; the record never moves a target, so
    it goes past that gate.

    Raises:
        Unavailable: the database does not answer.
        InvalidInput: the address is none that MLflow knows, or its driver is not installed.
    """
    import mlflow
    from mlflow import MlflowClient

    with mlflow_errors("MLflow", at=tracking_uri):
        registry = registry_uri or mlflow.get_registry_uri()
        if registry.startswith("spot+"):
            registry_uri = registry.removeprefix("spot+")
        for uri in {tracking_uri or mlflow.get_tracking_uri(), registry_uri}:
            if uri is not None:
                _reach(uri)
        return MlflowClient(tracking_uri, registry_uri)


@cache
def _reach(uri: str) -> None:
    """Connects once to a database server; one that answered is not asked again."""
    if uri.split(":", 1)[0].split("+", maxsplit=1)[0] not in _SERVERS:
        return
    from sqlalchemy import create_engine, make_url
    from sqlalchemy.pool import NullPool

    limited = make_url(uri).get_driver_name() in _LIMITED
    limit = {"connect_timeout": _SECONDS} if limited else {}
    try:
        engine = create_engine(uri, poolclass=NullPool, connect_args=limit)
    except ModuleNotFoundError as e:
        raise InvalidInput(
            f"the database's driver {e.name} is not installed", fix=f"pip install {e.name}"
        ) from None
    engine.connect().close()
