"""A policy that the server's operator gives in a file: no client can change it.

Without logins nobody is known, so anybody may set the policy through the record; a server that is
meant to hold names its policy in ``SPOT_MLFLOW_POLICY_FILE``.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import RecordDamaged, Refused
from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.decider import RecordDecider
from spot_mlflow_plugins.server.kept_policy import keep, newest, read_kept
from spot_mlflow_plugins.server.turns import changing_targets

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from spot_mlflow.evidence import Evidence
    from spot_mlflow.gate.policy import Policy
    from spot_mlflow.record import Record
    from spot_mlflow.record.policies import Policies
    from spot_mlflow.record.verification import Finding
    from spot_mlflow_plugins.ruling import Ruling
    from spot_mlflow_plugins.server.kept_policy import Kept
    from spot_mlflow_plugins.server.signing import Signer

_logger: Final = logging.getLogger("mlflow.spot")

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
    """Returns the operator's policy, else the one that is kept, else the newest one of the record.

    Raises:
        RecordDamaged: it cannot be read; the gate then stays shut.
    """
    from spot_mlflow.record.policies import policies_in

    return pinned_policy() or kept_or(partial(policies_in, record, recent=True), record).in_force


def kept_or(ask: Callable[[], Policies], record: Record) -> Policies:
    """Returns the policies of the record, or what is kept where the record has lost it.

    Args:
        ask: returns what the record says.
        record: where it is.

    Raises:
        RecordDamaged: neither can be read.
    """
    from spot_mlflow.record.policies import Policies, policies_of

    kept = read_kept(*_kept_where())
    try:
        said = ask()
        if kept is not None and said.entry == kept.entry:
            return replace(said, sure=True)
        later = _signed_later(kept, record) if said.at is not None else None
    except RecordDamaged:
        if kept is None:
            raise
        later = None
    if later is not None:
        with suppress(OSError):  # tried again at the next question
            keep(*_kept_where(), later)
        return replace(policies_of([later], {}), sure=True)
    if kept is None:
        return said
    return Policies(kept.policy, kept.entry, kept.at, frozenset([kept.policy.digest]), sure=True)


def keep_policy(entry: Evidence) -> None:
    """Keeps a policy that was just recorded; where that fails, the next question tries again."""
    try:
        keep(*_kept_where(), entry)
    except OSError:
        _logger.exception("the policy is recorded, and not yet kept beside the anchors")


def lost_policies(record: Record) -> list[Finding]:
    """Returns what the record has lost of the policy that is kept, for ``verify``."""
    from spot_mlflow.record.verification import Finding

    try:
        kept = read_kept(*_kept_where())
        entries = [] if kept is None else record.registry()[0]
    except RecordDamaged as e:
        return [Finding("missing", "", str(e))]
    if kept is None or kept.entry in {e.id for e in entries}:
        return []
    what = f"the policy {kept.policy.label}, in force, is gone from the record; it stays in force"
    return [Finding("missing", "", what)]


def _kept_where() -> tuple[Path, Signer]:
    from spot_mlflow_plugins.server.record import anchors, signer

    return anchors().folder, signer()


def _signed_later(kept: Kept | None, record: Record) -> Evidence | None:
    """Returns a policy of the record that this server signed, or took in, after the one kept."""
    from spot_mlflow.record import REGISTRY, companion
    from spot_mlflow_plugins.server.record import anchors, signer

    home = companion.find(record.client, REGISTRY)
    remembered = [] if home is None else anchors().of(str(home.experiment_id))[0]
    adopted = {a.digest for a in remembered if a.adopted}
    found = [
        (r.evidence, r.signature)
        for r in record.readings(REGISTRY)
        if r.evidence is not None and r.evidence.kind == "policy"
    ]
    own = {e.id for e, s in found if e.digest in adopted or signer().valid(e.digest, s)}
    return newest(kept, sorted((e for e, _ in found), key=lambda e: (e.at, e.id)), own)


def record_pinned_policy() -> None:
    """Records the operator's policy where it is not yet, so that decisions can be followed."""
    from spot_mlflow.record.policies import record_policy
    from spot_mlflow_plugins.server.record import open_record

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
    from spot_mlflow.record.policies import policies_in

    try:
        return kept_or(partial(policies_in, record), record).in_force.digest
    except RecordDamaged:  # recorded anew then
        return ""


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
    def policies(self) -> Policies:
        from spot_mlflow.record.policies import Policies

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
