"""What commands cost with 1,000 models of ten versions beside 5, and on one model with 10,000 versions beside 5.

Every model has ten versions and a record of five entries with its summary, written with one statement
a table as the record writes them. Processor time of the whole command, in this process; the registry is
an SQLite file. Two baselines: the same command on the small registry or the short model, in the same run;
and MLflow's own search for all these models, or versions, without which none of the commands over all
models can say anything. A promise and a decision write a new entry each time.

``SPOT_BENCH_MODELS=100`` and ``SPOT_BENCH_VERSIONS=1000`` are for a look.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import uuid
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from benchmarks.bench_record import CONTRACT, with_versions
from benchmarks.filled_record import insert
from benchmarks.timing import in_turn

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from ready_model import ready
from terminal import run_spot

from spot_mlflow.record.entry import PART, Draft, split
from spot_mlflow.record.references import ModelRef
from spot_mlflow.validation import utc

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlflow import MlflowClient

FULL = os.environ.get("SPOT_BENCH_FULL") == "1"
ROUNDS = 9 if FULL else 3
FEW, MANY, ENTRIES = 5, int(os.environ.get("SPOT_BENCH_MODELS", "1000")), 5
EACH, VERSIONS = 10, int(os.environ.get("SPOT_BENCH_VERSIONS", "10000"))
OVER_ALL = {
    "spot": [],
    "portfolio": ["portfolio"],
    "todo": ["todo"],
    "digest": ["digest", "--since", "1d"],
    "gate_all": ["gate", "--all", "--to", "Production"],
    "verify": ["verify", "--all"],
}
OF_ONE = ("show", "history", "card", "verify", "promise", "gate")


def run() -> dict[str, object]:
    """Returns medians in milliseconds of processor time, and their ratios."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    with tempfile.TemporaryDirectory(prefix="spot-bench-") as folder:
        return {"models": _models(Path(folder)), "versions": _versions(Path(folder))}


def _models(folder: Path) -> dict[str, float]:
    """Each command over 5 and over 1,000 models, and those on one model among them."""
    from mlflow import MlflowClient

    calls: dict[str, Any] = {}
    for name, models in (("few", FEW), ("many", MANY)):
        uri = f"sqlite:///{folder}/{name}.db"
        client = MlflowClient(uri, uri)
        fill_registry(client, uri, models)
        calls[f"search {name}"] = lambda c=client: c.search_registered_models(max_results=1000)
        calls |= {f"{k} {name}": lambda at=uri, v=v: _spot(at, v) for k, v in OVER_ALL.items()}
        calls |= {
            f"one_{k} {name}": v for k, v in _of_one(folder, uri, "pattern", str(EACH)).items()
        }
    figures = _measured(calls)
    for what in OVER_ALL:
        figures[f"{what}_ms_a_model"] = figures[f"{what} many_cpu_ms"] / MANY
        figures[f"{what}_to_search"] = (
            figures[f"{what} many_cpu_ms"] / figures["search many_cpu_ms"]
        )
    return figures | _ratios(
        figures, "few", "many", ("search", *OVER_ALL, *map("one_{}".format, OF_ONE))
    )


def _versions(folder: Path) -> dict[str, float]:
    """Commands on a model with 5 versions and on one with 10,000, a promise on the third of each."""
    from mlflow import MlflowClient

    from spot_mlflow.record import Record

    calls: dict[str, Any] = {}
    for name, versions in (("short", FEW), ("long", VERSIONS)):
        path = folder / f"{name}.db"
        shutil.copy(folder / "few.db", path)
        uri = f"sqlite:///{path}"
        client = MlflowClient(uri, uri)
        with_versions(client, path, name, versions)
        ref = Record(uri, uri).resolve(f"{name}/3")
        for e in ready():
            said = {"person": e.person, "role": e.role, "refresh": False}
            Record(uri, uri).append(ref, e.kind, e.payload, **said)
        calls[f"search {name}"] = lambda c=client, n=name: c.search_model_versions(f"name = '{n}'")
        calls |= {f"{k} {name}": v for k, v in _of_one(folder, uri, name, "3").items()}
        calls |= {f"{k} {name}": lambda at=uri, v=v: _spot(at, v) for k, v in OVER_ALL.items()}
    figures = _measured(calls)
    return figures | _ratios(figures, "short", "long", ("search", *OF_ONE, *OVER_ALL))


def _of_one(folder: Path, uri: str, name: str, version: str) -> dict[str, Callable[[], None]]:
    """The commands on one version; each promise states another lift, each decision another requester."""
    model, number = f"{name}/{version}", count()
    contract = folder / "lift.yaml"

    def promise() -> None:
        lift = 0.3 + next(number) / 10_000
        contract.write_text(json.dumps({**CONTRACT, "predicted": {"lift": lift, "se": 0.02}}))
        _spot(uri, ("promise", model, contract, "--yes"))

    def gate() -> None:
        _spot(uri, ("gate", model, "--to", "Production", "--requester", f"p{next(number)}"))

    reads = ("show", "history", "card", "verify")
    calls: dict[str, Callable[[], None]] = {
        k: lambda k=k: _spot(uri, (k, name if k in ("history", "verify") else model)) for k in reads
    }
    return calls | {"promise": promise, "gate": gate}


def _measured(calls: dict[str, Callable[[], Any]]) -> dict[str, float]:
    for call in calls.values():
        call()
    return {f"{k}_cpu_ms": v for k, v in in_turn(calls, rounds=ROUNDS)[1].items()}


def _ratios(
    figures: dict[str, float], small: str, large: str, whats: tuple[str, ...]
) -> dict[str, float]:
    return {
        f"{w}_ratio": figures[f"{w} {large}_cpu_ms"] / figures[f"{w} {small}_cpu_ms"] for w in whats
    }


def _spot(uri: str, said: Any) -> None:
    done = run_spot("--tracking-uri", uri, *said)
    if done.status not in (0, 1):
        raise RuntimeError(f"{said}: {done.err}")


def fill_registry(client: MlflowClient, uri: str, models: int) -> None:
    """Makes models with ten versions, and a record of five entries with its summary, of each."""
    from spot_mlflow.record import Record

    client.create_registered_model("pattern")
    for _ in range(EACH):
        client.create_model_version("pattern", "s3://nowhere/model", await_creation_for=None)
    record = Record(uri, uri)
    sample = [e for e in ready() if e.kind != "sign-off"][:ENTRIES]
    for e in sample:
        record.append(
            record.resolve(f"pattern/{EACH}"), e.kind, e.payload, person=e.person, role=e.role
        )
    made = client.get_registered_model("pattern")
    home = client.get_experiment_by_name("spot/pattern")
    rows: dict[str, list[dict[str, Any]]] = {}
    for i in range(models - 1):
        _one_more(
            rows, ModelRef(f"model-{i:04d}", str(EACH), 1_700_000_000_000 + i), 10_000 + i, sample
        )
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
    print(json.dumps(run(), indent=2))
