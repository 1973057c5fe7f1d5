"""MLflow's workspaces, where they are on."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def workspaces() -> list[str | None]:
    """Returns the names of all workspaces; one without a name where they are off."""
    from mlflow.environment_variables import MLFLOW_ENABLE_WORKSPACES

    if not MLFLOW_ENABLE_WORKSPACES.get():
        return [None]
    from mlflow.server.workspace_helpers import _get_workspace_store

    return [str(w.name) for w in _get_workspace_store().list_workspaces()]


def current_workspace() -> str | None:
    """Returns the workspace of this request, or None where they are off."""
    from mlflow.environment_variables import MLFLOW_ENABLE_WORKSPACES

    if not MLFLOW_ENABLE_WORKSPACES.get():
        return None
    from mlflow.utils.workspace_context import get_request_workspace

    return get_request_workspace()


@contextmanager
def in_workspace(name: str | None) -> Iterator[None]:
    """Does what is inside in a workspace, as a request to it would."""
    if name is None:
        yield
        return
    from mlflow.utils.workspace_context import (
        clear_server_request_workspace,
        set_server_request_workspace,
    )

    set_server_request_workspace(name)
    try:
        yield
    finally:
        clear_server_request_workspace()


def workspace_of(store: Any) -> str:
    """Returns the workspace that a store works in now; "" where it knows none."""
    ask = getattr(store, "_get_active_workspace", None)
    return "" if ask is None else str(ask())
