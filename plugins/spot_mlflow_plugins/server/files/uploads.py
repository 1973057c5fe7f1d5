"""Addresses that a client may upload to by itself for a while, past this server.

What was issued is remembered outside the database, for all workers of the host: until it has expired,
nobody can say which files a version has that lies there.
"""

from __future__ import annotations

import json
import time
import uuid
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow_plugins.server.files.places import Place
from spot_mlflow_plugins.server.trust.signing import home

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

LONGEST: Final = 900  # seconds that an address may be used
IN_FLIGHT: Final = 3600  # seconds that an upload counts as under way where its worker has died


def shortened(said: Any) -> int:
    """Caps the lifetime that a request asks for, in the request itself; returns it in seconds."""
    try:
        wanted = float(said.get("expiration", LONGEST))
    except (TypeError, ValueError):
        return LONGEST  # MLflow refuses it
    if not wanted <= LONGEST:
        said["expiration"] = wanted = LONGEST
    return int(wanted)


def issued(place: Place, seconds: int) -> Path:
    """Remembers that somebody may upload to a place from now on; returns the mark.

    Raises:
        OSError: it cannot be remembered; the address must not be given out then.
    """
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    ends = int(time.time()) + seconds + 1
    draft = folder / f".{uuid.uuid4().hex}"
    draft.write_text(json.dumps([place.store, *place.segments]))
    return draft.rename(folder / f"{ends}-{uuid.uuid4().hex}")


@contextmanager
def arriving(place: Place) -> Iterator[None]:
    """Remembers that a file is on its way to a place while what is inside goes on.

    Raises:
        OSError: it cannot be remembered.
    """
    mark = issued(place, IN_FLIGHT)
    try:
        yield
    finally:
        mark.unlink(missing_ok=True)


def open_until(folders: Collection[Place]) -> datetime | None:
    """Returns until when files may still arrive in one of some folders; None where none may."""
    ends = [end for end, place in _outstanding() if any(place.within(f) for f in folders)]
    return datetime.fromtimestamp(max(ends), timezone.utc) if ends else None


def _outstanding() -> Iterator[tuple[int, Place]]:
    """Yields what has not expired, and forgets what has."""
    now = time.time()
    for path in _folder().glob("[0-9]*-*"):
        end = int(path.name.partition("-")[0])
        if end <= now:
            path.unlink(missing_ok=True)
            continue
        with suppress(FileNotFoundError):  # it has arrived this moment
            store, *segments = json.loads(path.read_text())
            yield end, Place(store, tuple(segments))


def _folder() -> Path:
    return home() / "uploads"
