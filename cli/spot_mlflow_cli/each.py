"""Goes through all models: one that cannot be read is named at the end and stops no other."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click

from spot_mlflow.errors import AccessDenied, SpotError, Unavailable
from spot_mlflow.reporting.words.tables import harmless

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    Unread = tuple[str, SpotError]  # model, cause

TRACEBACK_VARIABLE: Final = "SPOT_TRACEBACK"
_GIVE_UP: Final = 3  # models in a row for which nobody answered: the server is down


class EachModel:
    """Iterates over names and keeps those that could not be read.

    Args:
        names: of the models.

    Attributes:
        unread: (model, cause), in the order they were met.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = names
        self._silent = 0
        self.unread: list[Unread] = []

    def __iter__(self) -> Iterator[str]:
        """Yields the names."""
        yield from self._names

    @contextmanager
    def reading(self, name: str) -> Iterator[None]:
        """Takes note of what goes wrong inside.

        Raises:
            Unavailable: for several models in a row nobody answered.
        """
        try:
            yield
        except SpotError as e:
            silent = isinstance(e, Unavailable) and not isinstance(e, AccessDenied)
            self._silent = self._silent + 1 if silent else 0
            if self._silent >= _GIVE_UP:
                raise
            self.unread.append((name, e))
        else:
            self._silent = 0


def unexpected(error: Exception) -> Unavailable:
    """Returns the error to show for one that nobody foresaw."""
    from spot_mlflow.validation import shortened

    said = " ".join(str(error).split())
    return Unavailable(
        f"unexpected {type(error).__name__}: {shortened(said, 300)}",
        fix=f"Please report it; {TRACEBACK_VARIABLE}=1 shows where it happened.",
    )


def say_unread(unread: Iterable[Unread], *, err: bool = False) -> None:
    """Prints which models could not be read, and why."""
    for name, error in unread:
        click.secho(harmless(f"Not read: {name}: {error}"), fg="yellow", err=err)


def leave_unread(unread: Sequence[Unread]) -> None:
    """Ends a command with status 3 where models could not be read, after it named them."""
    say_unread(unread, err=True)
    if unread:
        raise SystemExit(Unavailable.exit_status)
