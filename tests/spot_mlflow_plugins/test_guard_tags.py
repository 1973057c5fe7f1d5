from __future__ import annotations

from typing import Any

import pytest
from guarding import decisions, record, refused
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersionTag, RegisteredModelTag
from ready_record import block

from spot_mlflow.record import REGISTRY, Record
from spot_mlflow_plugins.quick_writer import QuickWriter

pytestmark = pytest.mark.filterwarnings("ignore:.*transition_model_version_stage.*:FutureWarning")


def test_reserved_tags_are_refused_and_others_are_not(sqlite: MlflowClient) -> None:
    """Derived tags are nobody's to set or delete, however the key is written; others are free."""
    for key in ("spot", "spot.readiness", "SPOT.readiness", " spot.x", "ѕpot.lift", "Spot"):
        refused(sqlite.set_registered_model_tag, "churn", key, "5")
        refused(sqlite.delete_registered_model_tag, "churn", key)
        refused(sqlite.set_model_version_tag, "churn", "1", key, "5")
        refused(sqlite.delete_model_version_tag, "churn", "1", key)
    for key in ("spotlight", "team", "my.spot.tag", "mlflow.note"):
        sqlite.set_registered_model_tag("churn", key, "1")
        sqlite.set_model_version_tag("churn", "1", key, "1")
        sqlite.delete_model_version_tag("churn", "1", key)
        sqlite.delete_registered_model_tag("churn", key)


def test_refused_tags_are_in_the_record_with_who_tried(
    sqlite: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each sort of attempt is a decision that names the requester; a flood is one with a count."""
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "Mallory")
    for i in range(30):
        refused(sqlite.set_registered_model_tag, "churn", f"spot.{i}", "5")
    refused(sqlite.delete_model_version_tag, "churn", "2", "mlflow.prompt.is_prompt")
    store = sqlite._get_registry_client().store
    refused(store.set_registered_model_tag, "nobody", RegisteredModelTag("spot", "5"))
    found = [d for d in decisions(sqlite) if d["basis"] == "tampering"]
    assert [(d["requester"], d["version"], d["target"], d["attempts"]) for d in found] == [
        ("Mallory", "", "set tag 'spot.0'", 1),
        ("Mallory", "2", "delete tag 'mlflow.prompt.is_prompt'", 1),
    ]
    assert {(d["allowed"], d["applied"], d["outcome"], d["policy"]) for d in found} == {
        (False, False, "refused", "always")
    }
    store._spot_decider._attempts.flush()
    counted = [d for d in decisions(sqlite) if d["basis"] == "tampering"]
    assert [d["attempts"] for d in counted] == [1, 1, 29]
    everywhere = record(sqlite).entries(REGISTRY)
    assert [e.payload["target"] for e in everywhere if e.kind == "decision"] == ["set tag 'spot'"]


def test_a_record_that_is_down_lets_no_reserved_tag_pass(
    sqlite: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the attempt cannot be recorded it is refused all the same, in the same words."""
    monkeypatch.setattr(QuickWriter, "write", _fails)
    assert "is reserved" in refused(sqlite.set_registered_model_tag, "churn", "spot", "5")


def _fails(*_: Any, **__: Any) -> None:
    raise ConnectionError("down")


def test_tags_at_creation_lose_the_reserved_ones(sqlite: MlflowClient) -> None:
    """A model or version is registered with its other tags; copies carry ours along."""
    model = sqlite.create_registered_model("upsell", tags={"spot.readiness": "5", "team": "a"})
    version = sqlite.create_model_version("upsell", "s3://x/y", tags={"Spot": "ok", "team": "a"})
    assert model.tags == {"spot": "not assessed", "team": "a"}
    assert version.tags == {"team": "a"}


def test_a_model_cannot_be_disguised_as_a_prompt(sqlite: MlflowClient) -> None:
    """The tag that makes a prompt of a model can be neither set, nor brought along by a version."""
    key = "mlflow.prompt.is_prompt"
    for written in (key, "MLFLOW.prompt.is_prompt"):
        refused(sqlite.set_registered_model_tag, "churn", written, "true")
        refused(sqlite.set_model_version_tag, "churn", "1", written, "true")
    refused(sqlite.delete_registered_model_tag, "churn", key)
    # The client refuses these itself; a request past it does not.
    store = sqlite._get_registry_client().store
    store.create_model_version("churn", "s3://x/y", tags=[ModelVersionTag(key, "true")])
    refused(sqlite.set_registered_model_alias, "churn", "champion", "3")
    store.create_registered_model("disguised", tags=[RegisteredModelTag(key, "true")])
    store.create_model_version("disguised", "s3://x/y", tags=[ModelVersionTag(key, "true")])
    refused(store.set_registered_model_alias, "disguised", "champion", "1")


def test_prompts_go_on_working(mlflow_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Registering, aliasing as production, loading and deleting a prompt is untouched."""
    import mlflow

    block(Record(mlflow_uri, mlflow_uri))
    mlflow.set_registry_uri(f"spot+{mlflow_uri}")
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", f"spot+{mlflow_uri}")
    mlflow.genai.register_prompt("greeting", "Hello {{name}}")
    mlflow.genai.register_prompt("greeting", "Good day {{name}}", tags={"team": "a"})
    mlflow.genai.set_prompt_alias("greeting", "production", 2)
    assert mlflow.genai.load_prompt("prompts:/greeting@production").template == "Good day {{name}}"
    mlflow.genai.register_prompt("farewell", "Bye {{name}}")
    mlflow.genai.set_prompt_alias("farewell", "production", 1)
    MlflowClient(mlflow_uri, f"spot+{mlflow_uri}").delete_prompt("farewell")
    mlflow.genai.delete_prompt_alias("greeting", "production")
    client = MlflowClient(mlflow_uri, f"spot+{mlflow_uri}")
    client.delete_prompt_version("greeting", "1")
    client.delete_prompt_version("greeting", "2")
    client.delete_prompt("greeting")
