"""What an entry costs: beside a plain run, with 10,000 versions beside 5, and written by eight at once.

A plain run is ``create_run`` with a tag, ``log_param`` and ``update_run``, by MLflow's own client. Each
of eight writers is a process of its own with entries, or plain runs, one after the other.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.timing import in_turn

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import writers
from warm import fork_server

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from spot_mlflow.record import Record

FULL = os.environ.get("SPOT_BENCH_FULL") == "1"
ROUNDS = 60 if FULL else 20
FEW, MANY = 5, 10_000
WRITERS, EACH = 8, 100 if FULL else 25
CONTRACT = {
    "metric": "stayed", "predicted": {"lift": 0.3, "se": 0.02}, "minimum_viable": 0.1,
    "columns": {"arm": "arm", "outcome": "stayed"},
}  # fmt: skip


def run() -> dict[str, object]:
    """Returns medians in milliseconds of time and of processor time, and their ratios."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow import MlflowClient

    from spot_mlflow.record import Record

    with tempfile.TemporaryDirectory(prefix="spot-bench-") as folder:
        uri = f"sqlite:///{folder}/mlflow.db"
        client, record = MlflowClient(uri, uri), Record(uri, uri)
        os.environ["MLFLOW_TRACKING_URI"] = uri
        return {
            "entry": _entry(client, record),
            "versions": _versions(client, record, Path(folder, "mlflow.db")),
            "writers": _writers(Path(folder)),
        }


def plain_run(client: MlflowClient, experiment: str) -> None:
    """Writes what an entry is measured against."""
    run = client.create_run(experiment, tags={"a": "b"})
    client.log_param(run.info.run_id, "p", "x" * 3000)
    client.update_run(run.info.run_id, status="FINISHED")


def _entry(client: MlflowClient, record: Record) -> dict[str, float]:
    import spot_mlflow as spot

    client.create_registered_model("churn")
    client.create_model_version("churn", "s3://nowhere/model")
    place, number = client.create_experiment("plain"), count()

    def entry() -> None:
        said = {"person": f"Person {next(number) % 7}", "role": "business", "what": str(number)}
        spot.log_involvement("churn", phase="scope", kind="contributed", **said, record=record)

    entry()  # makes the experiment
    wall, cpu = in_turn({"plain": lambda: plain_run(client, place), "entry": entry}, rounds=ROUNDS)
    return {
        "plain_run_ms": wall["plain"],
        "entry_ms": wall["entry"],
        "ratio": wall["entry"] / wall["plain"],
        "cpu_ratio": cpu["entry"] / cpu["plain"],
    }


def _versions(client: MlflowClient, record: Record, database: Path) -> dict[str, Any]:
    """Promise, decision and `spot show` of the newest but two, and of one that is in Production."""
    import spot_mlflow as spot
    from spot_mlflow.gate.decision import decide
    from spot_mlflow.record.decisions import record_decision
    from spot_mlflow.record.policies import adoption_under_policy
    from spot_mlflow.reporting.pages.adoption_view import adoption_markdown

    number = count()
    calls = {}
    for name, versions in (("few", FEW), ("many", MANY)):
        with_versions(client, database, name, versions)

        def promise(model: str = f"{name}/3") -> None:
            lift = 0.3 + next(number) / 10_000
            said = {**CONTRACT, "predicted": {"lift": lift, "se": 0.02}}
            spot.log_predicted_lift(model, said, record=record)

        def decision(model: str = f"{name}/3") -> None:
            adoption, policy = adoption_under_policy(record, model)
            made = decide(adoption, "Production", policy=policy, requester=f"p{next(number)}")
            record_decision(record, made, created=adoption.facts.created, known=adoption.decisions)

        def show(model: str = name) -> None:
            adoption, policy = adoption_under_policy(record, model)
            adoption_markdown(adoption, decide(adoption, "Production", policy=policy))

        calls |= {f"promise {name}": promise, f"decision {name}": decision, f"show {name}": show}
    for call in calls.values():
        call()
    _, cpu = in_turn(calls, rounds=ROUNDS)
    whats = ("promise", "decision", "show")
    return {f"{n}_cpu_ms": ms for n, ms in cpu.items()} | {
        f"{w}_ratio": cpu[f"{w} many"] / cpu[f"{w} few"] for w in whats
    }


def with_versions(client: MlflowClient, database: Path, name: str, versions: int) -> None:
    """Registers a model with many versions, the fourth in Production: one row, copied."""
    client.create_registered_model(name)
    client.create_model_version(name, "s3://nowhere/model", await_creation_for=None)
    with closing(sqlite3.connect(database)) as base, base:
        columns = [c[1] for c in base.execute("pragma table_info(model_versions)")]
        row = base.execute("select * from model_versions where name = ?", (name,)).fetchone()
        at = columns.index("version")
        rows = [[n if k == at else v for k, v in enumerate(row)] for n in range(2, versions + 1)]
        marks = ",".join("?" * len(columns))
        base.executemany(f"insert into model_versions values ({marks})", rows)  # noqa: S608 - marks
        base.execute(
            "update model_versions set current_stage = 'Production' where name = ? and version = 4",
            (name,),
        )


def _plain_writer(uri: str, entries: int) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(uri, uri)
    experiment = client.get_experiment_by_name("plain")
    for _ in range(entries):
        plain_run(client, experiment.experiment_id)


def _writers(folder: Path) -> dict[str, float]:
    """Runs and entries a second, each by eight processes at once into one SQLite file."""
    from mlflow import MlflowClient

    uri = f"sqlite:///{folder}/writers.db"
    MlflowClient(uri, uri).create_experiment("plain")
    context = fork_server()
    processes = [context.Process(target=_plain_writer, args=(uri, EACH)) for _ in range(WRITERS)]
    start = time.perf_counter()
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    plain = time.perf_counter() - start
    start = time.perf_counter()
    writers.write_at_once(uri, WRITERS, EACH)
    entries = time.perf_counter() - start
    return {
        "plain_runs_per_second": WRITERS * EACH / plain,
        "entries_per_second": WRITERS * EACH / entries,
        "ratio_of_times": entries / plain,
    }


if __name__ == "__main__":
    import json

    print(json.dumps(run(), indent=2))
