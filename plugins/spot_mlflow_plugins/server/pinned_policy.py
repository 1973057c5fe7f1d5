"""A policy that the server's operator gives in a file: no client can change it.

Without logins nobody is known, so anybody may set the policy through the record; a server that is
meant to hold names its policy in ``SPOT_MLFLOW_POLICY_FILE``.
"""

from __future__ import annotations

import os
from functools import cache, partial
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import Refused
from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.decider import RecordDecider

if TYPE_CHECKING:
    from collections.abc import Callable

    from spot_mlflow.gate.policy import Policy
    from spot_mlflow.record import Record

POLICY_VARIABLE: Final = "SPOT_MLFLOW_POLICY_FILE"


@cache
def pinned_policy() -> Policy | None:
    """Returns the policy of the operator's file, read once, at start; None where there is no file.

    Raises:
        InvalidInput: the file holds no policy; the server does not start then.
    """
    from pathlib import Path

    from spot_mlflow.gate.policy import Policy

    path = os.environ.get(POLICY_VARIABLE)
    return Policy.load(Path(path)) if path else None


def policy_in_force(record: Record) -> Policy:
    """Returns the operator's policy, else the newest one of the record."""
    from spot_mlflow.record.policies import current_policy

    return pinned_policy() or current_policy(record, recent=True)


def record_pinned_policy() -> None:
    """Records the operator's policy where it is not yet, so that decisions can be followed."""
    from spot_mlflow.record import REGISTRY
    from spot_mlflow.record.policies import current_policy
    from spot_mlflow_plugins.server.record import open_record

    policy = pinned_policy()
    if policy is None:
        return
    payload = {"policy": policy.to_dict(), "digest": policy.digest}
    for workspace in private.workspaces():
        with private.in_workspace(workspace):
            record = open_record()
            if current_policy(record).digest != policy.digest:
                record.append(REGISTRY, "policy", payload, recorded_by="server")


class ServerDecider:
    """Decides in each workspace on its own record, by the operator's policy where there is one.

    Args:
        open_record: makes a record; it reads and writes in the workspace of the moment.
        requester: returns who asks at this moment, or None.
    """

    def __init__(
        self, open_record: Callable[[], Record], requester: Callable[[], str | None]
    ) -> None:
        self._make = partial(_PinnedDecider, open_record, requester)
        self._deciders: dict[str | None, RecordDecider] = {}
        self._lock = Lock()

    def __getattr__(self, name: str) -> Any:
        """Whatever the guard asks is asked of the workspace's own decider."""
        if name.startswith("_"):
            raise AttributeError(name)
        workspace = private.current_workspace()
        with self._lock:
            if workspace not in self._deciders:
                self._deciders[workspace] = self._make()
            return getattr(self._deciders[workspace], name)


class _PinnedDecider(RecordDecider):
    def policy(self) -> Policy:
        return pinned_policy() or super().policy()


def refuse_where_pinned() -> None:
    """Refuses a policy from a client where the server's own file gives it.

    Raises:
        Refused: it does.
    """
    if pinned_policy() is not None:
        raise Refused(
            "the policy of this server stands in a file of its operator",
            fix="Ask the operator to change it and to start the server again.",
        )
