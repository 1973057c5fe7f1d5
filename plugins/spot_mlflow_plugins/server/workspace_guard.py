"""Keeps a workspace that holds evidence: deleting it would delete, or move away, all records in it.

MLflow deletes a workspace's models and experiments by statements of its workspace store, past the
registry and the tracking store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.server.refusal import refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from spot_mlflow_plugins.decider import Decider


class WorkspaceGuard:
    """Mixin for a workspace store; see ``guarded_workspaces``."""

    _spot_decider: Decider
    _spot_holds_evidence: Callable[[], bool]

    def delete_workspace(self, workspace_name: str, *args: Any, **kwargs: Any) -> Any:
        """Refuses where evidence is held, or a version holds a gated target in mode "block"."""
        with private.in_workspace(workspace_name):
            held = self._spot_holds_evidence()
            if held:
                self._spot_decider.attempt(
                    "workspace", f"delete workspace {workspace_name!r}", place="", model=str
                )
        if held:
            raise refusal(
                f"Workspace '{workspace_name}' holds the evidence of registered models.",
                "It is append-only. Archive the models instead.",
            )
        return super().delete_workspace(workspace_name, *args, **kwargs)  # type: ignore[misc] # the store's


def guarded_workspaces(store_class: type) -> type:
    """Returns a workspace store's class with the guard in front."""
    return type(f"Guarded{store_class.__name__}", (WorkspaceGuard, store_class), {})
