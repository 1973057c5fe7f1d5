"""Tests of the server's own record: what it keeps in memory, and what it does without its anchors."""

from __future__ import annotations

import pytest
from mlflow import MlflowClient
from people import INSTRUMENT

import spot_mlflow as spot
from spot_mlflow.errors import InvalidInput
from spot_mlflow.record import Record
from spot_mlflow.record.companion import name_of
from spot_mlflow.record.references import ModelRef
from spot_mlflow_plugins.server.record.signed import LONGEST_NAME, model_lock, recorded


def test_locks_are_a_fixed_number() -> None:
    """However many names are sent, no more locks are kept; one name has one lock."""
    locks = {id(model_lock(f"m{n}")) for n in range(5000)}
    assert len(locks) <= 256
    assert model_lock("churn") is model_lock("churn")


def test_name_that_no_registry_has_is_refused_before_anything_is_kept() -> None:
    """A name of 30 MB is turned away, in a short sentence."""
    model_lock("x" * LONGEST_NAME)
    with pytest.raises(InvalidInput, match="at most 256") as refused:
        model_lock("x" * 30_000_000)
    assert len(str(refused.value)) < 200


def test_only_models_that_can_have_a_record_are_asked(mlflow_uri: str) -> None:
    """Of many models the one with a record, however long its name; of a renamed one or one made by hand its own."""
    client, record = MlflowClient(mlflow_uri, mlflow_uri), Record(mlflow_uri, mlflow_uri)
    kept, renamed, by_hand = f"kept-{'x' * 240}", "before", "by-hand"
    for name in (kept, renamed, by_hand, *(f"plain-{i}" for i in range(5))):
        client.create_registered_model(name)
    answers = dict.fromkeys(INSTRUMENT.ids, 3)
    spot.log_assessment(kept, answers, person="Ann", role="business", record=record)
    client.create_experiment(name_of(ModelRef(by_hand, None, 0)))
    assert {ref.name for ref in recorded(record)} == {kept, by_hand}
    assert {ref.created for ref in recorded(record)} > {record.facts(kept).created}
    client.create_experiment("spot/no such/model")
    every = {ref.name for ref in recorded(record)}
    assert every == set(record.models())
    client.delete_experiment(client.get_experiment_by_name("spot/no such/model").experiment_id)
    spot.log_assessment(renamed, answers, person="Ann", role="business", record=record)
    client.rename_registered_model(renamed, "after")
    assert "after" in {ref.name for ref in recorded(record)}
