"""Files are published, and versions go live, one after the other on a host.

An upload may begin before an approval and end after it. What it brings is judged once more when it is
published, in a turn that no change of targets shares; a change of targets is a turn of its own, after
which every worker of the host looks at what is deployed anew.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from spot_mlflow_plugins.server.trust.signing import home

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def generation() -> int:
    """Returns a number that differs after every change of targets on this host."""
    try:
        return _file().stat().st_mtime_ns
    except FileNotFoundError:
        return 0


@contextmanager
def publishing() -> Iterator[None]:
    """A turn to judge and publish files; it may be shared with others who publish."""
    with _turn(fcntl.LOCK_SH):
        yield


@contextmanager
def changing_targets() -> Iterator[None]:
    """A turn to change what is deployed; nothing is published meanwhile."""
    with _turn(fcntl.LOCK_EX) as handle:
        try:
            yield
        finally:
            os.utime(handle)


@contextmanager
def _turn(how: int) -> Iterator[int]:
    handle = _opened()
    try:
        fcntl.flock(handle, how)
        yield handle
    finally:
        os.close(handle)


def _opened() -> int:
    path, how = _file(), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    try:
        return os.open(path, how, 0o600)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return os.open(path, how, 0o600)


def _file() -> Path:
    return home() / "targets.lock"
