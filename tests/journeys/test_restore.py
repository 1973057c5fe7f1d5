"""Drills: an older database comes back, a second host is started, the key is changed."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import sqlite3
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from gated import CONTRACT, Scene, gated_mlflow_server, new_scene
from warm_spot import folder_of_spot

if TYPE_CHECKING:
    from pathlib import Path

    import requests

pytestmark = pytest.mark.journey


def approve(scene: Scene, version: str) -> None:
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


def copy(database: Path, to: Path) -> None:
    """Backs a database up while the server runs."""
    with (
        contextlib.closing(sqlite3.connect(database)) as old,
        contextlib.closing(sqlite3.connect(to)) as new,
    ):
        old.backup(new)


def restore_command(folder: Path, *said: str) -> subprocess.CompletedProcess[str]:
    """What the operator types on the server's host, with its imports done."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "SPOT_"))}
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    line = [str(folder_of_spot() / "spot"), "--tracking-uri", uri, "restore", "accept", *said]
    return subprocess.run(
        line, env={**clean, "SPOT_MLFLOW_HOME": str(folder / "home")}, capture_output=True,
        text=True, timeout=300, check=False,
    )  # fmt: skip


def sound(scene: Scene) -> dict[str, Any]:
    """What the server finds in its records."""
    found: dict[str, Any] = scene.ajax("GET", "spot/verify").json()
    return found


def test_an_older_database_comes_back(tmp_path: Path) -> None:
    """A blocking concern that it lost still shuts the gate, until the operator accepts its loss."""
    with gated_mlflow_server(tmp_path, workers=1) as server:
        scene = new_scene(server.url)
        approve(scene, "2")
        copy(tmp_path / "mlflow.db", tmp_path / "backup.db")
        said = {"act": "raised", "what": "it hurts", "severity": "blocking"}
        raised = scene.entry("concern", said, version="2", person="Fay", role="frontline")
        assert raised.status_code == 200
        assert champion(scene, "2").status_code == 403
    (tmp_path / "backup.db").replace(tmp_path / "mlflow.db")
    with gated_mlflow_server(tmp_path, workers=1) as server:
        scene.url = server.url
        refused = champion(scene, "2")
        assert refused.status_code == 403
        assert "Blocking concerns" in refused.json()["message"]
        page = {"name": scene.name, "version": "2"}
        why = scene.session.get(f"{scene.url}/spot/model", params=page, timeout=120).text
        assert "gone from its database" in why
        assert re.search(r"on record (is|are) gone from the database", why)
        assert "restore accept" in why
        # What was live before may be gone back to, and taken away, in any case.
        assert champion(scene, "1").status_code == 200
        found = sound(scene)
        assert not found["sound"]
        assert "concern" in str([m["findings"] for m in found["models"]])
        done = restore_command(tmp_path, "--reason", "backup of this morning")
        assert done.returncode == 0, done.stderr
        assert "concern" in done.stdout
        assert champion(scene, "2").status_code == 200
        assert sound(scene)["sound"]
    # Another host with a memory of its own does not start on this database.
    with (
        pytest.raises(RuntimeError, match="remembered in store"),
        gated_mlflow_server(
            tmp_path, workers=1, environment={"SPOT_MLFLOW_HOME": str(tmp_path / "second")}
        ),
    ):
        pass
    # A new key goes into the first line; what the old one signed goes on counting.
    key = tmp_path / "home" / "signing.key"
    key.write_text(f"{secrets.token_hex(32)}\n{key.read_text()}")
    with gated_mlflow_server(tmp_path, workers=1) as server:
        scene.url = server.url
        assert champion(scene, "1").status_code == 200
        assert sound(scene)["sound"]


def test_two_hosts_share_a_memory(tmp_path: Path) -> None:
    """Both decide on all evidence, and neither misses what the other wrote."""
    with (
        gated_mlflow_server(tmp_path, workers=1) as one,
        gated_mlflow_server(tmp_path, workers=1) as other,
    ):
        scene = new_scene(one.url)
        second = Scene(other.url, scene.name, scene.evidence, scene.sign_off, scene.experiment_id)
        assert champion(second, "2").status_code == 403
        approve(second, "2")
        assert champion(scene, "2").status_code == 200
        assert sound(scene)["sound"]
        assert sound(second)["sound"]
