"""Tests that each private name of MLflow is there and does what we take it for."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from spot_mlflow_plugins import mlflow_private

if TYPE_CHECKING:
    from pathlib import Path

# Run in a process of its own: MLflow's server keeps its stores in module globals.
SCRIPT = r"""
import json, os
from flask import Flask, g
from mlflow import MlflowClient
from spot_mlflow_plugins import mlflow_private as p

uri = p.backend_uri()
client = MlflowClient(uri, uri)
client.create_registered_model("churn", tags={"team": "a"})
run = client.create_run("0")
client.create_model_version("churn", "s3://x/m", run_id=run.info.run_id, await_creation_for=None)
client.create_model_version("churn", "s3://x/m", await_creation_for=None)
client.transition_model_version_stage("churn", "1", "Staging")
prompt = client.register_prompt("greet", "Hello {{ you }}")
logged = client.create_logged_model("0", name="m", source_run_id=run.info.run_id)
store, registry = p.tracking_store(), p.model_registry_store()
app = p.flask_app()


before = p.pulse_of(store, "0")
rows = p.finished_run(
    run_id="2" * 32,
    experiment_id="0", folder="mlflow-artifacts:/0", name="n", at=1, tags={"a": "b"}, params={"c": "d"}
)
p.insert_run(store, rows)
made = rows.run_id
after = p.pulse_of(store, "0")
found = client.get_run(made)
another = rows._replace(run_id="1" * 32, run={**rows.run, "run_uuid": "1" * 32}, tags=[], params=[])
with p.runs_with_change(registry, [another], must=True) as joined:
    client.get_run(made)
    unchanged = joined.written
    registry.set_registered_model_alias("churn", "blue", "1")
with app.test_request_context("/", method="POST", json='{"a": 1}'):
    twice = p.sent_json()
looks = []
with p.looked_at(registry, "churn", looks.append):
    registry.set_registered_model_alias("churn", "blue", "1")
with p.looked_at(registry, "nobody", looks.append):
    registry.set_registered_model_alias("churn", "blue", "1")
with p.in_workspace(None):
    inside = p.current_workspace()

answers = {
    "flask_app": "serve" in app.view_functions,
    "fastapi_app": hasattr(p.fastapi_app(app), "routes"),
    "serves_asgi": p.serves_asgi() is True,
    "with_static_prefix": p.with_static_prefix("/spot/") == "/team/spot/",
    "tracking_store": hasattr(store, "log_batch"),
    "model_registry_store": hasattr(registry, "transition_model_version_stage"),
    "name_of_experiment": p.name_of_experiment(store, "0") == "Default"
        and p.name_of_experiment(store, "99") is None,
    "experiment_of_run": p.experiment_of_run(store, run.info.run_id) == "0"
        and p.experiment_of_run(store, "x") is None,
    "experiment_of_logged_model": p.experiment_of_logged_model(store, logged.model_id) == "0"
        and p.experiment_of_logged_model(store, "m-none") is None,
    "artifact_root": p.artifact_root(store, run_id=run.info.run_id, model_id=None)
        == run.info.artifact_uri
        and p.artifact_root(store, run_id=None, model_id=logged.model_id) == logged.artifact_location
        and p.artifact_root(store, run_id="x", model_id=None) is None
        and p.artifact_root(store, run_id=None, model_id=None) is None,
    "all_views": p.all_views() == 3,
    "artifacts_only": p.artifacts_only() is False,
    "artifact_repository": hasattr(p.artifact_repository(), "log_artifact"),
    "backend_uri": uri.startswith("sqlite:"),
    "registry_uri": p.registry_uri() == uri,
    "plain_artifact_repository": p.plain_artifact_repository() is not p.artifact_repository(),
    "proxied_path": p.proxied_path("mlflow-artifacts:/0/r/artifacts") == "0/r/artifacts"
        and p.proxied_path("s3://x") is None and p.proxied_path("http://h/x") is None
        and p.proxied_path("http://h/p/ajax-api/2.0//mlflow-artifacts/artifacts/0/r") == "0/r",
    "is_proxied": p.is_proxied("mlflow-artifacts:/0/r/artifacts") and not p.is_proxied("s3://x"),
    "artifacts_destination": p.artifacts_destination() == os.environ["_MLFLOW_SERVER_ARTIFACT_DESTINATION"],
    "default_artifact_root": isinstance(p.default_artifact_root(), str),
    "sent_json": twice == {"a": 1},
    "run_and_path": p.run_and_path("runs:/r/a/b") == ("r", "a/b")
        and p.run_and_path("runs:/r") == ("r", "") and p.run_and_path("runs:x") is None,
    "model_reference": p.model_reference("models:/m-1") == ("m-1", None, None)
        and p.model_reference("models:/churn/2") == (None, "churn", "2")
        and p.model_reference("models:/") == (None, None, None),
    "s3_place": p.s3_place("s3://shelf/a/b")[1:] == ("shelf", "a/b"),
    "is_local": p.is_local("/a") and p.is_local("file:///a") and not p.is_local("s3://a"),
    "local_path": p.local_path("file:///a%20b") == "/a b",
    "version_row": p.version_row(registry, "churn", "1")[:3]
        == ("s3://x/m", "s3://x/m", run.info.run_id)
        and p.version_row(registry, "churn", "99") is None,
    "run_locations": p.run_locations(store, [run.info.run_id, "x"])
        == {run.info.run_id: run.info.artifact_uri},
    "model_locations": p.model_locations(store, [logged.model_id, "m-none"])
        == {logged.model_id: logged.artifact_location},
    "models_logged_by": [m.model_id for m in p.models_logged_by(store, [run.info.run_id])]
        == [logged.model_id] and p.models_logged_by(store, ["x"]) == [],
    "is_prompt_tag": p.is_prompt_tag("mlflow.prompt.is_prompt") and not p.is_prompt_tag("x"),
    "is_prompt_model": p.is_prompt_model(registry.get_registered_model("greet"))
        and not p.is_prompt_model(registry.get_registered_model("churn")),
    "registered_model_tag": p.registered_model_tag("a", "b").key == "a",
    "is_prompt_source": not p.is_prompt_source("s3://x/m"),
    "is_prompt_version": p.is_prompt_version(registry.get_model_version("greet", "1"))
        and not p.is_prompt_version(registry.get_model_version("churn", "1")),
    "in_stage": p.in_stage(registry, "churn", "Staging") == ["1"],
    "holders": p.holders(registry) == [
        ("churn", "1", "Staging", run.info.run_id, "s3://x/m", "s3://x/m", None),
        ("churn", "1", "@blue", run.info.run_id, "s3://x/m", "s3://x/m", None),
    ] and p.holders(object()) == [],
    "workspace_store": p.workspace_store() is None,
    "sql_registry_store": p.sql_registry_store() is type(registry),
    "rest_registry_store": callable(p.rest_registry_store("http://x")[1]),
    "read_replica_uri": p.read_replica_uri() is None,
    "workspaces": p.workspaces() == [None],
    "current_workspace": p.current_workspace() is None,
    "in_workspace": inside is None,
    "tracking_store_of": hasattr(p.tracking_store_of(client), "log_batch"),
    "registry_store_of": hasattr(p.registry_store_of(client), "get_registered_model"),
    "workspace_of": p.workspace_of(store) in ("", "default"),
    "model_rows": [v[0] for v in p.model_rows(registry, "churn").versions] == ["1", "2"]
        and p.model_rows(registry, "nobody") is None,
    "pulse_of": after == before.plus_one(),
    "runs_of": made in p.runs_of(store, "0"),
    "looked_at": looks[0].created > 0 and looks[0].aliases == {("blue", "1")}
        and looks[0].stages == {("Staging", "1")} and looks[1] is None,
    "kinds_of_runs": p.kinds_of_runs(store, "0") == {} and p.kinds_of_runs(object(), "0") == {},
    "is_database": p.is_database(registry) and not p.is_database(object()),
    "same_database": p.same_database(registry, store) and not p.same_database(registry, object()),
    "runs_with_change": (unchanged, joined.written) == (False, True)
        and client.get_run("1" * 32).info.status == "FINISHED",
    "finished_run": rows.run["run_uuid"] == made,
    "begun": p.begun(rows).run["status"] == "RUNNING",
    "status_of_run": (p.status_of_run(store, made), p.status_of_run(store, "3" * 32))
        == ("FINISHED", None),
    "evidence_homes": p.evidence_homes(store, ("a", "b")) == {}
        and p.evidence_homes(object(), ("a", "b")) is None,
    "model_births": {n for n, _ in p.model_births(registry)} >= {"churn"}
        and p.model_births(object()) is None,
    "insert_run": (found.info.status, found.data.tags["a"], found.data.params["c"])
        == ("FINISHED", "b", "d") and found.info.artifact_uri.endswith(f"{made}/artifacts"),
}

from mlflow.server import auth
auth.authenticate_request = lambda: type("Login", (), {"username": "admin"})
with app.test_request_context("/"):
    g.mlflow_authenticated_user = "admin"
    p.authorize({("/team/spot/", "GET"): lambda: True})
    answers["authorize"] = ("/team/spot/", "GET") in auth.BEFORE_REQUEST_VALIDATORS
    answers["auth_app"] = hasattr(p.auth_app(app), "routes")
    answers["sender_is_admin"] = p.sender_is_admin() is True
    answers["may_read_model"] = p.may_read_model("churn") is True
    answers["readable_models"] = p.readable_models()("churn") is True
    answers["may_manage_model"] = p.may_manage_model("churn") is False
    p.bind_experiments(
        {"7": (), "8": ("churn",), "9": ("churn",)}.get,
        lambda user, experiment: (user, experiment) == ("admin", "8"),
    )
    p.bind_experiments(lambda experiment: None, lambda user, experiment: False)  # once is enough
    may = lambda i: auth._get_experiment_permission(i, "admin").can_read
    found = (may("0"), may("7"), may("8"), may("9"))
    answers["bind_experiments"] = found == (True, False, False, True)
    answers["may_update_model"] = p.may_update_model("churn") is False
p.leave_open(["/spot/link"])
asked = auth.is_unprotected_route
answers["leave_open"] = asked("/spot/link") and asked("/health") and not asked("/spot/linky")
p.serve("sqlite:///elsewhere.db")
answers["serve"] = p.backend_uri() == "sqlite:///elsewhere.db"
print("ANSWERS" + json.dumps(answers))
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bool]:
    """What each function said in a process set up as MLflow sets up a server's worker."""
    folder: Path = tmp_path_factory.mktemp("private")
    (folder / "auth.ini").write_text(
        f"[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///{folder / 'auth.db'}\n"
        "admin_username = admin\nadmin_password = admin-password-1234\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_")} | {
        "_MLFLOW_SERVER_FILE_STORE": f"sqlite:///{folder / 'mlflow.db'}",
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": str(folder / "artifacts"),
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        "_MLFLOW_STATIC_PREFIX": "/team",
        "_MLFLOW_SGI_NAME": "uvicorn",
        "MLFLOW_AUTH_CONFIG_PATH": str(folder / "auth.ini"),
        "MLFLOW_AUTH_ADMIN_PASSWORD": "admin-password-1234",
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "a-secret-for-one-test",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    said = [line for line in ended.stdout.splitlines() if line.startswith("ANSWERS")]
    assert said, ended.stderr[-3000:]
    found: dict[str, bool] = json.loads(said[0].removeprefix("ANSWERS"))
    return found


NAMES = sorted(
    name
    for name, found in inspect.getmembers(mlflow_private, inspect.isfunction)
    if found.__module__.startswith(mlflow_private.__name__) and not name.startswith("_")
)


@pytest.mark.parametrize("name", NAMES)
def test_private_name_does_what_we_take_it_for(answers: dict[str, bool], name: str) -> None:
    """On this MLflow; a name without a question here would go unnoticed in a new one."""
    assert answers.get(name) is True
