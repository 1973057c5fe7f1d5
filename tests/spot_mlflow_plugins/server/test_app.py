"""Tests of the server as it is started: each way that MLflow offers, and the start that must fail."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import requests
from gated import CONTRACT, POLICY, gated_mlflow_server, new_scene
from servers import free_port

if TYPE_CHECKING:
    from pathlib import Path

    from servers import MlflowServer

pytestmark = pytest.mark.journey


@pytest.fixture
def folder(_empty_mlflow: Path, tmp_path: Path) -> Path:
    """A folder with a database that has MLflow's tables."""
    import shutil

    shutil.copy(_empty_mlflow, tmp_path / "mlflow.db")
    return tmp_path


def refused(scene_url: str, name: str) -> requests.Response:
    """Asks for a version that may not go."""
    body = {"name": name, "version": "2", "stage": "Production", "archive_existing_versions": False}
    return requests.post(
        f"{scene_url}/api/2.0/mlflow/model-versions/transition-stage", json=body, timeout=60
    )


def test_health_says_that_the_gate_stands(gated_server: MlflowServer) -> None:
    """The health page looks at the live stores, not at a flag."""
    said = requests.get(f"{gated_server.url}/spot/health", timeout=60).json()
    assert said["gate"] == "on"


def test_native_routes_go_on_working(gated_server: MlflowServer) -> None:
    """Routes that MLflow serves without Flask answer as they do without the plugin."""
    found = requests.get(f"{gated_server.url}/api/3.0/mlflow/server-info", timeout=60)
    assert found.status_code == 200
    text = "hello" * 1000
    path = f"{gated_server.url}/api/2.0/mlflow-artifacts/artifacts/free/x.txt"
    assert requests.put(path, data=text, timeout=60).status_code == 200
    assert requests.get(path, timeout=60).text == text


@pytest.mark.parametrize(
    ("arguments", "prefix", "workers"),
    [
        (("--gunicorn-opts", "--timeout 120"), "", 2),
        (("--static-prefix", "/team/mlflow"), "/team/mlflow", 1),
    ],
    ids=["gunicorn", "static-prefix"],
)
def test_gate_holds(folder: Path, arguments: tuple[str, ...], prefix: str, workers: int) -> None:
    """Entries, refusals and pages work under gunicorn and under a prefix."""
    with gated_mlflow_server(folder, *arguments, prefix=prefix, workers=workers) as server:
        url = f"{server.url}{prefix}"
        scene = new_scene(url)
        assert refused(url, scene.name).status_code == 403
        assert (
            scene.call("POST", "runs/delete", {"run_id": scene.evidence.run_id}).status_code == 403
        )
        page = requests.get(f"{url}/spot/models", timeout=60)
        assert scene.name in page.text
        home = requests.get(f"{url}/", timeout=60).text
        assert 'src="spot/inject.js"' in home
        assert requests.get(f"{url}/spot/inject.js", timeout=60).status_code == 200


def test_gate_holds_in_each_workspace(folder: Path) -> None:
    """With workspaces a model of the same name in another one has a record of its own."""
    with gated_mlflow_server(folder, "--enable-workspaces", workers=1) as server:
        made = requests.post(
            f"{server.url}/api/3.0/mlflow/workspaces", json={"name": "east"}, timeout=60
        )
        assert made.status_code in {200, 201}, made.text
        name = "locked-shared"
        answers = []
        for headers in ({}, {"X-MLFLOW-WORKSPACE": "east"}):
            with requests.Session() as session:
                session.headers.update(headers)
                api = f"{server.url}/api/2.0/mlflow"
                session.post(f"{api}/registered-models/create", json={"name": name}, timeout=60)
                version = {"name": name, "source": "s3://nowhere/model"}
                session.post(f"{api}/model-versions/create", json=version, timeout=60)
                entry = {
                    "model": name, "version": "1", "kind": "prediction",
                    "payload": {"contract": CONTRACT},
                }  # fmt: skip
                route = f"{server.url}/ajax-api/2.0/spot"
                answers.append(session.post(f"{route}/entries", json=entry, timeout=60))
                move = {
                    "name": name, "version": "1", "stage": "Production",
                    "archive_existing_versions": False,
                }  # fmt: skip
                assert (
                    session.post(
                        f"{api}/model-versions/transition-stage", json=move, timeout=60
                    ).status_code
                    == 403
                )
                found = session.get(f"{route}/verify", params={"model": name}, timeout=60).json()
                kinds = found["models"][0]["entries"]
                assert found["sound"], found
                assert kinds == 2  # the promise and the refusal
        assert [a.status_code for a in answers] == [200, 200], [a.text for a in answers]
        for mode in ("CASCADE", "SET_DEFAULT", "RESTRICT"):
            address = f"{server.url}/api/3.0/mlflow/workspaces/east"
            gone = requests.delete(address, params={"mode": mode}, timeout=60)
            assert gone.status_code == 403, "its records would be deleted, or moved"
            assert "holds the evidence" in gone.text
        empty = requests.post(
            f"{server.url}/api/3.0/mlflow/workspaces", json={"name": "west"}, timeout=60
        )
        assert empty.status_code in {200, 201}
        address = f"{server.url}/api/3.0/mlflow/workspaces/west"
        assert requests.delete(address, timeout=60).status_code == 204


def start(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Starts a server that must not start, and waits for its end."""
    command = [
        sys.executable, "-m", "mlflow", "server", "--app-name", "spot", "--host", "127.0.0.1",
        "--port", str(free_port()), "--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}",
        *arguments,
    ]  # fmt: skip
    clean = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_")}
    clean |= {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "SPOT_MLFLOW_HOME": str(folder / "home"),
    }
    return subprocess.run(
        command, cwd=folder, env=clean | environment, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip


def test_start_fails_loudly_with_several_workers(folder: Path) -> None:
    """Where the gate cannot be put in place the whole server stops, with the reason."""
    (folder / "key").write_text("short\n")
    ended = start(folder, "--workers", "2", SPOT_MLFLOW_KEY_FILE=str(folder / "key"))
    assert "the server does not start" in ended.stderr
    assert "openssl rand -hex 32" in ended.stderr


def test_start_fails_loudly_on_a_broken_policy(folder: Path) -> None:
    """A policy file that is none does not fall back to a weaker policy."""
    import json

    path = folder / "policy.yaml"
    path.write_text(json.dumps({**POLICY, "mode": "blok"}))
    ended = start(folder, "--workers", "1", SPOT_MLFLOW_POLICY_FILE=str(path))
    assert "the server does not start" in ended.stderr
    assert "mode" in ended.stderr
