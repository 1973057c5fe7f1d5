from __future__ import annotations

import pytest

from spot_mlflow.errors import NotFound, RecordDamaged
from spot_mlflow.gate.policy import default_policy
from spot_mlflow.record import Record
from spot_mlflow.record.policies import adoption_under_policy, current_policy, set_policy
from spot_mlflow.record.store import REGISTRY

ASSESSED = {"answers": {"S1": {"now": 3}}, "instrument": {"name": "spot", "version": "1.0"}}


@pytest.fixture
def calls(monkeypatch):
    """The names of the client's calls, in order."""
    from mlflow import MlflowClient

    made = []
    for name in (
        "get_registered_model", "search_model_versions", "search_registered_models",
        "get_experiment_by_name", "search_experiments", "get_experiment", "search_runs", "get_run",
    ):  # fmt: skip
        real = getattr(MlflowClient, name)

        def counted(self, *args, _name=name, _real=real, **kwargs):
            made.append(_name)
            return _real(self, *args, **kwargs)

        monkeypatch.setattr(MlflowClient, name, counted)
    return made


def test_one_search_brings_the_record_and_the_policy(churn, calls):
    """However many entries and policies there are; what is told is what two reads tell."""
    record = Record()
    for level in (2, 3):
        said = {**ASSESSED, "answers": {"S1": {"now": level}}}
        record.append(record.resolve(churn), "assessment", said, person="Ann", role="business")
    set_policy(record, default_policy().model_copy(update={"version": "7"}))
    set_policy(record, default_policy().model_copy(update={"version": "8"}))
    apart = record.adoption(churn), current_policy(record)
    calls.clear()
    adoption, policy = adoption_under_policy(record, churn)
    assert calls == [
        "get_registered_model",
        "search_model_versions",  # two versions in one stage: the model itself tells the newest only
        "get_experiment_by_name",
        "get_experiment_by_name",
        "search_runs",
    ]
    assert policy == apart[1]
    assert policy.version == "8"
    assert adoption.entries == apart[0].entries
    assert adoption.facts == apart[0].facts
    assert adoption.readiness.letters["S"].level == 3


def test_without_a_record_there_is_nothing_to_search(churn, calls):
    """A model nobody has touched has the default policy, and no search."""
    adoption, policy = adoption_under_policy(Record(), f"{churn}/1")
    assert (adoption.entries, adoption.version) == ((), "1")
    assert policy == default_policy()
    assert "search_runs" not in calls


def test_a_deleted_record_and_a_policy_that_is_none_are_said(churn):
    """Neither is passed over for the default."""
    from mlflow import MlflowClient

    record, client = Record(), MlflowClient()
    record.append(REGISTRY, "policy", {"policy": {"mode": "sometimes"}})
    with pytest.raises(RecordDamaged, match="cannot be read"):
        adoption_under_policy(record, churn)
    set_policy(record, default_policy())
    record.append(record.resolve(churn), "assessment", ASSESSED, person="Ann", role="business")
    client.delete_experiment(client.get_experiment_by_name(f"spot/{churn}").experiment_id)
    with pytest.raises(RecordDamaged, match="was deleted"):
        adoption_under_policy(record, churn)
    with pytest.raises(NotFound, match="no version '9'"):
        adoption_under_policy(record, f"{churn}/9")
