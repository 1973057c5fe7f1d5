"""Every engine refuses in ten ways, and each refusal names the column, the contract key and the remedy."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sqlalchemy as sa
from small_log import small_contract, small_log

from spot_mlflow import InvalidInput
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow_checks.engines import open_source
from spot_mlflow_checks.outcomes import reduce_source

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PROMISE = PredictedLift.load(
    small_contract({"decided_at": "at", "value": "v"}, kind="money", window="7d")
)
N = 60


def broken(**columns: Any) -> Any:
    """A few rows of the log with some columns replaced; None takes one away."""
    log = small_log().head(N).drop(columns="part").assign(v=1.5)
    log = log.assign(**{k: v for k, v in columns.items() if v is not None})
    return log.drop(columns=[k for k, v in columns.items() if v is None])


DAY = pd.Timestamp("2026-01-01 10:00")
# What is wrong -> (the log, what the message must hold).
WAYS: dict[str, tuple[Any, str]] = {
    "outcomes that are times": (broken(y=DAY), r"'y' \(columns.outcome\)"),
    "outcomes in words": (broken(y="perhaps"), r"'y' \(columns.outcome\)"),
    "outcomes in bytes": (broken(y=b"\x01\xff"), r"'y' \(columns.outcome\)"),
    "decided at numbers": (broken(at=range(N)), r"'at' \(columns.decided_at\)"),
    "decided at words": (broken(at="on Monday"), r"'at' \(columns.decided_at\)"),
    "decided at yes or no": (broken(at=[True, False] * (N // 2)), r"'at' \(columns.decided_at\)"),
    "no arms": (broken(arm=None), r"no column 'arm', which the contract names as columns.arm"),
    "other arms": (broken(arm="elsewhere"), r"'arm' \(columns.arm\) has no rows of the"),
    "units without ids": (broken(unit=[None] * N).astype({"unit": object}), r"'unit' \(columns.unit\)"),
    "no rows": (broken().head(0), "the log is empty"),
}  # fmt: skip
# Words of an engine, a driver or Python that no reader can use.
RAW = re.compile(
    r"Traceback|Exception|[A-Z]\w+Error|INTERNAL|psycopg|pymysql|sqlalche|py4j|duckdb\.|ArrowInvalid|object at 0x"
)


def tell(source: Any, **options: Any) -> str:
    """Returns the message with which a log is refused."""
    with (
        pytest.raises(InvalidInput) as refused,
        open_source(source, PROMISE, **options) as opened,
    ):
        reduce_source(opened, PROMISE, as_of="2027-01-01")
    assert refused.value.where
    assert refused.value.fix
    return str(refused.value)


def as_duckdb_file(log: Any, folder: Path) -> str:
    """A DuckDB file with the log as its only table."""
    path = str(folder / "log.duckdb")
    with duckdb.connect(path) as c:
        c.register("given", log)
        c.execute("CREATE OR REPLACE TABLE log AS SELECT * FROM given")
    return path


def written(log: Any, path: Path) -> str:
    """A CSV or Parquet file."""
    log.to_csv(path, index=False) if path.suffix == ".csv" else log.to_parquet(path, index=False)
    return str(path)


FRAMES: dict[str, Callable[[Any, Path], Any]] = {
    "pandas": lambda log, _: log,
    "polars": lambda log, _: pl.from_pandas(log),
    "pyarrow": lambda log, _: pa.Table.from_pandas(log, preserve_index=False),
    "DuckDB relation": lambda log, _: duckdb.from_arrow(pa.Table.from_pandas(log, preserve_index=False)),
    "DuckDB file": as_duckdb_file,
    "CSV": lambda log, folder: written(log, folder / "log.csv"),
    "Parquet": lambda log, folder: written(log, folder / "log.parquet"),
}  # fmt: skip


def test_there_are_ten_ways() -> None:
    """Ten different ones."""
    assert len(WAYS) == 10


@pytest.mark.parametrize("engine", FRAMES)
def test_files_and_frames_refuse_in_words(engine: str, tmp_path: Path) -> None:
    """Column, contract key, place and remedy; nothing of the engine's own."""
    for way, (log, says) in WAYS.items():
        said = tell(FRAMES[engine](log, tmp_path))
        assert re.search(says, said), (way, said)
        assert not RAW.search(said), (way, said)


@pytest.mark.parametrize(
    "engine",
    [
        "sqlite",
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("mariadb", marks=pytest.mark.mariadb),
    ],
)
def test_databases_refuse_in_words(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """The same of a table in a database."""
    served = engine != "sqlite"
    url = (
        request.getfixturevalue(f"{engine}_database") if served else f"sqlite:///{tmp_path}/log.db"
    )
    database = sa.create_engine(url)
    for way, (log, says) in WAYS.items():
        with database.begin() as c:
            log.to_sql("log", c, index=False, if_exists="replace")
        said = tell(database, table="log")
        assert re.search(says, said), (way, said)
        words = said.replace(str(database.url), "")  # the reader's own address names its driver
        assert not RAW.search(words), (way, said)
    database.dispose()


@pytest.mark.spark
def test_spark_refuses_in_words(spark: Any, tmp_path: Path) -> None:
    """The same of a Spark DataFrame."""
    for way, (log, says) in WAYS.items():
        path = written(
            log.astype({"at": "datetime64[us]"})
            if "time" not in way and log["at"].dtype.kind == "M"
            else log,
            tmp_path / f"{len(way)}.parquet",
        )
        said = tell(spark.read.parquet(path))
        assert re.search(says, said), (way, said)
        assert not RAW.search(said), (way, said)
