"""Whatever happens to the server's own files, an answer of 5xx means that nothing was changed.

Each handler that changes something, with each of the server's files truncated, replaced by a folder
(unreadable, for root too), missing, or on a full disk.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from gated import CONTRACT, gated_mlflow_server, new_scene, new_version
from logins import ADMIN, Login, live_scene, login_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import requests
    from gated import Scene

pytestmark = pytest.mark.journey


@pytest.fixture(scope="module", params=["without logins", "with logins"])
def logins(request: pytest.FixtureRequest) -> bool:
    """Whether the server asks who one is, and has a file of roles."""
    return bool(request.param == "with logins")


@pytest.fixture(scope="module")
def folder(logins: bool, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: FBT001 - a fixture
    """Where the server keeps its files."""
    return tmp_path_factory.mktemp(f"half-done-{logins}")


@pytest.fixture(scope="module")
def scene(folder: Path, logins: bool) -> Iterator[Scene]:  # noqa: FBT001 - a fixture
    """A gated server over SQLite, with a model that is live."""
    if not logins:
        with gated_mlflow_server(folder, workers=1) as server:
            yield new_scene(server.url)
        return
    with (
        login_server(folder, {"bea": ["business"]}, users=("bea",), workers=1) as server,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("MLFLOW_TRACKING_USERNAME", ADMIN[0])
        patch.setenv("MLFLOW_TRACKING_PASSWORD", ADMIN[1])
        yield live_scene(Login(server.url, *ADMIN), Login(server.url, "bea"))


def stage(scene: Scene, wanted: str, version: str = "1") -> requests.Response:
    """Moves a version to a stage."""
    body = {"name": scene.name, "version": version, "stage": wanted}
    body["archive_existing_versions"] = False
    return scene.call("POST", "model-versions/transition-stage", body)


def alias(scene: Scene, verb: str) -> requests.Response:
    """Points the champion at version 1, or takes the alias away."""
    body = {"name": scene.name, "alias": "champion", "version": "1"}
    return scene.call(verb, "registered-models/alias", body if verb == "POST" else {
        "name": scene.name, "alias": "champion"})  # fmt: skip


def another(scene: Scene, *, rename: bool) -> requests.Response:
    """Renames, or deletes, a model that holds a target in mode observe."""
    name = f"free-{uuid.uuid4().hex[:8]}"
    scene.client.create_registered_model(name)
    new_version(scene.client, name)
    body = {"name": name, "version": "1", "stage": "Production"}
    body["archive_existing_versions"] = False
    scene.call("POST", "model-versions/transition-stage", body)
    if rename:
        return scene.call(
            "POST", "registered-models/rename", {"name": name, "new_name": f"{name}-2"}
        )
    return scene.call("DELETE", "registered-models/delete", {"name": name})


def decision(scene: Scene) -> requests.Response:
    """Has a decision made and recorded."""
    said = {"model": scene.name, "version": "2", "target": "Production"}
    return scene.ajax("POST", "spot/decisions", json={**said, "requester": uuid.uuid4().hex})


HANDLERS: dict[str, Callable[[Scene], requests.Response]] = {
    "to Archived": lambda s: stage(s, "Archived"),
    "to Production": lambda s: stage(s, "Production"),
    "refused": lambda s: stage(s, "Production", "2"),
    "alias away": lambda s: alias(s, "DELETE"),
    "alias": lambda s: alias(s, "POST"),
    "rename": lambda s: another(s, rename=True),
    "delete": lambda s: another(s, rename=False),
    "pulse": lambda s: s.entry(
        "pulse", {"useful": 4, "would_use": 4}, person="Ann", role="business"
    ),
    "promise": lambda s: s.entry("prediction", {"contract": CONTRACT}),
    "policy": lambda s: s.entry("policy", {"policy": {}}, model=""),
    "decision": decision,
    "refresh": lambda s: s.ajax("POST", "spot/refresh", json={"model": s.name}),
    "upload": lambda s: s.session.put(
        f"{s.url}/api/2.0/mlflow-artifacts/artifacts/9/{'f' * 32}/artifacts/a.txt", data=b"a"
    ),
}


def truncated(path: Path) -> None:
    """Its last bytes are gone, as after a crash."""
    if path.is_file():
        path.write_bytes(path.read_bytes()[:-17])


def unreadable(path: Path) -> None:
    """Nobody can open it."""
    missing(path)
    path.mkdir()


def missing(path: Path) -> None:
    """Somebody has deleted it."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def full(path: Path) -> None:
    """There is no room for another byte."""
    missing(path)
    path.symlink_to("/dev/full")


FAULTS = {f.__name__: f for f in (truncated, unreadable, missing, full)}


def files(scene: Scene, folder: Path) -> dict[str, Path]:
    """What the server keeps: of this model, and its own."""
    (anchors,) = (folder / "home" / "anchors").glob(f"*/{scene.experiment_id}.jsonl")
    return {
        "anchors": anchors,
        "key": folder / "home" / "signing.key",
        "policy": folder / "policy.yaml",
        "artifacts": folder / "artifacts",
        "roles": folder / "roles.yaml",
    }


@contextlib.contextmanager
def broken(path: Path, fault: Callable[[Path], None]) -> Iterator[None]:
    """Something is wrong with a file, and then it is as it was."""
    kept = path.with_name(f"{path.name}.kept")
    copy: Callable[..., Any] = shutil.copytree if path.is_dir() else shutil.copy2
    copy(path, kept)
    fault(path)
    try:
        yield
    finally:
        if path.is_symlink() or path.is_file():
            path.unlink()
        elif path.exists():
            shutil.rmtree(path)
        kept.rename(path)


def state(folder: Path) -> list[Any]:
    """Returns all that handlers change: versions, aliases, names, policies and whole entries.

    But for refused attempts: they are counted, and what was counted is written by the minute.
    """
    with contextlib.closing(sqlite3.connect(folder / "mlflow.db", timeout=30)) as db:
        asked = (
            "SELECT name, version, current_stage FROM model_versions ORDER BY 1, 2",
            "SELECT name, alias, version FROM registered_model_aliases ORDER BY 1, 2",
            "SELECT name FROM registered_models ORDER BY 1",
            (
                "SELECT run_uuid FROM runs WHERE status = 'FINISHED' AND run_uuid NOT IN"
                " (SELECT run_uuid FROM params WHERE value LIKE '%\"tampering\"%') ORDER BY 1"
            ),
        )
        return [db.execute(a).fetchall() for a in asked]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("which", ["anchors", "key", "policy", "artifacts", "roles"])
def test_5xx_means_that_nothing_was_changed(
    scene: Scene, folder: Path, which: str, fault: str
) -> None:
    """For every handler: done and said so, or not done."""
    if not files(scene, folder)[which].exists():
        assert which == "roles"  # a server without logins has none
        return
    for name, handler in HANDLERS.items():
        if name in {"rename", "delete"} and which == "artifacts":
            continue  # their preparation needs artifacts
        path = files(scene, folder)[which]
        prepared: Callable[[Scene], requests.Response] = handler
        with broken(path, FAULTS[fault]):
            before = state(folder)
            answer = prepared(scene)
            after = state(folder)
        assert answer.text.strip() or answer.status_code == 200
        if answer.status_code >= 500:
            assert after == before, f"{name}: {answer.status_code} {answer.text[:300]}"
            assert "Traceback" not in answer.text
            assert "<h1>Internal Server Error" not in answer.text, name
    assert stage(scene, "Archived").status_code == 200
    assert stage(scene, "Production").status_code == 200


@pytest.mark.parametrize("fault", ["truncated", "unreadable", "missing"])
def test_nobody_is_let_through_while_roles_cannot_be_read(
    scene: Scene, folder: Path, fault: str
) -> None:
    """503 in a sentence, not an error of the program; the readiness probe names it."""
    assert stage(scene, "Production", "2").status_code == 403
    assert scene.session.get(f"{scene.url}/spot/ready", timeout=60).status_code == 200
    path = files(scene, folder)["roles"]
    if not path.exists():  # without logins nobody has a role
        return
    with broken(path, FAULTS[fault]):
        moved = stage(scene, "Production", "2")
        assert (moved.status_code, "who has which role" in moved.text) == (503, True), moved.text
        ready = scene.session.get(f"{scene.url}/spot/ready", timeout=60)
        assert (ready.status_code, "roles: Unavailable" in ready.text) == (503, True), ready.text
    assert scene.session.get(f"{scene.url}/spot/ready", timeout=60).status_code == 200
