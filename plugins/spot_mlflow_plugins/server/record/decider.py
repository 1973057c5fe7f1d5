"""Decides on the server's own record, by the operator's policy where there is one."""

from __future__ import annotations

import time
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

from spot_mlflow.errors import RecordDamaged, Unavailable
from spot_mlflow.record.policies import Policies, policies_in, record_policy
from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.decider import RecordDecider
from spot_mlflow_plugins.server.record.pinned_policy import keep_policy, kept_or, pinned_policy
from spot_mlflow_plugins.server.record.signed import open_record
from spot_mlflow_plugins.server.trust.counters import COUNTERS
from spot_mlflow_plugins.server.trust.turns import changing_targets

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from spot_mlflow.gate.case import Asker
    from spot_mlflow.gate.decision import GateDecision
    from spot_mlflow.gate.policy import Policy
    from spot_mlflow.record import Record
    from spot_mlflow_plugins.ruling import Ruling


def record_pinned_policy() -> None:
    """Records the operator's policy where it is not yet, so that decisions can be followed."""
    policy = pinned_policy()
    if policy is None:
        return
    payload = {"policy": policy.to_dict(), "digest": policy.digest}
    for workspace in private.workspaces():
        with private.in_workspace(workspace):
            record = open_record()
            if _last_recorded(record) != policy.digest:
                keep_policy(record_policy(record, payload, recorded_by="server"))


def _last_recorded(record: Record) -> str:

    try:
        return kept_or(partial(policies_in, record), record).in_force.digest
    except RecordDamaged:  # recorded anew then
        return ""


class ServerDecider:
    """Decides in each workspace on its own record, by the operator's policy where there is one.

    Args:
        open_record: makes a record; it reads and writes in the workspace of the moment.
        requester: returns who asks at this moment.
    """

    def __init__(self, open_record: Callable[[], Record], requester: Callable[[], Asker]) -> None:
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


def count_decision(decision: GateDecision, *, on: str) -> None:
    """Counts a decision, and of a refused one each requirement that was not met.

    Args:
        decision: of the gate.
        on: "change", or "question" where nothing would have been changed.
    """
    if decision.basis == "unread":
        COUNTERS.add("spot_undecided_total")
    COUNTERS.add("spot_decisions_total", outcome=decision.outcome, on=on)
    for r in decision.missing if decision.outcome == "refused" else ():
        COUNTERS.add("spot_refusals_total", requirement=r.name)


class _PinnedDecider(RecordDecider):
    page = "spot/model"

    def decide(self, *asked: Any, **more: Any) -> Ruling:
        """Decides, and counts what came of it and how long it took."""
        begin = time.perf_counter()
        try:
            ruling = super().decide(*asked, **more)
        except (RecordDamaged, Unavailable):
            COUNTERS.add("spot_undecided_total")
            raise
        COUNTERS.time("spot_decision_seconds", time.perf_counter() - begin)
        count_decision(ruling.decision, on="change")
        return ruling

    def policy(self) -> Policy:
        """Returns the policy in force; counts where nothing can be decided without it."""
        try:
            return super().policy()
        except (RecordDamaged, Unavailable):
            COUNTERS.add("spot_undecided_total")
            raise

    def policies(self) -> Policies:

        policy = pinned_policy()
        if policy is not None:
            return Policies(policy, "", None, frozenset([policy.digest]), sure=True)
        return kept_or(super().policies, self._view.record)

    def still(self, ruling: Ruling) -> bool:
        if not super().still(ruling):
            return False
        deployed = private.tracking_store()._spot_deployed  # noqa: SLF001 - ours, set at start
        decision = ruling.decision
        return ruling.files is None or bool(
            deployed.files_of(decision.model, decision.version) == ruling.files
        )

    def registered(self, name: str, version: str) -> None:
        """Has the files of a new version hashed, in the background."""
        private.tracking_store()._spot_deployed.manifests.ask(name, version)  # noqa: SLF001 - ours, set at start

    def changing(self) -> AbstractContextManager[None]:
        """Files are published before or after it."""
        return changing_targets()
