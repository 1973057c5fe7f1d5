"""Opens the client through which the record speaks, and says at once where nobody answers.

MLflow itself tries a database that is down for many minutes before it gives up.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from spot_mlflow.errors import InvalidInput, Unavailable
from spot_mlflow.record.direct import default_registry
from spot_mlflow.record.faults import mlflow_errors
from spot_mlflow.record.transport import ANOTHER_STORE, without_password
from spot_mlflow.record.whereabouts import absent, database_of, unset

if TYPE_CHECKING:
    from mlflow import MlflowClient

_SECONDS: Final = 10  # that a database server may take to accept a connection
_SERVERS: Final = {"postgresql", "mysql", "mssql"}
# Drivers that take ``connect_timeout``; the others keep their own limit.
_LIMITED: Final = {"psycopg", "psycopg2", "pymysql", "mysqldb", "mysqlconnector"}


def open_client(
    tracking_uri: str | None = None, registry_uri: str | None = None, *, make: bool = False
) -> MlflowClient:
    """Returns a client of MLflow, MLflow's own settings where an address is None.

    A gated registry URI refuses the derived tags to everybody; the record never moves a target, so
    it goes past that gate.

    Args:
        tracking_uri: where MLflow is.
        registry_uri: where the registry is; None: at ``tracking_uri``, or where MLflow's own settings
            say, if ``tracking_uri`` is theirs.
        make: let MLflow make an SQLite file that does not exist. Otherwise whoever only reads, in the
            wrong folder perhaps, would leave an empty one behind.

    Raises:
        Unavailable: the database does not answer, or does not exist.
        InvalidInput: the address is none that MLflow knows, its driver is not installed, or this user has
            no home folder.
    """
    check_home()
    import mlflow
    from mlflow import MlflowClient

    with mlflow_errors("MLflow", at=tracking_uri):
        tracking = tracking_uri or mlflow.get_tracking_uri()
        registry = registry_of(tracking_uri, registry_uri).removeprefix("spot+")
        for uri in {tracking, registry}:
            _reach(uri, make=make)
        return MlflowClient(tracking, registry)


def registry_of(tracking_uri: str | None, registry_uri: str | None) -> str:
    """Returns the address of the registry, ``spot+`` included, that belongs to a tracking server.

    A registry that was set for this process belongs to the server that was set for it, not to another.
    """
    import mlflow

    if registry_uri:
        return registry_uri
    if tracking_uri is None or tracking_uri == mlflow.get_tracking_uri():
        return str(mlflow.get_registry_uri())
    return default_registry(tracking_uri)


def check_home() -> None:
    """Checks that this user has a home folder, which MLflow asks for when it is imported.

    Raises:
        InvalidInput: neither HOME nor the system names one, as in some containers.
    """
    try:
        Path.home()
    except RuntimeError:
        raise InvalidInput(
            "this user has no home folder, and MLflow cannot be imported without one",
            fix="Set HOME to a folder, for example HOME=/tmp.",
        ) from None


@cache
def _reach(uri: str, *, make: bool) -> None:
    """Connects once to a database server; one that answered is not asked again.

    Raises:
        Unavailable: an SQLite file does not exist, or can be neither opened nor made.
    """
    if absent(uri) and not make:
        raise Unavailable(
            f"there is no MLflow at {without_password(uri)}{unset()}",
            fix="Set MLFLOW_TRACKING_URI, or start with: spot demo.",
        )
    file = database_of(uri)
    if file is not None:
        _check_file(file)
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


def _check_file(file: Path) -> None:
    """MLflow tries for minutes to open a database that this user cannot open."""
    said = ""
    if not file.exists():
        if not file.absolute().parent.is_dir():
            said = "its folder does not exist"
        elif not os.access(file.absolute().parent, os.W_OK | os.X_OK):
            said = "this user cannot write its folder"
    elif file.is_dir():
        said = "it is a folder"
    elif not os.access(file, os.R_OK):
        said = "this user cannot read it"
    if said:
        raise Unavailable(
            f"the database {file.absolute()} cannot be opened: {said}{unset()}", fix=ANOTHER_STORE
        )
