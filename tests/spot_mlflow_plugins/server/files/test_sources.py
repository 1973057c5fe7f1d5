"""Tests that a source is followed to all that is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from mlflow import MlflowClient

from spot_mlflow_plugins import mlflow_private
from spot_mlflow_plugins.mlflow_private import VersionRow
from spot_mlflow_plugins.server.files.places import Places
from spot_mlflow_plugins.server.files.sources import Sources

if TYPE_CHECKING:
    from pathlib import Path


class World:
    """An MLflow with a run, a logged model of it, and versions of a registered model."""

    def __init__(self, uri: str, folder: Path) -> None:
        self.client = MlflowClient(uri, uri)
        place = self.client.create_experiment("training", "mlflow-artifacts:/1")
        self.run = self.client.create_run(place).info.run_id
        self.logged = self.client.create_logged_model(
            place, name="model", source_run_id=self.run
        ).model_id
        self.client.create_registered_model("churn")
        for source in (f"runs:/{self.run}/model", "models:/churn/1", f"models:/{self.logged}"):
            self.client.create_model_version(
                "churn", source, run_id=self.run, await_creation_for=None
            )
        self.registry = mlflow_private.registry_store_of(self.client)
        self.places = Places(str(folder / "artifacts"))
        tracking = mlflow_private.tracking_store_of(self.client)
        self.sources = Sources(self.places, tracking, self.registry)

    def files(self, source: str, run_id: str = "") -> Any:
        """What a version with such a source is loaded from."""
        return self.sources.files(VersionRow(source, source, run_id))


@pytest.fixture
def world(mlflow_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Artifacts are served by this process."""
    monkeypatch.setenv("_MLFLOW_SERVER_SERVE_ARTIFACTS", "true")
    return World(mlflow_uri, tmp_path)


@pytest.mark.parametrize("path", ["model", "/model/", "./model", "mod%65l", "x/../model"])
def test_runs_lead_to_their_folder_and_the_logged_model(world: World, path: str) -> None:
    """MLflow loads both together, so both are the version's files, and a new such model would be."""
    found = world.files(f"runs:/{world.run}/{path}")
    folder = world.places.below(f"1/{world.run}/artifacts/model")
    assert found.where == "inside"
    assert folder in found.places
    assert found.runs == {world.run}
    if path in {"model", "/model/", "mod%65l"}:
        assert found.logged_models == {world.logged}
        assert (world.run, "model") in found.names
        assert world.places.below(f"1/models/{world.logged}/artifacts") in found.places


@pytest.mark.parametrize("version", ["1", "2", "3"])
def test_versions_lead_to_the_files_of_what_they_are_made_of(world: World, version: str) -> None:
    """A copy is loaded from its source's files, whichever way those are registered."""
    row = mlflow_private.version_row(world.registry, "churn", version)
    assert row is not None
    found = world.sources.files(row)
    assert found.where == "inside"
    assert world.logged in found.logged_models
    assert world.run in found.runs
    assert found.places == world.files(row.location).places
    assert world.files(f"models:/churn/{version}").places == found.places


NOWHERE = [
    "",
    "runs:/" + "0" * 32 + "/model",
    "runs:model",
    "models:/churn/99",
    "models:/nobody/1",
    "models:/churn@champion",
    "models:/churn/Production",
    "models:/m-" + "0" * 32,
    "models:/",
    "mlflow-artifacts:/",
    "http://[::1/model",
]


@pytest.mark.parametrize("source", NOWHERE)
def test_what_should_lead_somewhere_and_does_not(world: World, source: str) -> None:
    """Nobody can say which files such a version is loaded from."""
    assert world.files(source).where == "unresolved"


ELSEWHERE = [
    "s3://bucket/model",
    "/somewhere/model",
    "https://example.com/model",
    "mlflow-artifacts://evil.example/1/run/artifacts/model",
    "http://evil.example/api/2.0/mlflow-artifacts/artifacts/1/run/artifacts/model",
    "runs://profile@databricks/abc/model",
    "models://profile@databricks/churn/1",
]


@pytest.mark.parametrize("source", ELSEWHERE)
def test_another_store_is_outside(world: World, source: str) -> None:
    """This server cannot keep files there as they are."""
    assert world.files(source).where == "outside"


def test_without_served_artifacts_all_is_outside(world: World, monkeypatch: Any) -> None:
    """Where clients write by themselves, no source is kept by this server."""
    monkeypatch.setenv("_MLFLOW_SERVER_SERVE_ARTIFACTS", "false")
    store = mlflow_private.tracking_store_of(world.client)
    sources = Sources(Places(None), store, world.registry)
    source = f"mlflow-artifacts:/1/{world.run}/artifacts/model"
    assert sources.files(VersionRow(source, source, "")).where == "outside"
