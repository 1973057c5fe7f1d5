"""Writes entries as plain MLflow does, at a third of the cost: a transition waits for it.

An entry without files, metrics and data set, as decisions and answers are, is written in one
transaction of the database: whole or not at all. A decision goes into the transaction of the change
that it is about (``prepared``), so that there is never one without the other.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.record.companion import ensure
from spot_mlflow.record.entry import PART, split
from spot_mlflow.record.writer import PlainWriter
from spot_mlflow_plugins import mlflow_private as private

if TYPE_CHECKING:
    from mlflow.entities import Experiment

    from spot_mlflow.evidence import Evidence
    from spot_mlflow.record.entry import Draft


_ATTEMPTS: Final = 8  # of writing an entry whose writers died


class AlreadyWritten(Exception):
    """An entry of this id is there; never seen by a client."""


@dataclass(frozen=True)
class Prepared:
    """An entry that only needs to be inserted.

    Attributes:
        evidence: as it will be recorded.
        rows: in the tables.
    """

    evidence: Evidence
    rows: private.RunRows


class QuickWriter(PlainWriter):
    """``PlainWriter`` that writes at once where the store is a database, and reads less elsewhere.

    Args:
        client: of the record.
    """

    def __init__(self, client: Any) -> None:
        super().__init__(client)
        self.store = private.tracking_store_of(client)

    def write(self, draft: Draft, home: Experiment | None = None) -> Evidence:
        """Writes the entry whole or not at all."""
        if not self._at_once(draft):
            return super().write(draft, home)
        ready = self.prepared(draft, home)
        self._insert(ready.rows)
        self.done(ready)
        return ready.evidence

    def prepared(self, draft: Draft, home: Experiment | None = None) -> Prepared:
        """Returns an entry without files, metrics and data set as it is inserted into a database.

        Raises:
            RecordDamaged: the record was deleted.
            InvalidInput: the payload is no JSON.
        """
        return self._rows(draft, draft.text(), home)

    def done(self, ready: Prepared) -> None:
        """Is told that a prepared entry was written."""

    def _at_once(self, draft: Draft) -> bool:
        plain = not (draft.artifacts or draft.metrics or draft.dataset)
        return plain and private.is_database(self.store)

    def _rows(self, draft: Draft, text: str, home: Experiment | None) -> Prepared:

        experiment_id, folder = self._place(draft, home)
        parts = split(text)
        rows = private.finished_run(
            run_id=self._run_id(experiment_id, draft.id),
            experiment_id=experiment_id,
            folder=folder,
            name=f"{draft.kind} {draft.id[:6]}",
            at=int(draft.at.timestamp() * 1000),
            tags=draft.tags(text, len(parts)),
            params={f"{PART}{i:05d}": part for i, part in enumerate(parts)},
        )
        return Prepared(draft.evidence(text, rows.run_id), rows)

    def _place(self, draft: Draft, home: Experiment | None) -> tuple[str, str]:
        """Returns id and artifact location of the companion."""
        found = home or ensure(self._client, draft.ref)
        return str(found.experiment_id), str(found.artifact_location)

    def _begin(
        self, draft: Draft, text: str, parts: int, home: Experiment | None
    ) -> tuple[str, str]:
        """Begins the run of an entry with files: the id of its row is the entry's, so there is one."""
        if not private.is_database(self.store):
            return super()._begin(draft, text, parts, home)
        rows = self._rows(draft, text, home).rows
        self._insert(private.begun(rows))
        return rows.run_id, str(rows.run["artifact_uri"])

    def _run_id(self, experiment_id: str, entry_id: str) -> str:
        """Returns the run's id for an entry's: the same for the same entry, in whatever worker.

        A run that was begun and whose writer died keeps its id; the entry then gets the next one.

        Raises:
            AlreadyWritten: the entry is there.
        """
        for attempt in range(_ATTEMPTS):
            said = f"spot-mlflow run\0{experiment_id}\0{entry_id}\0{attempt}"
            run_id = hashlib.sha256(said.encode()).hexdigest()[:32]
            status = private.status_of_run(self.store, run_id)
            if status is None:
                return run_id
            if status == "FINISHED":
                break
        raise AlreadyWritten(entry_id)

    def _insert(self, rows: private.RunRows) -> None:
        """Inserts a run.

        Raises:
            AlreadyWritten: another worker did at this moment.
        """
        import sqlalchemy as sa

        try:
            private.insert_run(self.store, rows)
        except sa.exc.IntegrityError as e:
            raise AlreadyWritten(rows.run_id) from e
