"""What the server remembers of a model's record and the database has no more.

After an older database is restored, an objection that is remembered still counts, and all that is gone
is named, until the operator accepts it. A decision reads only what was remembered since the last one,
so that its cost does not grow with the record.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Final

from spot_mlflow.adoption import GoneEvidence
from spot_mlflow.record import ModelRef
from spot_mlflow.record.companion import find
from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.server.trust.anchors import ACCEPTED, described, open_blocking

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.evidence import Evidence
    from spot_mlflow.record import Record
    from spot_mlflow_plugins.server.trust.anchors import Anchor, Anchors

_MOST: Final = 1000  # records whose place in the memory is kept


@dataclass
class _Known:
    """How far the memory of one experiment was read, and what of it was not seen in the record."""

    experiment_id: str
    offset: int = 0
    previous: str = ""
    unseen: dict[str, Anchor] = field(default_factory=dict)
    concerns: list[Anchor] = field(default_factory=list)

    def read(self, anchors: Anchors) -> None:
        """Takes in the lines that were added; begins anew where the file is another."""
        state = anchors.state(self.experiment_id)
        if state is None or state[0] < self.offset:
            self.offset, self.previous, self.unseen, self.concerns = 0, "", {}, []
        if state is None or state[0] == self.offset:
            return
        found, self.offset, self.previous = anchors.since(
            self.experiment_id, self.offset, self.previous
        )
        for a in found:
            for entry in a.gone:
                self.unseen.pop(entry, None)
            if a.kind != ACCEPTED:
                self.unseen[a.entry] = a
            if a.concern is not None:
                self.concerns.append(a)

    def saw(self, entries: Iterable[Evidence]) -> None:
        """Strikes out what is in the record; the newest first, which is nearly always enough."""
        for e in entries:
            if not self.unseen:
                return
            self.unseen.pop(e.id, None)


_known: Final[OrderedDict[tuple[Path, str, str, int], _Known]] = OrderedDict()
_lock: Final = Lock()


def gone_of(record: Record, anchors: Anchors, adoption: Adoption) -> GoneEvidence | None:
    """Returns what is missed of a model's record; None where nothing is.

    Args:
        record: the server's own.
        anchors: what is remembered.
        adoption: all that is known of the model.

    Raises:
        RecordDamaged: the record was deleted.
    """
    ref = ModelRef(adoption.facts.name, None, adoption.facts.created)
    with _lock:
        known = _place(record, anchors, ref.name, ref.created)
        if known is None:
            return None
        try:
            known.read(anchors)
        except OSError as e:
            said = f"the remembered entries cannot be read: {e.strerror or e}"
            return GoneEvidence((), fault=said)
        known.saw(reversed(adoption.entries))
        if known.unseen:  # one may have been written since: the record is read after the memory
            known.saw(record.entries(ref, recent=True))
        entries = list(known.unseen.values())
        if not entries:
            return None
        lost = {a.concern.id for a in entries if a.concern is not None}
        blocking = open_blocking(known.concerns) & lost
    return GoneEvidence(tuple(described(a) for a in entries), tuple(sorted(blocking)))


def _place(record: Record, anchors: Anchors, name: str, created: int) -> _Known | None:

    key = (anchors.folder, private.current_workspace() or "", name, created)
    if key not in _known:
        place = find(record.client, ModelRef(name, None, created))
        if place is None:
            return None
        _known[key] = _Known(str(place.experiment_id))
        if len(_known) > _MOST:
            _known.popitem(last=False)
    _known.move_to_end(key)
    return _known[key]
