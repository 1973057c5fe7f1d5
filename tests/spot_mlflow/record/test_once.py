from __future__ import annotations

import pytest

from spot_mlflow.record import Record
from spot_mlflow.record.once import RegistryOnce


class Counting:
    """A registry that counts how often it is asked."""

    def __init__(self):
        self.asked = []

    def get_registered_model(self, name):
        """Knows every model but one."""
        self.asked.append(name)
        if name == "gone":
            raise LookupError(name)
        return f"model {name}"

    def search_model_versions(self, filter_string, **options):
        """Says what it was asked."""
        self.asked.append(filter_string)
        return [filter_string, options]

    def other(self):
        """Anything else is handed on."""
        return "other"


def test_each_question_is_asked_once():
    """The same question has the same answer; another one, or a failed one, is asked."""
    registry = Counting()
    once = RegistryOnce(registry)
    assert once.get_registered_model("a") == once.get_registered_model("a") == "model a"
    assert once.search_model_versions("f", max_results=1) is once.search_model_versions(
        "f", max_results=1
    )
    assert once.search_model_versions("f", max_results=2) == ["f", {"max_results": 2}]
    for _ in range(2):
        with pytest.raises(LookupError):
            once.get_registered_model("gone")
    assert registry.asked == ["a", "f", "f", "gone", "gone"]
    assert once.other() == "other"


def test_an_adoption_asks_the_registry_for_the_model_once(mlflow_uri, monkeypatch):
    """One look at the model; its versions are asked for only where the model does not tell all."""
    from mlflow import MlflowClient

    client = MlflowClient(mlflow_uri)
    client.create_registered_model("churn")
    client.create_model_version("churn", "s3://nowhere/model")
    calls = []
    for name in ("get_registered_model", "search_model_versions", "search_runs"):
        real = getattr(MlflowClient, name)

        def counted(self, *args, _name=name, _real=real, **kwargs):
            calls.append(_name)
            return _real(self, *args, **kwargs)

        monkeypatch.setattr(MlflowClient, name, counted)
    record = Record()
    assert record.adoption("churn/1").version == "1"
    assert calls == ["get_registered_model"]
    calls.clear()
    client.create_model_version("churn", "s3://nowhere/model")  # the model tells the newest only
    assert [v.version for v in record.adoption("churn/1").facts.versions] == ["1", "2"]
    assert calls == ["get_registered_model", "search_model_versions"]
    # A second answer is a new question: the registry may have changed.
    client.set_registered_model_tag("churn", "team", "west")
    assert record.adoption("churn").facts.tags["team"] == "west"
