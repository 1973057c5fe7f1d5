"""Raw tables to a log in PostgreSQL and in Spark, each against a query written by hand in that engine."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.raw_by_hand import ANSWER, COUNTS, LOG

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Rounds that are not counted, and that are. A Java machine compiles what it runs, and no two runs are alike.
_POSTGRES, _SPARK = (1, 3), (3, 9)
_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_of(process: int) -> float:
    """Processor seconds of a process and of its children that have ended; it may be any process."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS


def compared(
    process: int, work: Mapping[str, Callable[[], list[float]]], rounds: tuple[int, int]
) -> dict[str, Any]:
    """Runs each in turn, first the one and then the other; medians of processor seconds, and the ratio.

    Seconds are ours and the engine's; beside the medians stand the least of each and their ratio.
    """
    used: dict[str, list[float]] = {k: [] for k in work}
    answers: dict[str, list[float]] = {}
    warm, counted = rounds
    for i in range(warm + counted):
        for name in sorted(work, reverse=bool(i % 2)):
            before = cpu_of(process) + time.process_time()
            answers[name] = work[name]()
            time.sleep(0.5)  # until what has ended is counted
            used[name].append(cpu_of(process) + time.process_time() - before)
    seconds = {k: round(median(v[warm:]), 2) for k, v in used.items()}
    least = {k: round(min(v[warm:]), 2) for k, v in used.items()}
    return {
        "cpu seconds": seconds,
        "raw / by hand": round(seconds["raw"] / seconds["by hand"], 2),
        "least cpu seconds": least,
        "least raw / by hand": round(least["raw"] / least["by hand"], 2),
        "same answers": all(
            abs(a - b) <= 1e-9 * max(abs(a), 1)
            for a, b in zip(answers["raw"], answers["by hand"], strict=True)
        ),
    }


def ours(tables: dict[str, Any]) -> list[float]:
    """The join of raw tables, and its sums."""
    import sqlalchemy as sa

    from benchmarks.bench_raw import AS_OF, CONTRACT
    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow_checks.raw.joined import joined_log

    with joined_log(tables, PredictedLift.load(CONTRACT), as_of=AS_OF) as log:
        t = log.table.c
        named = [sa.func.sum(t[k]) for k in ("outcome", "covariate", "inside", "late")]
        return [float(x) for x in log.source.fetch(sa.select(*named, sa.func.count()))[0]]


def on_postgres(decisions: str, events: str) -> dict[str, Any]:
    """In PostgreSQL, over its own tables; the log is a temporary table either way."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from servers import postgres_programs, postgres_server

    if postgres_programs() is None:
        return {"skipped": "PostgreSQL is not installed"}
    import sqlalchemy as sa

    with postgres_server() as url:
        engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
        _fill(engine, {"decisions": decisions, "events": events})
        with engine.connect() as c:
            backend = c.execute(sa.text("SELECT pg_backend_pid()")).scalar()
            parent = Path(f"/proc/{backend}/stat").read_text(encoding="utf-8")
        server = int(parent.rpartition(")")[2].split()[1])
        names = {"decisions": "decisions", "events": "events", "log": "by_hand"}

        def by_hand() -> list[float]:
            with engine.connect() as c:
                c.execute(sa.text(f"CREATE TEMPORARY TABLE by_hand AS {LOG.format(**names)}"))
                for query in COUNTS:
                    c.execute(sa.text(query.format(**names))).fetchall()
                return [float(x) for x in c.execute(sa.text(ANSWER.format(**names))).one()]

        tables = {role: (engine, role) for role in ("decisions", "events")}
        return compared(server, {"raw": lambda: ours(tables), "by hand": by_hand}, _POSTGRES)


def _fill(engine: Any, paths: Mapping[str, str]) -> None:
    """Loads Parquet files as tables."""
    import duckdb
    import sqlalchemy as sa

    types = {"BIGINT": "bigint", "DOUBLE": "double precision", "VARCHAR": "text", "TIMESTAMP": "timestamp"}  # fmt: skip
    for name, path in paths.items():
        rows = duckdb.read_parquet(path)
        columns = ", ".join(
            f"{c} {types[str(t)]}" for c, t in zip(rows.columns, rows.types, strict=True)
        )
        with engine.begin() as c:
            c.execute(sa.text(f"CREATE TABLE {name} ({columns})"))
            rows.write_csv(f"{path}.csv", header=False)
            with (
                c.connection.cursor().copy(f"COPY {name} FROM STDIN (FORMAT csv)") as copy,
                Path(f"{path}.csv").open("rb") as file,
            ):
                while part := file.read(1 << 20):
                    copy.write(part)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as c:
            c.execute(sa.text(f"VACUUM ANALYZE {name}"))


def on_spark(decisions: str, events: str) -> dict[str, Any]:
    """In a local Spark, over Parquet; the log is a cached frame either way."""
    if shutil.which("java") is None:
        return {"skipped": "Java is not installed"}
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.master("local[2]")
    for key, value in {
        "spark.ui.enabled": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.shuffle.partitions": "4",
        "spark.sql.session.timeZone": "UTC",
    }.items():
        spark = spark.config(key, value)
    session = spark.getOrCreate()
    try:
        machine = session.sparkContext._jvm.java.lang.ProcessHandle.current().pid()  # type: ignore[union-attr] # noqa: SLF001 - the only way to it
        frames = {"decisions": session.read.parquet(decisions), "events": session.read.parquet(events)}  # fmt: skip
        for role, frame in frames.items():
            frame.createOrReplaceTempView(role)
        names = {"decisions": "decisions", "events": "events", "log": "by_hand"}

        def by_hand() -> list[float]:
            log = session.sql(LOG.format(**names)).persist()
            log.createOrReplaceTempView("by_hand")
            for query in COUNTS:
                session.sql(query.format(**names)).collect()
            answer = [float(x) for x in session.sql(ANSWER.format(**names)).collect()[0]]
            log.unpersist()
            return answer

        return compared(int(machine), {"raw": lambda: ours(frames), "by hand": by_hand}, _SPARK)
    finally:
        session.stop()
