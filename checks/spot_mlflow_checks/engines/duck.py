"""Frames, CSV, Parquet and DuckDB relations: DuckDB reads them where they lie.

Frames are scanned in place, files are streamed; aggregation spills to a folder of its own, which is
removed when the source is closed.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from typing_extensions import override

from spot_mlflow.errors import InvalidInput
from spot_mlflow_checks.engines import files
from spot_mlflow_checks.engines.dialect import DuckDialect, Family
from spot_mlflow_checks.engines.source import LOG, Source, check_names, log_table
from spot_mlflow_checks.engines.spill import SpillFolder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import sqlalchemy as sa

# What DuckDB may hold before it spills, for two threads and for each one more: threads have buffers
# of their own. With Python and its libraries a check on two cores stays well under 1 GiB.
_MEGABYTES: Final = 250
_MEGABYTES_A_THREAD: Final = 75

_FAMILIES: Final[dict[str, Family]] = {
    "BOOLEAN": "bool",
    "FLOAT": "float",
    "DOUBLE": "float",
    "VARCHAR": "text",
    "UUID": "other",
    "DATE": "date",
    **dict.fromkeys(
        (
            "TINYINT",
            "SMALLINT",
            "INTEGER",
            "BIGINT",
            "HUGEINT",
            "UTINYINT",
            "USMALLINT",
            "UINTEGER",
            "UBIGINT",
            "UHUGEINT",
        ),
        "integer",
    ),
}


def family_of(kind: str) -> Family:
    """Returns the family of a DuckDB type."""
    if kind.startswith("DECIMAL"):
        return "integer"  # exact numbers: neither NaN nor infinite
    if kind.startswith("TIMESTAMP"):
        return "time"
    if kind.startswith("ENUM"):
        return "text"
    return _FAMILIES.get(kind, "other")


class DuckSource(Source):
    """A log that DuckDB reads, in a connection of our own or the relation's."""

    def __init__(self, relation: Any, name: str, *, own: Any = None, spill: Any = None) -> None:
        self.name = name
        self.dialect = DuckDialect()
        self._relation, self._own, self._spill = relation, own, spill
        kinds = [str(t) for t in relation.types]
        self.families = dict(zip(relation.columns, map(family_of, kinds), strict=True))
        self.log = log_table(relation.columns)
        if own is not None:
            relation.create_view(LOG, replace=True)

    @override
    def fetch(self, query: sa.Select[Any] | sa.CompoundSelect[Any]) -> Sequence[Sequence[Any]]:
        import duckdb

        text = self.dialect.compile(query)
        try:
            if self._own is not None:
                answer = self._own.execute(text)
            else:
                answer = self._relation.query(LOG, text)
            rows: list[tuple[Any, ...]] = answer.fetchall()
        except duckdb.Error as e:
            raise InvalidInput(f"cannot be read: {files.reason(e)}", where=self.name) from None
        except RuntimeError as e:
            if "interrupted" in str(e):  # what DuckDB makes of Ctrl-C
                raise KeyboardInterrupt from None
            raise
        return rows

    @override
    def close(self) -> None:
        self._relation = None
        if self._own is not None:
            self._own.close()
        if self._spill is not None:
            self._spill.cleanup()


def _memory_limit() -> str:
    more = max((os.cpu_count() or 1) - 2, 0)
    usual = f"{_MEGABYTES + _MEGABYTES_A_THREAD * more}MB"
    return os.environ.get("SPOT_MEMORY_LIMIT", usual)


def _connect() -> tuple[Any, SpillFolder]:
    import duckdb

    spill = SpillFolder()
    connection = duckdb.connect(
        ":memory:",
        config={
            "memory_limit": _memory_limit(),
            "temp_directory": spill.path,
            "preserve_insertion_order": "false",
            "autoinstall_known_extensions": "false",  # a check fetches nothing from the network
        },
    )
    # DuckDB draws its bar on standard output, where our JSON goes.
    connection.execute("SET enable_progress_bar = false")
    return connection, spill


def open_relation(relation: Any, wanted: Mapping[str, str]) -> DuckSource:
    """Opens a DuckDB relation in its own connection."""
    check_names(relation.columns, wanted, "DuckDB relation")
    return DuckSource(relation, "DuckDB relation")


def open_frame(frame: Any, wanted: Mapping[str, str]) -> DuckSource:
    """Opens a pandas, polars or pyarrow frame without copying what numpy or Arrow hold already."""
    import narwhals as nw

    kind = type(frame).__module__.split(".", 1)[0]
    if nw.dependencies.is_pyarrow_table(frame):
        check_names(frame.column_names, wanted, "pyarrow table")
        names, scanned = frame.column_names, frame
    elif nw.dependencies.is_pandas_dataframe(frame):
        names = [str(c) for c in frame.columns]
        check_names(names, wanted, "pandas frame")
        scanned = _pandas_columns(frame, wanted)
    else:
        names, scanned = _other_columns(nw.from_native(frame), wanted, kind)
    connection, spill = _connect()
    connection.register("frame", scanned)
    source = DuckSource(connection.table("frame"), f"{kind} frame", own=connection, spill=spill)
    source.unread = [n for n in names if n not in source.families]
    return source


def _other_columns(frame: Any, wanted: Mapping[str, str], kind: str) -> tuple[list[str], Any]:
    """Returns (all names, the wanted columns as Arrow) of a frame that Narwhals knows.

    Raises:
        InvalidInput: where its rows lie elsewhere and would have to be collected here.
    """
    import narwhals as nw

    if isinstance(frame, nw.LazyFrame) and not frame.implementation.is_polars():
        raise InvalidInput(
            f"the rows of a {kind} frame would have to be collected here",
            fix="Give the database URL with table= or query=, a Spark DataFrame, or Parquet files.",
        )
    lazy = frame.lazy()
    names = lazy.collect_schema().names()
    kept = [n for n in names if n in wanted] or names[:1]
    return names, lazy.select(kept).collect("pyarrow").to_native()


def _pandas_columns(frame: Any, wanted: Mapping[str, str]) -> Any:
    """Returns the wanted columns as Arrow, which DuckDB reads as they are in every pass.

    Text costs a conversion once here, or none where pandas holds it as Arrow already; DuckDB's own
    reading of pandas text would pay it in every pass, under Python's lock.
    """
    import pyarrow as pa

    names = [c for c in frame.columns if str(c) in wanted] or list(frame.columns)[:1]
    return pa.table({str(name): _arrow(frame[name]) for name in names})


def _arrow(column: Any) -> Any:
    import pyarrow as pa

    try:
        return pa.array(_plain(column) if column.dtype == object else column, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError):
        return pa.array(column.map(str, na_action="ignore").astype(object), from_pandas=True)


def _plain(column: Any) -> Any:
    """Turns a column of mixed Python objects into one type; ISO text where they differ."""
    import pandas as pd

    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind in {"string", "boolean", "floating", "integer", "decimal", "empty"}:
        return column
    return column.map(
        lambda v: v.isoformat() if hasattr(v, "isoformat") else str(v), na_action="ignore"
    )


def open_path(path: str, wanted: Mapping[str, str]) -> DuckSource:
    """Opens a CSV or Parquet file, or a glob of them; rows are streamed, never loaded whole."""
    import duckdb

    connection, spill = _connect()
    try:
        relation = files.read(connection, path, wanted)
        return DuckSource(relation, files.shown(path), own=connection, spill=spill)
    except BaseException as e:
        connection.close()
        spill.cleanup()
        if isinstance(e, duckdb.Error):
            raise _unreadable(e, path) from None
        raise


def _unreadable(e: Exception, path: str) -> InvalidInput:
    if files.is_remote(path) and "extension" in str(e):
        return InvalidInput(
            "DuckDB has no extension to read from there",
            where=files.shown(path),
            fix="Once: python -c \"import duckdb; duckdb.sql('INSTALL httpfs')\", or copy the file.",
        )
    return InvalidInput(f"cannot be read: {files.reason(e)}", where=files.shown(path))
