# ruff: noqa: S608 - the numbers and paths of our own benchmark
"""Raw tables to a log: against one hand-written query with the same answers, a day's cohort, peak memory.

DuckDB over Parquet, and at a tenth of the rows PostgreSQL over its tables and Spark over its frames.

Decisions once a unit over 60 days and three times as many events, in Parquet, times in order; 1 % of
event ids twice, 5 % refunds; for a day's cohort also over a year, since all that is read of the events is
what lies around the day. Ten million decisions with SPOT_BENCH_FULL=1, a tenth otherwise. Each runs
in a process of its own: processor seconds, since the machine may be shared, and peak resident memory.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.raw_engines import on_postgres, on_spark

FULL = bool(os.environ.get("SPOT_BENCH_FULL"))
DECISIONS = 10_000_000 if FULL else 1_000_000
_DAYS = 60  # of decisions, one of them the cohort; events go on for as long before and after
_YEAR = 365

CONTRACT: dict[str, Any] = {
    "metric": "revenue",
    "kind": "money",
    "predicted": {"lift": 1.0, "se": 0.1},
    "window": "30d",
    "sources": {
        "decisions": {"unit": "unit", "at": "decided_at", "score": "score", "segment": "segment"},
        "arms": {"column": "arm", "treated": "offer", "holdout": "control"},
        "events": {"unit": "unit", "at": "happened", "id": "event_id", "amount": "amount", "complete_until": "now"},
        "outcome": "sum",
    },
}  # fmt: skip
AS_OF = "2026-06-15"

_OURS = """
import json, resource, sys, time
from benchmarks.bench_raw import AS_OF, CONTRACT
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow_checks.raw.joined import joined_log
import sqlalchemy as sa
tables = {"decisions": sys.argv[1], "events": sys.argv[2]}
cpu, wall = time.process_time(), time.perf_counter()
with joined_log(tables, PredictedLift.load(CONTRACT), as_of=AS_OF) as log:
    used = time.process_time() - cpu, time.perf_counter() - wall
    t = log.table.c
    sums = sa.select(*[sa.func.sum(t[k]) for k in ("outcome", "covariate", "inside", "late")], sa.func.count())
    answer = [float(x) for x in log.source.fetch(sums)[0]]
print(json.dumps([*used, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, answer]))
"""
_HAND = """
import json, os, resource, sys, time
from benchmarks.raw_by_hand import ANSWER, COUNTS, LOG
from spot_mlflow_checks.engines.duck import connect
cpu, wall = time.process_time(), time.perf_counter()
con, spill = connect(650)
out = os.path.join(os.path.dirname(spill.path), "log.parquet")
names = {"decisions": f"'{sys.argv[1]}'", "events": f"'{sys.argv[2]}'", "log": f"'{out}'"}
con.execute(f"copy ({LOG.format(**names)}) to '{out}' (format parquet, compression snappy, row_group_size 100000)")
for query in COUNTS:
    con.execute(query.format(**names)).fetchall()
used = time.process_time() - cpu, time.perf_counter() - wall
answer = [float(x) for x in con.execute(ANSWER.format(**names)).fetchone()]
con.close(); spill.cleanup()
print(json.dumps([*used, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, answer]))
"""


def made(folder: Path, n: int, days: int = _DAYS, day: str = "2026-03-15") -> tuple[str, str, str]:
    """Writes decisions, those of one day, and events; returns their paths."""
    import duckdb

    start, before = "timestamp '2026-03-01'", "timestamp '2026-02-01'"
    if days > _DAYS:  # ending as the shorter ones do
        start, before = (f"{t} - interval {days - _DAYS} day" for t in (start, before))

    paths = tuple(str(folder / f"{k}-{n}.parquet") for k in ("decisions", "day", "events"))
    con = duckdb.connect(config={"memory_limit": "1GB", "temp_directory": str(folder / "spill")})
    con.execute("SET preserve_insertion_order = false; SET threads = 2; SELECT setseed(0.5)")
    con.execute(f"""COPY (SELECT i AS unit, random() AS score, 's' || (i % 8) AS segment,
      {start} + to_seconds((i * {days} * 86400 // {n})::bigint) AS decided_at,
      CASE WHEN hash(i, 7) % 10 = 0 THEN 'control' ELSE 'offer' END AS arm
      FROM range({n}) r(i)) TO '{paths[0]}' (ROW_GROUP_SIZE 200000)""")
    con.execute(f"COPY (FROM '{paths[0]}' WHERE decided_at::date = date '{day}') TO '{paths[1]}'")
    con.execute(f"""COPY (SELECT CASE WHEN i % 100 = 99 THEN i - 1 ELSE i END AS event_id,
      (floor(pow(random(), 1.5) * 0.4 * {n})::bigint * 2 + 1) % {n} AS unit,
      {before} + to_microseconds((i * {days + 60} * 86400 // {3 * n})::bigint * 1000000
        + (random() * 1e6)::bigint) AS happened,
      round(CASE WHEN random() < 0.05 THEN -20 * random() ELSE 50 * random() END, 2) AS amount
      FROM range({3 * n}) r(i)) TO '{paths[2]}' (ROW_GROUP_SIZE 200000)""")
    con.close()
    return paths  # type: ignore[return-value] # three of them


def run() -> dict[str, Any]:
    """Processor seconds, their ratios, and peak MiB; the answers are held against each other."""
    with tempfile.TemporaryDirectory() as name:
        decisions, day, events = made(Path(name), DECISIONS)
        hand, ours, cohort = (
            _measured(code, place, events)
            for code, place in ((_HAND, decisions), (_OURS, decisions), (_OURS, day))
        )
        whole, day_of_year = _over_a_year(Path(name))
        more = made(Path(name), 3 * DECISIONS)
        large = _measured(_OURS, more[0], more[2])
        left = len(list(Path(name).glob("spot-spill-*")))
        engines = in_engines(Path(name))
    return {
        "decisions": DECISIONS,
        "events": 3 * DECISIONS,
        "same answers": same(hand[3], ours[3]),
        "cpu seconds": {
            "by hand": hand[0],
            "raw": ours[0],
            "a day's cohort": cohort[0],
            "three times the rows": large[0],
        },
        "raw / by hand": round(ours[0] / hand[0], 2),
        "day / whole": round(cohort[0] / ours[0], 3),
        "day / by hand": round(cohort[0] / hand[0], 3),
        "over a year": {
            "cpu seconds": {"raw": whole, "a day's cohort": day_of_year},
            "day / whole": round(day_of_year / whole, 3),
        },
        "wall seconds": {"by hand": hand[1], "raw": ours[1], "a day's cohort": cohort[1]},
        "peak, MiB": {"by hand": hand[2], "raw": ours[2], "three times the rows": large[2]},
        "peak growth to three times": round(large[2] / ours[2], 2),
        "spill folders left": left,
        "at a tenth of the rows": engines,
    }


def _over_a_year(folder: Path) -> tuple[float, float]:
    """Processor seconds of the whole, and of one day."""
    own = folder / "year"
    own.mkdir()
    decisions, day, events = made(own, DECISIONS, _YEAR, "2026-02-01")
    return _measured(_OURS, decisions, events)[0], _measured(_OURS, day, events)[0]


def in_engines(folder: Path) -> dict[str, Any]:
    """The same in PostgreSQL and in Spark."""
    decisions, _, events = made(folder, DECISIONS // 10)
    found = {
        name: run(decisions, events)
        for name, run in (("postgresql", on_postgres), ("spark", on_spark))
    }
    return {"decisions": DECISIONS // 10, "events": 3 * DECISIONS // 10, **found}


def same(one: list[float], other: list[float]) -> bool:
    """Whether two answers agree to 1e-9."""
    return all(abs(a - b) <= 1e-9 * max(abs(a), 1) for a, b in zip(one, other, strict=True))


def _measured(code: str, decisions: str, events: str) -> tuple[float, float, int, list[float]]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, decisions, events],
        check=True, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1],
        env={**os.environ, "TMPDIR": str(Path(events).parent)},
    )  # fmt: skip
    cpu, wall, peak, answer = json.loads(done.stdout.splitlines()[-1])
    return round(cpu, 1), round(wall, 1), int(peak), answer
