"""Entries that were recorded of a model elsewhere, and that a ``rebind`` entry takes in for this one.

An entry is bound to the model that it was recorded of, by that model's creation time in its envelope.
A model that was copied, or restored into another registry, has another creation time. The entries stay
as they are, digests and all; one entry of kind ``rebind`` of the new model lists their digests, and
from that entry on they count. What it does not list does not count, whatever it says of itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spot_mlflow.origins import KIND

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spot_mlflow.record.entry import Reading


def taken_in(created: int, readings: Iterable[Reading]) -> frozenset[str]:
    """Returns the digests of the entries that the model made at ``created`` has taken in."""
    found: set[str] = set()
    for r in readings:
        e = r.evidence
        if e is not None and e.kind == KIND and r.envelope.get("created") == created:
            found.update(map(str, e.payload.get("digests", ())))
    return frozenset(found)
