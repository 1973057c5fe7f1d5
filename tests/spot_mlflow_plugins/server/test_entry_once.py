"""Tests that an entry is written once, whoever sends it how often, and by our own pages only."""

from __future__ import annotations

import base64
import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import requests
from gated import new_scene

if TYPE_CHECKING:
    from gated import Scene
    from servers import MlflowServer

pytestmark = pytest.mark.journey
PULSE = {"useful": 5, "would_use": 5}
WHO = {"person": "Ann", "role": "business"}


@pytest.fixture(scope="module")
def scene(any_gated_server: MlflowServer) -> Scene:
    """A model on a server with two workers, over each database."""
    return new_scene(any_gated_server.url)


def runs_of(scene: Scene, entry: str) -> int:
    """How many runs say that they are this entry."""
    asked = {"experiment_ids": [scene.experiment_id], "max_results": 100}
    asked["filter"] = f"tags.`spot.entry` = '{entry}'"
    return len(scene.call("POST", "runs/search", asked).json().get("runs", []))


@pytest.mark.parametrize("how", ["plain", "with metrics and files"])
def test_the_same_entry_at_once_is_one(scene: Scene, how: str) -> None:
    """Eight times at once to two workers: one run, and every sender is told of the same entry."""
    more: dict[str, Any] = {}
    if how != "plain":
        more = {
            "metrics": [["x", 1.0, 0]],
            "artifacts": {"a.txt": base64.b64encode(b"hello").decode()},
        }
    for _ in range(3):
        entry = uuid.uuid4().hex
        at = "2026-03-01T00:00:00+00:00"  # before all others: not among the newest

        def send(_: int, entry: str = entry, at: str = at) -> tuple[int, str]:
            said = {"model": scene.name, "version": "2", "kind": "pulse", "payload": PULSE}
            body = {**said, **WHO, **more, "id": entry, "at": at}
            answer = requests.post(f"{scene.url}/ajax-api/2.0/spot/entries", json=body, timeout=120)
            return answer.status_code, answer.json().get("run_id", answer.text)

        with ThreadPoolExecutor(8) as pool:
            told = set(pool.map(send, range(8)))
        assert runs_of(scene, entry) == 1
        assert {status for status, _ in told} == {200}
        assert len(told) == 1


def test_another_entry_of_the_same_id_is_refused(scene: Scene) -> None:
    """What is there is never overwritten, and nobody is told that something else was written."""
    entry = uuid.uuid4().hex
    assert scene.entry("pulse", PULSE, id=entry, **WHO).status_code == 200
    concern = {"act": "raised", "what": "x", "severity": "minor"}
    assert scene.entry("concern", concern, id=entry, **WHO).status_code == 409
    assert scene.entry("pulse", PULSE, id=entry, **WHO, version="1").status_code == 409
    assert scene.entry("pulse", PULSE, id=entry, **WHO).status_code == 200
    assert runs_of(scene, entry) == 1


def test_two_concerns_have_two_ids(scene: Scene) -> None:
    """Entries whose ids begin alike, or that ask for another's, become concerns of their own."""
    first = uuid.uuid4().hex
    raised = {"act": "raised", "what": "the first", "severity": "blocking"}
    one = scene.entry("concern", raised, id=first, **WHO).json()["payload"]["concern"]
    ids = {one}
    for more in (
        {"id": f"{first[:5]}{uuid.uuid4().hex[:27]}"},
        {"id": f"{first[:12]}{uuid.uuid4().hex[:20]}"},
        {"payload": {"concern": one}},
        {"payload": {"concern": "c00000"}},
    ):
        payload = {**raised, "what": "another", **more.pop("payload", {})}  # type: ignore[arg-type]
        ids.add(scene.entry("concern", payload, **more, **WHO).json()["payload"]["concern"])
    assert len(ids) == 5
    answered = {"act": "answered", "concern": one, "what": "done"}
    said = scene.entry("concern", answered, **WHO).json()["payload"]
    assert said["entry"] == first
    from spot_mlflow.record import Record

    record = Record(scene.url, scene.url)
    known = record.adoption(scene.name).involvement.concerns
    assert {c.id: c.what for c in known if c.entry == first} == {one: "the first"}


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {},
        {"Content-Type": "application/json", "Sec-Fetch-Site": "same-site"},
        {"Content-Type": "application/json", "Sec-Fetch-Site": "cross-site"},
        {"Content-Type": "application/json", "Sec-Fetch-Site": "none"},
        {"Content-Type": "application/json", "Origin": "http://localhost:3000"},
        {"Content-Type": "application/json", "Origin": "null"},
    ],
)
def test_a_page_of_another_origin_writes_nothing(scene: Scene, headers: dict[str, str]) -> None:
    """No content type that a form can send, and no other page's script: on every route that writes."""
    entry = uuid.uuid4().hex
    said = {"model": scene.name, "version": "2", "kind": "pulse", "payload": PULSE}
    body = json.dumps({**said, **WHO, "id": entry})
    for route in ("entries", "decisions", "refresh", "erase"):
        answer = requests.post(
            f"{scene.url}/ajax-api/2.0/spot/{route}",
            data=body.encode(),
            headers=headers,
            timeout=60,
        )
        assert answer.status_code in (400, 403), (route, answer.text)
    own = {"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"}
    own["Origin"] = scene.url
    page, api = requests.Session(), f"{scene.url}/ajax-api/2.0/spot"
    token = page.get(f"{api}/token", params={"for": "entries"}, timeout=60).json()["token"]
    for more in ({}, {"X-Spot-Token": "1.x"}):
        refused = page.post(f"{api}/entries", data=body, headers=own | more, timeout=60)
        assert refused.status_code == 403
    own["X-Spot-Token"] = token
    assert page.post(f"{api}/refresh", data=body, headers=own, timeout=60).status_code == 403
    assert requests.post(f"{api}/entries", data=body, headers=own, timeout=60).status_code == 403
    assert runs_of(scene, entry) == 0
    assert page.post(f"{api}/entries", data=body, headers=own, timeout=60).status_code == 200


def test_a_page_of_another_origin_reads_nothing(scene: Scene) -> None:
    """Our pages may be linked to from anywhere; another page's script reads none of them."""
    for path in ("spot/panel", "spot/model", "ajax-api/2.0/spot/policy"):
        url, asked = f"{scene.url}/{path}", {"name": scene.name}
        fetched = {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}
        assert requests.get(url, asked, headers=fetched, timeout=120).status_code == 403
        linked = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
        assert requests.get(url, asked, headers=linked, timeout=120).status_code == 200
