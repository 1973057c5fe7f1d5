"""Two changes at the same moment: what each was decided on still holds when it is written."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from gated import CONTRACT, Scene, new_scene, new_version

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests
    from servers import MlflowServer

pytestmark = [pytest.mark.journey, pytest.mark.postgres]
ROUNDS = 25


@pytest.fixture(scope="module")
def scene(any_gated_server: MlflowServer) -> Scene:
    """A way to call the server."""
    return new_scene(any_gated_server.url)


def at_once(*calls: Callable[[], requests.Response]) -> list[int]:
    """Makes calls at the same moment and returns their status."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [f.result().status_code for f in [pool.submit(c) for c in calls]]


def call(scene: Scene, method: str, path: str, said: Any) -> requests.Response:
    """Calls on a connection of its own."""
    import requests as plain

    return Scene(scene.url, "", scene.evidence, scene.sign_off, "", plain.Session()).call(
        method, path, said
    )


@pytest.mark.parametrize("by", ["alias", "stage"])
def test_rename_raced_by_a_target(scene: Scene, by: str) -> None:
    """No version that nobody approved is live under a name in mode block, whoever was first."""
    seen: set[int] = set()
    for _ in range(ROUNDS):
        free, locked = (f"{start}-{uuid.uuid4().hex[:8]}" for start in ("free", "locked"))
        scene.client.create_registered_model(free)
        scene.client.create_model_version(free, "s3://x/m", await_creation_for=None)
        said = {"name": free, "version": "1", "alias": "champion"}
        path = "registered-models/alias"
        if by == "stage":
            said = {"name": free, "version": "1", "stage": "Production"}
            said["archive_existing_versions"] = False  # type: ignore[assignment] # JSON
            path = "model-versions/transition-stage"
        seen |= set(
            at_once(
                lambda said=said, path=path: call(scene, "POST", path, said),
                lambda free=free, locked=locked: call(
                    scene, "POST", "registered-models/rename", {"name": free, "new_name": locked}
                ),
            )
        )
        found = scene.call("GET", "registered-models/get", {"name": locked})
        if found.status_code == 200:
            model = found.json()["registered_model"]
            assert not model.get("aliases")
            version = scene.client.get_model_version(locked, "1")
            assert version.current_stage != "Production"
    assert seen <= {200, 400, 403, 404, 409}


def test_deletion_raced_by_an_alias(scene: Scene) -> None:
    """A version that goes live at the moment it is deleted is either live or gone, never both."""
    for _ in range(ROUNDS // 2):
        name = f"locked-{uuid.uuid4().hex[:8]}"
        scene.client.create_registered_model(name)
        new_version(scene.client, name)
        for kind, payload in (
            ("prediction", {"contract": CONTRACT}),
            ("sign-off", {"target": "Production"}),
        ):
            body = {"model": name, "version": "1", "kind": kind, "payload": payload}
            body |= {"person": "Bea", "role": "business"}
            assert scene.ajax("POST", "spot/entries", json=body).status_code == 200
        alias = {"name": name, "version": "1", "alias": "champion"}
        status = at_once(
            lambda alias=alias: call(scene, "POST", "registered-models/alias", alias),
            lambda name=name: call(scene, "DELETE", "registered-models/delete", {"name": name}),
        )
        assert set(status) <= {200, 400, 403, 404, 409}
        there = scene.call("GET", "registered-models/get", {"name": name}).status_code == 200
        assert there is (status[1] != 200)


def test_concern_raised_while_a_version_goes_live(scene: Scene) -> None:
    """An objection acknowledged before the change is written shuts the gate."""
    for _ in range(ROUNDS // 2):
        name = f"locked-{uuid.uuid4().hex[:8]}"
        scene.client.create_registered_model(name)
        new_version(scene.client, name)
        body: dict[str, Any] = {"model": name, "version": "1", "person": "Bea", "role": "business"}
        for kind, payload in (
            ("prediction", {"contract": CONTRACT}),
            ("sign-off", {"target": "Production"}),
        ):
            said = {**body, "kind": kind, "payload": payload}
            assert scene.ajax("POST", "spot/entries", json=said).status_code == 200
        concern = {"act": "raised", "what": "it hurts", "severity": "blocking"}
        alias = {"name": name, "version": "1", "alias": "champion"}
        status = at_once(
            lambda said={**body, "kind": "concern", "payload": concern}: scene.ajax(
                "POST", "spot/entries", json=said
            ),
            lambda alias=alias: call(scene, "POST", "registered-models/alias", alias),
        )
        assert status[0] == 200
        assert status[1] in {200, 403, 409}


def test_many_changes_of_one_model_at_once(scene: Scene) -> None:
    """Each is done or refused with a reason to try again; one of them at least is done."""
    name = f"free-{uuid.uuid4().hex[:8]}"
    scene.client.create_registered_model(name)
    for _ in range(4):
        scene.client.create_model_version(name, "s3://x/m", await_creation_for=None)
    aliases = [{"name": name, "version": str(n), "alias": "champion"} for n in range(1, 5)] * 3
    status = at_once(
        *(lambda a=a: call(scene, "POST", "registered-models/alias", a) for a in aliases)
    )
    assert set(status) <= {200, 409}
    assert 200 in status
