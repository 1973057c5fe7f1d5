"""What a client asks to be written, checked for its form."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who holds a mailed link, and what they may say by it.

    Attributes:
        person: who was asked, or who raised the concern.
        role: in which role.
        entry: id of the entry that the link was made for.
        may: (kind, act) of the entries that it writes; act "" where the kind has none.
    """

    person: str
    role: str
    entry: str
    may: frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Request:
    """What a client asks to be written, checked for its form.

    Attributes:
        id: UUID made by the client, so that a repeated request is written once.
        model: registered name, "" for the registry as a whole.
        version: version number as text, or None.
        kind: sort of entry.
        payload: what is said.
        person: who says it, as claimed.
        role: in which role, as claimed.
        at: when, as claimed; never in the future.
        metrics: (name, value, step).
        artifacts: path -> content.
        dataset: (name, digest, source), or None.
        recorded_by: who writes it down, as claimed.
    """

    id: str
    model: str
    version: str | None
    kind: str
    payload: Mapping[str, Any]
    person: str | None
    role: str | None
    at: datetime
    recorded_by: str
    metrics: tuple[tuple[str, float, int], ...] = ()
    artifacts: Mapping[str, bytes] = field(default_factory=dict)
    dataset: tuple[str, str, str] | None = None
