"""Tests of the tags of all models as they are kept in memory."""

from __future__ import annotations

import uuid

import pytest
from mlflow import MlflowClient

from spot_mlflow.record import direct
from spot_mlflow.record.facts import every_model
from spot_mlflow.record.kept_tags import KeptTags
from spot_mlflow.reporting.message.listed import UPDATED


@pytest.fixture
def client(mlflow_uri: str) -> MlflowClient:
    """A registry in a database of this process, which other tests use as well."""
    return MlflowClient(mlflow_uri, mlflow_uri)


def new_model(client: MlflowClient, **tags: str) -> str:
    """Registers a model with tags."""
    name = f"m{uuid.uuid4().hex[:8]}"
    client.create_registered_model(name, tags={f"spot.{k}": v for k, v in tags.items()})
    return name


def test_what_is_kept_is_what_mlflow_finds(client: MlflowClient) -> None:
    """All models with all their tags, those without a mark too, and no prompts."""
    new_model(client, updated="1", readiness="3")
    new_model(client)
    client.register_prompt(f"p{uuid.uuid4().hex[:8]}", "Hello {{name}}")
    found = KeptTags(client).read()
    assert found == sorted((name, dict(tags)) for name, tags in every_model(client))


def test_only_what_changed_is_read_again(
    client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One statement tells which; a model that was made, changed, renamed or deleted is as it is now."""
    still, changed, gone = (new_model(client, updated="1", readiness="1") for _ in range(3))
    kept = KeptTags(client)
    kept.read()
    read: list[str] = []
    ask = direct.model_tags
    monkeypatch.setattr(direct, "model_tags", lambda c, names: read.extend(names) or ask(c, names))
    assert dict(kept.read())[still]["spot.readiness"] == "1"
    assert read == []
    client.set_registered_model_tag(changed, "spot.readiness", "4")
    client.set_registered_model_tag(changed, UPDATED, "2")
    client.delete_registered_model(gone)
    new = new_model(client, readiness="2")
    found = dict(kept.read())
    assert (found[changed]["spot.readiness"], found[new]["spot.readiness"]) == ("4", "2")
    assert gone not in found
    assert sorted(read) == sorted([changed, new])


def test_through_a_server_they_are_searched_for(plainly: MlflowClient) -> None:
    """A client has no database to ask, and gets the same."""
    name = new_model(plainly, updated="1")
    assert dict(KeptTags(plainly).read())[name] == {"spot.updated": "1"}


@pytest.fixture
def plainly(plain_server: str) -> MlflowClient:
    """A client of a server."""
    return MlflowClient(plain_server, plain_server)
