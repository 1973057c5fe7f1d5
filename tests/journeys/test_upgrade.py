"""Drills: workers of an earlier version beside new ones, and a database of an earlier MLflow.

They need Python environments with the earlier versions, which ``make test-upgrade`` makes and names.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from gated import CONTRACT, Scene, gated_mlflow_server, new_database, new_scene

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import requests

pytestmark = pytest.mark.journey


def python_of(variable: str) -> str:
    """The Python of an earlier environment; skips where there is none."""
    found = os.environ.get(variable)
    if not found:
        pytest.skip(f"{variable} is not set: make test-upgrade makes that environment")
    return found


@contextlib.contextmanager
def server_of(python: str, folder: Path, **more: Any) -> Iterator[str]:
    """A gated server of an earlier environment; yields its address."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "executable", python)
        started = gated_mlflow_server(folder, workers=1, **more)
        server = started.__enter__()
    try:
        yield server.url
    finally:
        started.__exit__(None, None, None)


def approved(scene: Scene, version: str) -> None:
    """Records what the policy asks for."""
    for kind, payload in (
        ("prediction", {"contract": CONTRACT}),
        ("sign-off", {"target": "Production"}),
    ):
        answer = scene.entry(kind, payload, version=version, person="Bea", role="business")
        assert answer.status_code == 200, answer.text


def champion(scene: Scene, version: str) -> requests.Response:
    """Points the champion at a version."""
    body = {"name": scene.name, "alias": "champion", "version": version}
    return scene.call("POST", "registered-models/alias", body)


def findings(scene: Scene) -> list[Any]:
    """What a server finds wrong in its records."""
    said = scene.ajax("GET", "spot/verify").json()
    return [f for m in said["models"] for f in m["findings"]]


def beside(scene: Scene, url: str) -> Scene:
    """The same model, asked at another server."""
    return Scene(url, scene.name, scene.evidence, scene.sign_off, scene.experiment_id)


@pytest.mark.postgres
def test_workers_of_the_earlier_version_go_on_beside_new_ones(
    tmp_path: Path, postgres_uri: str
) -> None:
    """Both gate on what either wrote, at any time of a rolling upgrade; then the record is sound."""
    old_python = python_of("SPOT_TESTS_EARLIER_SPOT")
    database = new_database(postgres_uri)
    with server_of(old_python, tmp_path, backend=database) as old_url:
        scene = new_scene(old_url)
        with gated_mlflow_server(tmp_path, backend=database, workers=1) as new:
            upgraded = beside(scene, new.url)
            for asked in (scene, upgraded):
                assert champion(asked, "2").status_code == 403
            approved(upgraded, "2")
            assert champion(scene, "2").status_code == 200
            assert champion(upgraded, "1").status_code == 200
            said = {"act": "raised", "what": "it hurts", "severity": "blocking"}
            raised = scene.entry("concern", said, version="2", person="Fay", role="frontline")
            assert raised.status_code == 200, raised.text
            assert champion(upgraded, "2").status_code == 200  # to go back is never blocked
            assert scene.live()["champion"] == ["2"]
            assert findings(upgraded) == []
    with gated_mlflow_server(tmp_path, backend=database, workers=1) as new:
        upgraded = beside(scene, new.url)
        assert findings(upgraded) == []
        assert upgraded.live()["champion"] == ["2"]


def test_a_database_of_the_lowest_mlflow_is_upgraded(tmp_path: Path) -> None:
    """The newest MLflow asks for ``mlflow db upgrade``; after it every entry counts and the gate holds."""
    low_python = python_of("SPOT_TESTS_LOWEST_MLFLOW")
    with server_of(low_python, tmp_path) as url:
        scene = new_scene(url)
        assert champion(scene, "2").status_code == 403
        assert findings(scene) == []
    backend = f"sqlite:///{tmp_path / 'mlflow.db'}"
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "SPOT_"))}
    done = subprocess.run(
        [sys.executable, "-m", "mlflow", "db", "upgrade", backend],
        env=clean, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    with gated_mlflow_server(tmp_path, workers=1) as new:
        upgraded = beside(scene, new.url)
        assert findings(upgraded) == []
        assert champion(upgraded, "2").status_code == 403
        approved(upgraded, "2")
        assert champion(upgraded, "2").status_code == 200
        assert findings(upgraded) == []
