"""Frames, files, and DuckDB's own tables and relations: DuckDB reads them where they lie.

Frames are scanned in place, files are streamed; aggregation spills to a folder of its own, which is
removed when the source is closed.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from typing_extensions import override

from spot_mlflow.errors import InvalidInput
from spot_mlflow.validation import nearest
from spot_mlflow_checks.engines import files
from spot_mlflow_checks.engines.dialect import DuckDialect, Family
from spot_mlflow_checks.engines.frames import arrow_frame
from spot_mlflow_checks.engines.ordered import in_order
from spot_mlflow_checks.engines.source import (
    LOG,
    EngineRefused,
    Source,
    check_names,
    log_table,
)
from spot_mlflow_checks.engines.spill import SpillFolder
from spot_mlflow_checks.engines.stoppable import stoppable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import sqlalchemy as sa

# What DuckDB may hold before it spills, for two threads and for each one more: threads have buffers
# of their own. With Python and its libraries a check on two cores stays well under 1 GiB.
_MEGABYTES: Final = 250
_MEGABYTES_A_THREAD: Final = 75

_WHOLE: Final = (
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT",
    "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT",
)  # fmt: skip
# DuckDB's type -> (how a column of it is read, "" as it is; family). Anything else is a label.
_READ: Final[dict[str, tuple[str, Family]]] = {
    "BOOLEAN": ("", "bool"),
    "FLOAT": ("", "float"),
    "DOUBLE": ("", "float"),
    "VARCHAR": ("", "text"),
    "DATE": ("", "date"),
    "BIGNUM": ("CAST({} AS DOUBLE)", "float"),
    "VARINT": ("CAST({} AS DOUBLE)", "float"),
    "BLOB": ("lower(hex({}))", "label"),
    "JSON": ("json_extract_string({}, '$')", "text"),
    '"NULL"': ("CAST({} AS VARCHAR)", "text"),
    **dict.fromkeys(_WHOLE, ("", "integer")),
}


def read_as(kind: str) -> tuple[str, Family]:
    """Returns (SQL of a column of a DuckDB type, "" as it is; its family)."""
    if kind.startswith("DECIMAL"):
        return "", "integer"  # exact numbers: neither NaN nor infinite
    if kind == "TIMESTAMPTZ_NS":  # few functions know it; whole microseconds are what times are
        return "CAST({} AS TIMESTAMPTZ)", "time"
    if kind.startswith("TIMESTAMP"):
        return "", "time"
    if kind.startswith("ENUM"):
        return "CAST({} AS VARCHAR)", "text"  # an enum sorts by the order of its values
    return _READ.get(kind, ("CAST({} AS VARCHAR)", "label"))


class DuckSource(Source):
    """A log that DuckDB reads, in a connection of our own or the relation's."""

    def __init__(
        self,
        relation: Any,
        name: str,
        wanted: Mapping[str, str],
        *,
        own: Any = None,
        spill: Any = None,
        viewed: bool = True,  # a view of ours in a connection of ours; a file is read-only
        view: str = LOG,
    ) -> None:
        self.name = name
        self.dialect = DuckDialect()
        self.kinds = dict(zip(relation.columns, map(str, relation.types), strict=True))
        self._relation, self._own, self._spill = _readable(relation, self.kinds, wanted), own, spill
        self.families = {c: read_as(kind)[1] for c, kind in self.kinds.items()}
        self.log = log_table(relation.columns, view)
        self._viewed = viewed and own is not None
        if self._viewed:
            self._relation.create_view(view, replace=True)

    @override
    def answer(self, query: sa.Select[Any] | sa.CompoundSelect[Any]) -> Sequence[Sequence[Any]]:
        text = self.dialect.compile(query)

        def asked() -> list[tuple[Any, ...]]:
            seen = self._own.execute(text) if self._viewed else self._relation.query(LOG, text)
            rows: list[tuple[Any, ...]] = seen.fetchall()
            return rows

        try:
            # The connection of a caller's relation is out of reach: DuckDB itself listens there.
            return asked() if self._own is None else stoppable(asked, self._own.interrupt)
        except RuntimeError as e:
            if "interrupted" in str(e):  # what DuckDB makes of Ctrl-C
                raise KeyboardInterrupt from None
            raise

    @override
    def put_in_order(self, columns: Sequence[str]) -> None:
        if self._viewed and (name := in_order(self._own, LOG, columns)):
            self.log = log_table(columns, name)

    def write(self, query: sa.Select[Any], path: str, options: str) -> None:
        """Writes the rows of a query to a file, in their order.

        Args:
            query: of ``log``.
            path: of the new file.
            options: of DuckDB's COPY.

        Raises:
            OSError: where the file cannot be written.
            EngineRefused: where the rows cannot be read.
        """
        import duckdb

        said, target = self.dialect.compile(query), path.replace("'", "''")
        try:
            self._own.execute("SET preserve_insertion_order = true")
            copy = f"COPY ({said}) TO '{target}' ({options})"
            stoppable(lambda: self._own.execute(copy), self._own.interrupt)
        except duckdb.IOException as e:
            raise OSError(self.reason(e)) from None
        except duckdb.Error as e:
            raise EngineRefused(self.reason(e), where=self.name, fix=self.remedy(e)) from None

    def relation(self, query: sa.Select[Any]) -> Any:
        """What a query over the log gives, not yet run; its rows can be streamed."""
        text = self.dialect.compile(query)
        return self._own.sql(text) if self._viewed else self._relation.query(LOG, text)

    @override
    def reason(self, error: Exception) -> str:
        return files.reason(error)

    @override
    def remedy(self, error: Exception) -> str:
        return files.remedy(error, self.name)

    @override
    def close(self) -> None:
        self._relation = None
        if self._own is not None:
            self._own.close()
        if self._spill is not None:
            self._spill.cleanup()


def _readable(relation: Any, kinds: Mapping[str, str], wanted: Mapping[str, str]) -> Any:
    """The relation with columns of types that are no number, text or time read as text."""
    quoted = {c: '"' + c.replace('"', '""') + '"' for c in kinds if c in wanted or not wanted}
    said = [(read_as(kinds[c])[0], q) for c, q in quoted.items()]
    new = ", ".join(f"{how.format(q)} AS {q}" for how, q in said if how)
    return relation.project(f"* REPLACE ({new})") if new else relation


def _memory_limit(megabytes: int) -> str:
    more = max((os.cpu_count() or 1) - 2, 0)
    usual = f"{megabytes + _MEGABYTES_A_THREAD * more}MB"
    return os.environ.get("SPOT_MEMORY_LIMIT", usual)


def connect(megabytes: int = _MEGABYTES) -> tuple[Any, SpillFolder]:
    """A connection of our own, within the limit on memory, and the folder that it spills to.

    Args:
        megabytes: the limit on two cores, unless ``SPOT_MEMORY_LIMIT`` sets another.
    """
    import duckdb

    spill = SpillFolder()
    connection = duckdb.connect(
        ":memory:",
        config={
            "memory_limit": _memory_limit(megabytes),
            "temp_directory": spill.path,
            "preserve_insertion_order": "false",
            "autoinstall_known_extensions": "false",  # a check fetches nothing from the network
        },
    )
    # DuckDB draws its bar on standard output, where our JSON goes. In a notebook without ipywidgets it
    # has none, and takes no setting of it either.
    ((drawn,),) = connection.execute("SELECT current_setting('enable_progress_bar')").fetchall()
    if drawn:
        connection.execute("SET enable_progress_bar = false")
    return connection, spill


def open_relation(relation: Any, wanted: Mapping[str, str]) -> DuckSource:
    """Opens a DuckDB relation in its own connection."""
    check_names(relation.columns, wanted, "DuckDB relation")
    return DuckSource(relation, "DuckDB relation", wanted)


def open_frame(frame: Any, wanted: Mapping[str, str], name: str = "") -> DuckSource:
    """Opens a pandas, polars or pyarrow frame without copying what numpy or Arrow hold already."""
    name = name or f"{type(frame).__module__.split('.', 1)[0]} frame"
    names, scanned = arrow_frame(frame, wanted)
    connection, spill = connect()
    with _given_back(connection, spill, name):
        connection.register("frame", scanned)
        source = DuckSource(connection.table("frame"), name, wanted, own=connection, spill=spill)
    source.unread = [n for n in names if n not in source.families]
    return source


@contextmanager
def _given_back(connection: Any, spill: SpillFolder, where: str) -> Iterator[None]:
    """Closes what was taken where a source cannot be opened after all."""
    import duckdb

    try:
        yield
    except BaseException as e:
        connection.close()
        spill.cleanup()
        if isinstance(e, duckdb.Error):
            raise _unreadable(e, where) from None
        raise


def open_beside(connection: Any, given: Any, wanted: Mapping[str, str], view: str) -> DuckSource:
    """Opens files or a frame in a connection that holds others, under a name of its own.

    Args:
        connection: of ``connect``; closed by who made it.
        given: a path or glob, or a frame in memory.
        wanted: column -> what names it.
        view: name in the connection.
    """
    import duckdb

    names: list[str] = []
    try:
        if isinstance(given, str):
            relation = files.read(connection, given, wanted)
            name = files.shown(given)
        else:
            name = f"{type(given).__module__.split('.', 1)[0]} frame"
            names, scanned = arrow_frame(given, wanted)
            connection.register(f"{view} frame", scanned)
            relation = connection.table(f'"{view} frame"')
        source = DuckSource(relation, name, wanted, own=connection, view=view)
    except duckdb.Error as e:
        raise _unreadable(e, given if isinstance(given, str) else name) from None
    source.unread = [n for n in names if n not in source.families]
    return source


def open_path(path: str, wanted: Mapping[str, str]) -> DuckSource:
    """Opens CSV or Parquet files, or a table of a lake; rows are streamed, never loaded whole."""
    connection, spill = connect()
    with _given_back(connection, spill, path):
        relation = files.read(connection, path, wanted)
        return DuckSource(relation, files.shown(path), wanted, own=connection, spill=spill)


def open_file(
    path: str, wanted: Mapping[str, str], *, table: str | None = None, query: str | None = None
) -> DuckSource:
    """Opens a table or query of a DuckDB database file, read-only."""
    connection, spill = connect()
    name = "log_file" if Path(path).stem.casefold() != "log_file" else "log_database"
    with _given_back(connection, spill, path):
        connection.execute(f"ATTACH '{path.replace(chr(39), chr(39) * 2)}' AS {name} (READ_ONLY)")
        connection.execute(f"USE {name}")
        relation = _selected(connection, path, table, query, name)
        said = f"{path} table {table}" if table else f"{path} query" if query else path
        return DuckSource(relation, said, wanted, own=connection, spill=spill, viewed=False)


def open_connection(
    connection: Any,
    wanted: Mapping[str, str],
    *,
    table: str | None = None,
    query: str | None = None,
) -> DuckSource:
    """Opens a table or query on a DuckDB connection of the caller's; nothing is written there."""
    import duckdb

    where = "DuckDB connection"
    try:
        relation = _selected(connection, where, table, query)
        said = f"{where}, table {table}" if table else f"{where}, query" if query else where
        return DuckSource(relation, said, wanted)
    except duckdb.Error as e:
        raise InvalidInput(f"cannot be read: {files.reason(e)}", where=where) from None


def _selected(
    connection: Any, where: str, table: str | None, query: str | None, database: str | None = None
) -> Any:
    """Returns the relation of a table or query; of the only table where neither is named."""
    import duckdb

    tables = _tables(connection, database)
    if table is not None and query is not None:
        raise InvalidInput("both table and query are given", where=where, fix="Give one of them.")
    if query is not None:
        text = query.strip().rstrip(";")
        if not text:
            raise InvalidInput("the query is empty", where=where)
        try:
            if len(duckdb.extract_statements(text)) != 1:
                raise InvalidInput(
                    "the query does not run: it holds several statements", where=where
                )
            return connection.sql(f"SELECT * FROM ({text}\n) AS {LOG}")  # noqa: S608 - the query is the caller's own
        except duckdb.Error as e:
            raise InvalidInput(f"the query does not run: {files.reason(e)}", where=where) from None
    listed = ", ".join(tables[:10]) or "no tables"
    if table is None:
        if len(tables) == 1:
            return connection.table(tables[0])
        raise InvalidInput(
            f"holds {len(tables)} tables, but none was named as the log",
            where=where,
            fix=f"Give --table NAME or --query SQL (table=, query=). It has {listed}.",
        )
    try:
        return connection.table(table)
    except duckdb.Error:
        raise InvalidInput(
            f"no table {table!r}{nearest(table, tables)}", where=where, fix=f"It has {listed}."
        ) from None


def _tables(connection: Any, database: str | None) -> list[str]:
    """Names of tables and views as they are given: with their schema where it is not the usual one."""
    own = f"'{database}'" if database else "current_database()"
    rows = connection.execute(
        "SELECT table_schema, table_name, current_schema() FROM information_schema.tables "  # noqa: S608 - our own name
        f"WHERE table_catalog = {own} ORDER BY 1, 2"
    ).fetchall()
    return [
        name if schema in {"main", usual} else f"{schema}.{name}" for schema, name, usual in rows
    ]


def _unreadable(e: Exception, path: str) -> InvalidInput:
    if files.is_remote(path) and "extension" in str(e):
        return InvalidInput(
            "DuckDB has no extension to read from there",
            where=files.shown(path),
            fix="Once: python -c \"import duckdb; duckdb.sql('INSTALL httpfs')\", or copy the file.",
        )
    said = files.reason(e)
    if "lock on file" in said or "already attached" in said:
        return InvalidInput(
            "is open in another connection, which may write to it",
            where=files.shown(path),
            fix="Close that one, give the connection itself with table=, or copy the file.",
        )
    return InvalidInput(
        f"cannot be read: {said}", where=files.shown(path), fix=files.remedy(e, path)
    )
