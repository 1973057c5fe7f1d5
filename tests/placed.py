"""A log where an engine finds it: in memory, in a file, in a database, in Spark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    import pytest


def placed(
    data: pd.DataFrame, kind: str, folder: Path, request: pytest.FixtureRequest
) -> tuple[Any, dict[str, str]]:
    """Puts a log where an engine of this kind reads it; returns (source, keywords)."""
    import polars as pl
    import sqlalchemy as sa

    if kind == "pandas":
        return data, {}
    if kind == "polars":
        return pl.from_pandas(data), {}
    if kind == "parquet":
        data.to_parquet(folder / "log.parquet")
        return str(folder / "log.parquet"), {}
    if kind == "csv":
        data.to_csv(folder / "log.csv", index=False)
        return str(folder / "log.csv"), {}
    if kind == "spark":
        session = request.getfixturevalue("spark")
        data.to_parquet(
            folder / "log.parquet", coerce_timestamps="us", allow_truncated_timestamps=True
        )
        return session.read.parquet(str(folder / "log.parquet")), {}
    url = (
        f"sqlite:///{folder / 'log.db'}"
        if kind == "sqlite"
        else request.getfixturevalue("postgres_database")
    )
    engine = sa.create_engine(url)
    data.to_sql("log", engine, index=False)
    engine.dispose()
    return url, {"table": "log"}
