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

from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.server.anchors import Anchors, folder_of
from spot_mlflow_plugins.server.signing import Signer, home, load_signer

if TYPE_CHECKING:
    from spot_mlflow.evidence import Evidence
    from spot_mlflow.record import Record
    from spot_mlflow.record.entry import Draft

_logger = logging.getLogger("mlflow.spot")


class SignedWriter:
    """Signs each entry, writes it, and anchors it.

    An entry without files, metrics and data set, as decisions and answers are, is written in one
    transaction of the database: whole or not at all, and at a third of the cost of MLflow's calls.

    Args:
        client: past the guard.
        signer: of the entries.
        anchors: where the written ones are remembered.
    """

    def __init__(self, client: Any, signer: Signer, anchors: Anchors) -> None:
        from spot_mlflow_plugins.quick_writer import QuickWriter

        self._plain = QuickWriter(client)
        self._client = client
        self._store = private.tracking_store_of(client)
        self._signer = signer
        self._anchors = anchors
        self._places: dict[tuple[str, int], tuple[str, str]] = {}

    def write(self, draft: Draft, *, known_written: bool) -> Evidence:
        """Writes the entry whole or not at all, signed, and anchors it."""
        text = draft.text()
        digest = hashlib.sha256(text.encode()).hexdigest()
        signed = replace(draft, signature=self._signer.sign(digest))
        experiment_id, folder = self._place(draft, known_written=known_written)
        evidence = None
        if not (draft.artifacts or draft.metrics or draft.dataset):
            evidence = self._at_once(signed, text, digest, experiment_id, folder)
        if evidence is None:
            evidence = self._plain.write(signed, known_written=known_written)
        self._anchors.add(experiment_id, [evidence])
        return evidence

    def _place(self, draft: Draft, *, known_written: bool) -> tuple[str, str]:
        """Returns id and artifact location of the companion; nobody but us can move or delete it."""
        from spot_mlflow.record.companion import ensure

        key = (draft.ref.name, draft.ref.created)
        workspace = private.current_workspace()
        if workspace is not None:
            key = (f"{workspace}\0{key[0]}", key[1])
        if key not in self._places:
            found = ensure(self._client, draft.ref, known_written=known_written)
            self._places[key] = (str(found.experiment_id), str(found.artifact_location))
        return self._places[key]

    def _at_once(
        self, draft: Draft, text: str, digest: str, experiment_id: str, folder: str
    ) -> Evidence | None:
        from spot_mlflow.evidence import Evidence
        from spot_mlflow.record.entry import PART, split

        parts = split(text)
        run_id = private.insert_finished_run(
            self._store,
            experiment_id=experiment_id,
            folder=folder,
            name=f"{draft.kind} {draft.id[:6]}",
            at=int(draft.at.timestamp() * 1000),
            tags=draft.tags(text, len(parts)),
            params={f"{PART}{i:05d}": part for i, part in enumerate(parts)},
        )
        if run_id is None:
            return None
        return Evidence(
            id=draft.id,
            kind=draft.kind,
            model=draft.ref.name,
            version=draft.ref.version,
            at=draft.at,
            person=draft.person,
            role=draft.role,
            payload=draft.payload,
            digest=digest,
            parents=draft.parents,
            run_id=run_id,
            recorded_by=draft.recorded_by,
        )


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
    from spot_mlflow.record import Record

    client = server_client()
    return Record(client=client, writer=SignedWriter(client, signer(), anchors()))


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
