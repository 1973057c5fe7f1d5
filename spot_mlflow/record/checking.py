"""Verifies one record where it is: here, or by the gated server that has its key and its memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spot_mlflow.errors import InvalidInput, RecordDamaged
from spot_mlflow.record.companion import REGISTRY
from spot_mlflow.record.policies import findings
from spot_mlflow.record.remote import RouteWriter
from spot_mlflow.record.subject import Subject
from spot_mlflow.record.verification import Verification, verify

if TYPE_CHECKING:
    from spot_mlflow.record.entry_store import EntryStore
    from spot_mlflow.record.references import ModelRef


def verified(record: EntryStore, ref: ModelRef, *, files: bool) -> Verification:
    """Returns what is wrong with the record of a model; see ``Record.verify``.

    Args:
        record: where it is.
        ref: the model, or ``REGISTRY``.
        files: whether to have the files of its versions hashed again, too.

    Raises:
        InvalidInput: files are asked for, and no gated server is there to hash them.
    """
    if isinstance(record.writer, RouteWriter):
        return record.writer.verify(ref, files=files)
    if files:
        raise InvalidInput(
            "files are hashed by a gated server, and this is none",
            fix="Set MLFLOW_TRACKING_URI to the server's address, or leave out --files.",
        )
    if not ref.name:
        return _registry(record)
    about = Subject(ref, record.facts(ref.name))
    return verify(ref, list(record.readings_of(about)))


def _registry(record: EntryStore) -> Verification:
    more = findings(record)
    try:
        found = verify(REGISTRY, record.readings(REGISTRY))
    except RecordDamaged:  # what is wrong stands in the findings
        return Verification("", 0, more)
    return Verification("", found.entries, (*more, *found.findings))
