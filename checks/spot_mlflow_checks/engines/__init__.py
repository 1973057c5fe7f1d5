"""Where an outcome log lies, and how each place says the same query."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow_checks.engines.source import Source

__all__ = ["open_any", "open_source", "refuse_unknown"]


def open_source(
    source: Any, predicted: PredictedLift, *, table: str | None = None, query: str | None = None
) -> Source:
    """Opens an outcome log wherever it lies.

    Raises:
        InvalidInput: where nothing of the kind can be opened, naming what was given.
    """
    # Here, not above: it builds on the sources of this package.
    from spot_mlflow_checks.columns import wanted_columns

    return open_any(source, wanted_columns(predicted), table=table, query=query)


def open_any(
    source: Any, wanted: Mapping[str, str], *, table: str | None = None, query: str | None = None
) -> Source:
    """Opens a log of which a contract names the columns ``wanted`` (column -> key)."""
    if isinstance(source, str | os.PathLike):
        return _open_text(os.fspath(source), wanted, table, query)
    from spot_mlflow_checks.engines import duck

    module = type(source).__module__.split(".", 1)[0]
    if module == "sqlalchemy":
        from spot_mlflow_checks.engines.database import open_database

        return open_database(source, wanted, table=table, query=query)
    if module in _DUCKDB and hasattr(source, "cursor"):
        return duck.open_connection(source, wanted, table=table, query=query)
    if table is not None or query is not None:
        what, how = ("table", "Leave it out") if table else ("query", "Filter the frame itself")
        raise InvalidInput(
            f"{what} == {table or query!r} is not applied to a {module} frame",
            where=f"{module} frame",
            fix=f"{how}; table and query are for databases and DuckDB connections.",
        )
    if module in _DUCKDB:
        return duck.open_relation(source, wanted)
    if module == "pyspark":
        from spot_mlflow_checks.engines.spark import open_spark

        return open_spark(source, wanted)
    refuse_unknown(source, module)
    return duck.open_frame(source, wanted)


_DUCKDB: Final = ("duckdb", "_duckdb")


def refuse_unknown(source: Any, module: str) -> None:
    """Refuses a value that is not a frame, and a frame with two columns of one name."""
    import narwhals as nw

    try:
        nw.from_native(source)
    except nw.exceptions.DuplicateError as e:
        which = " ".join(str(e).partition("\n- ")[2].replace("\n- ", ", ").split())
        raise InvalidInput(
            f"column names must differ, got {which}",
            where=f"{module} frame",
            fix="Rename one of them, or leave it out.",
        ) from None
    except TypeError:
        raise InvalidInput(
            f"cannot read an outcome log from {type(source).__module__}.{type(source).__name__}",
            fix="Give a pandas, polars, pyarrow or Spark frame, a DuckDB relation or connection, a path, or a SQLAlchemy URL with table=.",
        ) from None


def _open_text(
    text: str, wanted: Mapping[str, str], table: str | None, query: str | None
) -> Source:
    from spot_mlflow_checks.engines.files import (
        PROTOCOLS,
        database_kind,
        is_remote,
        shown,
        split_table,
    )

    if table is None and query is None:
        text, table = split_table(text)
    protocol, separator, rest = text.partition("://")
    if protocol == "file":
        text, separator = rest, ""
    if protocol == "duckdb":  # as SQLAlchemy spells it: three slashes, then the path
        text, separator = rest.removeprefix("/").partition("?")[0], ""
    if separator and protocol not in PROTOCOLS:
        from spot_mlflow_checks.engines.database import open_database

        return open_database(text, wanted, table=table, query=query)
    from spot_mlflow_checks.engines.duck import open_file, open_frame, open_path
    from spot_mlflow_checks.engines.excel import is_workbook, read_workbook

    kind = database_kind(text)
    if kind == "duckdb":
        return open_file(text, wanted, table=table, query=query)
    if not is_remote(text) and query is None and is_workbook(text):
        frame = read_workbook(text, wanted, table)
        return open_frame(frame, wanted, f"{shown(text)} sheet {table}" if table else shown(text))
    if table is not None or query is not None:
        if kind == "sqlite":
            return _open_text(f"sqlite:///{text}", wanted, table, query)
        raise InvalidInput(
            "table and query are for databases",
            where=shown(text),
            fix="Give a database URL, or leave them out.",
        )
    return open_path(text, wanted)
