"""What the terminal shows: one console, tables and progress that keep quiet where nobody looks."""

from __future__ import annotations

import json
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import Console
    from rich.progress import Progress
    from typing_extensions import Self

T = TypeVar("T")


def console() -> Console:
    """Returns the console for tables and text, on standard output."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=False)


def progress() -> Progress:
    """Returns a progress display on standard error; silent unless a person is looking.

    A light client has none: there it is always silent.
    """
    try:
        from rich.console import Console
    except ModuleNotFoundError:
        return _Silent()  # type: ignore[return-value] # as much of it as the commands call
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    screen = Console(stderr=True)
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=screen,
        transient=True,
        disable=not screen.is_terminal,
    )


class _Silent:
    """A progress display that shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Has nothing to take away."""

    def track(self, of: Iterable[T], **_: object) -> Iterable[T]:
        """Returns what is gone through."""
        return of

    def add_task(self, *_: object, **__: object) -> int:
        """Returns the number of a task."""
        return 0

    def advance(self, *_: object, **__: object) -> None:
        """Shows nothing."""

    def update(self, *_: object, **__: object) -> None:
        """Shows nothing."""


def echo_json(value: Any) -> None:
    """Prints indented JSON on standard output."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=str))


def mind_interrupts() -> None:
    """Makes Ctrl-C end a prompt at once; called before a person is asked something.

    Polars, which MLflow imports where it is installed, puts a handler of its own in front of
    Python's, with which a waiting prompt goes on waiting until Enter is pressed (seen with polars 1).
    """
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is threading.main_thread() and handler is not None:
        signal.signal(signal.SIGINT, handler)


@contextmanager
def stopping(stop: threading.Event) -> Iterator[None]:
    """Sets ``stop`` at the first Ctrl-C or SIGTERM, by which schedulers end a job; a second one interrupts."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(*_: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {sign: signal.signal(sign, ask) for sign in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)
