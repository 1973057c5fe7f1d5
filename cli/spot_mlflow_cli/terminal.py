"""What the terminal shows: one console, tables and progress that keep quiet where nobody looks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
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
