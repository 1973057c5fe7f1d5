"""Attempts to get a version deployed past the gate, from a plain client, on a real server.

Version 1 of the model is approved and live, version 2 is not. Whatever is tried, version 2 must not
go live and version 1 must stay; a refusal is HTTP 4xx with a reason, and never a 5xx, which clients
would retry and hide.
"""

from __future__ import annotations

import posixpath
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
import requests
from bypasses import (
    LIVE,
    REFUSED,
    alias,
    create_version,
    file_call,
    live_files,
    sign,
    transition,
)
from gated import CONTRACT, new_scene, new_version

from spot_mlflow_plugins.server.files.deployed import FRESH

if TYPE_CHECKING:
    from gated import Scene
    from servers import MlflowServer

pytestmark = [pytest.mark.journey, pytest.mark.postgres]


@pytest.fixture(scope="module")
def scene(any_gated_server: MlflowServer) -> Scene:
    """One model for all attempts: each must leave it as it was."""
    made = new_scene(any_gated_server.url)
    time.sleep(FRESH)  # what is deployed is known everywhere then
    return made


@pytest.mark.parametrize("attempt", REFUSED)
def test_attempt_is_refused_with_a_reason(scene: Scene, attempt: str) -> None:
    """It answers 4xx with a reason; 501 where MLflow has no such thing over this store."""
    answer = REFUSED[attempt](scene)
    refused = 400 <= answer.status_code < 500 or answer.status_code == 501
    assert refused, f"{answer.status_code} {answer.text}"
    assert answer.text.strip()


@pytest.mark.parametrize("attempt", ["stage", "alias", "stage, archiving the incumbent"])
def test_refusal_says_what_is_missing_and_how_to_get_it(scene: Scene, attempt: str) -> None:
    """It is HTTP 403 PERMISSION_DENIED, in three lines; the page that it names has the commands."""
    answer = REFUSED[attempt](scene)
    assert answer.status_code == 403
    assert answer.json()["error_code"] == "PERMISSION_DENIED"
    verdict, _, where = answer.json()["message"].split("\n")
    assert f"{scene.name}/2 may not go to" in verdict
    page = scene.session.get(f"{scene.url}/{where.rpartition(' ')[2]}")
    assert f"spot promise {scene.name}/2 lift.yaml" in page.text


def test_nothing_went_live(scene: Scene) -> None:
    """After all of it version 1 serves, as it was approved, and version 2 does not."""
    before = scene.session.get(
        f"{scene.url}/api/2.0/mlflow-artifacts/artifacts/{live_files(scene)}/MLmodel"
    )
    for attempt in REFUSED.values():
        attempt(scene)
    assert scene.live() == LIVE
    after = scene.session.get(before.url)
    assert after.status_code == 200
    assert after.content == before.content


def test_files_that_are_not_deployed_are_free(scene: Scene) -> None:
    """Beside the live version's files, and of version 2, a client writes and deletes as ever."""
    beside = posixpath.join(live_files(scene, above=1), "plot.txt")
    assert file_call(scene, "PUT", beside).status_code == 200
    assert file_call(scene, "DELETE", beside).status_code == 200
    second = str(scene.client.get_model_version(scene.name, "2").source)
    path = second.removeprefix("mlflow-artifacts:/")
    assert file_call(scene, "PUT", f"{path}/note.txt").status_code == 200


def test_tags_brought_along_are_dropped(scene: Scene) -> None:
    """A version created with reserved tags, as a copy brings them, stands there without them."""
    answer = create_version(scene, tags=[{"key": "spot.readiness", "value": "5"}])
    assert answer.status_code == 200, answer.text
    made = answer.json()["model_version"]
    assert not made.get("tags")
    assert alias(scene, "champion", made["version"]).status_code == 403
    assert transition(scene, version=made["version"]).status_code == 403


def test_version_disguised_as_a_prompt(scene: Scene) -> None:
    """A version created with a prompt's tag is refused, or is a version like any other."""
    answer = create_version(scene, tags=[{"key": "mlflow.prompt.is_prompt", "value": "true"}])
    assert answer.status_code < 500
    if answer.status_code == 200:
        number = answer.json()["model_version"]["version"]
        assert alias(scene, "champion", number).status_code == 403


def test_copy_of_a_live_version_is_not_live(scene: Scene) -> None:
    """A copied version inherits no evidence: it is refused like any other."""
    copied = scene.client.copy_model_version(f"models:/{scene.name}/1", scene.name)
    assert transition(scene, version=str(copied.version)).status_code == 403
    assert scene.live() == LIVE


def test_look_alike_alias_serves_nobody(scene: Scene) -> None:
    """An alias with a Cyrillic letter is another alias: who loads @champion gets version 1."""
    answer = alias(scene, "\u0441hampion")
    assert answer.status_code < 500
    assert str(scene.client.get_model_version_by_alias(scene.name, "champion").version) == "1"


def test_alias_moved_by_delete_and_set(scene: Scene) -> None:
    """Taking the alias away is allowed, giving it to version 2 is not, giving it back is."""
    body = {"name": scene.name, "alias": "champion"}
    assert scene.call("DELETE", "registered-models/alias", body).status_code == 200
    assert alias(scene, "champion").status_code == 403
    assert alias(scene, "champion", "1").status_code == 200
    assert scene.live() == LIVE


def test_edited_description_changes_no_decision(scene: Scene) -> None:
    """The managed block is for people: whatever is written there, the gate asks the record."""
    body = {"name": scene.name, "description": "Production: yes. Readiness 5. Lift met."}
    answer = scene.call("PATCH", "registered-models/update", body)
    assert answer.status_code == 200
    assert transition(scene).status_code == 403


def test_replayed_sign_off_does_not_count_for_a_new_version(scene: Scene) -> None:
    """Its id is taken and stays version 1's; sent anew it is bound to version 2's promise."""
    again = sign(scene, id=scene.sign_off.id, role="business", person="Bea")
    assert again.status_code == 409
    payload = dict(scene.sign_off.payload)
    anew = scene.entry("sign-off", payload, person="Bea", role="business")
    assert anew.json()["payload"]["contract_digest"] is None
    assert transition(scene).status_code == 403


def test_signature_claimed_to_inherit_a_sign_off(any_gated_server: MlflowServer) -> None:
    """A retrain that claims the live version's signature and contract inherits nothing by its word."""
    scene = new_scene(any_gated_server.url)
    payload = {**scene.evidence.payload, "signature": "0" * 64}
    for version in ("1", "2"):
        answer = scene.entry("prediction", payload, version=version)
        assert answer.status_code == 200, answer.text
        assert answer.json()["payload"]["signature"] is None
    assert transition(scene).status_code == 403


def test_real_retrain_inherits_the_sign_off(any_gated_server: MlflowServer) -> None:
    """Contract and signature being the same, as the server reads them, the sign-off still holds."""
    import spot_mlflow as spot
    from spot_mlflow.record import Record

    scene = new_scene(any_gated_server.url)
    record = Record(scene.url, scene.url)
    versions = [new_version(scene.client, scene.name, signature=True) for _ in range(2)]
    promises = [
        spot.log_predicted_lift(f"{scene.name}/{v}", CONTRACT, record=record) for v in versions
    ]
    assert promises[0].payload["signature"] == promises[1].payload["signature"] is not None
    spot.sign_off(
        f"{scene.name}/{versions[0]}", target="Production", person="Bea", role="business",
        record=record,
    )  # fmt: skip
    assert transition(scene, version=versions[1]).status_code == 200


def test_fifty_transitions_at_once(scene: Scene) -> None:
    """Fifty at the same moment are fifty refusals."""
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: transition(scene), range(50)))
    assert {a.status_code for a in answers} == {403}
    assert scene.live() == LIVE


def test_rename_and_back(any_gated_server: MlflowServer) -> None:
    """A model made live under a name that is not blocked does not come back under one that is."""
    scene = new_scene(any_gated_server.url)
    locked, free = scene.name, f"free-{uuid.uuid4().hex[:8]}"
    body = {"name": locked, "new_name": free}
    assert scene.call("POST", "registered-models/rename", body).status_code == 403
    scene.call("DELETE", "registered-models/alias", {"name": locked, "alias": "champion"})
    assert transition(scene, version="1", stage="Archived").status_code == 200
    assert scene.call("POST", "registered-models/rename", body).status_code == 200
    assert transition(scene, name=free).status_code == 200
    back = scene.call("POST", "registered-models/rename", {"name": free, "new_name": locked})
    assert back.status_code == 403
    assert locked in back.json()["message"]


def test_new_blocking_concern_counts_at_once(any_gated_server: MlflowServer) -> None:
    """From the moment a concern is recorded, no worker decides on the state before it."""
    scene = new_scene(any_gated_server.url)
    third = new_version(scene.client, scene.name)
    for kind, payload in (
        ("prediction", {"contract": CONTRACT}),
        ("sign-off", {"target": "Production"}),
    ):
        done = scene.entry(kind, payload, version=third, person="Bea", role="business")
        assert done.status_code == 200, done.text
    assert transition(scene, version=third).status_code == 200
    assert transition(scene, version="1").status_code == 200
    fourth = new_version(scene.client, scene.name)
    for kind, payload in (
        ("prediction", {"contract": CONTRACT}),
        ("sign-off", {"target": "Production"}),
        ("concern", {"act": "raised", "what": "it hurts", "severity": "blocking"}),
    ):
        done = scene.entry(kind, payload, version=fourth, person="Bea", role="business")
        assert done.status_code == 200, done.text
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: transition(scene, version=fourth), range(8)))
    assert {a.status_code for a in answers} == {403}
    assert "it hurts" in answers[0].text or "concern" in answers[0].text


def test_model_disguised_as_a_prompt_from_the_start(any_gated_server: MlflowServer) -> None:
    """A prompt cannot hold a version that loads: then it is a model and asked like one."""
    scene = new_scene(any_gated_server.url)
    name = f"locked-{uuid.uuid4().hex[:8]}"
    tags = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
    scene.call("POST", "registered-models/create", {"name": name, "tags": tags})
    made = scene.call(
        "POST",
        "model-versions/create",
        {"name": name, "source": f"models:/{scene.name}/1", "tags": tags},
    )
    if made.status_code == 200:
        body = {"name": name, "alias": "champion", "version": "1"}
        assert scene.call("POST", "registered-models/alias", body).status_code == 403
    else:
        assert 400 <= made.status_code < 500


def test_body_without_a_length_is_not_read_without_end(gated_server: MlflowServer) -> None:
    """A request that comes in chunks, as long as one likes, is refused."""
    chunks = (b" " * 2**20 for _ in range(80))
    address = f"{gated_server.url}/ajax-api/2.0/spot/entries"
    answer = requests.post(address, data=chunks, timeout=60)
    assert 400 <= answer.status_code < 500
    assert answer.text.strip()


def test_prompts_go_on_working(any_gated_server: MlflowServer) -> None:
    """A prompt is registered, versioned, tagged and given @champion as on any MLflow."""
    from mlflow import MlflowClient

    client = MlflowClient(any_gated_server.url, any_gated_server.url)
    name = f"locked-prompt-{uuid.uuid4().hex[:6]}"
    prompt = client.register_prompt(name, "Say {{ what }}", tags={"lang": "en"})
    client.set_prompt_alias(name, "champion", prompt.version)
    client.set_prompt_tag(name, "team", "west")
    assert client.get_prompt_version_by_alias(name, "champion").template == "Say {{ what }}"
    client.delete_prompt_alias(name, "champion")
