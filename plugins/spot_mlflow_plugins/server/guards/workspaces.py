"""Keeps a workspace that holds evidence: deleting it would delete, or move away, all records in it.

MLflow deletes a workspace's models and experiments by statements of its workspace store, past the
registry and the tracking store.
"""

from __future__ import annotations

import functools
from abc import ABC
from typing import TYPE_CHECKING, Any

from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.server.trust.refusal import refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from spot_mlflow_plugins.ruling import Decider


class WorkspaceGuard(ABC):  # noqa: B024 - a name for what is guarded, nothing is built of it
    """What a guarded workspace store counts as; a mixin would change the live object's layout."""


def guarded_workspaces(
    store_class: type, decider: Decider, holds_evidence: Callable[[], bool]
) -> type:
    """Returns a workspace store's class with the guard in front.

    Args:
        store_class: class of the live workspace store.
        decider: keeps what is refused.
        holds_evidence: says so of the workspace that it is asked in.
    """
    original: Any = store_class.delete_workspace  # type: ignore[attr-defined] # a workspace store

    @functools.wraps(original)
    def delete_workspace(self: Any, workspace_name: str, *args: Any, **kwargs: Any) -> Any:
        with private.in_workspace(workspace_name):
            held = holds_evidence()
            if held:
                what = f"delete workspace {workspace_name!r}"
                decider.attempt("workspace", what, place="", model=str)
        if held:
            raise refusal(
                f"Workspace '{workspace_name}' holds the evidence of registered models.",
                "It is append-only. Archive the models instead.",
            )
        return original(self, workspace_name, *args, **kwargs)

    made = type(f"Guarded{store_class.__name__}", (store_class,), {"delete_workspace": delete_workspace})  # fmt: skip
    WorkspaceGuard.register(made)
    return made
