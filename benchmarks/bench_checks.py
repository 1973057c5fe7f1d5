"""Speed of a check: against hand-written SQL in the same engine, stock GX, and tea-tasting."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import stock_suite
from benchmarks.checks_data import AS_OF, CONTRACT, hand_written, parquet

if TYPE_CHECKING:
    from collections.abc import Callable

FULL = bool(os.environ.get("SPOT_BENCH_FULL"))
ROWS = 10_000_000 if FULL else 2_000_000  # Parquet
FRAME = 10_000_000 if FULL else 1_000_000  # pandas
SERVER = 1_000_000 if FULL else 200_000  # PostgreSQL and Spark
ROUNDS = 3
ROUNDS_JVM = 8  # a JVM compiles what runs often: the first rounds time the compiler


def fastest(rounds: int = ROUNDS, **work: Callable[[], Any]) -> dict[str, float]:
    """Returns the shortest of some interleaved runs of each, in seconds; the first is not counted."""
    best = dict.fromkeys(work, float("inf"))
    for i in range(rounds + 1):
        for name, f in work.items():
            start = time.perf_counter()
            f()
            if i:
                best[name] = min(best[name], time.perf_counter() - start)
    return best


def ratio(seconds: dict[str, float], ours: str, baseline: str) -> dict[str, object]:
    """Returns both times and their ratio."""
    rounded = {f"{k}, s": round(v, 3) for k, v in seconds.items()}
    return {**rounded, "ratio": round(seconds[ours] / seconds[baseline], 3)}


def once(work: Callable[[], Any], runs: int = 2) -> float:
    """Returns the shortest of two runs or more, in seconds: of what takes many times as long."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def beside(stock: float, check: float) -> dict[str, object]:
    """Returns the stock suite's time and its ratio to the check's."""
    return {"stock GX suite, s": round(stock, 3), "stock GX suite / check": round(stock / check, 2)}


def run() -> dict[str, object]:
    """Runs every comparison; each ratio against a baseline of the same run."""
    return {
        "against hand-written SQL and the stock GX suite": {
            "duckdb": on_duckdb(),
            "postgresql": on_postgres(),
            "spark": on_spark(),
        },
        "pandas frame": on_pandas(),
        "great expectations' own cost": of_gx(),
    }


def check(source: Any, contract: dict[str, Any] = CONTRACT, **keywords: Any) -> Any:
    """The complete check."""
    from spot_mlflow_checks import check_outcomes

    return check_outcomes(source, contract, as_of=AS_OF, **keywords)


def on_duckdb() -> dict[str, object]:
    """The complete check on Parquet against one hand-written query with the same answers."""
    import duckdb

    path = parquet(ROWS)
    queries = hand_written(f"read_parquet('{path}')", days="INTERVAL {} DAY", finite="isinf({})")

    def by_hand() -> None:
        with duckdb.connect() as c:
            c.execute("SET enable_progress_bar = false")
            for q in queries:
                c.execute(q).fetchall()

    seconds = fastest(check=lambda: check(path), by_hand=by_hand)
    stock = once(lambda: stock_suite.on_parquet(path))
    return {"rows": ROWS, **ratio(seconds, "check", "by_hand"), **beside(stock, seconds["check"])}


def on_postgres() -> dict[str, object]:
    """The same in PostgreSQL, against its own server."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from servers import postgres_programs, postgres_server

    if postgres_programs() is None:
        return {"skipped": "PostgreSQL is not installed"}
    import duckdb
    import sqlalchemy as sa

    with postgres_server() as url:
        engine = sa.create_engine(url)
        frame = duckdb.read_parquet(parquet(SERVER)).df()
        with engine.begin() as c:
            frame.head(0).to_sql("log", c, index=False)
            cursor = c.connection.cursor()
            with cursor.copy("COPY log FROM STDIN") as copy:
                for row in frame.itertuples(index=False):
                    copy.write_row(row)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as c:
            c.execute(sa.text("VACUUM ANALYZE log"))
        queries = hand_written("log", days="INTERVAL '{} days'", finite="abs({}) = 'Infinity'")

        def by_hand() -> None:
            with engine.connect() as c:
                for q in queries:
                    c.execute(sa.text(q)).fetchall()

        seconds = fastest(check=lambda: check(engine, table="log"), by_hand=by_hand)
        stock = once(lambda: stock_suite.on_postgres(url, "log"))
        engine.dispose()
    return {"rows": SERVER, **ratio(seconds, "check", "by_hand"), **beside(stock, seconds["check"])}


def on_spark() -> dict[str, object]:
    """The same in a local Spark."""
    import shutil

    if shutil.which("java") is None:
        return {"skipped": "Java is not installed"}
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.driver.bindAddress", "127.0.0.1").config(
        "spark.driver.host", "127.0.0.1"
    )
    spark = (
        builder.config("spark.sql.shuffle.partitions", "4")
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate()
    )
    try:
        frame = spark.read.parquet(parquet(SERVER))
        frame.createOrReplaceTempView("log")
        queries = hand_written(
            "log", days="INTERVAL {} DAYS", finite="abs({}) = double('Infinity')"
        )

        def by_hand() -> None:
            for q in queries:
                spark.sql(q).collect()

        seconds = fastest(ROUNDS_JVM, check=lambda: check(frame), by_hand=by_hand)
        stock = once(lambda: stock_suite.on_spark(frame), ROUNDS_JVM)
    finally:
        spark.stop()
    return {"rows": SERVER, **ratio(seconds, "check", "by_hand"), **beside(stock, seconds["check"])}


def on_pandas() -> dict[str, object]:
    """The check on a frame against the stock GX suite, and the base pass against tea-tasting."""
    import duckdb
    import tea_tasting as tt

    frame = duckdb.read_parquet(parquet(FRAME)).df()
    plain = {
        "metric": "converted",
        "predicted": {"lift": 0.02},
        "columns": {"arm": "arm", "treated": "treat", "holdout": "hold", "outcome": "outcome"},
    }
    test = tt.Experiment(outcome=tt.Mean("outcome"))

    def base() -> None:
        from spot_mlflow.lift.analysis import analyze
        from spot_mlflow.lift.promise.contract import PredictedLift
        from spot_mlflow_checks.engines import open_source
        from spot_mlflow_checks.outcomes import reduce_source

        contract = PredictedLift.load(plain)
        with open_source(frame, contract) as source:
            analyze(reduce_source(source, contract), contract)

    seconds = fastest(
        base_and_statistics=base,
        tea_tasting=lambda: _tea(test, frame),
        check=lambda: check(frame),
    )
    stock = once(lambda: stock_suite.on_frame(frame))
    return {
        "rows": FRAME,
        **{f"{k}, s": round(v, 3) for k, v in seconds.items()},
        "base and statistics / tea-tasting": round(
            seconds["base_and_statistics"] / seconds["tea_tasting"], 3
        ),
        **beside(stock, seconds["check"]),
    }


def _tea(test: Any, frame: Any) -> Any:
    # tea-tasting wants 0 and 1 or labels it can sort: its column of arms is the same one.
    return test.analyze(frame.rename(columns={"arm": "variant"}, copy=False), control="hold")


def of_gx() -> dict[str, object]:
    """Great Expectations' part of a check, on moments of few and of many rows."""
    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow_checks.analyses import analysis_of
    from spot_mlflow_checks.engines import open_source
    from spot_mlflow_checks.outcomes import reduce_source
    from spot_mlflow_checks.validation import validate

    contract = PredictedLift.load(CONTRACT)
    moments = {}
    for rows in (10_000, ROWS):
        with open_source(parquet(rows), contract) as source:
            moments[rows] = reduce_source(source, contract, as_of=AS_OF)
            analysis_of(moments[rows], contract)
    seconds = fastest(
        few=lambda: validate(moments[10_000], contract),
        many=lambda: validate(moments[ROWS], contract),
    )
    return {"rows": ROWS, **ratio(seconds, "many", "few")}
