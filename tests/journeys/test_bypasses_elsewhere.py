"""The table of bypasses with logins and in a workspace, by an administrator, and in modes that stop nobody.

``test_bypasses.py`` and ``test_evidence_bypasses.py`` try each attempt without logins in mode block. Here
all of them are tried by the strongest user there is, over both backends, in a workspace of its own; and in
modes observe and warn what is refused there in any mode.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from bypasses import LIVE, live_files
from bypasses import REFUSED as PAST_THE_GATE
from evidence_bypasses import REFUSED as AT_THE_EVIDENCE
from gated import POLICY, Scene, new_database
from logins import ADMIN, PASSWORD, Login, live_scene, login_server

from spot_mlflow_plugins.server.files.deployed import FRESH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import requests

pytestmark = [pytest.mark.journey, pytest.mark.postgres]
WORKSPACE = "east"
LOGIN = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
# Rights that an administrator has.
AN_ADMINISTRATORS = {"erase a name without a login", "break-glass without a login"}
# Attempts on what is deployed: in modes observe and warn nobody is stopped, and the decision recorded.
BY_MODE = {
    name
    for name in PAST_THE_GATE
    if name.startswith(("stage", "Staging", "alias", "by ", "harmless", "version ", "delete the", "rename", "replace", "add a file", "name and", "name as", "name with", "name,"))
} - {"delete a summary tag"}  # fmt: skip
MODES = {**POLICY, "models": [*POLICY["models"], {"match": "warned-*", "mode": "warn"}]}  # type: ignore[misc] # a list


@dataclass
class Servers:
    """A server with logins, and sessions of its administrator and of bea, in the workspace."""

    url: str
    admin: Login
    bea: Login


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def servers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Servers]:
    """A server with logins and workspaces over each backend."""
    import json

    folder = tmp_path_factory.mktemp(f"elsewhere-{request.param}")
    backend = None
    if request.param == "postgres":
        backend = new_database(request.getfixturevalue("postgres_uri"))
    policy = folder / "modes.yaml"
    policy.write_text(json.dumps(MODES))
    more: dict[str, Any] = {
        "environment": {"SPOT_MLFLOW_POLICY_FILE": str(policy)},
        "users": ("bea",),
    }
    roles = {"bea": ["business"]}
    with login_server(folder, roles, "--enable-workspaces", backend=backend, **more) as server:
        admin, bea = Login(server.url, *ADMIN), Login(server.url, "bea", PASSWORD)
        made = admin.session.post(
            f"{server.url}/api/3.0/mlflow/workspaces", json={"name": WORKSPACE}, timeout=60
        )
        assert made.status_code in {200, 201}, made.text
        for login in (admin, bea):
            login.session.headers["X-MLFLOW-WORKSPACE"] = WORKSPACE
        yield Servers(server.url, admin, bea)


def new_live_model(servers: Servers, kind: str, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """A model whose version 1 is signed off by bea and live, in the workspace."""
    for name, value in (*zip(LOGIN, ADMIN, strict=True), ("MLFLOW_WORKSPACE", WORKSPACE)):
        monkeypatch.setenv(name, value)
    scene = live_scene(servers.admin, servers.bea, kind)
    time.sleep(FRESH)
    return scene


def passed(
    scene: Scene, attempts: dict[str, Callable[[Scene], requests.Response]]
) -> dict[str, tuple[int, str]]:
    """The attempts that were not refused with a reason."""
    answers = {name: attempt(scene) for name, attempt in attempts.items()}
    return {
        name: (a.status_code, a.text[:200])
        for name, a in answers.items()
        if not (400 <= a.status_code < 500 or a.status_code == 501) or not a.text.strip()
    }


def sound(scene: Scene) -> Any:
    """What the server finds wrong in the model's record."""
    return scene.ajax("GET", "spot/verify", params={"model": scene.name}).json()["models"][0][
        "findings"
    ]


def test_an_administrator_in_a_workspace_gets_past_nothing(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every attempt is refused; version 1 serves as it was approved, and the record is sound."""
    scene = new_live_model(servers, "locked", monkeypatch)
    address = f"{scene.url}/api/2.0/mlflow-artifacts/artifacts/{live_files(scene)}/MLmodel"
    before = scene.session.get(address, timeout=60)
    assert before.status_code == 200
    every = {**PAST_THE_GATE, **AT_THE_EVIDENCE}
    assert passed(scene, {k: v for k, v in every.items() if k not in AN_ADMINISTRATORS}) == {}
    assert scene.live() == LIVE
    assert scene.session.get(address, timeout=60).content == before.content
    assert sound(scene) == []


@pytest.mark.parametrize("kind", ["free", "warned"])
def test_evidence_is_kept_in_every_mode(
    servers: Servers, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Observe and warn stop no deployment, record it, and let nobody at tags and evidence."""
    scene = new_live_model(servers, kind, monkeypatch)
    always = {k: v for k, v in PAST_THE_GATE.items() if k not in BY_MODE} | AT_THE_EVIDENCE
    assert passed(scene, {k: v for k, v in always.items() if k not in AN_ADMINISTRATORS}) == {}
    assert sound(scene) == []
    assert PAST_THE_GATE["alias"](scene).status_code == 200
    assert scene.live()["champion"] == ["2"]
    said = scene.ajax("GET", "spot/entries", params={"model": scene.name}).json()["entries"]
    last = [e["payload"] for e in said if e["kind"] == "decision" and e["version"] == "2"][-1]
    unmet = [r["name"] for r in last["requirements"] if not r["met"]]
    assert (last["target"], last["applied"], bool(unmet)) == ("@champion", True, True)
