"""Tests that a policy set on a gated server stays in force whatever becomes of the database."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from gated import POLICY, backend_of, gated_mlflow_server, new_scene
from terminal import run_spot

from spot_mlflow.gate.policy import Policy, default_policy
from spot_mlflow.record import Record
from spot_mlflow.record.policies import current_policy, set_policy

if TYPE_CHECKING:
    from pathlib import Path

    from gated import Scene

pytestmark = pytest.mark.journey


def server_in(folder: Path, **more: str) -> Any:
    """A server whose policy is set by its users, not by its operator."""
    return gated_mlflow_server(
        folder, workers=2, environment={"SPOT_MLFLOW_POLICY_FILE": "", **more}
    )


def forget(folder: Path, *statements: str) -> None:
    """Does to the database what no client of the server could."""
    with closing(sqlite3.connect(folder / "mlflow.db", timeout=30)) as base, base:
        for statement in statements:
            base.execute(statement)


ENTRIES = "(select run_uuid from tags where key = 'spot.kind' and value = 'policy')"
RUNS = tuple(
    f"delete from {table} where run_uuid in {ENTRIES}"  # noqa: S608 - ours
    for table in ("params", "runs")
)
TAGS = (
    "delete from experiment_tags where key = 'spot.policy'",
    "delete from registered_model_tags where key = 'spot.policy'",
)
EXPERIMENT = (
    *RUNS,
    "delete from experiment_tags where experiment_id in (select experiment_id from experiments where name = 'spot')",
    "delete from experiments where name = 'spot'",
)


def production(scene: Scene, version: str = "2", stage: str = "Production") -> int:
    """Asks for a stage; returns the HTTP status."""
    body = {"name": scene.name, "version": version, "stage": stage}
    body["archive_existing_versions"] = False
    return scene.call("POST", "model-versions/transition-stage", body).status_code


def test_nothing_done_to_the_database_ends_a_policy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entry, copies and experiment go one after the other; the gate, a client's too, stays as strict."""
    import mlflow

    with server_in(tmp_path) as server:
        set_policy(Record(server.url, server.url), Policy.load(POLICY))
        scene = new_scene(server.url)
        assert production(scene) == 403
        forget(tmp_path, *RUNS)
        assert production(scene) == 403
    for statements in (TAGS, EXPERIMENT):
        forget(tmp_path, *statements)
        with server_in(tmp_path) as server:
            scene.url = server.url
            assert production(scene) == 403
            mlflow.set_tracking_uri(server.url)
            mlflow.set_registry_uri(server.url)
            try:
                ran = run_spot("gate", f"{scene.name}/2", "--to", "Production")
                checked = run_spot("verify", "--all", "--format", "json")
            finally:
                mlflow.set_tracking_uri(None)
                mlflow.set_registry_uri(None)
            assert ran.status == 1, (ran.out, ran.err)
            assert "locked@1" in ran.out
            assert checked.status == 1
            assert "stays in force" in checked.out
            forged = Record(backend_of(server), backend_of(server))
            monkeypatch.setattr(forged, "_recorded_by", "somebody")
            set_policy(forged, default_policy())  # past the server, unsigned, newer
            assert production(scene) == 403
            assert current_policy(Record(server.url, server.url)).name == "locked"


def test_a_kept_policy_that_cannot_be_read_shuts_the_gate(tmp_path: Path) -> None:
    """Torn or changed: nothing new passes, archiving and going back do; setting it anew mends it."""
    with server_in(tmp_path) as server:
        set_policy(Record(server.url, server.url), Policy.load(POLICY))
        scene = new_scene(server.url)
        kept = next((tmp_path / "home" / "anchors").glob("*/policy.json"))
        whole = kept.read_text()
        for text in ("", whole[: len(whole) // 2], whole.replace('"block"', '"observe"'), "[]"):
            kept.write_text(text)
            assert production(scene) == 403
            assert production(scene, "1", "Archived") == 200
            assert production(scene, "1") == 200
            assert scene.ajax("GET", "spot/policy").status_code == 409
        set_policy(Record(server.url, server.url), Policy.load(POLICY))
        assert scene.ajax("GET", "spot/policy").json()["policy"]["name"] == "locked"
        assert production(scene) == 403


def test_a_policy_is_retired_with_a_reason(tmp_path: Path) -> None:
    """The way out is a request on record; after it the default is in force, in mode observe."""
    with server_in(tmp_path) as server:
        set_policy(Record(server.url, server.url), Policy.load(POLICY))
        scene = new_scene(server.url)
        assert production(scene) == 403
        said = {"policy": default_policy().to_dict(), "retired": " "}
        body = {"model": "", "kind": "policy", "payload": said}
        assert scene.ajax("POST", "spot/entries", json=body).status_code == 400
        said["retired"] = "the pilot is over"
        answer = scene.ajax("POST", "spot/entries", json=body)
        assert answer.json()["payload"]["retired"] == "the pilot is over"
        assert production(scene) == 200


def test_the_operators_policy_outlives_its_variable(tmp_path: Path) -> None:
    """Started without the variable once, the server goes on to hold what it held."""
    with gated_mlflow_server(tmp_path, workers=1) as server:
        scene = new_scene(server.url)
    forget(tmp_path, *RUNS, *TAGS)
    with server_in(tmp_path) as server:
        scene.url = server.url
        assert production(scene) == 403


def test_a_server_does_not_start_under_another_prefix(tmp_path: Path) -> None:
    """Evidence under the prefix of before would have no guard: both prefixes are named."""
    with server_in(tmp_path) as server:
        new_scene(server.url)
    with pytest.raises(RuntimeError) as refused, server_in(tmp_path, SPOT_MLFLOW_PREFIX="team/"):
        pass
    assert "'spot/'" in str(refused.value)
    assert "'team/'" in str(refused.value)
