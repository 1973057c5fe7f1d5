"""MLflow's workspaces, where they are on."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def workspaces() -> list[str | None]:
    """Returns the names of all workspaces; one without a name where they are off."""
    store = workspace_store()
    return [None] if store is None else [str(w.name) for w in store.list_workspaces()]


def workspace_store() -> Any | None:
    """Returns the live store of workspaces of this server process, or None where they are off."""
    from mlflow.environment_variables import MLFLOW_ENABLE_WORKSPACES

    if not MLFLOW_ENABLE_WORKSPACES.get():
        return None
    from mlflow.server.workspace_helpers import _get_workspace_store

    return _get_workspace_store()


def current_workspace() -> str | None:
    """Returns the workspace of this request, or None where they are off."""
    from mlflow.environment_variables import MLFLOW_ENABLE_WORKSPACES

    if not MLFLOW_ENABLE_WORKSPACES.get():
        return None
    from mlflow.utils.workspace_context import get_request_workspace

    return get_request_workspace()


@contextmanager
def in_workspace(name: str | None) -> Iterator[None]:
    """Does what is inside in a workspace, as a request to it would; then it is as it was."""
    if name is None:
        yield
        return
    from mlflow.utils.workspace_context import (
        clear_server_request_workspace,
        get_request_workspace,
        set_server_request_workspace,
    )

    before = get_request_workspace()
    set_server_request_workspace(name)
    try:
        yield
    finally:
        clear_server_request_workspace()
        if before is not None:
            set_server_request_workspace(before)


def workspace_of(store: Any) -> str:
    """Returns the workspace that a store works in now; "" where it knows none."""
    ask = getattr(store, "_get_active_workspace", None)
    return "" if ask is None else str(ask())
