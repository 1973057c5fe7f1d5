"""Where an outcome log lies, and how each place says the same query."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.lift.contract import PredictedLift
    from spot_mlflow_checks.engines.source import Source

__all__ = ["open_any", "open_source"]


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
    import narwhals as nw

    from spot_mlflow_checks.engines import duck

    module = type(source).__module__.split(".", 1)[0]
    if module in {"duckdb", "_duckdb"}:
        return duck.open_relation(source, wanted)
    if module == "sqlalchemy":
        from spot_mlflow_checks.engines.database import open_database

        return open_database(source, wanted, table=table, query=query)
    if module == "pyspark":
        from spot_mlflow_checks.engines.spark import open_spark

        return open_spark(source, wanted)
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
            fix="Give a pandas, polars, pyarrow or Spark frame, a DuckDB relation, a path, or a SQLAlchemy URL with table=.",
        ) from None
    return duck.open_frame(source, wanted)


# What DuckDB reads behind a protocol; any other "name://" is a database.
_FILES: Final = ("s3", "http", "https", "gs", "gcs", "r2", "az", "azure", "abfss", "hf")


def _open_text(
    text: str, wanted: Mapping[str, str], table: str | None, query: str | None
) -> Source:
    from spot_mlflow_checks.engines.files import shown

    protocol, separator, rest = text.partition("://")
    if protocol == "file":
        text, separator = rest, ""
    if separator and protocol not in _FILES:
        from spot_mlflow_checks.engines.database import open_database

        return open_database(text, wanted, table=table, query=query)
    if table is not None or query is not None:
        raise InvalidInput(
            "table and query are for databases",
            where=shown(text),
            fix="Give a database URL, or leave them out.",
        )
    from spot_mlflow_checks.engines.duck import open_path

    return open_path(text, wanted)
