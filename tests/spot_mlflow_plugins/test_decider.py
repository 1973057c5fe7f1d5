from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from mlflow import MlflowClient
from ready_record import block, make_ready

from spot_mlflow.errors import NotFound, Unavailable
from spot_mlflow.record import Record
from spot_mlflow.record.writer import PlainWriter
from spot_mlflow_plugins.decider import RecordDecider

if TYPE_CHECKING:
    from spot_mlflow_plugins.ruling import Ruling


@pytest.fixture
def decider(mlflow_uri: str) -> RecordDecider:
    """A decider on a registry with one version of churn, in mode block."""
    client = MlflowClient(mlflow_uri, mlflow_uri)
    client.create_registered_model("churn")
    client.create_model_version("churn", source="s3://nowhere/model")
    block(Record())
    return RecordDecider(Record, lambda: "Dan Sample")


def ask(decider: RecordDecider, target: str = "Production") -> Ruling:
    """Asks whether version 1 of churn may have a target."""
    return decider.decide("churn", "1", target, policy=decider.policy())


def decisions() -> list[Any]:
    """Returns the decisions recorded for churn."""
    record = Record()
    return [e for e in record.entries(record.resolve("churn")) if e.kind == "decision"]


def test_a_decision_names_who_asked(decider: RecordDecider) -> None:
    """The requester is whom the decider was told of, in the decision and in its entry."""
    ruling = ask(decider)
    decider.record(ruling, applied=False)
    assert ruling.decision.requester == "Dan Sample"
    assert decisions()[0].payload["requester"] == "Dan Sample"


def test_each_decision_sees_what_others_wrote(decider: RecordDecider) -> None:
    """One decider kept for long reads what is new with every question."""
    assert not ask(decider).decision.allowed
    make_ready(Record(), "churn/1")
    assert ask(decider).decision.allowed


def test_an_objection_cannot_be_taken_back_by_deleting_it(decider: RecordDecider) -> None:
    """A blocking concern that was seen counts although its run was deleted meanwhile."""
    import spot_mlflow as spot

    make_ready(Record(), "churn/1")
    spot.raise_concern(
        "churn", person="C", role="frontline", what="wrong list", severity="blocking"
    )
    assert not ask(decider).decision.allowed
    record = Record()
    run = next(e.run_id for e in record.entries(record.resolve("churn")) if e.kind == "concern")
    record.client.delete_run(run)
    assert not ask(decider).decision.allowed


def test_what_could_not_be_recorded_is_recorded_with_the_next(
    decider: RecordDecider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record that fails for a moment loses no decision, and stops nobody."""
    ruling = ask(decider)
    with monkeypatch.context() as m:
        m.setattr(PlainWriter, "write", _fails)
        decider.record(ruling, applied=True)
    assert decisions() == []
    decider.record(ask(decider, "@champion"), applied=True)
    assert [d.payload["target"] for d in decisions()] == ["Production", "@champion"]


def _fails(*_: Any, **__: Any) -> None:
    raise Unavailable("down for a moment")


def test_a_model_that_is_gone_is_no_reason_to_wait(
    decider: RecordDecider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the model was deleted meanwhile, its decision is dropped and the next one written."""
    ruling = ask(decider)

    def gone(*_: Any, **__: Any) -> None:
        raise NotFound("no such model")

    with monkeypatch.context() as m:
        m.setattr(PlainWriter, "write", gone)
        decider.record(ruling, applied=True)
    decider.record(ruling, applied=True)
    assert len(decisions()) == 1


def test_threads_share_one_decider(decider: RecordDecider) -> None:
    """Decisions asked for at the same time are all answered, and all recorded."""
    make_ready(Record(), "churn/1")
    found: list[bool] = []

    def one() -> None:
        ruling = ask(decider)
        decider.record(ruling, applied=True)
        found.append(ruling.decision.allowed)

    threads = [threading.Thread(target=one) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert found == [True] * 8
    assert len(decisions()) == 8


def test_a_refusal_tells_who_owes_answers_no_levels(decider: RecordDecider) -> None:
    """Who was asked and has not answered gets reasons without others' levels; the record has them."""
    import spot_mlflow as spot

    spot.log_assessment("churn", {"S1": 1, "P1": 2}, person="Kim", role="business")
    assert ask(decider).told is None
    assert "1" in levels(ask(decider).words)
    spot.log_involvement(
        "churn", phase="scope", kind="contributed", person="Dan Sample", role="data_scientist"
    )
    ruling = ask(decider)
    assert "shown once your own answers are in" in ruling.words
    assert levels(ruling.words) == ""
    assert "1" in levels(ruling.decision.explain())
    spot.log_assessment("churn", {"S1": 3}, person="Dan Sample", role="data_scientist")
    assert ask(decider).told is None


def levels(words: str) -> str:
    """The lines of a refusal that tell measured levels."""
    lines = [line for line in words.splitlines() if "letter" in line.lower()]
    return " ".join(line for line in lines if "shown once" not in line)
