"""What lists and tags say after a plain client has changed where a version is."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any

import pytest
import requests
from gated import CONTRACT, new_version
from mlflow import MlflowClient

import spot_mlflow as spot
from spot_mlflow.record import Record

if TYPE_CHECKING:
    from servers import MlflowServer


@pytest.fixture
def promised(any_gated_server: MlflowServer) -> tuple[MlflowClient, str]:
    """A model with two promised versions that nobody stops, and a client without the plugin."""
    url = any_gated_server.url
    client, record, name = MlflowClient(url, url), Record(url, url), f"free-{uuid.uuid4().hex[:8]}"
    client.create_registered_model(name)
    for _ in range(2):
        version = new_version(client, name)
        spot.log_predicted_lift(f"{name}/{version}", CONTRACT, record=record)
    return client, name


def tags(client: MlflowClient, name: str, *versions: str) -> list[str]:
    """The headline of the model, or of its versions."""
    if not versions:
        return [client.get_registered_model(name).tags["spot"]]
    return [client.get_model_version(name, v).tags["spot"] for v in versions]


def row(client: MlflowClient, name: str) -> str:
    """The words of the model's row in the list."""
    page: Any = requests.get(
        f"{client._registry_uri}/spot/models", params={"q": name}, timeout=120
    ).text
    (found,) = re.findall(rf'<tr[^>]*>(?:(?!</tr>).)*?name={name}".*?</tr>', page, re.DOTALL)
    return " ".join(re.sub("<[^>]*>", " ", found).split())


def test_a_move_is_in_the_tags_and_in_the_list_at_once(promised: tuple[MlflowClient, str]) -> None:
    """In Production, then replaced, then away: the model's headline, its row, and each version's own."""
    client, name = promised
    client.transition_model_version_stage(name, "2", "Production")
    assert " in Production" in tags(client, name)[0]
    assert "In Production" in row(client, name)
    client.transition_model_version_stage(name, "1", "Production", archive_existing_versions=True)
    one, two = tags(client, name, "1", "2")
    assert " in Production" in one
    assert "may go back to Production" in two
    client.transition_model_version_stage(name, "1", "Archived")
    assert "may go back to Production" in tags(client, name, "1")[0]
    assert "Deployed" not in row(client, name)


def test_a_deletion_and_a_new_name_are_too(promised: tuple[MlflowClient, str]) -> None:
    """The summary is about a version that there is, under the name that the model has."""
    client, name = promised
    client.transition_model_version_stage(name, "1", "Production")
    client.transition_model_version_stage(name, "2", "Production")
    assert " in Production" in tags(client, name)[0]
    client.rename_registered_model(name, f"{name}-new")
    assert " in Production" in tags(client, f"{name}-new")[0]
    client.delete_model_version(f"{name}-new", "2")
    assert " in Production" in tags(client, f"{name}-new", "1")[0]
    assert " in Production" in tags(client, f"{name}-new")[0]
