"""The record that a thread goes on with from call to call, so that many entries read each other once."""

from __future__ import annotations

import threading
import time
from typing import Final

from spot_mlflow.record.companion import prefix
from spot_mlflow.record.connection import check_home
from spot_mlflow.record.store import Record

_KEPT: Final = 60.0  # seconds
_shared: Final = threading.local()


def shared_record() -> Record:
    """Returns this thread's record of MLflow's own settings, made anew after a minute.

    What it remembers is the entries it has read, so that many in a row do not each read all of them.
    """
    check_home()
    import mlflow

    key = (mlflow.get_tracking_uri(), mlflow.get_registry_uri(), prefix())
    known = getattr(_shared, "known", None)
    if known is None or known[0] != key or time.monotonic() > known[1]:
        known = _shared.known = (key, time.monotonic() + _KEPT, Record())
    record: Record = known[2]
    return record
