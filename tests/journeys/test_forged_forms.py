"""Every page and every form, as pages of others, odd browsers and people with scripts for names try them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests
from every_page import FORMS, addresses, wait_for_everybody
from form_pages import FormPage
from gated import new_scene
from link_bypasses import SCRIPT

from spot_mlflow.record import Record

if TYPE_CHECKING:
    from every_page import Waiting
    from servers import MlflowServer

pytestmark = pytest.mark.journey
SAID = {
    "person": "Cem",
    "role": "frontline",
    "target": "@champion",
    "requirement": "sign_off",
    "severity": "minor",
    "kind": "contributed",
    "phase": "scope",
    "choice": "keep",
    "useful": "3",
    "would_use": "3",
    "O1": "2",
}
TYPED = ("what", "why", "reason", "note", "O1-comment", "O1-owner", "person")


@pytest.fixture(scope="module")
def waiting(gated_server: MlflowServer) -> Waiting:
    """A model on which everything waits."""
    scene = new_scene(gated_server.url)
    return wait_for_everybody(scene.url, scene.name, "2", target="@champion")


def form(waiting: Waiting, do: str) -> FormPage:
    """A form, opened in a browser of its own."""
    about = {"concern": waiting.concern, "about": waiting.request}
    query = {"name": waiting.name, "version": waiting.version, "do": do, **about}
    if do == "assess":
        query["role"] = "frontline"
    page = FormPage(requests.Session(), waiting.url, **query)
    assert page.page.status_code == 200, page.page.text
    return page


def entries(waiting: Waiting) -> list[Any]:
    """The entries of the model, but for refused attempts."""
    record = Record(waiting.url, waiting.url)
    return [e for e in record.entries(record.resolve(waiting.name)) if e.kind != "decision"]


@pytest.mark.parametrize("do", FORMS)
def test_no_forged_form_writes(waiting: Waiting, do: str) -> None:
    """Whatever is forged of the page, the body or the token: refused in words, nothing written."""
    page = form(waiting, do)
    others = {
        "another form": form(waiting, "raise" if do != "raise" else "pulse").hidden["token"],
        "another browser": form(waiting, do).hidden["token"],
    }
    before = len(entries(waiting))
    passed = page.forged({**SAID, **dict.fromkeys(TYPED[:4], "word")}, others)
    assert passed == {}
    assert len(entries(waiting)) == before


@pytest.mark.parametrize("do", FORMS)
def test_a_script_in_a_field_stays_text(waiting: Waiting, do: str) -> None:
    """Sent in every field that takes words: taken or refused, each page that tells of it shows it as typed."""
    page = form(waiting, do)
    answer = page.send({**SAID, **dict.fromkeys(TYPED, SCRIPT), "role": "business" if do != "assess" else "frontline"})  # fmt: skip
    assert answer.status_code in (200, 303, 400, 403, 422), answer.text
    texts = {do: answer.text}
    for what, path in addresses(waiting, "1").items():
        if not what.startswith("form"):
            texts[what] = page.session.get(f"{waiting.url}/{path}", timeout=60).text
    raw = [what for what, text in texts.items() if "<script>alert" in text or "<img src=x" in text]
    assert raw == []


def test_no_page_is_framed_kept_or_led_by_its_address(waiting: Waiting) -> None:
    """A strict policy on each page and form; line ends in an address end in no header."""
    evil = "x\r\nSet-Cookie: evil=1\r\n\r\n<p>"
    wrong = {}
    for what, path in addresses(waiting, "1").items():
        more = dict.fromkeys(("done", "own", "q", "owner", "sort", "tab", "back", "at", "to"), evil)
        answer = requests.get(f"{waiting.url}/{path}", params=more, timeout=60)
        policy = answer.headers.get("Content-Security-Policy", "")
        if (
            "frame-ancestors 'none'" not in policy
            or "unsafe" in policy
            or "no-store" not in answer.headers.get("Cache-Control", "")
            or "evil" in answer.headers.get("Set-Cookie", "")
            or "Traceback" in answer.text
        ):
            wrong[what] = dict(answer.headers)
    assert wrong == {}


@pytest.mark.parametrize(
    "name", ["../{}", "{}/../{}", "%2e%2e/{}", "{}\0", "x" * 300, "/etc/passwd", "{}%00"]
)
def test_a_name_is_no_path_anywhere(waiting: Waiting, name: str) -> None:
    """Tricks in a name end on each page in words, not in a file or a fault."""
    query = {"name": name.format(waiting.name, waiting.name), "version": "2", "with": "1"}
    for page in ("model", "compare", "benchmark", "history", *(f"form?do={do}" for do in FORMS)):
        answer = requests.get(f"{waiting.url}/spot/{page}", params=query, timeout=60)
        assert answer.status_code in (400, 404), (page, answer.status_code)
        assert "Traceback" not in answer.text
