"""The folder that DuckDB spills to; what a killed process left behind, the next one removes."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from pathlib import Path
from typing import Final

_PREFIX: Final = "spot-spill-"
_LOCK: Final = "in-use"
_YOUNG: Final = 60.0  # seconds in which a folder may still wait for its lock


class SpillFolder:
    """A folder of one connection's own, locked for as long as it is used.

    Attributes:
        path: where DuckDB may write.
    """

    def __init__(self) -> None:
        _sweep()
        self._folder = tempfile.TemporaryDirectory(prefix=_PREFIX)
        self._lock = (Path(self._folder.name) / _LOCK).open("w", encoding="utf-8")
        _locked(self._lock)
        self.path = str(Path(self._folder.name) / "spill")

    def cleanup(self) -> None:
        """Removes the folder with all that was spilled."""
        self._lock.close()
        self._folder.cleanup()


def _sweep() -> None:
    """Removes folders whose lock nobody holds any more."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # another's folder, or just removed
            if time.time() - folder.stat().st_mtime < _YOUNG:
                continue
            with (folder / _LOCK).open("r+", encoding="utf-8") as lock:
                free = _locked(lock)
            if free:
                shutil.rmtree(folder, ignore_errors=True)


def _locked(file: object) -> bool:
    """Takes the lock; False where another holds it, or there are no such locks."""
    try:
        import fcntl
    except ImportError:  # Windows
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # type: ignore[arg-type] # an open file
    except OSError:
        return False
    return True
