"""How often one user may call, counted together by all workers that share the home folder.

The generic cell rate algorithm (ITU-T I.371, virtual scheduling): of each caller one number is kept, the
time at which all calls so far would have come, had they come evenly. Callers that have been quiet for a
period have no number, so the files stay small by themselves.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from spot_mlflow.errors import InvalidInput
from spot_mlflow_plugins.server.trust.signing import home

if TYPE_CHECKING:
    from pathlib import Path

_logger: Final = logging.getLogger("mlflow.spot")
_PERIODS: Final = {"second": 1, "minute": 60, "hour": 3600}
_FORM: Final = re.compile(r"([1-9]\d{0,8})/(second|minute|hour)")


@dataclass(frozen=True, slots=True)
class Rate:
    """So many calls in a period, all at once or evenly.

    Attributes:
        calls: allowed in a period.
        seconds: of the period.
    """

    calls: int
    seconds: int

    @classmethod
    def read(cls, text: str, *, where: str) -> Rate:
        """Reads "600/minute".

        Raises:
            InvalidInput: it is not a rate.
        """
        found = _FORM.fullmatch(text.strip())
        if found is None:
            raise InvalidInput(
                f"{text!r} is not a rate; use for example 600/minute, 20/second or 5000/hour",
                where=where,
            )
        return cls(int(found[1]), _PERIODS[found[2]])

    def next(self, due: float, now: float) -> tuple[float, float]:
        """Returns the number to keep after a call, and 0; or the old one, and the seconds to wait.

        Args:
            due: the number kept of this caller; 0 where there is none.
            now: Unix time in seconds.
        """
        due = min(
            due, now + self.seconds
        )  # a host whose clock is ahead locks nobody out for longer
        after = max(due, now) + self.seconds / self.calls
        wait = after - now - self.seconds
        return (due, wait) if wait > 1e-9 else (after, 0.0)  # noqa: PLR2004 - rounding

    def wait(self, caller: str, now: float) -> float:
        """Counts a call; returns 0 where it is allowed, else the seconds until one is.

        Where the count cannot be kept the call is allowed: this spares the server, the gate guards it.
        """
        try:
            return self._counted(hashlib.sha256(caller.encode()).hexdigest()[:32], now)
        except OSError as e:
            _logger.warning("calls are not counted: %s", e)
            return 0.0

    def _counted(self, key: str, now: float) -> float:
        handle = _opened(home() / "limits" / f"{key[:2]}.json")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            kept = {k: due for k, due in _read(handle).items() if due > now}
            due, wait = self.next(kept.get(key, 0.0), now)
            kept[key] = due
            said = json.dumps(kept).encode()
            os.pwrite(handle, said, 0)
            os.ftruncate(handle, len(said))
        finally:
            os.close(handle)
        return wait


def _opened(path: Path) -> int:
    how = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    try:
        return os.open(path, how, 0o600)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return os.open(path, how, 0o600)


def _read(handle: int) -> dict[str, float]:
    """Returns caller -> number; nothing where a worker was killed while it wrote."""
    try:
        said = json.loads(os.pread(handle, os.fstat(handle).st_size, 0) or b"{}")
        return {str(k): float(v) for k, v in said.items()}
    except (ValueError, AttributeError, TypeError):
        return {}
