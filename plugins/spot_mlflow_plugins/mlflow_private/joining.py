"""Writes runs in the transaction of a change that MLflow's registry store makes: both or neither."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow_plugins.mlflow_private.tracking import _insert

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from spot_mlflow_plugins.mlflow_private.tracking import RunRows


class Joined:
    """Rows that wait for a change.

    Attributes:
        written: whether they stand in the transaction of the change.
    """

    def __init__(self, engine: Any, rows: Sequence[RunRows], *, must: bool) -> None:
        self.written = False
        self._engine, self._rows, self._must = engine, rows, must

    def join(self, session: Any) -> None:
        """Inserts the rows, once, where the session is one of the store that is changed."""
        if self.written or session.get_bind() is not self._engine:
            return
        if self._must:
            self._insert(session)
            return
        import sqlalchemy as sa

        try:  # what cannot be recorded stops nobody here: the change itself goes on
            with session.connection().begin_nested():
                self._insert(session)
        except sa.exc.SQLAlchemyError:
            self.written = False

    def _insert(self, session: Any) -> None:
        self.written = True  # before: what is executed here could flush again
        for rows in self._rows:
            _insert(session, rows)


_joining: Final[ContextVar[Joined | None]] = ContextVar("spot_joining", default=None)


def is_database(store: Any) -> bool:
    """Says whether a store is a database of this process."""
    return hasattr(store, "ManagedSessionMaker")


def same_database(registry: Any, tracking: Any) -> bool:
    """Says whether a registry and a tracking store are one database of this process."""
    if not (is_database(registry) and is_database(tracking)):
        return False
    one, other = registry.engine.url, tracking.engine.url
    return bool(one == other) and one.database not in (None, "", ":memory:")


@contextmanager
def runs_with_change(registry: Any, rows: Sequence[RunRows], *, must: bool) -> Iterator[Joined]:
    """Has runs inserted in the transaction of the first change that the registry makes inside.

    Where it changes nothing, or by a statement that no session flushes, ``written`` stays False.

    Args:
        registry: a store in the same database as the runs; see ``same_database``.
        rows: of the runs.
        must: whether a run that cannot be inserted undoes the change.
    """
    _listen()
    joined = Joined(registry.engine, rows, must=must)
    token = _joining.set(joined)
    try:
        yield joined
    finally:
        _joining.reset(token)


@cache
def _listen() -> None:
    """Looks at every flush of the process, once: MLflow keeps its session factories to itself."""
    from sqlalchemy import event
    from sqlalchemy.orm import Session

    event.listen(Session, "after_flush", _after_flush)


def _after_flush(session: Any, _context: Any) -> None:
    joined = _joining.get()
    if joined is not None:
        joined.join(session)
