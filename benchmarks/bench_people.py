"""What readiness and involvement cost in a large registry: one model, and the portfolio.

1,000 models; 100 of them with 100 involvement events and one assessment each, all 1,000 with
``SPOT_BENCH_FULL=1`` (101,000 entries in 1,000 companion experiments of one SQLite file), written as the
record writes them. One model as `spot show` reads and says it, beside the one unfiltered
``search_runs`` of its companion experiment; the portfolio of 1,000 models beside that of 10, in registry
calls and SQL statements.
"""

from __future__ import annotations

import os
import sqlite3
import statistics
import tempfile
import time
import uuid
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from benchmarks.timing import in_turn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow import MlflowClient

    from spot_mlflow.record import ModelRef, Record
    from spot_mlflow.record.entry import Draft

FULL = os.environ.get("SPOT_BENCH_FULL") == "1"
MODELS = 1_000
FILLED = MODELS if FULL else 100
ROUNDS = 60 if FULL else 15
EVENTS = 100
ASKED = "model-5"


def run() -> dict[str, object]:
    """Returns medians in milliseconds, ratios against plain MLflow in the same run, and counts."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow import MlflowClient

    from spot_mlflow.record import Record

    with tempfile.TemporaryDirectory(prefix="spot-bench-") as folder:
        uri = f"sqlite:///{folder}/mlflow.db"
        client = MlflowClient(uri, uri)
        record = Record(uri, uri)
        few = _registered(client, 10)
        small = _portfolio_cost(record)
        models = few + _registered(client, MODELS, start=len(few))
        large = _portfolio_cost(record)
        start = time.perf_counter()
        entries = _fill(record, Path(folder, "mlflow.db"), models[:FILLED])
        filled = time.perf_counter() - start
        record.refresh(record.resolve(ASKED))
        return {
            "models": MODELS,
            "entries": entries,
            "fill_seconds": round(filled, 1),
            "show_one_model": _show(record),
            "show_in_another_process": _cold(uri),
            "portfolio_10_models": small,
            "portfolio_all_models": large,
            "calculation_ms": _calculation(record),
        }


def _registered(client: MlflowClient, count: int, start: int = 0) -> list[str]:
    names = [f"model-{i}" for i in range(start, count)]
    for name in names:
        client.create_registered_model(name, tags={"spot.readiness": "3", "spot.updated": "2026"})
        client.create_model_version(name, "s3://nowhere/model")
    return names


def _fill(record: Record, database: Path, models: list[str]) -> int:
    """Writes the entries with one statement per table; through MLflow it would take an hour."""
    from spot_mlflow.record import companion

    with closing(sqlite3.connect(database, timeout=60)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        count = 0
        for name in models:
            ref = record.resolve(name)
            experiment = companion.ensure(record.client, ref)
            rows = list(_rows(ref, experiment.experiment_id))
            connection.executemany(_INTO_RUNS, [r[0] for r in rows])
            connection.executemany(
                "INSERT INTO tags (run_uuid, key, value) VALUES (?, ?, ?)",
                [t for r in rows for t in r[1]],
            )
            connection.executemany(
                "INSERT INTO params (run_uuid, key, value) VALUES (?, ?, ?)",
                [p for r in rows for p in r[2]],
            )
            connection.commit()  # between models, since MLflow writes the next experiment itself
            count += len(rows)
    return count


_INTO_RUNS = """
INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status,
  start_time, end_time, source_version, lifecycle_stage, artifact_uri, experiment_id)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


def _rows(ref: ModelRef, experiment: str) -> Iterator[tuple[Any, list[Any], list[Any]]]:
    from spot_mlflow.record.entry import PART, split

    for draft in _drafts(ref):
        text = draft.text()
        parts = split(text)
        run, at = uuid.uuid4().hex, int(draft.at.timestamp() * 1000)
        name = f"{draft.kind} {draft.id[:6]}"
        row = (
            run,
            name,
            "UNKNOWN",
            "",
            "",
            "",
            "FINISHED",
            at,
            at,
            "",
            "active",
            f"s3://nowhere/{run}",
            int(experiment),
        )
        tags = {**draft.tags(text, len(parts)), "mlflow.runName": name}
        params = [(run, f"{PART}{i:05d}", p) for i, p in enumerate(parts)]
        yield row, [(run, k, v) for k, v in tags.items()], params


def _drafts(ref: ModelRef) -> Iterator[Draft]:
    """100 events of a dozen people over a year, and one assessment."""
    from spot_mlflow.involvement.log import PHASES, check_entry
    from spot_mlflow.readiness.assessment import parse_answers
    from spot_mlflow.readiness.instrument import shipped_instrument
    from spot_mlflow.record.entry import Draft
    from spot_mlflow.validation import utc

    now, roles = utc(None), ("frontline", "business", "executive", "data_scientist")
    instrument = shipped_instrument()
    for i in range(EVENTS):
        payload = check_entry(phase=PHASES[i % 5], kind="contributed", what=f"meeting {i}", now=now)
        at = now - timedelta(days=365 * (EVENTS - i) / EVENTS)
        yield Draft(ref, "involvement", payload, f"Person {i % 12}", roles[i % 4], at, "bench")
    answers = parse_answers({q: 1 + i % 5 for i, q in enumerate(instrument.ids)}, instrument)
    yield Draft(ref, "assessment", answers, "Person 1", "business", now, "bench")


def _show(record: Record) -> dict[str, float]:
    """`spot show` without starting Python, beside the search it cannot do without, in turn."""
    from spot_mlflow.record import companion

    experiment = companion.find(record.client, record.resolve(ASKED))
    assert experiment is not None  # noqa: S101 - it was filled
    wall, cpu = in_turn(
        {
            "search": lambda: list(
                record.client.search_runs([experiment.experiment_id], max_results=5_000)
            ),
            "read": lambda: record.adoption(ASKED),
            "show": lambda: _said(record),
        },
        rounds=ROUNDS,
    )
    return {
        "search_runs_ms": wall["search"],
        "read_ms": wall["read"],
        "show_ms": wall["show"],
        "read_ratio": wall["read"] / wall["search"],
        "show_ratio": wall["show"] / wall["search"],
        "show_cpu_ratio": cpu["show"] / cpu["search"],
    }


def _said(record: Record) -> str:
    from spot_mlflow.gate.decision import decide
    from spot_mlflow.record.policies import adoption_under_policy
    from spot_mlflow.reporting.pages.adoption_view import adoption_markdown

    adoption, policy = adoption_under_policy(record, ASKED)
    return adoption_markdown(adoption, decide(adoption, "Production", policy=policy))


def _cold(uri: str) -> dict[str, float]:
    """The command as typed, beside a script that does the one search, start of Python included."""
    import subprocess
    import sys

    script = (
        "from mlflow import MlflowClient; c = MlflowClient(); "
        f"c.search_runs([c.get_experiment_by_name('spot/{ASKED}').experiment_id], max_results=5000)"
    )
    env = {**os.environ, "MLFLOW_TRACKING_URI": uri, "MLFLOW_DISABLE_TELEMETRY": "true"}
    commands = {
        "search": [sys.executable, "-c", script],
        "show": [sys.executable, "-m", "spot_mlflow_cli", "show", ASKED],
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(5 if FULL else 3):
        for name, command in commands.items():
            start = time.perf_counter()
            subprocess.run(command, env=env, check=True, capture_output=True)
            seconds[name].append(time.perf_counter() - start)
    show, search = (statistics.median(seconds[n]) for n in ("show", "search"))
    return {"search_s": round(search, 2), "show_s": round(show, 2), "ratio": show / search}


def _portfolio_cost(record: Record) -> dict[str, float]:
    """Registry calls, SQL statements and time of one portfolio."""
    import sqlalchemy as sa

    from spot_mlflow.reporting.pages.portfolio_row import portfolio_rows

    statements: list[str] = []

    def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", count)
    try:
        search = record.client.search_registered_models
        with mock.patch.object(
            record.client, "search_registered_models", side_effect=search
        ) as calls:
            start = time.perf_counter()
            rows = portfolio_rows(record.portfolio())
            seconds = time.perf_counter() - start
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", count)
    return {
        "models": len(rows),
        "registry_calls": calls.call_count,
        "sql_statements": len(statements),
        "ms": round(1e3 * seconds, 1),
    }


def _calculation(record: Record) -> float:
    """Panel and log of one model from entries already read: what is ours alone."""
    from spot_mlflow.adoption import build_adoption
    from spot_mlflow.validation import utc

    facts, entries = record.state(record.resolve(ASKED))
    wall, _ = in_turn(
        {"build": lambda: build_adoption(facts, entries, version=None, now=utc(None))},
        rounds=ROUNDS,
    )
    return wall["build"]


if __name__ == "__main__":
    import json

    print(json.dumps(run(), indent=2))
