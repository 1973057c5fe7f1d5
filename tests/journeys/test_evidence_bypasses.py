"""Attempts to change the evidence itself: past the entry route, by every route MLflow has.

The record of a model stands in an experiment of a gated server. Nothing in it may be changed,
deleted or added from aside, and what is done behind the server's back, in the database, shows.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from evidence_bypasses import REFUSED, artifact
from gated import backend_of, new_scene

if TYPE_CHECKING:
    from gated import Scene
    from servers import MlflowServer

pytestmark = [pytest.mark.journey, pytest.mark.postgres]


@pytest.fixture(scope="module")
def scene(any_gated_server: MlflowServer) -> Scene:
    """One model with a record for all attempts."""
    return new_scene(any_gated_server.url)


@pytest.mark.parametrize("attempt", REFUSED)
def test_attempt_is_refused(scene: Scene, attempt: str) -> None:
    """It answers 4xx with a reason; 501 where MLflow has no such thing over this store."""
    answer = REFUSED[attempt](scene)
    refused = 400 <= answer.status_code < 500 or answer.status_code == 501
    assert refused, f"{answer.status_code} {answer.text}"
    assert answer.text.strip()


def test_record_is_sound_after_all_of_it(scene: Scene) -> None:
    """Nothing was changed, nothing added, and the artifacts are what they were."""
    before = scene.session.get(
        f"{scene.url}/get-artifact",
        params={"path": "lift.yaml", "run_uuid": scene.evidence.run_id},
    ).content
    for attempt in REFUSED.values():
        attempt(scene)
    after = scene.session.get(
        f"{scene.url}/get-artifact",
        params={"path": "lift.yaml", "run_uuid": scene.evidence.run_id},
    ).content
    assert before == after
    assert b"forged" not in after
    answer = scene.ajax("GET", "spot/verify", params={"model": scene.name}).json()
    assert answer["sound"], answer
    assert answer["models"][0]["findings"] == []


def test_attempts_are_in_the_record_and_do_not_fill_it(any_gated_server: MlflowServer) -> None:
    """Many attempts on a model are a handful of decisions, each sort of attempt among them."""
    from spot_mlflow.record import Record

    scene = new_scene(any_gated_server.url)
    for attempt in (*REFUSED, *["set a tag"] * 40):
        REFUSED[attempt](scene)
    record = Record(scene.url, scene.url)
    found = [
        e.payload
        for e in record.entries(record.resolve(scene.name))
        if e.kind == "decision" and e.payload["basis"] == "tampering"
    ]
    tried = " ".join(d["target"] for d in found)
    for said in ("on run", "on experiment", "artifacts"):
        assert said in tried, tried
    assert not any(d["allowed"] or d["applied"] for d in found)
    workers, sorts = 2, 8
    assert len(found) <= workers * sorts
    assert findings(scene) == set()


def test_other_people_are_left_alone(scene: Scene) -> None:
    """Runs, artifacts and experiments that hold no evidence work as on any MLflow."""
    client = scene.client
    experiment = client.create_experiment(f"mine-{uuid.uuid4().hex[:6]}")
    run = client.create_run(experiment).info
    client.log_metric(run.run_id, "loss", 0.5)
    client.log_param(run.run_id, "depth", "3")
    client.set_tag(run.run_id, "spot", "on")
    client.log_text(run.run_id, "hello", "a/b.txt")
    assert artifact(scene, "DELETE", f"{experiment}/{run.run_id}/artifacts/a").status_code == 200
    client.delete_tag(run.run_id, "spot")
    client.rename_experiment(experiment, f"mine-{uuid.uuid4().hex[:6]}")
    client.delete_run(run.run_id)
    client.delete_experiment(experiment)
    assert client.get_run(run.run_id).data.metrics == {"loss": 0.5}


def findings(scene: Scene) -> set[str]:
    """What the server finds wrong."""
    answer = scene.ajax("GET", "spot/verify", params={"model": scene.name}).json()
    return {f["trouble"] for f in answer["models"][0]["findings"]}


def behind(server: MlflowServer) -> Any:
    """A client on the database itself, past the server."""
    from mlflow import MlflowClient

    return MlflowClient(backend_of(server), backend_of(server))


def test_entry_forged_in_the_database_shows(any_gated_server: MlflowServer) -> None:
    """A complete, consistent entry written past the server lacks its signature."""
    from spot_mlflow.record import Record
    from spot_mlflow.record.writer import PlainWriter

    scene = new_scene(any_gated_server.url)
    client = behind(any_gated_server)
    record = Record(client=client, writer=PlainWriter(client))
    record.append(
        record.resolve(scene.name),
        "sign-off",
        {"target": "Production", "contract_digest": None, "signature": None, "note": ""},
        person="Mallory",
        role="business",
        refresh=False,
    )
    assert findings(scene) == {"forged"}


def test_tail_deleted_in_the_database_shows(any_gated_server: MlflowServer) -> None:
    """The newest entry has no follower that would miss it: the server remembers it."""
    scene = new_scene(any_gated_server.url)
    client = behind(any_gated_server)
    newest = client.search_runs([scene.experiment_id])[0]
    client.delete_run(newest.info.run_id)
    assert findings(scene) == {"missing"}


def test_entry_edited_in_the_database_shows(any_gated_server: MlflowServer) -> None:
    """An edited tag contradicts the envelope, whose digest is signed."""
    scene = new_scene(any_gated_server.url)
    behind(any_gated_server).set_tag(scene.sign_off.run_id, "spot.role", "executive")
    assert "edited" in findings(scene)
