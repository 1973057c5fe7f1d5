"""Tests of the route by which ``spot gate`` has a gated server decide, and record what it decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from gated import new_scene

from spot_mlflow.errors import InvalidInput
from spot_mlflow.gate.decision import decide
from spot_mlflow.record import Record
from spot_mlflow.record.decisions import record_decision
from spot_mlflow.record.policies import current_policy

if TYPE_CHECKING:
    from gated import Scene
    from servers import MlflowServer


@pytest.fixture(scope="module")
def scene(gated_server: MlflowServer) -> Scene:
    """A model whose version 2 may not go anywhere."""
    return new_scene(gated_server.url)


def decisions(scene: Scene) -> list[Any]:
    """The decisions in the record, of version 2."""
    record = Record(scene.url, scene.url)
    entries = record.entries(record.resolve(scene.name))
    return [e for e in entries if e.kind == "decision" and e.version == "2"]


def test_the_server_records_its_own_answer_once(scene: Scene) -> None:
    """A refusal stands in the record with who asked, once however often it is asked, and signed."""
    record = Record(scene.url, scene.url)
    for _ in range(2):
        adoption = record.adoption(record.resolve(f"{scene.name}/2"))
        decision = decide(
            adoption, "Production", policy=current_policy(record), requester="Ann Sample"
        )
        record_decision(record, decision, created=adoption.facts.created, known=adoption.decisions)
    said = {"model": scene.name, "version": "2", "target": "production", "requester": "Ann Sample"}
    again = scene.ajax("POST", "spot/decisions", json=said)
    assert (again.status_code, again.json()["recorded"]) == (200, None)
    assert again.json()["decision"]["allowed"] is False
    found = decisions(scene)
    assert [(d.payload["outcome"], d.recorded_by) for d in found] == [("refused", "Ann Sample")]
    verified = scene.ajax("GET", "spot/verify", params={"model": scene.name}).json()
    assert verified["sound"], verified


def test_an_answer_by_another_policy_is_not_the_servers(scene: Scene) -> None:
    """What a client decided by a policy of its own is refused, and not taken down."""
    before = len(decisions(scene))
    record = Record(scene.url, scene.url)
    adoption = record.adoption(record.resolve(f"{scene.name}/2"))
    policy = current_policy(record).with_mode("warn")
    decision = decide(adoption, "Production", policy=policy)
    with pytest.raises(InvalidInput, match="another policy than is in force"):
        record_decision(record, decision, created=adoption.facts.created)
    assert len(decisions(scene)) == before


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ([1], 400),
        ({"version": "2", "target": "Production"}, 400),
        ({"model": "nobody", "version": "2", "target": "Production"}, 404),
        ({"model": "", "version": "9", "target": "Production"}, 400),
        ({"version": "9", "target": "Production", "model": None}, 400),
        ({"version": 2, "target": "Production", "model": "x"}, 400),
        ({"version": "2", "target": "QA", "model": "locked"}, 404),
        ({"version": "2", "target": "Production", "model": "x", "allowed": "yes"}, 400),
        ({"version": "2", "target": "Production", "model": "x", "requester": "a\x00b"}, 400),
    ],
)
def test_a_wrong_question_is_said_to_be_wrong(scene: Scene, said: Any, status: int) -> None:
    """4xx with the reason; nothing is decided."""
    answer = scene.ajax("POST", "spot/decisions", json=said)
    assert answer.status_code == status, answer.text
    assert answer.json()["message"].startswith("[spot]")


def test_target_and_version_that_are_not_there(scene: Scene) -> None:
    """Of a model that is there: an unknown target and an unknown version."""
    base = {"model": scene.name, "version": "2", "target": "Production"}
    wrong_target = scene.ajax("POST", "spot/decisions", json={**base, "target": "QA"})
    wrong_version = scene.ajax("POST", "spot/decisions", json={**base, "version": "9"})
    assert (wrong_target.status_code, wrong_version.status_code) == (400, 404)
