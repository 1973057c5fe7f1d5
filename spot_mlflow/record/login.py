"""Who writes entries down here, where nobody says so; and who asks."""

from __future__ import annotations

import getpass
import os
from typing import TYPE_CHECKING

from spot_mlflow.gate.case import Asker
from spot_mlflow.record.remote import RouteWriter

if TYPE_CHECKING:
    from spot_mlflow.record.store import Record


def login() -> str:
    """Returns who is at work here: MLflow's user name, else the login of the system."""
    name = os.environ.get("MLFLOW_TRACKING_USERNAME")
    if name:
        return name
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no such login, as in some containers
        return ""


def who_asks(record: Record, requester: str | None = None) -> Asker:
    """Returns who asks: whom a server with logins knows, else who is said to, else the login."""
    known = record.writer.asker() if isinstance(record.writer, RouteWriter) else None
    return known or Asker(requester or login())
