"""Killed exactly between a change and its record: there is never one without the other.

The server, or the client behind a ``spot+`` address, runs in a process of its own in which MLflow's
own method kills the process: right after the change was committed, or right before. Nothing gets
another chance, as with SIGKILL from outside at that very moment.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import requests
from gated import CONTRACT, POLICY, new_version
from ready_record import block, make_ready
from servers import free_port, stop, wait_for

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.journey

KILLS = r"""
import os, signal
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as Store

def killing(method, before_commit):
    def wrapper(self, *args, **kwargs):
        if before_commit:
            from sqlalchemy import event
            from sqlalchemy.orm import Session
            event.listen(Session, "after_flush_postexec", lambda s, _: s.in_transaction() and kill())
        found = method(self, *args, **kwargs)
        kill()
        return found
    return wrapper

def kill():
    os.kill(os.getpid(), signal.SIGKILL)

def arm(before_commit=False):
    for name in ("set_registered_model_alias", "transition_model_version_stage"):
        setattr(Store, name, killing(getattr(Store, name), before_commit))
"""

SERVER = r"""
import sys, uvicorn
from spot_mlflow_plugins.server.app import create_app
arm()
uvicorn.run(create_app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
"""

CLIENT = r"""
import sys
from mlflow import MlflowClient
tracking, registry, before = sys.argv[1:]
arm(before == "before")
MlflowClient(tracking, "spot+" + registry).set_registered_model_alias("churn", "champion", "1")
"""


def decisions(uri: str, name: str, registry: str | None = None) -> list[dict[str, Any]]:
    """What the gate decided on a model, oldest first, read from the database itself."""
    from spot_mlflow.record import Record

    record = Record(uri, registry or uri)
    entries = record.entries(record.resolve(name))
    return [dict(e.payload) for e in entries if e.kind == "decision"]


@pytest.fixture
def folder(_empty_mlflow: Path, tmp_path: Path) -> Path:
    """A folder of its own with a database that has MLflow's tables."""
    made = tmp_path / "another"
    made.mkdir()
    shutil.copy(_empty_mlflow, made / "mlflow.db")
    return made


def test_server_killed_right_after_the_change(folder: Path) -> None:
    """The change stands, and so does its decision, signed, with who gave the alias up."""
    import spot_mlflow as spot
    from spot_mlflow.record import Record

    uri, port = f"sqlite:///{folder / 'mlflow.db'}", free_port()
    (folder / "policy.yaml").write_text(json.dumps(POLICY))
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "COV_"))} | {
        "_MLFLOW_SERVER_FILE_STORE": uri,
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": str(folder / "artifacts"),
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        "_MLFLOW_SGI_NAME": "uvicorn",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "SPOT_MLFLOW_POLICY_FILE": str(folder / "policy.yaml"),
        "SPOT_MLFLOW_HOME": str(folder / "home"),
    }
    log = folder / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", KILLS + SERVER, str(port)],
            stdout=out, stderr=out, env=environment, cwd=folder, start_new_session=True,
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{url}/spot/health", process, log)
        from mlflow import MlflowClient

        client, record = MlflowClient(url, url), Record(url, url)
        client.create_registered_model("locked-churn")
        new_version(client, "locked-churn")
        spot.log_predicted_lift("locked-churn/1", CONTRACT, record=record)
        spot.sign_off(
            "locked-churn/1", target="Production", person="Bea", role="business", record=record
        )
        body = {"name": "locked-churn", "alias": "champion", "version": "1"}
        with pytest.raises(requests.ConnectionError):
            requests.post(f"{url}/api/2.0/mlflow/registered-models/alias", json=body, timeout=120)
        assert process.wait(60) == -signal.SIGKILL
    finally:
        stop(process)
    behind = MlflowClient(uri, uri)
    assert str(behind.get_model_version_by_alias("locked-churn", "champion").version) == "1"
    found = decisions(uri, "locked-churn")
    assert [(d["target"], d["outcome"], d["applied"]) for d in found] == [
        ("@champion", "allowed", True)
    ]


def killed(tracking: str, registry: str, moment: str, folder: Path) -> None:
    """Gives version 1 of churn the alias in a process that is killed at a moment."""
    line = [sys.executable, "-W", "ignore", "-c", KILLS + CLIENT, tracking, registry, moment]
    environment = {**os.environ, "SPOT_MLFLOW_EVIDENCE_URI": tracking}
    ended = subprocess.run(
        line, cwd=folder, env=environment, capture_output=True, timeout=300, check=False
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()[-3000:]


def prepared(tracking: str, registry: str) -> Any:
    """Makes churn ready to be deployed, in mode block; returns a client."""
    from mlflow import MlflowClient

    from spot_mlflow.record import Record

    client, record = MlflowClient(tracking, registry), Record(tracking, registry)
    client.create_registered_model("churn")
    client.create_model_version("churn", "s3://nowhere/model")
    block(record)
    make_ready(record, "churn/1")
    return client


@pytest.mark.parametrize("moment", ["after", "before"])
def test_client_killed_in_one_database(mlflow_uri: str, tmp_path: Path, moment: str) -> None:
    """After the commit both are there; before it neither is: they are one transaction."""
    client = prepared(mlflow_uri, mlflow_uri)
    killed(mlflow_uri, mlflow_uri, moment, tmp_path)
    held = dict(client.get_registered_model("churn").aliases)
    done = [d["target"] for d in decisions(mlflow_uri, "churn") if d["applied"]]
    assert (list(held), done) == ((["champion"], ["@champion"]) if moment == "after" else ([], []))


def test_client_killed_between_two_databases(mlflow_uri: str, folder: Path) -> None:
    """Where the registry is another database, the decision with its requester stands before."""
    registry = f"sqlite:///{folder / 'mlflow.db'}"
    client = prepared(mlflow_uri, registry)
    killed(mlflow_uri, registry, "after", folder)
    assert list(client.get_registered_model("churn").aliases) == ["champion"]
    found = decisions(mlflow_uri, "churn", registry)
    assert [(d["target"], d["outcome"], d["applied"]) for d in found] == [
        ("@champion", "allowed", False)
    ]
