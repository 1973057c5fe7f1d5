"""Goes through all models: one that cannot be read is named at the end and stops no other."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click

from spot_mlflow.errors import AccessDenied, InvalidInput, SpotError, Unavailable
from spot_mlflow.reporting.words.tables import harmless

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from spot_mlflow.record import Record

    Unread = tuple[str, SpotError]  # model, cause

TRACEBACK_VARIABLE: Final = "SPOT_TRACEBACK"
# What only the whole package needs, by the names of their modules.
_NOT_LIGHT: Final = frozenset(
    (
        "numpy",
        "pandas",
        "scipy",
        "rich",
        "jinja2",
        "duckdb",
        "narwhals",
        "sqlalchemy",
        "great_expectations",
    )
)
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


def say_where_looked(
    record: Record, *, known: int, shown: int, pattern: str | None = None, err: bool = False
) -> None:
    """Says where was looked, where no model is there or none is like the pattern; else nothing.

    Args:
        record: of the models.
        known: models in the registry.
        shown: those among them that the pattern leaves.
        pattern: of ``--model``.
        err: print it on standard error, beside a document.
    """
    from spot_mlflow.figures import things
    from spot_mlflow.record.whereabouts import none_at, store_of

    store = store_of(record.client)
    if not known:
        click.echo(harmless(none_at(store)), err=err)
    elif not shown:
        said = f"No model at {store} has a name like {pattern!r} ({things(known, 'model')} there)."
        click.echo(harmless(said), err=err)


def unexpected(error: Exception) -> SpotError:
    """Returns the error to show for one that nobody foresaw, or for a package that a light client lacks."""
    if isinstance(error, ModuleNotFoundError) and error.name in _NOT_LIGHT:
        return InvalidInput(
            f"this command needs {error.name}, which a light client does not have",
            fix="pip install spot-mlflow (docs/light-client.md)",
        )
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
