"""The registry URI schemes: ``spot+sqlite://``, ``spot+postgresql[+driver]://``, ``spot+http://``, ...

Such a URI gives MLflow's own store for the rest of the URI with the gate in front. Evidence is read
from, and decisions go to, the same database or server; ``SPOT_MLFLOW_EVIDENCE_URI`` names another
one where tracking and registry are apart.

``spot+http[s]://`` is advisory: it binds only the clients that use it. A server binds everybody:
``spot server``.
"""

from __future__ import annotations

import os
from typing import Any, Final

from spot_mlflow.record import Record
from spot_mlflow.record.login import login
from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.decider import RecordDecider
from spot_mlflow_plugins.guard import gated
from spot_mlflow_plugins.quick_writer import QuickWriter

PREFIX: Final = "spot+"
EVIDENCE_URI: Final = "SPOT_MLFLOW_EVIDENCE_URI"


def get_store(store_uri: str, tracking_uri: str | None = None) -> Any:  # noqa: ARG001 - MLflow passes it by name
    """Returns the registry store behind a ``spot+`` URI, gated; MLflow calls this.

    Args:
        store_uri: the URI as the user gave it.
        tracking_uri: the client's tracking URI. It is not where evidence is read: a client could
            then bring its own.
    """
    inner = store_uri.removeprefix(PREFIX)
    if inner.split(":", 1)[0] in ("http", "https"):
        store_class, credentials = private.rest_registry_store(inner)
        store = gated(store_class)(credentials)
    else:
        store = gated(private.sql_registry_store())(inner, read_db_uri=private.read_replica_uri())
    store._spot_decider = decider_for(inner)  # noqa: SLF001 - ours
    return store


def decider_for(uri: str) -> RecordDecider:
    """Returns the decider on the evidence of a database or server."""

    def open_record() -> Record:
        from mlflow import MlflowClient

        where = os.environ.get(EVIDENCE_URI) or uri
        client = MlflowClient(tracking_uri=where, registry_uri=uri)
        return Record(client=client, writer=QuickWriter(client))

    return RecordDecider(open_record, login)
