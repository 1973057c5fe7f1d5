"""Refused attempts to tamper, kept in the record without letting a flood fill it.

Of the same attempts (by the same requester, on the same model, of the same kind) the first one is
written at once; those that follow within a minute are counted, and the count is written at its end.
A process writes so many in a minute and no more: what is beyond is counted as one.
"""

from __future__ import annotations

import atexit
import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from spot_mlflow_plugins import mlflow_private as private

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

_logger: Final = logging.getLogger("mlflow.spot")
EVERY: Final = 60.0  # seconds
LONGEST: Final = 300  # characters of what tells models apart
MOST: Final = 30  # entries of different attempts in so many seconds, in one process


@dataclass(frozen=True)
class Attempt:
    """Something that was refused.

    Attributes:
        kind: what sort: a tag, a run, an artifact, ...
        what: in words that go on "may not": "set tag 'spot.readiness'".
        requester: who tried, or None where unknown.
        place: what tells models apart: a name, or the number of an experiment.
        model: returns the registered model's name, "" for the registry as a whole; asked only when
            the attempt is written.
        version: the version, or None.
        workspace: where it was tried.
    """

    kind: str
    what: str
    requester: str | None
    place: Hashable
    model: Callable[[], str]
    version: str | None = None
    workspace: str | None = None

    @property
    def key(self) -> Hashable:
        """Equal for attempts that are counted as one."""
        return self.workspace, self.requester, self.place, self.kind


@dataclass
class _Same:
    """Attempts of one key: the first, and how many are not written yet."""

    last: Attempt
    count: int = 0


class Attempts:
    """Decides which attempts are written; one object for all threads of a process.

    Args:
        write: writes an attempt that was made so many times; where it fails it is asked again.
        every: seconds in which equal attempts are counted as one.
        most: different attempts that are written in that time.
    """

    def __init__(
        self, write: Callable[[Attempt, int], None], *, every: float = EVERY, most: int = MOST
    ) -> None:
        self._write, self._every, self._most = write, every, most
        self._same: dict[Hashable, _Same] = {}
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()
        atexit.register(self.flush)

    def note(self, attempt: Attempt) -> None:
        """Takes note of an attempt; never raises, since it is refused in any case."""
        if len(str(attempt.place)) > LONGEST:
            attempt = _MANY  # no model has that name, and nothing of it is kept
        with self._lock:
            self._wait()
            if attempt.key in self._same or len(self._same) >= self._most:
                self._count(attempt, 1)
                return
            self._same[attempt.key] = _Same(attempt)
        if not self._written(attempt, 1):
            with self._lock:
                self._count(attempt, 1)

    def flush(self) -> None:
        """Writes what was counted and begins anew; called when the time is over, and at the end."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            counted = [s for s in self._same.values() if s.count]
            self._same, self._timer = {}, None
        for same in counted:
            with private.in_workspace(same.last.workspace):
                done = self._written(same.last, same.count)
            if not done:
                with self._lock:
                    self._wait()
                    self._count(same.last, same.count)

    def _wait(self) -> None:
        if self._timer is None:
            # A thread of its own: what was counted is written although nobody comes again.
            self._timer = threading.Timer(self._every, self.flush)
            self._timer.daemon = True
            self._timer.start()

    def _count(self, attempt: Attempt, count: int) -> None:
        if attempt.key not in self._same and len(self._same) >= self._most:
            attempt = _MANY  # whose they were is not kept
        self._same.setdefault(attempt.key, _Same(attempt)).count += count

    def _written(self, attempt: Attempt, count: int) -> bool:
        try:
            self._write(attempt, count)
        except Exception as e:  # noqa: BLE001 - the refusal must not fail on its record
            _logger.error("not recorded yet: refused to %s (%s)", attempt.what, e)  # noqa: TRY400 - as above
            return False
        return True


_MANY: Final = Attempt("entry", "tamper with many things at once", None, "", str)
