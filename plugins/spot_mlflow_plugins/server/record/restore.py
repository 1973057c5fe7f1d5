"""The operator's word that what is missed stays missed: ``spot restore accept``.

Run on the database, with the server's own folder: it needs the key, so that no client can say it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spot_mlflow.record import REGISTRY, ModelRef
from spot_mlflow.record.companion import find
from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.server.record.anchor_store import bind
from spot_mlflow_plugins.server.record.signed import open_record, server_client
from spot_mlflow_plugins.server.trust.anchors import described, missed
from spot_mlflow_plugins.server.trust.kept import anchors, signer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spot_mlflow.record.entry import Reading
    from spot_mlflow_plugins.server.trust.anchors import Anchor, Anchors


@dataclass(frozen=True)
class Loss:
    """What is remembered of one experiment and is gone.

    Attributes:
        experiment_id: of the record.
        gone: the entries.
        fault: what is wrong with the memory itself, or "".
    """

    experiment_id: str
    gone: tuple[Anchor, ...]
    fault: str

    @property
    def described(self) -> tuple[str, ...]:
        """The entries in words."""
        return tuple(described(a) for a in self.gone)


def losses(anchors: Anchors) -> list[Loss]:
    """Returns what is gone, of all records of the backend."""
    present = dict(_present())
    found = []
    for experiment_id in anchors.experiments():
        remembered, fault = anchors.of(experiment_id)
        readings = present.get(experiment_id, ())
        ids = {r.evidence.id for r in readings if r.evidence is not None}
        gone = tuple(missed(remembered, ids))
        if gone or fault:
            found.append(Loss(experiment_id, gone, fault))
    return found


def losses_here() -> list[Loss]:
    """Returns what is gone, as this host remembers it."""
    return losses(anchors())


def accept(reason: str, by: str) -> list[Loss]:
    """Accepts that what is gone is gone, and binds the backend to this host's memory.

    What the server signed and does not remember, since its memory was lost, is remembered again.

    Args:
        reason: why, for the record.
        by: who says so.

    Returns:
        What was accepted.

    Raises:
        SpotError: the record cannot be read or written.
        OSError: the memory cannot be read or written.
    """
    memory = anchors()
    found = losses(memory)
    again = _remember_again(memory)
    bind(memory, server_client())
    payload = {
        "reason": reason,
        "gone": [d for loss in found for d in loss.described],
        "faults": [loss.fault for loss in found if loss.fault],
        "remembered_again": again,
    }
    entry = open_record().append(REGISTRY, "restore", payload, recorded_by=by, person=by)
    for loss in found:
        memory.accept(loss.experiment_id, entry, [a.entry for a in loss.gone])
    memory.mark_adopted()
    return found


def _remember_again(memory: Anchors) -> int:

    key, count = signer(), 0
    for experiment_id, readings in _present():
        known = {a.entry for a in memory.of(experiment_id)[0]}
        entries = [
            r.evidence
            for r in readings
            if r.evidence is not None
            and r.evidence.id not in known
            and key.valid(r.evidence.digest, r.signature)
        ]
        if entries:
            memory.add(experiment_id, entries)
            count += len(entries)
    return count


def _present() -> Iterator[tuple[str, list[Reading]]]:
    """Yields the records that are there: experiment, and its runs as they were read."""
    for workspace in private.workspaces():
        with private.in_workspace(workspace):
            record: Any = open_record()
            models = [ModelRef(n, None, record.facts(n).created) for n in record.models()]
            for ref in (REGISTRY, *models):
                place = find(record.client, ref)
                if place is not None:
                    yield str(place.experiment_id), record.readings(ref)
