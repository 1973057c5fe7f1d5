"""One backend has one memory of its entries: a server with another does not start.

The memory carries an id of its own, and the backend says which one it is. A host with an empty folder
would take forged entries for old ones, and two hosts with a folder each would miss each other's: both
are refused, with what to do.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import RecordDamaged
from spot_mlflow.record import REGISTRY
from spot_mlflow.record.companion import ensure, find
from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.server.record.signed import open_record, recorded

if TYPE_CHECKING:
    from spot_mlflow_plugins.server.trust.anchors import Anchors

TAG: Final = "spot.anchors"  # of the registry's own record; reserved, as all that begin so
_FIX: Final = (
    "Several hosts share one SPOT_MLFLOW_HOME; after a loss restore it from a backup. Where it is lost "
    "for good, or the database was restored from a time before it, the operator runs, with the same "
    "SPOT_MLFLOW_HOME and on the database: spot --tracking-uri DATABASE restore accept --reason WHY"
)


def settle(anchors: Anchors, client: Any) -> None:
    """Binds backend and memory to each other at the first start; compares them at each later one.

    Args:
        anchors: what this host remembers of the backend.
        client: past the guard.

    Raises:
        RuntimeError: they do not belong together.
        OSError: the folder cannot be read or written.
    """
    own, known = anchors.store, known_store(client)
    if known is not None and own != known:
        kept = "nothing" if own is None else f"another one's ({own})"
        raise RuntimeError(
            f"the entries of this backend are remembered in store {known}; "
            f"{anchors.folder} remembers {kept}. {_FIX}"
        )
    if own is None and not anchors.adopted and _signed():
        raise RuntimeError(
            f"this backend holds signed entries, and {anchors.folder} remembers none of them. {_FIX}"
        )
    if own is None or known is None:
        bind(anchors, client)


def bind(anchors: Anchors, client: Any) -> None:
    """Has the backend say that its entries are remembered here."""
    if anchors.store is None:
        anchors.name(secrets.token_hex(8))
    with private.in_workspace(_first_workspace()), suppress(RecordDamaged):
        place = ensure(client, REGISTRY)
        client.set_experiment_tag(place.experiment_id, TAG, anchors.store)


def known_store(client: Any) -> str | None:
    """Returns the id of the memory that a backend names; None where it names none."""
    place = None
    with private.in_workspace(_first_workspace()), suppress(RecordDamaged):  # named by verify
        place = find(client, REGISTRY)
    return None if place is None else place.tags.get(TAG)


def _signed() -> bool:
    """Says whether a record of the backend holds an entry that a server signed."""
    for workspace in private.workspaces():
        with private.in_workspace(workspace):
            record = open_record()
            for ref in (REGISTRY, *recorded(record)):
                if any(r.evidence is not None and r.signature for r in record.readings(ref)):
                    return True
    return False


def _first_workspace() -> str | None:
    names = private.workspaces()
    return "default" if "default" in names else names[0]
