"""Ctrl-C while an engine is at work.

DuckDB looks for signals in the thread that asked, between parts of its work. Where a thread of its own
has taken the only part, the one that asked waits, and Ctrl-C is not heard until the query ends.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    T = TypeVar("T")

_LISTEN: Final = (
    0.2  # seconds between two looks; some systems hold signals back while a thread waits
)


def stoppable(call: Callable[[], T], interrupt: Callable[[], object]) -> T:
    """Runs a call in a thread of its own while this one listens for Ctrl-C.

    Args:
        call: what the engine does.
        interrupt: makes the engine give up; harmless where it has not begun.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed; the engine has stopped.
    """
    if threading.current_thread() is not threading.main_thread():
        return call()  # signals reach the main thread only
    found: Future[T] = Future()
    engine = threading.Thread(target=_run, args=(call, found), name="spot-engine", daemon=True)
    try:
        engine.start()
        while engine.is_alive():
            engine.join(_LISTEN)
    except KeyboardInterrupt:
        while engine.is_alive():  # it may not have begun when it was told to stop
            interrupt()
            engine.join(_LISTEN)
        raise
    return found.result()


def _run(call: Callable[[], T], found: Future[T]) -> None:
    try:
        found.set_result(call())
    except BaseException as e:  # noqa: BLE001 - raised where the result is asked for
        found.set_exception(e)
