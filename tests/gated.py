"""A gated server for tests, and people who use it: one who records evidence, one who does not."""

from __future__ import annotations

import contextlib
import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import requests
from servers import MlflowServer, mlflow_server

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlflow import MlflowClient

    from spot_mlflow.evidence import Evidence

CONTRACT = {
    "metric": "got",
    "predicted": {"lift": 0.35, "se": 0.02},
    "minimum_viable": 0.1,
    "columns": {"arm": "any", "outcome": "got"},
}
# Blocks models called locked-*, and asks for little, so that a test can meet it in three entries.
POLICY = {
    "name": "locked",
    "version": "1",
    "mode": "observe",
    "models": [{"match": "locked-*", "mode": "block"}],
    "targets": {
        "Staging": {"lift_predicted": True},
        "Production": {
            "lift_predicted": True,
            "blocking_concerns": "confirmed",
            "sign_off": {"roles": ["business"], "valid": "90d"},
        },
        "@champion": {"extends": "Production"},
    },
}


@contextlib.contextmanager
def gated_mlflow_server(
    folder: Path,
    *arguments: str,
    app: str = "spot",
    backend: str | None = None,
    environment: Mapping[str, str] | None = None,
    workers: int = 2,
    prefix: str = "",
) -> Iterator[MlflowServer]:
    """Starts ``mlflow server --app-name spot``, its key and anchors in ``folder`` too."""
    policy = folder / "policy.yaml"
    policy.write_text(json.dumps(POLICY))
    said = {
        "SPOT_MLFLOW_POLICY_FILE": str(policy),
        "SPOT_MLFLOW_HOME": str(folder / "home"),
        **(environment or {}),
    }
    with mlflow_server(
        folder,
        "--app-name",
        app,
        *arguments,
        backend=backend,
        environment=said,
        workers=workers,
        health=f"{prefix}/health",
    ) as server:
        yield server


def new_database(postgres_uri: str) -> str:
    """Makes a database on a PostgreSQL server and returns its URI; it goes with the server."""
    import sqlalchemy as sa

    name = f"t{uuid.uuid4().hex[:12]}"
    admin = sa.create_engine(postgres_uri, isolation_level="AUTOCOMMIT")
    with admin.connect() as c:
        c.execute(sa.text(f'CREATE DATABASE "{name}"'))
    admin.dispose()
    return postgres_uri.rsplit("/", 1)[0] + f"/{name}"


@dataclass
class Scene:
    """A gated server with a model on it: version 1 approved and live, version 2 not.

    Attributes:
        url: of the server.
        name: of the model.
        evidence: an entry of the model's record.
        sign_off: the entry that signs version 1 off.
        experiment_id: of the companion experiment.
    """

    url: str
    name: str
    evidence: Evidence
    sign_off: Evidence
    experiment_id: str
    session: requests.Session = field(default_factory=requests.Session)

    @property
    def client(self) -> MlflowClient:
        """A plain MLflow client."""
        from mlflow import MlflowClient

        return MlflowClient(self.url, self.url)

    def call(
        self, method: str, path: str, said: Any = None, version: str = "2.0", **more: Any
    ) -> requests.Response:
        """Calls MLflow's REST API as anybody may."""
        kind = "params" if method == "GET" else "json"
        address = f"{self.url}/api/{version}/mlflow/{path}"
        return self.session.request(method, address, timeout=60, **{kind: said}, **more)

    def ajax(self, method: str, path: str, **more: Any) -> requests.Response:
        """Calls what MLflow's own pages call."""
        return self.session.request(method, f"{self.url}/ajax-api/2.0/{path}", timeout=60, **more)

    def entry(self, kind: str, payload: Any, **more: Any) -> requests.Response:
        """Calls the entry route without the client library."""
        said = {"model": self.name, "version": "2", "kind": kind, "payload": payload, **more}
        return self.ajax("POST", "spot/entries", json=said)

    def live(self) -> dict[str, list[str]]:
        """Returns what serves: the versions in Production and behind aliases that look deployed."""
        model = self.client.get_registered_model(self.name)
        versions = self.client.search_model_versions(f"name = '{self.name}'")
        staged = sorted(str(v.version) for v in versions if v.current_stage == "Production")
        return {
            "Production": staged,
            "champion": sorted(
                str(v) for a, v in (model.aliases or {}).items() if "champion" in a.casefold()
            ),
        }


# As MLflow writes it for a model that takes one number and returns one.
SIGNATURE = """signature:
  inputs: '[{"type": "double", "name": "x", "required": true}]'
  outputs: '[{"type": "double", "required": true}]'
"""


def new_version(client: MlflowClient, name: str, *, signature: bool = False, **more: Any) -> str:
    """Registers a version with a model folder behind it, and returns its number.

    Not in the default experiment: where the database is older than the server, its files lie elsewhere.
    """
    training = client.get_experiment_by_name("training")
    place = training.experiment_id if training else client.create_experiment("training")
    run = client.create_run(place)
    text = "flavors: {}\n" + (SIGNATURE if signature else "")
    client.log_text(run.info.run_id, text, "model/MLmodel")
    source = f"{run.info.artifact_uri}/model"
    made = client.create_model_version(
        name, source, run_id=run.info.run_id, await_creation_for=None, **more
    )
    return str(made.version)


def new_scene(url: str, name: str | None = None) -> Scene:
    """Makes a model whose version 1 was promised, signed off, put into Production and champion."""
    from mlflow import MlflowClient

    import spot_mlflow as spot
    from spot_mlflow.record import Record

    client, record = MlflowClient(url, url), Record(url, url)
    name = name or f"locked-{uuid.uuid4().hex[:8]}"
    client.create_registered_model(name)
    first = new_version(client, name)
    promise = spot.log_predicted_lift(f"{name}/{first}", CONTRACT, record=record)
    signed = spot.sign_off(
        f"{name}/{first}", target="Production", person="Bea", role="business", record=record
    )
    client.transition_model_version_stage(name, first, "Production")
    client.set_registered_model_alias(name, "champion", first)
    new_version(client, name)
    experiment_id = client.get_run(promise.run_id).info.experiment_id
    return Scene(url, name, promise, signed, experiment_id)


def backend_of(server: MlflowServer) -> str:
    """Returns the URI of a server's database."""
    line = list(server.process.args)  # type: ignore[arg-type] # a list, as the helper starts it
    return str(line[line.index("--backend-store-uri") + 1])
