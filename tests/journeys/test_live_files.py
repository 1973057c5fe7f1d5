"""Attempts to change the files of a live version, whichever way its source was written.

Each version is approved and live, registered by another spelling of its source. Whatever is tried, by
whatever route, what clients load is what was approved; a refusal is HTTP 4xx, never 5xx.
"""

from __future__ import annotations

import json
import socket
import time
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from gated import CONTRACT, backend_of, new_scene

from spot_mlflow_plugins.server.files.deployed import FRESH

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import requests
    from gated import Scene
    from servers import MlflowServer

pytestmark = [pytest.mark.journey, pytest.mark.postgres]
APPROVED, FORGED = b"flavors: {}\n", b"forged: true\n"


class Live(NamedTuple):
    """A version that is live: its run, that run's folder below the destination, its logged model."""

    scene: Scene
    name: str
    run: str
    experiment: str
    root: str
    logged: str | None
    folder: Path


def artifacts(scene: Scene, method: str, path: str, route: str = "api") -> requests.Response:
    """Reads, writes or deletes by the proxy's routes."""
    address = f"{scene.url}/{route}/2.0/mlflow-artifacts/artifacts/{path}"
    return scene.session.request(method, address, data=FORGED, timeout=60)


def training_run(scene: Scene) -> tuple[str, str, str]:
    """Makes a run with a model folder; returns run, experiment and folder below the destination."""
    place = scene.client.create_experiment(f"training-{uuid.uuid4().hex[:8]}")
    run = scene.client.create_run(place).info
    root = str(run.artifact_uri).removeprefix("mlflow-artifacts:/")
    address = f"{scene.url}/api/2.0/mlflow-artifacts/artifacts/{root}/model/MLmodel"
    assert scene.session.put(address, data=APPROVED, timeout=60).status_code == 200
    return run.run_id, place, root


SOURCES = {
    "runs:/": "runs:/{run}/model",
    "runs:/, two slashes": "runs:/{run}//model",
    "runs:/, a dot": "runs:/{run}/./model",
    "runs:/, a slash behind": "runs:/{run}/model/",
    "runs:/, a percent sign": "runs:/{run}/mod%65l",
    "runs:/, a logged model": "runs:/{run}/logged",
    "mlflow-artifacts:": "mlflow-artifacts:/{root}/model",
    "mlflow-artifacts:, three slashes": "mlflow-artifacts:///{root}/model",
    "mlflow-artifacts:, slashes": "mlflow-artifacts:/{root}//model//",
    "mlflow-artifacts:, percent": "mlflow-artifacts:/{root}/mod%65l",
    "models:/ of a version": "models:/{first}/1",
    "models:/ of a logged model": "models:/{logged}",
}


def made_live(scene: Scene, source: str, folder: Path) -> Live | None:
    """Registers by a source, approves and makes live; None where MLflow refuses the source."""
    run, place, root = training_run(scene)
    logged = scene.client.create_logged_model(place, name="logged", source_run_id=run)
    there = str(logged.artifact_location).removeprefix("mlflow-artifacts:/")
    answer = scene.session.put(
        f"{scene.url}/api/2.0/mlflow-artifacts/artifacts/{there}/MLmodel", data=APPROVED, timeout=60
    )
    assert answer.status_code == 200
    name = f"locked-{uuid.uuid4().hex[:8]}"
    scene.client.create_registered_model(name)
    first = f"free-{uuid.uuid4().hex[:8]}"
    scene.client.create_registered_model(first)
    scene.client.create_model_version(
        first, f"runs:/{run}/model", run_id=run, await_creation_for=None
    )
    said: dict[str, Any] = {"name": name, "run_id": run}
    said["source"] = SOURCES[source].format(run=run, root=root, logged=logged.model_id, first=first)
    if source.endswith("of a logged model"):
        said["model_id"] = logged.model_id
    made = scene.call("POST", "model-versions/create", said)
    if made.status_code != 200:
        assert 400 <= made.status_code < 500, made.text
        return None
    for kind, payload in (
        ("prediction", {"contract": CONTRACT}),
        ("sign-off", {"target": "Production"}),
    ):
        body = {"model": name, "version": "1", "kind": kind, "payload": payload}
        body |= {"person": "Bea", "role": "business"}
        assert scene.ajax("POST", "spot/entries", json=body).status_code == 200
    body = {"name": name, "version": "1", "stage": "Production"}
    body["archive_existing_versions"] = False
    moved = scene.call("POST", "model-versions/transition-stage", body)
    assert moved.status_code == 200, moved.text
    time.sleep(FRESH + 0.1)
    at_logged = "logged" in source
    return Live(scene, name, run, place, there if at_logged else f"{root}/model",
                str(logged.model_id) if at_logged else None, folder)  # fmt: skip


def upload(live: Live, path: str) -> requests.Response:
    """Uploads to the run as MLflow's own pages do."""
    return live.scene.session.post(
        f"{live.scene.url}/ajax-api/2.0/mlflow/upload-artifact",
        params={"run_uuid": live.run, "path": path}, data=FORGED, timeout=60,
    )  # fmt: skip


def through_another_experiment(live: Live) -> requests.Response:
    """Uploads to a run of an experiment whose artifacts are said to lie in the live folder."""
    said = {"name": uuid.uuid4().hex, "artifact_location": f"file://{live.folder / live.root}"}
    made = live.scene.call("POST", "experiments/create", said)
    if made.status_code != 200:
        return made
    run = live.scene.client.create_run(made.json()["experiment_id"]).info
    up = "../" * 2
    return live.scene.session.post(
        f"{live.scene.url}/ajax-api/2.0/mlflow/upload-artifact",
        params={"run_uuid": run.run_id, "path": f"{up}MLmodel"}, data=FORGED, timeout=60,
    )  # fmt: skip


def presigned(live: Live, body: Any) -> requests.Response:
    """Asks for an address to upload to."""
    return live.scene.call("POST", "artifacts/presigned-upload-url", body)


def over_it(live: Live) -> requests.Response:
    """Makes a logged model that MLflow would load in the place of the run's folder."""
    name = live.root.rsplit("/", 1)[-1] if live.logged is None else "logged"
    body = {"experiment_id": live.experiment, "name": name, "source_run_id": live.run}
    return live.scene.call("POST", "logged-models", body)


ATTEMPTS: dict[str, Callable[[Live], requests.Response]] = {
    "PUT": lambda v: artifacts(v.scene, "PUT", f"{v.root}/MLmodel"),
    "PUT another file": lambda v: artifacts(v.scene, "PUT", f"{v.root}/python_model.pkl"),
    "PUT by the pages' route": lambda v: artifacts(v.scene, "PUT", f"{v.root}/MLmodel", "ajax-api"),
    "PUT with two slashes": lambda v: artifacts(v.scene, "PUT", f"{v.root}//MLmodel"),
    "PUT with a percent sign": lambda v: artifacts(v.scene, "PUT", f"{v.root}/MLmod%65l"),
    "PUT with an encoded slash": lambda v: artifacts(v.scene, "PUT", f"{v.root}%2FMLmodel"),
    "PUT, encoded twice": lambda v: artifacts(v.scene, "PUT", f"{v.root}%252FMLmod%2565l"),
    "PUT with a dot": lambda v: artifacts(v.scene, "PUT", f"{v.root}/%2E/MLmodel"),
    "DELETE the file": lambda v: artifacts(v.scene, "DELETE", f"{v.root}/MLmodel"),
    "DELETE the folder": lambda v: artifacts(v.scene, "DELETE", v.root),
    "DELETE the folder, a slash behind": lambda v: artifacts(v.scene, "DELETE", f"{v.root}/"),
    "DELETE above": lambda v: artifacts(v.scene, "DELETE", v.root.rsplit("/", 2)[0]),
    "DELETE the experiment's folder": lambda v: artifacts(
        v.scene, "DELETE", v.root.split("/", 1)[0]
    ),
    "upload to the run": lambda v: upload(v, f"{v.root.rsplit('/', 1)[-1]}/MLmodel"),
    "upload, a percent sign": lambda v: upload(v, f"{v.root.rsplit('/', 1)[-1]}%2FMLmodel"),
    "upload through another experiment": through_another_experiment,
    "presigned upload": lambda v: presigned(v, {"run_id": v.run, "path": "model/MLmodel"}),
    "presigned upload, JSON in JSON": lambda v: presigned(
        v, json.dumps({"run_id": v.run, "path": "model/MLmodel"})
    ),
    "delete the run": lambda v: v.scene.call("POST", "runs/delete", {"run_id": v.run}),
    "delete the experiment": lambda v: v.scene.call(
        "POST", "experiments/delete", {"experiment_id": v.experiment}
    ),
    "a logged model over it": over_it,
    "delete the logged model": lambda v: v.scene.call(
        "DELETE", f"logged-models/{v.logged or 'm-' + '0' * 32}"
    ),
}
TO_THE_RUN = {"upload to the run", "upload, a percent sign"}  # not where a logged model lies


@pytest.fixture(scope="module")
def scene(any_gated_server: MlflowServer) -> Scene:
    """A way to call the server."""
    return new_scene(any_gated_server.url)


@pytest.mark.parametrize("source", SOURCES)
def test_live_files_stay_as_approved(
    scene: Scene, any_gated_server: MlflowServer, source: str
) -> None:
    """However the source is written and whatever is tried, the approved file is served."""
    folder = any_gated_server.log.parent / "artifacts"
    live = made_live(scene, source, folder)
    if live is None:
        return
    by_run = SOURCES[source].startswith(("runs:", "models:/{first}"))
    for what, attempt in ATTEMPTS.items():
        answer = attempt(live)
        passed = answer.status_code == 200 and (
            (what in TO_THE_RUN and live.logged is not None)
            or (what == "a logged model over it" and not by_run)
        )
        assert passed or 400 <= answer.status_code < 500, f"{what}: {answer.status_code}"
        served = artifacts(scene, "GET", f"{live.root}/MLmodel")
        assert (served.status_code, served.content) == (200, APPROVED), what
    there = sorted(p.name for p in (folder / live.root).iterdir())
    assert there == ["MLmodel"]


@pytest.mark.parametrize("alias", [False, True])
def test_source_that_leads_nowhere_is_not_let_through(
    scene: Scene, any_gated_server: MlflowServer, *, alias: bool
) -> None:
    """A version whose run is gone has no files that anybody could have approved."""
    import sqlalchemy as sa

    run, _, _ = training_run(scene)
    name = f"locked-{uuid.uuid4().hex[:8]}"
    scene.client.create_registered_model(name)
    scene.client.create_model_version(
        name, f"runs:/{run}/model", run_id=run, await_creation_for=None
    )
    for kind, payload in (
        ("prediction", {"contract": CONTRACT}),
        ("sign-off", {"target": "Production"}),
    ):
        body = {"model": name, "version": "1", "kind": kind, "payload": payload}
        body |= {"person": "Bea", "role": "business"}
        assert scene.ajax("POST", "spot/entries", json=body).status_code == 200
    engine = sa.create_engine(backend_of(any_gated_server))
    with engine.begin() as c:  # as a source of another server looks
        c.execute(
            sa.text("UPDATE model_versions SET source = :s, storage_location = :s WHERE name = :n"),
            {"s": f"runs:/{uuid.uuid4().hex}/model", "n": name},
        )
    engine.dispose()
    if alias:
        body = {"name": name, "alias": "champion", "version": "1"}
        moved = scene.call("POST", "registered-models/alias", body)
    else:
        body = {"name": name, "version": "1", "stage": "Production"}
        body["archive_existing_versions"] = False
        moved = scene.call("POST", "model-versions/transition-stage", body)
    assert moved.status_code == 403
    assert "Files in a known location" in moved.json()["message"]


def approved(scene: Scene) -> tuple[str, str]:
    """Registers a version that may go live; returns its name and folder below the destination."""
    run, _, root = training_run(scene)
    name = f"locked-{uuid.uuid4().hex[:8]}"
    scene.client.create_registered_model(name)
    scene.client.create_model_version(
        name, f"runs:/{run}/model", run_id=run, await_creation_for=None
    )
    for kind, payload in (
        ("prediction", {"contract": CONTRACT}),
        ("sign-off", {"target": "Production"}),
    ):
        body = {"model": name, "version": "1", "kind": kind, "payload": payload}
        body |= {"person": "Bea", "role": "business"}
        assert scene.ajax("POST", "spot/entries", json=body).status_code == 200
    return name, f"{root}/model"


def champion(scene: Scene, name: str) -> requests.Response:
    """Points the champion at the version."""
    body = {"name": name, "alias": "champion", "version": "1"}
    return scene.call("POST", "registered-models/alias", body)


@pytest.mark.parametrize("chunked", [False, True])
def test_upload_that_began_before_the_approval(scene: Scene, *, chunked: bool) -> None:
    """Its last byte comes when the version is live: the file stays as it was approved."""
    name, root = approved(scene)
    host = scene.url.removeprefix("http://")
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(FORGED)}"
    head = f"PUT /api/2.0/mlflow-artifacts/artifacts/{root}/MLmodel HTTP/1.1\r\n"
    head += f"Host: {host}\r\n{length}\r\n\r\n"
    first, rest = FORGED[:3], FORGED[3:]
    if chunked:
        first = b"3\r\n" + first + b"\r\n"
        rest = f"{len(rest):x}\r\n".encode() + rest + b"\r\n0\r\n\r\n"
    with socket.create_connection(("127.0.0.1", int(host.split(":")[1]))) as slow:
        slow.sendall(head.encode() + first)
        time.sleep(1)
        assert champion(scene, name).status_code == 200
        slow.settimeout(60)
        slow.sendall(rest)  # at once: no worker of this host may think of an older moment
        answer = slow.recv(4000)
    assert answer.split(b" ", 2)[1] == b"403"
    served = artifacts(scene, "GET", f"{root}/MLmodel")
    assert (served.status_code, served.content) == (200, APPROVED)


def test_write_right_after_the_approval(scene: Scene) -> None:
    """Every worker of the host knows at once what is live."""
    name, root = approved(scene)
    artifacts(scene, "PUT", f"{root}/other.txt")
    assert champion(scene, name).status_code == 200
    answers = {artifacts(scene, "PUT", f"{root}/MLmodel").status_code for _ in range(8)}
    assert answers == {403}
    assert artifacts(scene, "GET", f"{root}/MLmodel").content == APPROVED


def files_of(scene: Scene, name: str) -> dict[str, Any]:
    """What the server says of the files of version 1."""
    answer = scene.ajax("GET", "spot/files", params={"model": name, "version": "1"})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_what_is_served_is_what_was_approved(scene: Scene, any_gated_server: MlflowServer) -> None:
    """Files are hashed once they are registered; a decision names the list, and a change shows."""
    name, root = approved(scene)
    end = time.monotonic() + 120
    while not files_of(scene, name)["manifest"]:
        assert time.monotonic() < end, "no manifest was made"
        time.sleep(0.2)
    digest = files_of(scene, name)["manifest"]
    assert champion(scene, name).status_code == 200
    assert scene.ajax("GET", "spot/verify", params={"model": name, "files": "1"}).json()["sound"]
    experiment = scene.client.get_experiment_by_name(f"spot/{name}")
    runs = scene.client.search_runs([experiment.experiment_id])
    said = "".join(v for r in runs for v in r.data.params.values())
    assert f'"manifest":"{digest}"' in said
    # Who can write to the store itself can change a file; it does not stay hidden.
    file = any_gated_server.log.parent / "artifacts" / root / "MLmodel"
    file.write_bytes(FORGED)
    found = scene.ajax("GET", "spot/verify", params={"model": name, "files": "1"}).json()
    assert not found["sound"]
    assert "MLmodel was changed since" in str(found)
    told = files_of(scene, name)
    assert told["checked"]
    assert "MLmodel was changed" in told["changed"][0]
