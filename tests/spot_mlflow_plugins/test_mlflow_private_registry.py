"""What the guard relies on in MLflow's registry and tracking stores, in more detail."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersionTag, RegisteredModelTag
from mlflow.prompt import constants
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore
from mlflow.store.model_registry.sqlalchemy_workspace_store import WorkspaceAwareSqlAlchemyStore

from spot_mlflow.record import direct
from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.mlflow_private.registry import PROMPT_SOURCES

ROOT = Path(__file__).resolve().parents[2]
PROMPT = "mlflow.prompt.is_prompt"


@pytest.fixture
def store(mlflow_uri: str) -> SqlAlchemyStore:
    """A registry of MLflow's own in an SQLite file."""
    return SqlAlchemyStore(mlflow_uri)


def test_private_names_stand_in_one_module() -> None:
    """Nothing outside one package imports a name of MLflow's that begins with an underscore."""
    found = []
    for package in ("spot_mlflow", "plugins", "checks", "cli"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if path.parent.name == "mlflow_private":
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                module = (
                    (getattr(node, "module", None) or "")
                    if isinstance(node, ast.ImportFrom)
                    else ""
                )
                if module.split(".")[0] == "mlflow":
                    names = [*module.split("."), *(a.name for a in node.names)]
                    found += [f"{path.name}: {n}" for n in names if n.startswith("_")]
    assert found == []


def test_a_tag_alone_makes_no_version_a_prompt(store: SqlAlchemyStore) -> None:
    """A prompt's version has a placeholder as its source: there is nothing to load."""
    store.create_registered_model("churn")
    store.create_registered_model("greeting", tags=[RegisteredModelTag(PROMPT, "true")])
    tags = [ModelVersionTag(PROMPT, "true")]
    genuine = store.create_model_version("greeting", "prompt-template", tags=tags)
    disguised = store.create_model_version("churn", "s3://x/y", tags=tags)
    plain = store.create_model_version("churn", "s3://x/y")
    found = [private.is_prompt_version(v) for v in (genuine, disguised, plain)]
    assert found == [True, False, False]


def test_the_placeholders_are_mlflows() -> None:
    """Where MLflow names the placeholders of prompts, they are the ones we know."""
    known = getattr(constants, "_PROMPT_SOURCE_PLACEHOLDERS", None)
    if known is not None:
        assert set(known) == set(PROMPT_SOURCES)


def test_every_version_in_a_stage_is_found(store: SqlAlchemyStore) -> None:
    """All holders of a stage, in a model whose name has a quote in it."""
    name = "it's"
    store.create_registered_model(name)
    for version in (1, 2, 3):
        store.create_model_version(name, "s3://x/y")
        if version != 2:
            store.transition_model_version_stage(name, version, "Production", False)
    assert set(private.in_stage(store, name, "Production")) == {"1", "3"}
    assert private.in_stage(store, name, "Staging") == []


def test_the_class_of_the_registry_follows_mlflows_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    """With workspaces switched on, the workspace-aware store is gated."""
    assert private.sql_registry_store() is SqlAlchemyStore
    monkeypatch.setenv("MLFLOW_ENABLE_WORKSPACES", "true")
    assert private.sql_registry_store() is WorkspaceAwareSqlAlchemyStore


def test_a_read_replica_is_taken_from_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable by which MLflow's server tells its workers of a replica."""
    from mlflow.server.constants import READ_REPLICA_BACKEND_STORE_URI_ENV_VAR

    monkeypatch.setenv(READ_REPLICA_BACKEND_STORE_URI_ENV_VAR, "sqlite:///replica.db")
    assert private.read_replica_uri() == "sqlite:///replica.db"


def test_the_pulse_changes_with_every_run_and_its_end(mlflow_uri: str) -> None:
    """A new run, its end, and the deletion of the experiment show; deleting a run does not."""
    client = MlflowClient(mlflow_uri)
    store = private.tracking_store_of(client)
    experiment = client.create_experiment("e")
    assert private.pulse_of(store, experiment) == ("active", 0, 0)
    run = client.create_run(experiment).info.run_id
    assert private.pulse_of(store, experiment) == ("active", 1, 0)
    direct.finish_run(client, run)
    ended = private.pulse_of(store, experiment)
    assert ended == ("active", 1, 1) == private.Pulse("active", 0, 0).plus_one()
    client.delete_run(run)
    assert private.pulse_of(store, experiment) == ended
    assert private.runs_of(store, experiment) == set()
    client.delete_experiment(experiment)
    assert private.pulse_of(store, experiment) != ended
    assert private.pulse_of(store, "999999") is None


def test_a_remote_store_is_no_database() -> None:
    """Where tracking or registry is no database of this process, there is nothing to look into."""
    client = MlflowClient("http://127.0.0.1:9", "http://127.0.0.1:9")
    store = private.tracking_store_of(client)
    assert private.pulse_of(store, "1") is None
    assert private.runs_of(store, "1") == set()
    assert private.model_rows(private.registry_store_of(client), "churn") is None
