"""Imports count as a whole: an import that was cut off counts nothing until it is complete."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spot_mlflow.evidence import Evidence


def complete_batches(entries: Iterable[Evidence]) -> list[Evidence]:
    """Returns the entries without those of an import that was cut off."""
    entries = list(entries)
    there = Counter(b["id"] for e in entries if (b := _batch(e)) is not None)
    return [e for e in entries if (b := _batch(e)) is None or there[b["id"]] >= b["of"]]


def _batch(entry: Evidence) -> dict[str, Any] | None:
    found = entry.payload.get("batch")
    return found if isinstance(found, dict) and {"id", "of"} <= set(found) else None
