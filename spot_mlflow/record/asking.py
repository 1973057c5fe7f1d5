"""Who asks the gate a question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spot_mlflow.gate.case import Asker
from spot_mlflow.record.login import login
from spot_mlflow.record.remote import RouteWriter

if TYPE_CHECKING:
    from spot_mlflow.record.entry_store import EntryStore


def who_asks(record: EntryStore, requester: str | None = None) -> Asker:
    """Returns who asks: whom a server with logins knows, else who is said to, else the login."""
    known = record.writer.asker() if isinstance(record.writer, RouteWriter) else None
    return known or Asker(requester or login())
