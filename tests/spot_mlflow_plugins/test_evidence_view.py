from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from mlflow import MlflowClient
from ready_record import make_ready, promise

import spot_mlflow as spot
from spot_mlflow.errors import NotFound, RecordDamaged
from spot_mlflow.gate.policy import default_policy
from spot_mlflow.record import Record
from spot_mlflow.record.policies import set_policy
from spot_mlflow_plugins.evidence_view import EvidenceView


@pytest.fixture
def view(mlflow_uri: str) -> EvidenceView:
    """A view on a registry with two versions of churn."""
    client = MlflowClient(mlflow_uri, mlflow_uri)
    client.create_registered_model("churn")
    for _ in range(2):
        client.create_model_version("churn", source="s3://nowhere/model")
    return EvidenceView(Record())


def kinds(view: EvidenceView, version: str = "1") -> list[str]:
    """Returns the kinds of the entries that the view sees."""
    adoption, _ = view.adoption(view.record.facts("churn"), version)
    return [e.kind for e in adoption.entries]


def test_what_others_write_is_seen_at_the_next_question(view: EvidenceView) -> None:
    """Entries written by another record, before and after the first question, are all there."""
    assert kinds(view) == []
    promise(Record(), "churn/1")
    assert kinds(view) == ["prediction"]
    spot.log_pulse("churn", person="Bo", role="business", useful=4, would_use=4)
    assert kinds(view) == ["prediction", "pulse"]


def test_an_entry_with_an_old_date_is_seen(view: EvidenceView) -> None:
    """A clock that is slow, or an import, does not hide an entry behind newer ones."""
    for _ in range(3):
        promise(Record(), "churn/1")
    assert kinds(view) == ["prediction"] * 3
    at = datetime.now(timezone.utc) - timedelta(days=300)
    record = Record()
    record.append(
        record.resolve("churn/1"),
        "pulse",
        {"useful": 1, "would_use": 1},
        person="Ann",
        role="frontline",
        at=at,
        refresh=False,
    )
    assert kinds(view) == ["pulse", *["prediction"] * 3]


def test_the_same_evidence_is_not_read_again(
    view: EvidenceView, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without anything new, no run is read: the cost does not grow with the record."""
    make_ready(Record(), "churn/1")
    before = view.adoption(view.record.facts("churn"), "1")
    monkeypatch.setattr("spot_mlflow.record.reading.runs", _never)
    monkeypatch.setattr(MlflowClient, "search_runs", _never)
    after = view.adoption(view.record.facts("churn"), "1")
    assert [e.id for e in after[0].entries] == [e.id for e in before[0].entries]
    assert after[1] == before[1]


def _never(*_: object, **__: object) -> None:
    raise AssertionError("runs were read again")


def test_a_view_says_what_a_fresh_reading_says(view: EvidenceView) -> None:
    """Kept up to date step by step, the view equals an adoption built from scratch."""
    for version in ("churn/1", "churn/2"):
        make_ready(Record(), version)
        kinds(view)
        promise(Record(), version)
        for asked in ("1", "2"):
            seen, _ = view.adoption(view.record.facts("churn"), asked)
            fresh = Record().adoption("churn", version=asked, now=seen.now)
            assert {e.id for e in seen.entries} == {e.id for e in fresh.entries}
            assert seen.predictions == fresh.predictions
            assert seen.readiness == fresh.readiness
            assert seen.involvement == fresh.involvement
            assert seen.version == asked


def test_a_deleted_record_is_noticed(view: EvidenceView) -> None:
    """A companion experiment that was deleted after it was read is damage, and no empty record."""
    promise(Record(), "churn/1")
    assert kinds(view) == ["prediction"]
    client = view.record.client
    client.delete_experiment(client.get_experiment_by_name("spot/churn").experiment_id)
    with pytest.raises(RecordDamaged, match="was deleted"):
        kinds(view)


def test_a_new_policy_is_in_force_at_once(view: EvidenceView) -> None:
    """The next question is decided by the newest policy, whoever set it."""
    assert view.policies().in_force.mode == "observe"
    set_policy(Record(), default_policy().with_mode("block"))
    assert view.policies().in_force.mode == "block"
    set_policy(Record(), default_policy().with_mode("warn"))
    assert view.policies().in_force.mode == "warn"


def test_ages_are_taken_anew(view: EvidenceView, monkeypatch: pytest.MonkeyPatch) -> None:
    """Evidence that is kept grows older: the moment of a decision is its own."""
    import spot_mlflow_plugins.evidence_view as module

    promise(Record(), "churn/1")
    first, _ = view.adoption(view.record.facts("churn"), "1")
    for later in (timedelta(seconds=30), timedelta(days=100)):
        moment = first.now + later
        monkeypatch.setattr(module, "utc", lambda _, moment=moment: moment)
        assert view.adoption(view.record.facts("churn"), "1")[0].now == moment


def test_facts_in_fewer_statements_are_the_same_facts(view: EvidenceView) -> None:
    """What the tables say is what MLflow's client says: versions, stages, aliases, tags."""
    client = view.record.client
    with pytest.warns(FutureWarning):
        client.transition_model_version_stage("churn", "1", "Staging")
    client.create_model_version("churn", source="s3://nowhere/model", tags={"a": "b"})
    client.set_registered_model_alias("churn", "Champion", "3")
    client.set_registered_model_alias("churn", "blue", "3")
    client.set_registered_model_tag("churn", "team", "a")
    client.delete_model_version("churn", "2")
    quick, slow = view.facts("churn"), view.record.facts("churn")
    assert (quick, list(quick.versions)) == (slow, list(slow.versions))
    with pytest.raises(NotFound):
        view.facts("nobody")


def test_what_a_decision_rests_on_is_known_to_have_changed(view: EvidenceView) -> None:
    """A new entry counts, a decision does not, and nothing new is nothing new."""
    promise(Record(), "churn/1")
    facts = view.facts("churn")
    view.policies()
    view.adoption(facts, "1")
    basis = view.basis(facts)
    assert basis
    assert view.still(basis)
    record = Record()
    record.append(record.resolve("churn/1"), "decision", {"target": "Production"}, refresh=False)
    assert view.still(basis)
    spot.log_pulse("churn", person="Bo", role="business", useful=4, would_use=4)
    assert not view.still(basis)
    view.adoption(facts, "1")
    assert view.still(view.basis(facts))


def test_no_more_is_kept_than_some_models(
    view: EvidenceView, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Models that were asked for long ago are forgotten, and read again when asked for."""
    monkeypatch.setattr("spot_mlflow_plugins.evidence_view.MOST_MODELS", 2)
    client = view.record.client
    for name in ("a", "b", "c"):
        client.create_registered_model(name)
        client.create_model_version(name, source="s3://nowhere/model")
        promise(Record(), f"{name}/1")
    for name in ("a", "b", "c", "a"):
        adoption, _ = view.adoption(view.facts(name), "1")
        assert [e.kind for e in adoption.entries] == ["prediction"]
        assert len(view._seen) <= 2
