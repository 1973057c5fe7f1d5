"""What the commands over all models cost with 1,000 models beside 5, and those on one with 10,000 versions.

Every model has two versions and a record of five entries with its summary, written with one statement
a table as the record writes them. Processor time of the whole command, in this process; the registry is
an SQLite file. Beside each figure stands MLflow's own search for all models, without which none of the
commands can say anything.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from benchmarks.bench_record import with_versions
from benchmarks.filled_record import insert
from benchmarks.timing import in_turn

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from ready_model import ready
from terminal import run_spot

from spot_mlflow.record.entry import PART, Draft, split
from spot_mlflow.record.references import ModelRef
from spot_mlflow.validation import utc

if TYPE_CHECKING:
    from mlflow import MlflowClient

FULL = os.environ.get("SPOT_BENCH_FULL") == "1"
ROUNDS = 9 if FULL else 3
FEW, MANY, ENTRIES = 5, 1_000, 5
VERSIONS = 10_000
COMMANDS = {
    "portfolio": ["portfolio"],
    "todo": ["todo"],
    "digest": ["digest", "--since", "1d"],
    "verify": ["verify", "--all"],
}


def run() -> dict[str, object]:
    """Returns medians in milliseconds of processor time, and their ratios."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    with tempfile.TemporaryDirectory(prefix="spot-bench-") as folder:
        return {"models": _models(Path(folder)), "versions": _versions(Path(folder))}


def _models(folder: Path) -> dict[str, float]:
    """Each command over 5 and over 1,000 models."""
    from mlflow import MlflowClient

    figures: dict[str, float] = {}
    for name, count in (("few", FEW), ("many", MANY)):
        uri = f"sqlite:///{folder}/{name}.db"
        client = MlflowClient(uri, uri)
        fill_registry(client, uri, count)
        calls: dict[str, Any] = {
            f"search {name}": lambda c=client: c.search_registered_models(max_results=1000)
        }
        calls |= {
            f"{k} {name}": lambda at=uri, said=v: _spot(at, said) for k, v in COMMANDS.items()
        }
        for call in calls.values():
            call()
        figures |= {f"{k}_cpu_ms": v for k, v in in_turn(calls, rounds=ROUNDS)[1].items()}
    whats = ("search", *COMMANDS)
    ratios = {f"{w}_ratio": figures[f"{w} many_cpu_ms"] / figures[f"{w} few_cpu_ms"] for w in whats}
    each = {f"{w}_ms_a_model": figures[f"{w} many_cpu_ms"] / MANY for w in whats}
    return figures | ratios | each


def _versions(folder: Path) -> dict[str, float]:
    """Commands on a model with 5 versions and on one with 10,000, a promise on the third of each."""
    from mlflow import MlflowClient

    from spot_mlflow.record import Record

    path = folder / "versions.db"
    shutil.copy(folder / "few.db", path)
    uri = f"sqlite:///{path}"
    client = MlflowClient(uri, uri)
    calls: dict[str, Any] = {}
    for name, versions in (("short", FEW), ("long", VERSIONS)):
        with_versions(client, path, name, versions)
        ref = Record(uri, uri).resolve(f"{name}/3")
        for e in ready():
            said = {"person": e.person, "role": e.role, "refresh": False}
            Record(uri, uri).append(ref, e.kind, e.payload, **said)
        for command in ("show", "verify", "history", "card"):
            calls[f"{command} {name}"] = lambda said=(command, f"{name}/3"): _spot(uri, said)
    for call in calls.values():
        call()
    cpu = in_turn(calls, rounds=ROUNDS)[1]
    return {f"{k}_cpu_ms": v for k, v in cpu.items()} | {
        f"{c}_ratio": cpu[f"{c} long"] / cpu[f"{c} short"]
        for c in ("show", "verify", "history", "card")
    }


def _spot(uri: str, said: Any) -> None:
    done = run_spot("--tracking-uri", uri, *said)
    if done.status not in (0, 1):
        raise RuntimeError(f"{said}: {done.err}")


def fill_registry(client: MlflowClient, uri: str, count: int) -> None:
    """Makes models with two versions, and a record of five entries with its summary, of each."""
    from spot_mlflow.record import Record

    client.create_registered_model("pattern")
    for _ in range(2):
        client.create_model_version("pattern", "s3://nowhere/model", await_creation_for=None)
    record = Record(uri, uri)
    sample = [e for e in ready() if e.kind != "sign-off"][:ENTRIES]
    for e in sample:
        record.append(record.resolve("pattern/2"), e.kind, e.payload, person=e.person, role=e.role)
    made = client.get_registered_model("pattern")
    home = client.get_experiment_by_name("spot/pattern")
    rows: dict[str, list[dict[str, Any]]] = {}
    for i in range(count - 1):
        _one_more(rows, ModelRef(f"model-{i:04d}", "2", 1_700_000_000_000 + i), 10_000 + i, sample)
    _copies(uri, rows, made.tags, home.artifact_location)


def _one_more(
    rows: dict[str, list[dict[str, Any]]], ref: ModelRef, experiment: int, sample: Any
) -> None:
    """Adds the rows of a model's record."""
    rows.setdefault("registered_models", []).append(
        {"name": ref.name, "creation_time": ref.created}
    )
    rows.setdefault("experiments", []).append(
        {"experiment_id": experiment, "name": f"spot/{ref.name}"}
    )
    tags = {"spot.model": ref.name, "spot.model.created": str(ref.created)}
    rows.setdefault("experiment_tags", []).extend(
        {"experiment_id": experiment, "key": k, "value": v} for k, v in tags.items()
    )
    for e in sample:
        draft = Draft(ref, e.kind, e.payload, e.person, e.role, utc(None), "bench")
        text = draft.text()
        parts, run = split(text), uuid.uuid4().hex
        at = int(draft.at.timestamp() * 1000)
        rows.setdefault("runs", []).append(
            {
                "run_uuid": run, "name": f"{e.kind} {draft.id[:6]}", "source_type": "UNKNOWN",
                "source_name": "", "entry_point_name": "", "user_id": "", "status": "FINISHED",
                "start_time": at, "end_time": at, "deleted_time": None, "source_version": "",
                "lifecycle_stage": "active", "artifact_uri": f"s3://nowhere/{run}",
                "experiment_id": experiment,
            }
        )  # fmt: skip
        rows.setdefault("tags", []).extend(
            {"run_uuid": run, "key": k, "value": v} for k, v in draft.tags(text, len(parts)).items()
        )
        rows.setdefault("params", []).extend(
            {"run_uuid": run, "key": f"{PART}{n:05d}", "value": p} for n, p in enumerate(parts)
        )


def _copies(
    uri: str, rows: dict[str, list[dict[str, Any]]], tags: dict[str, str], place: str
) -> None:
    """Inserts the rows; what MLflow itself wrote of the pattern fills the other columns."""
    engine = sa.create_engine(uri)
    with engine.connect() as c:
        model = c.execute(sa.text("select * from registered_models")).mappings().one()
        versions = c.execute(sa.text("select * from model_versions")).mappings().all()
        home = (
            c.execute(sa.text("select * from experiments where name = 'spot/pattern'"))
            .mappings()
            .one()
        )
        tag = c.execute(sa.text("select * from registered_model_tags limit 1")).mappings().one()
    engine.dispose()
    models = rows["registered_models"]
    rows["registered_models"] = [{**model, **m} for m in models]
    rows["model_versions"] = [{**v, "name": m["name"]} for m in models for v in versions]
    rows["registered_model_tags"] = [
        {**tag, "name": m["name"], "key": k, "value": v} for m in models for k, v in tags.items()
    ]
    rows["experiments"] = [{**home, **e, "artifact_location": place} for e in rows["experiments"]]
    insert(uri, **rows)


if __name__ == "__main__":
    import json

    print(json.dumps(run(), indent=2))
