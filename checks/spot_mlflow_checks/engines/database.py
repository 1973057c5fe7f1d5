"""A table or query in a SQL database, reduced where it lies by SQLAlchemy Core."""

from __future__ import annotations

import re
from contextlib import ExitStack
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from typing_extensions import override

from spot_mlflow.errors import InvalidInput, SpotError, Unavailable
from spot_mlflow.validation import nearest
from spot_mlflow_checks.engines.dialect import Dialect, Family, PostgresDialect, SQLiteDialect
from spot_mlflow_checks.engines.source import LOG, Source, check_names, log_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_DIALECTS: Final[dict[str, type[Dialect]]] = {
    "sqlite": SQLiteDialect,
    "postgresql": PostgresDialect,
}
_SILENT: Final = re.compile(
    r"refused|timed? ?out|resolve|unreachable|Name or service", re.IGNORECASE
)
_ROOM: Final = 64 << 20  # bytes that a grouping of ours may take in PostgreSQL
_LOOK: Final = 1000  # rows whose values tell the type of a column that the catalogue does not

# PostgreSQL's own numbers of its types, as a driver reports them for a query.
_OIDS: Final[dict[int, Family]] = {
    16: "bool", 20: "integer", 21: "integer", 23: "integer", 700: "float", 701: "float",
    1700: "float", 1082: "date", 1114: "time", 1184: "time", 25: "text", 1042: "text", 1043: "text", 19: "text",
}  # fmt: skip


class DatabaseSource(Source):
    """A log in a database, behind a connection of our own or of the caller's."""

    def __init__(
        self,
        connection: sa.Connection,
        name: str,
        log: sa.FromClause,
        families: Mapping[str, Family],
    ) -> None:
        self.name, self.log, self.families = name, log, families
        self.dialect = _DIALECTS.get(connection.dialect.name, Dialect)()
        self._connection = connection
        self.taken = ExitStack()  # what was opened for it alone

    @override
    def answer(self, query: sa.Select[Any] | sa.CompoundSelect[Any]) -> Sequence[Sequence[Any]]:
        return self._connection.execute(query).fetchall()

    @override
    def reason(self, error: Exception) -> str:
        return _reason(error)

    @override
    def close(self) -> None:
        self.taken.close()


def open_database(
    source: Any, wanted: Mapping[str, str], *, table: str | None = None, query: str | None = None
) -> DatabaseSource:
    """Opens a table or query behind a URL, an engine or a connection.

    Raises:
        InvalidInput: for a URL that cannot be read, or no such table.
        Unavailable: where the database does not answer; the password is never shown.
    """
    if (table is None) == (query is None):
        raise InvalidInput(
            "a database needs either table or query",
            where=_place(source),
            fix="Give --table NAME or --query SQL.",
        )
    if isinstance(source, sa.Connection):
        return _open(source, wanted, _place(source), table, query)
    with ExitStack() as taken:
        engine = source if isinstance(source, sa.Engine) else _engine(source)
        if engine is not source:
            taken.callback(engine.dispose)
        place = _place(engine)
        try:
            connection = taken.enter_context(engine.connect())
        except sa.exc.SQLAlchemyError as e:
            raise _no_connection(e, place, engine.url) from None
        _give_room(connection)
        opened = _open(connection, wanted, place, table, query)
        opened.taken = taken.pop_all()
    return opened


def _give_room(connection: sa.Connection) -> None:
    """Lets PostgreSQL group by hashing, up to the end of the transaction.

    It cannot tell how few groups our expressions make, and would sort the whole log on disk.
    """
    if connection.dialect.name != "postgresql":
        return
    small = sa.func.pg_size_bytes(sa.func.current_setting("work_mem")) < _ROOM
    more = sa.func.set_config("work_mem", f"{_ROOM >> 20}MB", True)
    try:
        connection.execute(sa.select(more).where(small))
    except sa.exc.SQLAlchemyError:  # a relative of PostgreSQL that has no such setting
        connection.rollback()


def _no_connection(e: Exception, place: str, url: sa.URL) -> SpotError:
    """A server that does not answer is no fault of the input; a refused login is.

    A driver may repeat what it was given: the password, or what an option holds.
    """
    reason = _reason(e)
    for secret in filter(None, (url.password, *(str(v) for v in url.query.values()))):
        reason = reason.replace(secret, "***")
    if _SILENT.search(reason):
        return Unavailable(f"the database did not answer: {reason}", where=place)
    return InvalidInput(
        f"the database let nobody in: {reason}",
        where=place,
        fix="Check database, user and password.",
    )


def _engine(url: Any) -> sa.Engine:
    try:
        parsed = sa.make_url(url)
        if "@" in (parsed.host or ""):
            raise InvalidInput(
                "the user or password holds an @", fix="Write it as %40 in the database URL."
            )
        if parsed.drivername.lower() in {"postgresql", "postgres"}:
            parsed = parsed.set(drivername="postgresql+psycopg")  # the driver that the extra brings
        if parsed.get_backend_name() == "sqlite":
            _refuse_new_file(parsed)
        return sa.create_engine(parsed)
    except sa.exc.NoSuchModuleError as e:
        raise InvalidInput(
            f"no such database: {_reason(e)}", fix="Install its SQLAlchemy dialect."
        ) from None
    except ModuleNotFoundError as e:
        raise InvalidInput(
            f"the driver {e.name!r} is not installed",
            fix=f"pip install {'psycopg[binary]' if e.name == 'psycopg' else 'it, or name the driver you use: postgresql+psycopg://'}",
        ) from None
    except SpotError:
        raise
    except (sa.exc.ArgumentError, ValueError):
        raise InvalidInput(
            "not a SQLAlchemy URL",
            fix="Write postgresql://user@host/database or sqlite:///file.db.",
        ) from None


def _refuse_new_file(url: sa.URL) -> None:
    """SQLite would make an empty file of a misspelt name."""
    from pathlib import Path

    if (
        url.database
        and url.database != ":memory:"
        and not url.database.startswith("file:")
        and not Path(url.database).is_file()
    ):
        raise InvalidInput("no such file", where=url.database)


def _place(source: Any) -> str:
    engine = source.engine if isinstance(source, sa.Connection) else source
    if isinstance(engine, sa.Engine):
        return _shown(engine.url)
    try:
        return _shown(sa.make_url(source))
    except (sa.exc.ArgumentError, ValueError):
        return "database"


def _shown(url: sa.URL) -> str:
    """A URL as it may be printed: no password, and no query, which may hold one."""
    host = "***" if "@" in (url.host or "") else url.host  # part of a password that holds an @
    return url.set(query={}, host=host).render_as_string(hide_password=True)


def _reason(e: Exception) -> str:
    """The driver's own first line; SQLAlchemy's adds the query and its parameters."""
    text = str(getattr(e, "orig", None) or e).strip().splitlines()
    return text[0] if text else type(e).__name__


def _open(
    connection: sa.Connection,
    wanted: Mapping[str, str],
    place: str,
    table: str | None,
    query: str | None,
) -> DatabaseSource:
    if table is not None:
        log, kinds = _table(connection, table, place)
        name = f"{place} table {table}"
    else:
        assert query is not None  # noqa: S101 - checked by the caller
        log, kinds = _query(connection, query, place)
        name = f"{place} query"
    check_names([c.name for c in log.c], wanted, name)
    return DatabaseSource(connection, name, log, _families(connection, log, kinds, wanted))


def open_selectable(
    connection: sa.Connection, selectable: Any, wanted: Mapping[str, str]
) -> DatabaseSource:
    """Opens what a Great Expectations batch selects from."""
    place = _place(connection)
    listed = isinstance(selectable, sa.SelectBase)
    rows = selectable.subquery("batch") if listed else selectable
    result = connection.execute(sa.select(sa.text("*")).select_from(rows).limit(0))
    names = list(result.keys())
    kinds = _described(result)
    result.close()
    check_names(names, wanted, place)
    columns: list[sa.ColumnClause[Any]] = [sa.column(sa.quoted_name(n, quote=True)) for n in names]
    log = sa.select(*columns).select_from(rows).subquery(LOG)
    return DatabaseSource(connection, place, log, _families(connection, log, kinds, wanted))


def _table(
    connection: sa.Connection, table: str, place: str
) -> tuple[sa.FromClause, dict[str, Family]]:
    try:
        inspector = sa.inspect(connection)
        names = [*inspector.get_table_names(), *inspector.get_view_names()]
    except sa.exc.SQLAlchemyError as e:
        raise InvalidInput(f"cannot be read: {_reason(e)}", where=place) from None
    schema, _, name = table.rpartition(".")
    try:
        found = inspector.get_columns(table)
        schema, name = "", table
    except sa.exc.NoSuchTableError:
        try:
            found = inspector.get_columns(name, schema=schema or None)
        except (sa.exc.NoSuchTableError, sa.exc.OperationalError):
            raise InvalidInput(
                f"no table {table!r}{nearest(table, names)}",
                where=place,
                fix=f"It has {', '.join(sorted(names)[:10]) or 'no tables'}.",
            ) from None
    log = log_table([c["name"] for c in found], name, schema or None)
    return log, {c["name"]: f for c in found for f in [_family(c["type"])] if f is not None}


def _query(
    connection: sa.Connection, query: str, place: str
) -> tuple[sa.FromClause, dict[str, Family]]:
    text = query.strip().rstrip(";")
    if not text:
        raise InvalidInput("the query is empty", where=place)
    try:
        # A comment at its end must not swallow what follows.
        head = connection.execute(sa.text(f"SELECT * FROM ({_escaped(text)}\n) AS {LOG} LIMIT 0"))  # noqa: S608 - the query is the caller's own
    except sa.exc.SQLAlchemyError as e:
        raise InvalidInput(f"the query does not run: {_reason(e)}", where=place) from None
    names, kinds = list(head.keys()), _described(head)
    head.close()
    columns: list[sa.ColumnClause[Any]] = [sa.column(sa.quoted_name(n, quote=True)) for n in names]
    return sa.text(f"{_escaped(text)}\n").columns(*columns).subquery(LOG), kinds


def _escaped(text: str) -> str:
    """A colon in a query of the caller's is a colon, never a parameter of ours."""
    return text.replace("\\", "\\\\").replace(":", "\\:") if ":" in text else text


def _described(result: sa.CursorResult[Any]) -> dict[str, Family]:
    description = getattr(result.cursor, "description", None) or ()
    return {d[0]: _OIDS[d[1]] for d in description if isinstance(d[1], int) and d[1] in _OIDS}


def _family(kind: Any) -> Family | None:
    for types, family in (
        (sa.Boolean, "bool"),
        (sa.Integer, "integer"),
        (sa.Numeric, "float"),
        (sa.DateTime, "time"),
        (sa.Date, "date"),
        (sa.String, "text"),
        (sa.Enum, "text"),
    ):
        if isinstance(kind, types):
            return family  # type: ignore[return-value] # the literals above
    return None


def _families(
    connection: sa.Connection,
    log: sa.FromClause,
    kinds: Mapping[str, Family],
    wanted: Mapping[str, str],
) -> dict[str, Family]:
    """Type families of all columns: the catalogue's word, else what the first values are."""
    if connection.dialect.name == "sqlite":
        return dict.fromkeys((c.name for c in log.c), "any")
    out: dict[str, Family] = {c.name: kinds.get(c.name, "other") for c in log.c}
    unknown = [c for c in log.c if c.name not in kinds and c.name in wanted]
    if unknown:
        rows = connection.execute(sa.select(*unknown).limit(_LOOK)).fetchall()
        for i, c in enumerate(unknown):
            out[c.name] = _family_of_value(next((r[i] for r in rows if r[i] is not None), None))
    return out


def _family_of_value(value: Any) -> Family:
    from datetime import date, datetime

    for types, family in (
        (bool, "bool"),
        (int, "integer"),
        (float | Decimal, "float"),
        (datetime, "time"),
        (date, "date"),
        (str, "text"),
    ):
        if isinstance(value, types):
            return family  # type: ignore[return-value] # the literals above
    return "other"
