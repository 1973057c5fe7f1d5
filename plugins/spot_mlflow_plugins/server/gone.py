"""What the server remembers of a model's record and the database has no more.

After an older database is restored, an objection that is remembered still counts, and all that is gone
is named, until the operator accepts it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from spot_mlflow.adoption import GoneEvidence
from spot_mlflow_plugins.server.anchors import described, missed, open_blocking

if TYPE_CHECKING:
    from spot_mlflow.adoption import Adoption
    from spot_mlflow.record import Record
    from spot_mlflow_plugins.server.anchors import Anchor, Anchors


def gone_of(record: Record, anchors: Anchors, adoption: Adoption) -> GoneEvidence | None:
    """Returns what is missed of a model's record; None where nothing is.

    Args:
        record: the server's own.
        anchors: what is remembered.
        adoption: all that is known of the model.

    Raises:
        RecordDamaged: the record was deleted.
    """
    from spot_mlflow.record import ModelRef
    from spot_mlflow.record.companion import find

    ref = ModelRef(adoption.facts.name, None, adoption.facts.created)
    place = find(record.client, ref)
    if place is None:
        return None
    try:
        state = anchors.state(place.experiment_id)
        remembered = () if state is None else _remembered(anchors, place.experiment_id, state)
    except OSError as e:
        return GoneEvidence((), fault=f"the remembered entries cannot be read: {e.strerror or e}")
    entries = missed(remembered, {e.id for e in adoption.entries})
    if entries:  # one may have been written since: what is there is read after what is remembered
        entries = missed(entries, {e.id for e in record.entries(ref, recent=True)})
    if not entries:
        return None
    lost = {a.concern.id for a in entries if a.concern is not None}
    return GoneEvidence(
        tuple(described(a) for a in entries), tuple(sorted(open_blocking(remembered) & lost))
    )


@lru_cache(maxsize=256)
def _remembered(anchors: Anchors, experiment_id: str, state: tuple[int, int]) -> tuple[Anchor, ...]:
    del state  # what was read is read anew when it changes
    return tuple(anchors.of(experiment_id)[0])
