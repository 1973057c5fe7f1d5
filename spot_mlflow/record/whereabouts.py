"""Where the models were looked for, so that an empty answer can be told from a wrong address."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from spot_mlflow.record.direct import registry_uri
from spot_mlflow.record.transport import without_password

if TYPE_CHECKING:
    from mlflow import MlflowClient


def store_of(client: MlflowClient) -> str:
    """Returns the address of a client's registry, without a password."""
    return without_password(registry_uri(client))


def none_at(store: str) -> str:
    """Says that a store has no models, and what to look at: "No models at sqlite:///..."."""
    return f"No models at {store}{unset()}."


def unset() -> str:
    """Returns "; MLFLOW_TRACKING_URI is not set" where MLflow chose the address, else ""."""
    import mlflow

    chosen = mlflow.is_tracking_uri_set() or "MLFLOW_REGISTRY_URI" in os.environ
    return "" if chosen else "; MLFLOW_TRACKING_URI is not set"


def absent(uri: str) -> bool:
    """Whether an address is that of an SQLite file that does not exist; MLflow would make it."""
    file = database_of(uri)
    return file is not None and not file.exists()


def database_of(uri: str) -> Path | None:
    """Returns the file of an SQLite store; None where the store is none or lies in memory."""
    scheme, _, rest = uri.partition("://")
    path = rest.partition("?")[0].removeprefix("/")
    if scheme.removeprefix("spot+").partition("+")[0] != "sqlite" or path in {"", ":memory:"}:
        return None
    return Path(path)
