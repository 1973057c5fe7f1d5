"""A registry of 300 models, long in use, comes under the gate model by model; nobody is stopped."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from ready_record import make_ready

from spot_mlflow.gate.policy import Policy
from spot_mlflow.record import Record
from spot_mlflow.record.policies import current_policy, set_policy
from spot_mlflow_cli.main import main

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = [
    pytest.mark.journey,
    pytest.mark.filterwarnings("ignore:.*transition_model_version_stage.*:FutureWarning"),
]
COUNT = 300
READY = (7, 150, 299)  # whose newest version has all that the default policy asks for
ENROLLED = (0, 7, 42)  # put in mode block first, one by one


def name(number: int) -> str:
    """Returns the name of a model."""
    return f"team{number % 7}-model{number:03d}"


def fill(uri: str) -> None:
    """Writes the models as years of use leave them: version 1 serves, version 2 is the newest."""
    import sqlalchemy as sa

    now = int(time.time() * 1000)
    models: list[dict[str, Any]] = []
    versions: list[dict[str, Any]] = []
    for i in range(COUNT):
        times = {"creation_time": now + i, "last_updated_time": now + i}
        models.append({"name": name(i), "workspace": "default", **times})
        versions += [
            {
                "name": name(i), "version": v, "current_stage": stage, "source": "s3://models/m",
                "status": "READY", "workspace": "default", **times,
            }
            for v, stage in ((1, "Production"), (2, "None"))
        ]  # fmt: skip
    aliases = [
        {"name": m["name"], "alias": "champion", "version": 1, "workspace": "default"}
        for m in models
    ]
    engine = sa.create_engine(uri)
    with engine.begin() as c:
        for table, rows in (
            ("registered_models", models),
            ("model_versions", versions),
            ("registered_model_aliases", aliases),
        ):
            found = sa.Table(table, sa.MetaData(), autoload_with=c)
            known = {c.name for c in found.columns}
            c.execute(sa.insert(found), [{k: v for k, v in r.items() if k in known} for r in rows])
    engine.dispose()


def spot(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Runs a command as typed; returns its exit status and what it printed."""
    with pytest.raises(SystemExit) as e:
        main(list(arguments))
    return int(e.value.code or 0), capsys.readouterr().out


def may(client: MlflowClient, model: str, version: str = "2", target: str = "Production") -> bool:
    """Whether the gate lets a version have a target."""
    try:
        if target.startswith("@"):
            client.set_registered_model_alias(model, target[1:], version)
        else:
            client.transition_model_version_stage(model, version, target)
    except MlflowException as e:
        if e.error_code != "PERMISSION_DENIED":
            raise
        return False
    return True


def refused_beforehand(capsys: pytest.CaptureFixture[str], *more: str) -> tuple[set[str], int, str]:
    """Asks ``spot gate --all`` who would be refused in mode block."""
    status, out = spot(
        capsys, "gate", "--all", "--to", "Production", "--mode", "block", "--format", "json", *more
    )
    said = json.loads(out)
    assert len(said["decisions"]) == COUNT
    return {d["model"] for d in said["decisions"] if not d["allowed"]}, status, said["overview"]


def holders(client: MlflowClient, numbers: Sequence[int]) -> set[str]:
    """Returns the versions that serve, of these models."""
    return {str(client.get_model_version_by_alias(name(i), "champion").version) for i in numbers}


def test_registry_of_300_models(mlflow_uri: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It says in advance which would be refused; each step binds who was enrolled and nobody else."""
    fill(mlflow_uri)
    record = Record()
    for i in READY:
        make_ready(record, f"{name(i)}/2")
    client = MlflowClient(mlflow_uri, f"spot+{mlflow_uri}")

    expected = {name(i) for i in range(COUNT)} - {name(i) for i in READY}
    refused, status, overview = refused_beforehand(capsys)
    assert (refused, status) == (expected, 1)
    assert f"{COUNT - len(READY)} of {COUNT}" in overview
    status, _ = spot(capsys, "gate", "--all", "--to", "Production")
    assert status == 0, "as installed nobody is refused"
    assert may(client, name(5)), "and a version without any evidence goes"

    for done, i in enumerate(ENROLLED, 1):
        status, _ = spot(capsys, "policy", "set", "--mode", "block", "--model", name(i))
        assert status == 0
        assert len(current_policy(record).models) == done
        assert may(client, name(i)) is (i in READY)
        assert may(client, name(i), version="1"), "what served before may go on serving"
        assert may(client, name(i + 1)), "its neighbour is not bound"
    sample = [*READY, *range(1, COUNT, 29)]
    assert holders(client, sample) == {"1"}

    everyone = current_policy(record).model_dump()
    everyone["models"] = [{"match": name(i), "mode": "block"} for i in range(COUNT)]
    set_policy(record, Policy.model_validate(everyone))
    for i in sample:
        assert may(client, name(i), version="1", target="@champion"), "none lost what it had"
        moved = {5, *(e + 1 for e in ENROLLED)}  # went while nobody was bound: they hold it
        assert may(client, name(i)) is (name(i) not in refused or i in moved)
