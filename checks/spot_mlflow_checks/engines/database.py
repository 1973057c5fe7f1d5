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
from spot_mlflow_checks.engines.columns_sql import (
    SqlColumn,
    mysql_columns,
    postgres_columns,
    sqlite_columns,
)
from spot_mlflow_checks.engines.columns_warehouse import driver_kinds, warehouse_columns
from spot_mlflow_checks.engines.dialect import Dialect, Family, PostgresDialect, SQLiteDialect
from spot_mlflow_checks.engines.mysql import MySQLDialect
from spot_mlflow_checks.engines.source import LOG, EngineRefused, Source, check_names, log_table
from spot_mlflow_checks.engines.sqlite_md5 import register_md5
from spot_mlflow_checks.engines.warehouses import WAREHOUSES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SILENT: Final = re.compile(
    r"refused|timed? ?out|resolve|unreachable|Name or service", re.IGNORECASE
)
_DRIVERS: Final = {
    "psycopg": "'spot-mlflow[postgres]'",
    "pymysql": "'spot-mlflow[mysql]'",
    "pymssql": "'spot-mlflow[mssql]'",
    "oracledb": "'spot-mlflow[oracle]'",
}
_PLAIN: Final = {"mssql": "mssql+pymssql", "oracle": "oracle+oracledb"}
_ROOM: Final = 64 << 20  # bytes that a grouping of ours may take in PostgreSQL
_LOOK: Final = 1000  # rows whose values tell the type of a column that the catalogue does not


def _dialect(connection: sa.Connection) -> Dialect:
    name = connection.dialect.name
    if name in {"mysql", "mariadb"}:
        return MySQLDialect(mariadb=bool(getattr(connection.dialect, "is_mariadb", False)))
    if name in WAREHOUSES:
        return WAREHOUSES[name](connection.dialect)
    if name in {"sqlite", "postgresql"}:
        return SQLiteDialect() if name == "sqlite" else PostgresDialect()
    raise InvalidInput(
        f"{name} is not a database that can be read",
        where=_place(connection),
        fix=_dialect_to_install(name),
    )


class DatabaseSource(Source):
    """A log in a database, behind a connection of our own or of the caller's."""

    def __init__(
        self,
        connection: sa.Connection,
        name: str,
        log: sa.FromClause,
        columns: Mapping[str, SqlColumn],
    ) -> None:
        self.name, self.log = name, _read_as(log, columns)
        self.families = {k: c.family for k, c in columns.items()}
        self.kinds = {k: c.kind for k, c in columns.items() if c.kind}
        self.dialect = _dialect(connection)
        self._connection = connection
        register_md5(connection)
        self.taken = ExitStack()  # what was opened for it alone

    @property
    def connection(self) -> sa.Connection:
        """The connection that it is read through."""
        return self._connection

    @override
    def answer(self, query: sa.Select[Any] | sa.CompoundSelect[Any]) -> Sequence[Sequence[Any]]:
        if self.dialect.sql is not None:  # a warehouse, to which literals are written out
            return self._connection.exec_driver_sql(self.dialect.compile(query)).fetchall()
        if self._connection.dialect.name != "postgresql":
            return self._connection.execute(query).fetchall()
        # A query that PostgreSQL refuses ends the transaction, which may be the caller's.
        with self._connection.begin_nested():
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
        engine = source if isinstance(source, sa.Engine) else open_engine(source)
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
        f"the database refused the login: {reason}",
        where=place,
        fix="Check database, user and password.",
    )


def open_engine(url: Any) -> sa.Engine:
    """An engine of a URL, with the driver that our extras bring; it has not connected yet.

    Raises:
        InvalidInput: for a URL that cannot be read, or a driver that is not installed.
    """
    try:
        parsed = sa.make_url(url)
        if "@" in (parsed.host or ""):
            raise InvalidInput(
                "the user or password holds an @", fix="Write it as %40 in the database URL."
            )
        if parsed.drivername.lower() in {"postgresql", "postgres"}:
            parsed = parsed.set(drivername="postgresql+psycopg")  # the driver that the extra brings
        if parsed.drivername.lower() in {"mysql", "mariadb"}:
            parsed = parsed.set(drivername=f"{parsed.drivername.lower()}+pymysql")  # likewise
        if parsed.drivername.lower() in {"mssql", "oracle"}:
            parsed = parsed.set(drivername=_PLAIN[parsed.drivername.lower()])
        if parsed.get_backend_name() == "sqlite":
            _refuse_new_file(parsed)
        return sa.create_engine(parsed)
    except sa.exc.NoSuchModuleError as e:
        raise InvalidInput(
            f"no such database: {_reason(e)}", fix=_dialect_to_install(parsed.get_backend_name())
        ) from None
    except ModuleNotFoundError as e:
        raise InvalidInput(
            f"the driver {e.name!r} is not installed",
            fix=f"pip install {_DRIVERS.get(e.name or '', 'it, or name the driver you use: postgresql+psycopg://')}",
        ) from None
    except SpotError:
        raise
    except (sa.exc.ArgumentError, ValueError):
        raise InvalidInput(
            "not a SQLAlchemy URL",
            fix="Write postgresql://user@host/database or sqlite:///file.db.",
        ) from None


def _dialect_to_install(backend: str) -> str:
    if backend in WAREHOUSES:
        return f"pip install 'spot-mlflow[{backend}]'"
    known = ", ".join(sorted({"sqlite", "postgresql", "mysql", "mariadb", *WAREHOUSES}))
    return f"Give one of {known}, or export the log to Parquet or CSV."


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
    said = getattr(e, "orig", None) or e
    arguments: Any = getattr(said, "args", ())
    if len(arguments) == 2 and isinstance(arguments[0], int):  # noqa: PLR2004 - MySQL: number, text
        said = arguments[1]
    text = str(said).strip().splitlines()
    return text[0] if text else type(e).__name__


def _open(
    connection: sa.Connection,
    wanted: Mapping[str, str],
    place: str,
    table: str | None,
    query: str | None,
) -> DatabaseSource:
    if table is not None:
        log, name = _table(connection, table, place), f"{place} table {table}"
    else:
        assert query is not None  # noqa: S101 - checked by the caller
        log, name = _query(connection, query, place), f"{place} query"
    check_names([c.name for c in log.c], wanted, name)
    return DatabaseSource(connection, name, log, _columns(connection, log, wanted, name))


def open_selectable(
    connection: sa.Connection, selectable: Any, wanted: Mapping[str, str]
) -> DatabaseSource:
    """Opens what a Great Expectations batch selects from."""
    place = _place(connection)
    listed = isinstance(selectable, sa.SelectBase)
    rows = selectable.subquery("batch") if listed else selectable
    result = connection.execute(sa.select(sa.text("*")).select_from(rows).limit(0))
    names = list(result.keys())
    result.close()
    check_names(names, wanted, place)
    columns = [_stored(connection, n) for n in names]
    log = sa.select(*columns).select_from(rows).subquery(LOG)
    return DatabaseSource(connection, place, log, _columns(connection, log, wanted, place))


def _table(connection: sa.Connection, table: str, place: str) -> sa.FromClause:
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
    columns = [c["name"] for c in found]
    if not connection.dialect.requires_name_normalize:
        return log_table(columns, name, schema or None)
    spelt = [connection.dialect.denormalize_name(n) if n else None for n in (name, schema)]
    place_of = log_table([], str(spelt[0]), spelt[1])
    return sa.select(*[_stored(connection, n) for n in columns]).select_from(place_of).subquery(LOG)


def _stored(connection: sa.Connection, name: str) -> sa.ColumnElement[Any]:
    """A column as its database spells it, under the name that people use: UNIT of Oracle is unit."""
    own = sa.quoted_name(name, quote=True)
    if not connection.dialect.requires_name_normalize:
        return sa.column(own)
    spelt = str(connection.dialect.denormalize_name(name))
    return sa.column(sa.quoted_name(spelt, quote=True)).label(own)


def _query(connection: sa.Connection, query: str, place: str) -> sa.FromClause:
    text = query.strip().rstrip(";")
    if not text:
        raise InvalidInput("the query is empty", where=place)
    try:
        # A comment at its end must not swallow what follows.
        given = sa.text(f"{_escaped(text)}\n").columns()
        head = connection.execute(sa.select(sa.text("*")).select_from(given.subquery(LOG)).limit(0))
    except sa.exc.SQLAlchemyError as e:
        raise InvalidInput(f"the query does not run: {_reason(e)}", where=place) from None
    names = list(head.keys())
    head.close()
    columns: list[sa.ColumnClause[Any]] = [sa.column(sa.quoted_name(n, quote=True)) for n in names]
    if not connection.dialect.requires_name_normalize:
        return sa.text(f"{_escaped(text)}\n").columns(*columns).subquery(LOG)
    rows = sa.text(f"{_escaped(text)}\n").columns().subquery("given")
    return sa.select(*[_stored(connection, n) for n in names]).select_from(rows).subquery(LOG)


def _escaped(text: str) -> str:
    """A colon in a query of the caller's is a colon, never a parameter of ours."""
    return text.replace(":", "\\:")


def _read_as(log: sa.FromClause, columns: Mapping[str, SqlColumn]) -> sa.FromClause:
    """The log with its columns as they are read, where one of them needs it."""
    if all(c.value is log.c[k] for k, c in columns.items()):
        return log
    # A name that occurs twice is not wanted, or it would have been refused.
    read = [columns[c.name].value.label(c.name) if c.name in columns else c for c in log.c]
    return sa.select(*read).subquery("log_read")


def _columns(
    connection: sa.Connection, log: sa.FromClause, wanted: Mapping[str, str], where: str
) -> dict[str, SqlColumn]:
    """How each column is read: by the type that the database reports, else by its first values."""
    # Plain text: what quotes a name is SQLAlchemy's own kind of it.
    backend, names = connection.dialect.name, [str(c.name) for c in log.c]
    if backend == "sqlite":
        read = sqlite_columns(log, [n for n in names if n in wanted or not wanted])
        return {n: read.get(n, SqlColumn(log.c[n], "any", "")) for n in names}
    out: dict[str, SqlColumn] = {}
    try:
        head = connection.execute(sa.select(log).limit(0))
        described: Any = getattr(head.cursor, "description", None) or ()
        codes = {str(d[0]): d[1] for d in described if len(d) > 1 and isinstance(d[1], int)}
        head.close()
        if backend == "postgresql" and codes:
            out = postgres_columns(connection, log, codes)
        elif backend in {"mysql", "mariadb"} and codes:
            out = mysql_columns(connection, log, codes)
        elif backend in WAREHOUSES:
            kinds = driver_kinds(backend, described)
            out = warehouse_columns(_dialect(connection), log, kinds)
        unknown = [c for c in log.c if c.name not in out and (c.name in wanted or not wanted)]
        if unknown:
            out |= _by_values(connection, unknown)
    except sa.exc.SQLAlchemyError as e:
        raise EngineRefused(_reason(e), where=where) from None
    return {n: out.get(n, SqlColumn(log.c[n], "other", "")) for n in names}


def _by_values(connection: sa.Connection, columns: Sequence[Any]) -> dict[str, SqlColumn]:
    rows = connection.execute(sa.select(*columns).limit(_LOOK)).fetchall()
    firsts = [next((r[i] for r in rows if r[i] is not None), None) for i in range(len(columns))]
    return {
        str(c.name): SqlColumn(c, _family_of_value(v), type(v).__name__ if v is not None else "")
        for c, v in zip(columns, firsts, strict=True)
    }


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
