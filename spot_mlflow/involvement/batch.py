"""Imports count as a whole: an import that was cut off counts nothing until it is complete."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from spot_mlflow.evidence import Evidence

MAX_ROWS: Final = 10_000


def complete_batches(entries: Iterable[Evidence]) -> list[Evidence]:
    """Returns the entries without those of an import that was cut off."""
    entries = list(entries)
    there = Counter(b["id"] for e in entries if (b := _batch(e)) is not None)
    return [e for e in entries if (b := _batch(e)) is None or there[b["id"]] >= b["of"]]


def check_batch(batch: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the mark of an import: its id and how many entries belong to it.

    Raises:
        InvalidInput: the id is no hex number of 16 digits, or the size none of 1 to 10,000.
    """
    id_, of = batch.get("id"), batch.get("of")
    if not isinstance(id_, str) or re.fullmatch(r"[0-9a-f]{16}", id_) is None:
        raise InvalidInput(f"batch.id == {id_!r}, must be 16 hex digits")
    if not isinstance(of, int) or isinstance(of, bool) or not 1 <= of <= MAX_ROWS:
        raise InvalidInput(f"batch.of == {of!r}, must be 1 to {MAX_ROWS:,}")
    return {"id": id_, "of": of}


def _batch(entry: Evidence) -> dict[str, Any] | None:
    found = entry.payload.get("batch")
    return found if isinstance(found, dict) and {"id", "of"} <= set(found) else None
