"""A gated server with logins for tests, and its users."""

from __future__ import annotations

import configparser
import contextlib
import json
import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import requests
import sqlalchemy as sa
from gated import CONTRACT, Scene, gated_mlflow_server, new_version
from werkzeug.security import generate_password_hash

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from servers import MlflowServer

ADMIN = ("admin", "admin-password-1234")
PASSWORD = "user-password-1234"  # noqa: S105 - of a server that lives for one test


class Login:
    """One user of the server."""

    def __init__(self, url: str, user: str, password: str = PASSWORD) -> None:
        self.url, self.user = url, user
        self.session = requests.Session()
        self.session.auth = (user, password)

    def api(self, method: str, path: str, **said: Any) -> requests.Response:
        """Calls MLflow's REST API."""
        return self.session.request(
            method, f"{self.url}/api/2.0/mlflow/{path}", json=said, timeout=60
        )

    def grant(self, user: str, model: str, permission: str) -> None:
        """Gives a user a right on a model."""
        said = {"resource_type": "registered_model", "resource_id": model}
        answer = self.session.post(
            f"{self.url}/api/3.0/mlflow/users/permissions/grant",
            json={**said, "username": user, "permission": permission},
            timeout=60,
        )
        assert answer.status_code == 200, answer.text

    def entry(self, kind: str, payload: Any, **more: Any) -> requests.Response:
        """Calls the entry route."""
        said = {"model": "locked-churn", "version": "1", "kind": kind, "payload": payload, **more}
        return self.session.post(f"{self.url}/ajax-api/2.0/spot/entries", json=said, timeout=60)

    def move(self, model: str = "locked-churn") -> requests.Response:
        """Asks for Production."""
        said = {"name": model, "version": "1", "stage": "Production"}
        return self.api(
            "POST", "model-versions/transition-stage", archive_existing_versions=False, **said
        )

    def promised(self, model: str, *, editor: str, admin: Login) -> None:
        """Makes a model with a promise that another user may move, too."""
        assert self.api("POST", "registered-models/create", name=model).status_code == 200
        made = self.api("POST", "model-versions/create", name=model, source="s3://nowhere/m")
        assert made.status_code == 200, made.text
        assert self.entry("prediction", {"contract": CONTRACT}, model=model).status_code == 200
        admin.grant(editor, model, "EDIT")


@contextlib.contextmanager
def login_server(
    folder: Path,
    roles: Mapping[str, Any] | None,
    *arguments: str,
    users: Sequence[str] = ("bea", "dan", "mallory"),
    **more: Any,
) -> Iterator[MlflowServer]:
    """Starts a gated server with logins, and makes its users.

    Args:
        folder: of its files.
        roles: what the roles file says; None for a server without one.
        arguments: of ``mlflow server``.
        users: to make.
        more: of ``gated_mlflow_server``.
    """
    (folder / "auth.ini").write_text(
        "[mlflow]\ndefault_permission = NO_PERMISSIONS\n"
        f"database_uri = sqlite:///{folder / 'auth.db'}\nadmin_username = admin\n"
        f"admin_password = {ADMIN[1]}\n"  # older MLflow reads it nowhere else
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
    )
    environment = {
        "MLFLOW_AUTH_CONFIG_PATH": str(folder / "auth.ini"),
        "MLFLOW_AUTH_ADMIN_PASSWORD": ADMIN[1],
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "a-secret-for-one-test",
        **more.pop("environment", {}),
    }
    if roles is not None:
        (folder / "roles.yaml").write_text(json.dumps(roles))
        environment["SPOT_MLFLOW_ROLES_FILE"] = str(folder / "roles.yaml")
    with gated_mlflow_server(
        folder, *arguments, app="spot-auth", environment=environment, **more
    ) as server:
        admin = Login(server.url, *ADMIN)
        for user in users:
            said = admin.api("POST", "users/create", username=user, password=PASSWORD)
            assert said.status_code == 200, said.text
        quicken_logins(Path(environment["MLFLOW_AUTH_CONFIG_PATH"]))
        yield server


def quicken_logins(config: Path) -> None:
    """Has the passwords of the users checked at once.

    MLflow hashes each with scrypt, which takes a tenth of a second of processor time for every request;
    the method stands beside the hash, and a thousand rounds of another one do for a test.

    Args:
        config: the file that names the database of the users.
    """
    said = configparser.ConfigParser()
    said.read(config)
    engine = sa.create_engine(said["mlflow"]["database_uri"])
    users = sa.Table("users", sa.MetaData(), autoload_with=engine)
    with engine.begin() as c:
        for name in c.scalars(sa.select(users.c.username)).all():
            password = ADMIN[1] if name == ADMIN[0] else PASSWORD
            quick = generate_password_hash(password, method="pbkdf2:sha256:1000")
            c.execute(users.update().where(users.c.username == name).values(password_hash=quick))
    engine.dispose()


@dataclass
class Entry:
    """What is asked of a scene's evidence."""

    run_id: str


def live_scene(
    admin: Login, bea: Login, kind: str = "locked", environment: Mapping[str, str] | None = None
) -> Scene:
    """Makes a model whose version 1 is signed off by bea and put into Production by the administrator.

    Args:
        admin: whose session the scene has.
        bea: who may sign for the business.
        kind: how the model's name begins.
        environment: of MLflow's client, beside the login.
    """
    login = {"MLFLOW_TRACKING_USERNAME": ADMIN[0], "MLFLOW_TRACKING_PASSWORD": ADMIN[1]}
    name = f"{kind}-{uuid.uuid4().hex[:8]}"
    scene = Scene(admin.url, name, None, None, "", admin.session)  # type: ignore[arg-type] # set below
    with mock.patch.dict(os.environ, {**login, **(environment or {})}):
        client = scene.client
        client.create_registered_model(name)
        new_version(client, name)
        new_version(client, name)
        admin.grant("bea", name, "READ")
        promise = scene.entry("prediction", {"contract": CONTRACT}, version="1")
        assert promise.status_code == 200, promise.text
        signed = bea.entry("sign-off", {"target": "Production"}, model=name, role="business")
        assert signed.status_code == 200, signed.text
        scene.evidence = Entry(promise.json()["run_id"])  # type: ignore[assignment] # all that is asked of it
        scene.experiment_id = client.get_run(scene.evidence.run_id).info.experiment_id
        client.transition_model_version_stage(name, "1", "Production")
        client.set_registered_model_alias(name, "champion", "1")
    return scene
