"""Where an outcome log lies, and how each place says the same query."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from spot_mlflow.errors import InvalidInput
from spot_mlflow_checks.columns import wanted_columns

if TYPE_CHECKING:
    from spot_mlflow.lift.contract import PredictedLift
    from spot_mlflow_checks.engines.source import Source

__all__ = ["open_source"]


def open_source(source: Any, predicted: PredictedLift, *, table: str | None = None, query: str | None = None) -> Source:
    """Opens an outcome log wherever it lies.

    Raises:
        InvalidInput: where nothing of the kind can be opened, naming what was given.
    """
    wanted = wanted_columns(predicted)
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
    except TypeError:
        raise InvalidInput(
            f"cannot read an outcome log from {type(source).__module__}.{type(source).__name__}",
            fix="Give a pandas, polars, pyarrow or Spark frame, a DuckDB relation, a path, or a SQLAlchemy URL with table=.",
        ) from None
    return duck.open_frame(source, wanted)


def _open_text(text: str, wanted: dict[str, str], table: str | None, query: str | None) -> Source:
    if "://" in text and not text.startswith(("file://", "s3://", "http://", "https://", "gs://", "gcs://", "az://")):
        from spot_mlflow_checks.engines.database import open_database

        return open_database(text, wanted, table=table, query=query)
    from spot_mlflow_checks.engines.duck import open_path

    return open_path(text, wanted)
