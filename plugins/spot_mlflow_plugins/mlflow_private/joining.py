"""Goes into the transaction of a change that MLflow's registry store makes.

What the change rests on is looked at under lock before it, and runs are written with it: both or
neither.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from spot_mlflow_plugins.mlflow_private.tracking import _insert

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

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

    event.listen(Session, "before_flush", _before_flush)
    event.listen(Session, "after_flush", _after_flush)


def _after_flush(session: Any, _context: Any) -> None:
    joined = _joining.get()
    if joined is not None:
        joined.join(session)


class HeldRows(NamedTuple):
    """What a registry's tables say of one model once its row is locked.

    Attributes:
        created: creation time, milliseconds.
        aliases: (alias, version).
        stages: (stage, version) of the versions in a stage.
    """

    created: int
    aliases: frozenset[tuple[str, str]]
    stages: frozenset[tuple[str, str]]


class Looked:
    """A look at a model's rows, under lock, before the registry's change of it is written."""

    def __init__(self, store: Any, name: str, look: Callable[[HeldRows | None], None]) -> None:
        self._store, self._name, self._look = store, name, look
        self._done = False

    def before(self, session: Any) -> None:
        """Locks and looks, once, where the session is one of the store that is changed."""
        if self._done or session.get_bind() is not self._store.engine:
            return
        self._done = True
        self._look(_locked_rows(self._store, session, self._name))


_looking: Final[ContextVar[Looked | None]] = ContextVar("spot_looking", default=None)


@contextmanager
def looked_at(store: Any, name: str, look: Callable[[HeldRows | None], None]) -> Iterator[None]:
    """Has a model looked at before the first change that the registry makes inside, and locked.

    From the look until the change is committed nobody else who looks can change the model. Nothing
    is looked at where the store is no database here.

    Args:
        store: the registry store.
        name: of the model.
        look: gets the rows, or None where there is no such model now; raises to undo the change.
    """
    if not is_database(store):
        yield
        return
    _listen()
    token = _looking.set(Looked(store, name, look))
    try:
        yield
    finally:
        _looking.reset(token)


def _before_flush(session: Any, _context: Any, _instances: Any) -> None:
    looked = _looking.get()
    if looked is not None:
        looked.before(session)


def _locked_rows(store: Any, session: Any, name: str) -> HeldRows | None:
    """Locks a model's row and reads what it holds; past the session, which would flush."""
    import sqlalchemy as sa
    from mlflow.entities.model_registry.model_version_stages import STAGE_DELETED_INTERNAL
    from mlflow.store.model_registry.dbmodels import models as m

    connection = session.connection()
    if connection.dialect.name == "sqlite" and not _in_transaction(connection):
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # reading would lock nothing

    def rows(table: Any, *columns: Any, lock: bool, where: Sequence[Any] = ()) -> list[Any]:
        mine = [table.name == name, *store._get_workspace_clauses(table)]  # noqa: SLF001 - what this package is for
        asked = sa.select(*columns).where(*mine, *where)
        return list(connection.execute(asked.with_for_update() if lock else asked).all())

    model: Any = m.SqlRegisteredModel
    alias: Any = m.SqlRegisteredModelAlias
    version: Any = m.SqlModelVersion
    found = rows(model, model.creation_time, lock=True)
    if not found:
        return None
    old = connection.dialect.name == "mysql"  # which reads what was there at the first statement
    aliases = rows(alias, alias.alias, alias.version, lock=old)
    staged = version.current_stage.not_in(("None", STAGE_DELETED_INTERNAL))
    versions = rows(version, version.current_stage, version.version, lock=old, where=[staged])
    return HeldRows(
        int(found[0][0] or 0),
        frozenset((str(a), str(v)) for a, v in aliases),
        frozenset((str(s), str(v)) for s, v in versions),
    )


def _in_transaction(connection: Any) -> bool:
    return bool(connection.connection.driver_connection.in_transaction)
