"""Mailed links on a real server: altered, replayed, of another; scripts, frames and headers in all that is typed."""

from __future__ import annotations

import os
import re
import uuid
from typing import TYPE_CHECKING, Any

import pytest
import requests
from form_pages import FormPage
from gated import gated_mlflow_server, new_scene
from link_bypasses import BYPASSES, SCRIPT, Holder
from mailed_links import ANSWERS, WORRY, Mail

from spot_mlflow.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gated import Scene

pytestmark = pytest.mark.journey


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A model whose version 1 is live, on a server whose key the tests know."""
    folder = tmp_path_factory.mktemp("forged-links")
    with gated_mlflow_server(folder, workers=1) as server:
        os.environ["SPOT_TEST_FOLDER"] = str(folder)
        yield new_scene(server.url)
        del os.environ["SPOT_TEST_FOLDER"]


def mailed(scene: Scene, person: str, role: str = "frontline", model: str = "") -> Mail:
    """A new link, opened."""
    said = {"model": model or scene.name, "person": person, "role": role}
    answer = requests.post(f"{scene.url}/ajax-api/2.0/spot/links", json=said, timeout=60)
    assert answer.status_code == 200, answer.text
    return Mail(f"{scene.url}/{answer.json()['page']}")


@pytest.fixture(scope="module")
def holder(scene: Scene) -> Holder:
    """Who holds the links."""
    from pathlib import Path

    (key,) = Path(os.environ["SPOT_TEST_FOLDER"]).rglob("signing.key")
    keys = tuple(line.encode() for line in key.read_text().split())
    mail = mailed(scene, "Fay")
    return Holder(mail, mail.worry(), mailed(scene, "Gil", "business"), keys)


def entries(scene: Scene) -> list[Any]:
    """The entries of the model, but for refused attempts."""
    record = Record(scene.url, scene.url)
    return [e for e in record.entries(record.resolve(scene.name)) if e.kind != "decision"]


@pytest.mark.parametrize("name", BYPASSES)
def test_a_link_allows_nothing_else(scene: Scene, holder: Holder, name: str) -> None:
    """What is tried is refused in words, and nothing is written."""
    before = len(entries(scene))
    answer = BYPASSES[name](holder)
    assert answer.status_code in (400, 403), answer.text
    assert "Traceback" not in answer.text
    assert len(entries(scene)) == before


def test_who_speaks_stands_in_the_record_alone(scene: Scene) -> None:
    """Name, role, model and version that are sent beside the answers change nothing."""
    mail = mailed(scene, "Hua")
    said = {
        **ANSWERS,
        "person": "Bea",
        "role": "business",
        "name": "churn",
        "version": "2",
        "by_link": "",
    }
    assert mail.send("assess", said).status_code == 303
    entry = entries(scene)[-1]
    assert (entry.person, entry.role, entry.recorded_by) == ("Hua", "frontline", "mailed link")
    assert entry.model == scene.name


def test_nobody_stamps_an_entry_as_sent_by_a_link(scene: Scene) -> None:
    """A client's own ``by_link`` is left out: the server sets it."""
    answer = scene.entry(
        "pulse", {"useful": 4, "would_use": 4, "by_link": "a" * 32}, person="Ida", role="frontline"
    )
    assert answer.status_code == 200, answer.text
    assert "by_link" not in answer.json()["payload"]


def test_a_new_model_of_the_name_is_another_one(scene: Scene) -> None:
    """Deleted and made anew: the links of the former one end, that of a concern, too."""
    name = f"other-{uuid.uuid4().hex[:8]}"
    scene.client.create_registered_model(name)
    mail = mailed(scene, "Jan", model=name)
    own = mail.worry({**WORRY, "severity": "minor"})
    assert own.get().status_code == 200
    scene.client.delete_registered_model(name)
    for link in (mail, own):
        assert link.get().status_code == 403
    scene.client.create_registered_model(name)
    for link, do in ((mail, "pulse"), (own, "reopen")):
        assert link.get().status_code == 403
        assert link.send(do, {"useful": "1", "would_use": "1", "what": "x"}).status_code == 403


def test_a_name_that_was_erased_ends_its_links(scene: Scene) -> None:
    """There is nobody left for whom it could speak."""
    from spot_mlflow.record import Record
    from spot_mlflow.record.erasure import erase_person

    mail = mailed(scene, "Kim Erased")
    own = mail.worry({**WORRY, "severity": "minor"})
    base = requests.get(f"{scene.url}/ajax-api/2.0/spot/server", timeout=60).json()
    assert base["entries"] == "route"
    folder = os.environ["SPOT_TEST_FOLDER"]
    database = f"sqlite:///{folder}/mlflow.db"
    erase_person(Record(database, database), "Kim Erased")
    for link in (mail, own):
        page = link.get()
        assert page.status_code == 403
        assert "no longer valid" in page.text


def test_what_people_type_is_text_everywhere(scene: Scene, holder: Holder) -> None:
    """A script in every field of every form is shown as it was typed, on every page that tells of it."""
    evil = mailed(scene, SCRIPT)
    said = {
        k: v
        for q in ("O1", "O3")
        for k, v in ((q, "2"), (f"{q}-comment", SCRIPT), (f"{q}-owner", SCRIPT))
    }
    assert evil.send("assess", said).status_code == 303
    own = evil.worry({"what": SCRIPT, "severity": "minor"})
    answer = evil.send("raise", {"what": "", "severity": SCRIPT})
    assert answer.status_code == 422
    session = requests.Session()
    who = {"person": SCRIPT, "role": "business"}
    for do, more in (
        ("raise", {"what": SCRIPT, "severity": "minor"}),
        ("involve", {"kind": "contributed", "phase": "scope", "what": SCRIPT}),
        ("request", {"target": "@champion", "why": SCRIPT}),
        ("waive", {"target": "Production", "requirement": "sign_off", "reason": SCRIPT}),
        ("sign", {"target": "Production", "note": SCRIPT}),
    ):
        page = FormPage(session, scene.url, do=do, name=scene.name, version="2")
        sent = page.send({**who, **more})
        assert sent.status_code == 303, (do, sent.text)
    pages = {
        "model": {"name": scene.name, "version": "2"},
        "me": {"person": SCRIPT, "role": "business"},
        "history": {"name": scene.name},
        "form": {"name": scene.name, "do": SCRIPT, "role": SCRIPT, "concern": SCRIPT},
        "link": {"t": SCRIPT},
        "": {"q": SCRIPT},
    }
    texts = [
        session.get(f"{scene.url}/spot/{p}", params=q, timeout=120).text for p, q in pages.items()
    ]
    texts += [evil.get("assess").text, evil.get("pulse").text, own.get().text, answer.text]
    for text in texts:
        assert "<script>alert" not in text
        assert "<img src=x" not in text
    assert sum("&lt;script&gt;alert" in text for text in texts) >= 5


@pytest.mark.parametrize("page", ["link", "me", "history", "form", "model"])
def test_no_page_is_framed_and_no_header_is_injected(
    scene: Scene, holder: Holder, page: str
) -> None:
    """A strict policy on each; line ends in an address end in no header."""
    evil = "x\r\nSet-Cookie: evil=1\r\n\r\n<p>"
    query = {
        "name": scene.name,
        "t": holder.mail.token,
        "do": "raise",
        "done": evil,
        "person": evil,
        "role": evil,
    }
    answer = requests.get(f"{scene.url}/spot/{page}", params=query, timeout=60)
    policy = answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "no-store" in answer.headers["Cache-Control"]
    assert "evil" not in answer.headers.get("Set-Cookie", "")
    if page == "link":
        sent = holder.other.send("pulse", {"useful": "3", "would_use": "3", "turn": evil})
        assert re.fullmatch(r"link\?t=[\w.%-]+&done=pulse", sent.headers["Location"])


@pytest.mark.parametrize(
    "name", ["../{}", "{}/../{}", "%2e%2e/{}", "{}\0", "x" * 300, "/etc/passwd", "{}%00"]
)
@pytest.mark.parametrize("page", ["form", "history", "model"])
def test_a_name_is_no_path(scene: Scene, page: str, name: str) -> None:
    """Tricks in a name end in a page that says that there is no such model."""
    query = {"name": name.format(scene.name, scene.name), "do": "raise"}
    answer = requests.get(f"{scene.url}/spot/{page}", params=query, timeout=60)
    assert answer.status_code in (400, 404)
    assert "Traceback" not in answer.text
