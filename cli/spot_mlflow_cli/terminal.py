"""What the terminal shows: one console, tables and progress that keep quiet where nobody looks."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.progress import Progress


def console() -> Console:
    """Returns the console for tables and text, on standard output."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=False)


def progress() -> Progress:
    """Returns a progress display on standard error; silent unless a person is looking."""
    from rich.console import Console
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


def echo_json(value: Any) -> None:
    """Prints indented JSON on standard output."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=str))


def mind_interrupts() -> None:
    """Makes Ctrl-C end a prompt at once; called before a person is asked something.

    Polars, which MLflow imports where it is installed, puts a handler of its own in front of
    Python's, with which a waiting prompt goes on waiting until Enter is pressed (seen with polars 1).
    """
    import signal
    import threading

    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is threading.main_thread() and handler is not None:
        signal.signal(signal.SIGINT, handler)


@contextmanager
def terminations_as_interrupts() -> Iterator[None]:
    """Ends what is inside on SIGTERM, by which schedulers stop a job, as on Ctrl-C."""
    import signal
    import threading

    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
