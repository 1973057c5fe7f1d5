"""The server's own record: past the guard, signed and anchored.

It reads and writes through store objects of its own, which were made by MLflow's client side and
are not swapped; connections are shared with the live stores.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import os
from collections import deque
from dataclasses import replace
from functools import cache
from threading import RLock
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import InvalidInput, NotFound
from spot_mlflow.record import ModelRef, Record
from spot_mlflow.record.companion import every_home
from spot_mlflow.record.writer import PlainWriter
from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.quick_writer import QuickWriter
from spot_mlflow_plugins.server.record.gone import gone_of
from spot_mlflow_plugins.server.record.pinned_policy import policy_in_force
from spot_mlflow_plugins.server.trust.counters import COUNTERS
from spot_mlflow_plugins.server.trust.kept import anchors, signer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow.entities import Experiment

    from spot_mlflow.adoption import Adoption, ModelFacts
    from spot_mlflow.evidence import Evidence
    from spot_mlflow.gate.policy import Policy
    from spot_mlflow.record.entry import Draft
    from spot_mlflow_plugins.quick_writer import Prepared
    from spot_mlflow_plugins.server.trust.anchors import Anchors
    from spot_mlflow_plugins.server.trust.signing import Signer


_logger = logging.getLogger("mlflow.spot")
LONGEST_NAME: Final = 256  # of a registered model in MLflow's tables
_MOST_PLACES: Final = 10_000
_WAITING: Final = 10_000  # entries that could not be anchored; further ones are signed all the same


class SignedWriter(QuickWriter):
    """Signs each entry, writes it, and anchors it.

    An entry that is written stands, whatever becomes of its anchor: one that cannot be anchored now
    is anchored with the next. Where the anchors cannot be opened, nothing is written at all.

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
        self._waiting: deque[tuple[str, Evidence]] = deque(maxlen=_WAITING)

    def write(self, draft: Draft, home: Experiment | None = None) -> Evidence:
        """Writes the entry whole or not at all, signed, and anchors it.

        Raises:
            OSError: the anchors cannot be opened; nothing was written.
        """
        experiment_id = self._place(draft, home)[0]
        self._anchors.check(experiment_id)
        if self._at_once(draft):
            return super().write(draft, home)
        evidence = PlainWriter.write(self, self._signed(draft, draft.text()), home)
        self._anchor(experiment_id, evidence)
        return evidence

    def done(self, ready: Prepared) -> None:
        """Anchors the entry."""
        self._anchor(str(ready.rows.run["experiment_id"]), ready.evidence)

    def _anchor(self, experiment_id: str, evidence: Evidence) -> None:
        """Anchors what was written, and what waits; never raises, since it is written."""
        waiting = [*self._waiting, (experiment_id, evidence)]
        self._waiting.clear()
        self._waiting.extend(w for w in waiting if not self._anchored(*w))
        COUNTERS.add("spot_entries_total", kind=evidence.kind)
        COUNTERS.set("spot_anchor_waiting_entries", len(self._waiting))

    def _anchored(self, experiment_id: str, evidence: Evidence) -> bool:
        try:
            self._anchors.add(experiment_id, [evidence])
        except OSError as e:
            _logger.error("entry %s is recorded, and not anchored yet: %s", evidence.id, e)  # noqa: TRY400 - the cause is in it
            return False
        return True

    def _rows(self, draft: Draft, text: str, home: Experiment | None) -> Prepared:
        return super()._rows(self._signed(draft, text), text, home)

    def _send(self, place: str, folder: str) -> None:
        """Writes proxied artifacts straight to the destination; there is no server to proxy."""
        root = private.proxied_path(place)
        if root is None:
            super()._send(place, folder)
        else:
            private.plain_artifact_repository().log_artifacts(folder, root.rstrip("/"))

    def _signed(self, draft: Draft, text: str) -> Draft:
        digest = hashlib.sha256(text.encode()).hexdigest()
        return replace(draft, signature=self._signer.sign(digest))

    def _place(self, draft: Draft, home: Experiment | None) -> tuple[str, str]:
        """Returns id and artifact location of the companion; nobody but us can move or delete it."""
        key = (draft.ref.name, draft.ref.created)
        workspace = private.current_workspace()
        if workspace is not None:
            key = (f"{workspace}\0{key[0]}", key[1])
        if key not in self._places:
            if len(self._places) >= _MOST_PLACES:
                self._places.clear()
            self._places[key] = super()._place(draft, home)
        return self._places[key]


class ServerRecord(Record):
    """The server's own: its summaries tell the answer of the operator's policy, where there is one."""

    def with_files(self, adoption: Adoption) -> Adoption:
        """Returns what is known with where the version's files are, and what is gone of the record."""
        deployed = private.tracking_store()._spot_deployed  # noqa: SLF001 - ours, set at start
        files = deployed.files_of(adoption.facts.name, adoption.version)
        return replace(adoption, files=files, gone=gone_of(self, anchors(), adoption))

    def policy_told(self, facts: ModelFacts) -> tuple[Policy, str | None]:  # noqa: ARG002 - one for all
        """Returns the policy in force; which one it is, the server does not read from tags."""
        return policy_in_force(self), None


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


# A fixed number, however many names strangers send; two models seldom share one, and then wait.
_locks: Final = tuple(RLock() for _ in range(256))


def model_lock(name: str) -> RLock:
    """Returns the lock of one model in this process.

    Raises:
        InvalidInput: no registry has a model of that name, so that nothing may be kept of it.
    """
    if len(name) > LONGEST_NAME:
        raise InvalidInput(
            f"the model's name has {len(name):,} characters, must have at most {LONGEST_NAME}"
        )
    return _locks[hash(name) % len(_locks)]


@contextlib.contextmanager
def entry_lock(entry_id: str) -> Iterator[None]:
    """Lets one worker at a time write an entry of an id; all that share the anchors' folder.

    Args:
        entry_id: 32 hex digits; two digits choose one of 256 files.
    """
    folder = anchors().folder / "locks"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / f"{entry_id[:2]}.lock").open("w") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def link_lock(link_entry: str) -> Iterator[None]:
    """Lets one worker at a time count and write what is sent by one mailed link.

    Args:
        link_entry: id of the entry that the link was made for.
    """
    with entry_lock(f"l{link_entry}"):  # no entry's id begins so
        yield


@cache
def server_client() -> Any:
    """Returns an MLflow client for the server's own backend, past the guard."""
    from mlflow import MlflowClient

    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "1")
    return MlflowClient(private.backend_uri(), private.registry_uri())


def evidence_json(e: Evidence) -> dict[str, Any]:
    """Returns an entry as JSON values."""
    return {
        "id": e.id,
        "kind": e.kind,
        "model": e.model,
        "version": e.version,
        "at": e.at.isoformat(),
        "person": e.person,
        "role": e.role,
        "payload": dict(e.payload),
        "digest": e.digest,
        "parents": list(e.parents),
        "run_id": e.run_id,
        "recorded_by": e.recorded_by,
    }


def recorded(record: Record) -> list[ModelRef]:
    """Returns the models that can have a record; those that have none are asked nothing, be they thousands."""
    found: dict[str, ModelRef] = {}
    for name, created in every_home(record.client).items():
        with contextlib.suppress(NotFound, InvalidInput):  # gone, or named as no model is
            found[name] = ModelRef(name, None, record.facts(name).created)
        if name not in found or created not in (None, str(found[name].created)):
            # A record of a model that was renamed, or is gone: which of the two, only all models tell.
            return [ModelRef(name, None, record.facts(name).created) for name in record.models()]
    return list(found.values())
