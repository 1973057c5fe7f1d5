"""The arm of a million ids of five types: the same in every engine, and what it costs there."""

from __future__ import annotations

import sys
import tempfile
import uuid
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from benchmarks.timing import in_turn
from spot_mlflow.lift.promise.arm_hash import arm_numbers
from spot_mlflow.lift.promise.assignment import Assignment, arm_rule
from spot_mlflow_checks.engines import open_any
from spot_mlflow_checks.holdout.arm_sql import arm_of

if TYPE_CHECKING:
    from spot_mlflow_checks.engines.source import Source

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

N, ROUNDS, SEED = 1_000_000, 3, 3
RULE = arm_rule(
    Assignment(salt="churn/2027-01", holdout=0.1), treated=("offer",), holdout="control", unit="id"
)
KINDS = ("int", "text", "uuid", "decimal", "bigint")


def ids(n: int = N) -> pa.Table:
    """Ids of five types; the seed is stated above."""
    rng = np.random.default_rng(SEED)
    whole = rng.permutation(3 * n)[:n] - n
    halves = rng.integers(0, 2**62, (n, 2))
    return pa.table({
        "n": pa.array(range(n), pa.int32()),
        "int": pa.array(whole, pa.int32()),
        "text": [f"Ünit-{i:07d}" if i % 2 else f"c{i:07d}" for i in range(n)],
        "uuid": [str(uuid.UUID(int=int(a) << 64 | int(b))) for a, b in halves],
        "decimal": pa.array([Decimal(int(i)).scaleb(-2) for i in whole], pa.decimal128(12, 2)),
        "bigint": rng.integers(2**53, 2**63 - 1, n),
    })  # fmt: skip


def run() -> dict[str, Any]:
    """Milliseconds per million ids, and rows on which an engine disagrees with Python."""
    frame = ids()
    texts = {k: [str(x) for x in frame[k].to_pylist()] for k in KINDS}
    known = {k: arm_numbers(RULE, texts[k]) for k in KINDS}
    wall, cpu = in_turn({"python": lambda: arm_numbers(RULE, texts["int"])}, rounds=ROUNDS)
    found: dict[str, Any] = {"python": {"ms": wall["python"], "cpu_ms": cpu["python"]}}
    with open_any(frame, {}) as source:
        found["duckdb"] = _engine(source, known)
    found["sqlite"] = _on_sqlite(frame, known)
    found["postgresql"] = _on_postgres(frame, known)
    found["spark"] = _on_spark(frame, known)
    return {"ids": N, "seed": SEED, "per million ids": found}


def _engine(source: Source, known: dict[str, Any]) -> dict[str, Any]:
    d = source.dialect
    arms = {k: arm_of(d, d.text(source.column(k)), RULE, labels=(0, 1)) for k in KINDS}
    differ = 0
    for kind, arm in arms.items():
        query: Any = sa.select(source.column("n"), arm)
        rows = np.array([[int(a), int(b)] for a, b in source.fetch(query)])
        differ += int((known[kind][rows[:, 0]] != rows[:, 1]).sum())
    count: Any = sa.select(sa.func.sum(arms["int"]))
    plain: Any = sa.select(sa.func.count(source.column("int")))
    wall, cpu = in_turn(
        {"arm": lambda: source.fetch(count), "scan": lambda: source.fetch(plain)}, rounds=ROUNDS
    )
    return {
        "ms": wall["arm"],
        "cpu_ms": cpu["arm"],
        "of which scan": wall["scan"],
        "differ": differ,
    }


def _table(frame: pa.Table, url: str) -> None:
    engine = sa.create_engine(url)
    types = {"n": sa.Integer(), "int": sa.Integer(), "text": sa.Text(), "uuid": sa.String(36), "bigint": sa.BigInteger()}  # fmt: skip
    types["decimal"] = sa.Text() if url.startswith("sqlite") else sa.Numeric(12, 2)
    table = sa.Table("ids", sa.MetaData(), *(sa.Column(k, t) for k, t in types.items()))
    table.create(engine)
    with engine.begin() as c:
        for batch in frame.to_batches(max_chunksize=50_000):
            rows = batch.to_pylist()
            if url.startswith("sqlite"):
                rows = [{**r, "decimal": str(r["decimal"])} for r in rows]
            c.execute(table.insert(), rows)
    engine.dispose()


def _on_sqlite(frame: pa.Table, known: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/ids.db"
        _table(frame, url)
        with open_any(url, {}, table="ids") as source:
            return _engine(source, known)


def _on_postgres(frame: pa.Table, known: dict[str, Any]) -> dict[str, Any] | str:
    from servers import postgres_programs, postgres_server

    if postgres_programs() is None:
        return "not installed"
    with postgres_server() as url:
        _table(frame, url)
        with open_any(url, {}, table="ids") as source:
            return _engine(source, known)


def _on_spark(frame: pa.Table, known: dict[str, Any]) -> dict[str, Any] | str:
    import shutil

    if shutil.which("java") is None:
        return "not installed"
    import pyarrow.parquet as pq
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.driver.bindAddress", "127.0.0.1")
    spark = builder.config("spark.driver.host", "127.0.0.1").getOrCreate()
    with tempfile.TemporaryDirectory() as folder:
        pq.write_table(frame, f"{folder}/ids.parquet")
        try:
            with open_any(spark.read.parquet(f"{folder}/ids.parquet"), {}) as source:
                return _engine(source, known)
        finally:
            spark.stop()
