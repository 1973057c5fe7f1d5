"""The server's own record: past the guard, signed and anchored.

It reads and writes through store objects of its own, which were made by MLflow's client side and
are not swapped; connections are shared with the live stores.
"""

from __future__ import annotations

import hashlib
import logging
import os
import posixpath
from dataclasses import replace
from functools import cache
from threading import Lock, RLock
from typing import TYPE_CHECKING, Any

from spot_mlflow.record import Record
from spot_mlflow.record.writer import PlainWriter
from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.quick_writer import QuickWriter
from spot_mlflow_plugins.server.anchors import Anchors, folder_of
from spot_mlflow_plugins.server.signing import Signer, home, load_signer

if TYPE_CHECKING:
    from spot_mlflow.evidence import Evidence
    from spot_mlflow.record import ModelRef
    from spot_mlflow.record.entry import Draft
    from spot_mlflow_plugins.quick_writer import Prepared

_logger = logging.getLogger("mlflow.spot")


class SignedWriter(QuickWriter):
    """Signs each entry, writes it, and anchors it.

    Args:
        client: past the guard.
        signer: of the entries.
        anchors: where the written ones are remembered.
    """

    def __init__(self, client: Any, signer: Signer, anchors: Anchors) -> None:
        super().__init__(client)
        self._signer = signer
        self._anchors = anchors
        self._places: dict[tuple[str, int], tuple[str, str]] = {}

    def write(self, draft: Draft, *, known_written: bool) -> Evidence:
        """Writes the entry whole or not at all, signed, and anchors it."""
        if self._at_once(draft):
            return super().write(draft, known_written=known_written)
        signed = self._signed(draft, draft.text())
        evidence = PlainWriter.write(self, signed, known_written=known_written)
        self._anchors.add(self._place(draft, known_written=True)[0], [evidence])
        return evidence

    def done(self, ready: Prepared) -> None:
        """Anchors the entry."""
        self._anchors.add(str(ready.rows.run["experiment_id"]), [ready.evidence])

    def _rows(self, draft: Draft, text: str, *, known_written: bool) -> Prepared:
        return super()._rows(self._signed(draft, text), text, known_written=known_written)

    def _signed(self, draft: Draft, text: str) -> Draft:
        digest = hashlib.sha256(text.encode()).hexdigest()
        return replace(draft, signature=self._signer.sign(digest))

    def _place(self, draft: Draft, *, known_written: bool) -> tuple[str, str]:
        """Returns id and artifact location of the companion; nobody but us can move or delete it."""
        key = (draft.ref.name, draft.ref.created)
        workspace = private.current_workspace()
        if workspace is not None:
            key = (f"{workspace}\0{key[0]}", key[1])
        if key not in self._places:
            self._places[key] = super()._place(draft, known_written=known_written)
        return self._places[key]


class ServerRecord(Record):
    """The server's own: its summaries tell the answer of the operator's policy, where there is one."""

    def refresh(self, ref: ModelRef, *, mine: str | None = None) -> None:
        """Derives summary tags and description anew from the record."""
        from spot_mlflow.record.faults import mlflow_errors
        from spot_mlflow.record.summary import refresh
        from spot_mlflow_plugins.server.pinned_policy import policy_in_force

        with mlflow_errors(f"model {ref.name!r}"):
            refresh(self, ref, mine=mine, policy=policy_in_force(self))


@cache
def signer() -> Signer:
    """Returns this server's signer."""
    return load_signer()


@cache
def anchors() -> Anchors:
    """Returns what this server remembers of its backend."""
    return Anchors(folder_of(home(), private.backend_uri()), signer())


def open_record() -> Record:
    """Returns a new record of the server's backend; it belongs to one user at a time."""
    client = server_client()
    return ServerRecord(client=client, writer=SignedWriter(client, signer(), anchors()))


def server_record() -> Record:
    """Returns the record that a workspace's routes share; hold ``model_lock`` while using it."""
    return _record_of(private.current_workspace())


@cache
def _record_of(workspace: str | None) -> Record:  # noqa: ARG001 - what the memory is told apart by
    return open_record()


_locks: dict[str, RLock] = {}
_locks_lock = Lock()


def model_lock(name: str) -> RLock:
    """Returns the lock of one model in this process."""
    with _locks_lock:
        return _locks.setdefault(name, RLock())


@cache
def server_client() -> Any:
    """Returns an MLflow client for the server's own backend, past the guard."""
    from mlflow import MlflowClient

    class ServerClient(MlflowClient):
        """Writes proxied artifacts straight to the destination; there is no server to proxy."""

        def log_artifacts(
            self, run_id: str, local_dir: str, artifact_path: str | None = None
        ) -> None:
            root = private.proxied_path(self.get_run(run_id).info.artifact_uri)
            if root is None:
                super().log_artifacts(run_id, local_dir, artifact_path)
                return
            private.plain_artifact_repository().log_artifacts(
                local_dir, posixpath.join(root, artifact_path or "").rstrip("/")
            )

    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "1")
    return ServerClient(private.backend_uri(), private.registry_uri())
