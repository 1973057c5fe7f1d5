"""Mailed links on a real server with logins, under a prefix: for one person, role and model, and no more."""

from __future__ import annotations

import os
import re
import threading
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
import requests
from form_pages import FormPage
from logins import ADMIN, Login, login_server
from mailed_links import ANSWERS, WORRY, Mail, entry_of, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.journey
MODEL = "locked-links"
PREFIX = "/mlops"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with logins; dan may edit the model, mallory reads it."""
    folder = tmp_path_factory.mktemp("links")
    with login_server(folder, {"bea": ["business"]}, users=("bea", "dan", "mallory")) as server:
        admin = Login(server.url, *ADMIN)
        Login(server.url, "dan").promised(MODEL, editor="bea", admin=admin)
        admin.grant("mallory", MODEL, "READ")
        yield server.url


def ask(url: str, user: str = "dan", **said: Any) -> requests.Response:
    """Asks for a link as a user."""
    body = {"model": MODEL, "person": "Fay", "role": "frontline", **said}
    session = Login(url, user).session
    return session.post(f"{url}/ajax-api/2.0/spot/links", json=body, timeout=60)


def mailed(url: str, **said: Any) -> Mail:
    """A new link, opened."""
    answer = ask(url, **said)
    assert answer.status_code == 200, answer.text
    return Mail(f"{url}/{answer.json()['page']}")


def entries(url: str, kind: str, model: str = MODEL) -> list[dict[str, Any]]:
    """The entries of a kind, as an administrator reads them."""
    session = Login(url, *ADMIN).session
    got = session.get(f"{url}/ajax-api/2.0/spot/entries", params={"model": model}, timeout=60)
    return [e for e in got.json()["entries"] if e["kind"] == kind]


def test_one_person_answers_without_an_account(url: str) -> None:
    """The page and what it loads need no login, all else does; what is sent is stamped "by link"."""
    mail = mailed(url, person="Ann Ott", role="executive")
    page = mail.get()
    assert page.status_code == 200
    assert "You answer as Ann Ott, executive, through the link" in text_of(page)
    assert "I don't know" in text_of(page)
    for name in ("style.css", "theme.js", "draft.js", "steps.js"):
        assert requests.get(f"{url}/spot/{name}", timeout=60).status_code == 200
    for path in (
        "spot/",
        f"spot/model?name={MODEL}",
        f"spot/form?do=pulse&name={MODEL}",
        "spot/linky",
    ):
        assert requests.get(f"{url}/{path}", timeout=60).status_code == 401
    before = len(entries(url, "assessment"))
    answer = mail.send("assess", {"S1": "3", "S3": "?"})
    assert answer.status_code == 303, answer.text
    assert answer.headers["Location"].startswith("link?t=")
    found = entries(url, "assessment")
    assert len(found) == before + 1
    assert entry_of(found[-1]) == ("Ann Ott", "executive", "mailed link")
    assert {k: v["now"] for k, v in found[-1]["payload"]["answers"].items()} == {
        "S1": 3,
        "S3": None,
    }
    assert found[-1]["payload"]["by_link"] == entries(url, "invitation")[-1]["id"]
    assert "Your answers are recorded" in text_of(
        mail.session.get(f"{url}/spot/{answer.headers['Location']}", timeout=60)
    )
    again = mail.get("assess").text
    assert 'value="3" checked' in again  # to be corrected
    tags = Login(url, *ADMIN).api("GET", f"registered-models/get?name={MODEL}").json()
    assert any(t["key"] == "spot.readiness" for t in tags["registered_model"]["tags"])


def test_sent_often_is_one_entry_and_three_are_the_end(url: str) -> None:
    """At once and again: one. A correction, and the correction taken back: three. Then no more."""
    mail = mailed(url, person="Ben")
    said = {**ANSWERS, "turn": "0"}
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda: answers.append(mail.send("assess", said).status_code))
        for _ in range(4)
    ]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert answers == [303] * 4

    def mine() -> int:
        return sum(e["person"] == "Ben" for e in entries(url, "assessment"))

    assert mine() == 1
    assert mail.send("assess", {"O1": "4"}).status_code == 303
    assert mail.send("assess", ANSWERS).status_code == 303
    assert mine() == 3
    refused = mail.send("assess", {"O1": "5", "O1-comment": "kept as typed"})
    assert refused.status_code == 403
    assert "sent 3 times through this link" in text_of(refused)
    assert "kept as typed" in refused.text
    assert mine() == 3
    assert mail.send("pulse", {"useful": "4", "would_use": "2"}).status_code == 303


def test_ones_own_worry_and_its_answer(url: str) -> None:
    """By the same link: the answer; reopened; a confirmation is stamped and clears no blocking concern."""
    mail = mailed(url, person="Cem")
    own = mail.worry()
    assert "Nobody has answered yet" in text_of(own.get())
    raised = entries(url, "concern")[-1]
    assert entry_of(raised) == ("Cem", "frontline", "mailed link")
    concern = raised["payload"]["concern"]
    answered = {"act": "answered", "concern": concern, "what": "Left alone for 30 days now"}

    def answer() -> None:
        said = Login(url, "dan").entry(
            "concern", answered, model=MODEL, person="dan", role="data_scientist"
        )
        assert said.status_code == 200, said.text

    answer()
    assert "Left alone for 30 days now" in text_of(own.get())
    assert "There is an answer" in text_of(mail.get("pulse"))  # the mailed link leads there as well
    assert own.send("confirm", {"what": "Fine"}).status_code == 303
    said = entries(url, "concern")[-1]
    assert (said["payload"]["act"], bool(said["payload"]["by_link"])) == ("confirmed", True)
    page = Login(url, "dan").session.get(f"{url}/spot/model", params={"name": MODEL}, timeout=60)
    assert "Cem (by link)" in text_of(page)
    assert "waits for confirmation" in text_of(page)  # it is open still
    assert own.send("confirm", {"what": "Fine"}).status_code == 403
    assert "stays open until you say so with a login" in text_of(own.get())
    assert own.send("reopen", {"what": ""}).status_code == 422
    assert own.send("reopen", {"what": "Again today"}).status_code == 303
    answer()
    assert own.send("reopen", {"what": "Again today"}).status_code == 303  # as often as it takes
    acts = [
        e["payload"]["act"] for e in entries(url, "concern") if e["payload"]["concern"] == concern
    ]
    assert acts == ["raised", "answered", "confirmed", "reopened", "answered", "reopened"]


def test_a_confirmation_by_link_clears_what_does_not_block(url: str) -> None:
    """A minor concern is settled by the person who raised it, also by link."""
    own = mailed(url, person="Dua").worry({**WORRY, "severity": "minor"})
    concern = entries(url, "concern")[-1]["payload"]["concern"]
    said = {"act": "answered", "concern": concern, "what": "Mended"}
    assert Login(url, "dan").entry("concern", said, model=MODEL, person="dan", role="engineer").ok
    assert own.send("confirm", {"what": ""}).status_code == 303
    assert "You said that it is settled" in text_of(own.get())
    assert own.send("reopen", {"what": "It is back"}).status_code == 303


def test_a_newer_link_replaces_an_older_one(url: str) -> None:
    """Of the same person and role; another role, another person and one's own concern go on."""
    first, other = mailed(url, person="Eva"), mailed(url, person="Eva", role="business")
    own = first.worry()
    second = mailed(url, person=" eva ")
    page = first.get()
    assert page.status_code == 200
    assert "newer link" in text_of(page)
    assert "Customers are called twice" in text_of(page)
    before = len(entries(url, "assessment"))
    refused = first.send("assess", {**ANSWERS, "O1-comment": "not lost"})
    assert refused.status_code == 403
    assert "not lost" in refused.text
    assert len(entries(url, "assessment")) == before
    assert own.get().status_code == 200
    assert other.send("assess", {"P3": "2"}).status_code == 303
    assert second.send("assess", ANSWERS).status_code == 303


def test_opening_a_link_writes_nothing(url: str) -> None:
    """Mail scanners open links, by GET and HEAD, with every form in the address."""
    mail = mailed(url, person="Gil")
    own = mail.worry()
    session = Login(url, *ADMIN).session
    place = {"params": {"model": MODEL}, "timeout": 60}
    before = session.get(f"{url}/ajax-api/2.0/spot/entries", **place).json()["entries"]
    for link, do in (
        (mail, "assess"),
        (mail, "raise"),
        (mail, "pulse"),
        (own, ""),
        (own, "reopen"),
    ):
        for method in ("GET", "HEAD"):
            query = {"t": link.token, "do": do, "O1": "2", **WORRY}
            answer = requests.request(method, link.page, params=query, timeout=60)
            assert answer.status_code == 200
            assert "Set-Cookie" not in answer.headers
    assert session.get(f"{url}/ajax-api/2.0/spot/entries", **place).json()["entries"] == before


@pytest.mark.parametrize(
    ("user", "said", "status"),
    [
        ("mallory", {}, 403),
        ("dan", {"role": "boss"}, 400),
        ("dan", {"person": ""}, 400),
        ("dan", {"person": "x\r\nBcc: all@example.org\x00"}, 400),
        ("dan", {"until": "2999-01-01"}, 400),
        ("dan", {"until": "2020-01-01"}, 400),
        ("dan", {"may": "sign"}, 400),
        ("dan", {"model": "nothing-of-the-kind"}, 403),
        ("dan", {"version": "99"}, 404),
    ],
)
def test_not_everybody_asks_and_not_for_everything(
    url: str, user: str, said: dict[str, str], status: int
) -> None:
    """Who may not edit the model asks nobody by a link; a wrong request is answered, and nothing written."""
    before = len(entries(url, "invitation"))
    answer = ask(url, user, **said)
    assert answer.status_code == status, answer.text
    assert len(entries(url, "invitation")) == before


def ask_page(url: str, user: str) -> FormPage:
    """The form that makes a link, opened by a user."""
    return FormPage(Login(url, user).session, url, do="ask", name=MODEL, version="1")


def test_a_form_asks_as_the_command_does(url: str) -> None:
    """The link is in the answer alone, sent again it is the same one; it opens and takes answers."""
    page = ask_page(url, "dan")
    people = page.session.get(
        f"{url}/spot/model", params={"name": MODEL, "tab": "people"}, timeout=60
    )
    assert "Ask somebody by a link" in text_of(people)
    assert 'name="person" value=""' in re.sub(
        r' id="\w+"| required| type="\w+"', "", page.page.text
    )
    before = len(entries(url, "invitation"))
    said = {"person": "Ida Ley", "role": "frontline", "until": ""}
    answer, again = page.send(said), page.send(said)
    assert (answer.status_code, again.status_code) == (200, 200), answer.text
    assert "no-store" in answer.headers["Cache-Control"]
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert "Location" not in answer.headers
    assert "spot_name" not in answer.headers.get("Set-Cookie", "")  # she is not who typed it
    (link,) = set(re.findall(r'href="(link\?t=[^"]+)"', answer.text + again.text))
    found = entries(url, "invitation")
    assert len(found) == before + 1
    assert entry_of(found[-1]) == ("Ida Ley", "frontline", "dan")
    assert Mail(f"{url}/spot/{link}").send("assess", ANSWERS).status_code == 303


@pytest.mark.parametrize(
    ("user", "said", "status"),
    [
        ("mallory", {}, 403),
        ("dan", {"person": " "}, 422),
        ("dan", {"role": "boss"}, 422),
        ("dan", {"until": "soon"}, 422),
        ("dan", {"until": "2999-01-01"}, 400),
        ("dan", {"token": "1.x"}, 403),
        ("dan", {"token": ""}, 403),
    ],
)
def test_a_form_asks_for_nobody_else(
    url: str, user: str, said: dict[str, str], status: int
) -> None:
    """The rights are those of the command; what was typed comes back, no link, and nothing is written."""
    before = len(entries(url, "invitation"))
    sent = {"person": "Jo Kay", "role": "frontline", "until": "", **said}
    answer = ask_page(url, user).send(sent)
    assert answer.status_code == status, answer.text
    assert "link?t=" not in answer.text
    assert f'value="{sent["person"]}"' in answer.text
    assert len(entries(url, "invitation")) == before


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "", "Origin": "http://localhost:9"},
        {"Sec-Fetch-Site": "", "Origin": "http://127.0.0.1.example.org"},
        {"Content-Type": "text/plain"},
    ],
    ids=str,
)
def test_no_page_of_others_asks(url: str, headers: dict[str, str]) -> None:
    """Another site, another port, a look-alike and a body as text: refused, no link, nothing written."""
    before = len(entries(url, "invitation"))
    answer = ask_page(url, "dan").send({"person": "Jo", "role": "frontline"}, **headers)
    assert answer.status_code in (400, 403)
    assert "link?t=" not in answer.text
    assert len(entries(url, "invitation")) == before


def test_behind_a_prefix_and_switched_off(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Under --static-prefix the page opens without a login; where links are off, none is made or works."""
    folder = tmp_path_factory.mktemp("links-prefix")
    environment = {
        "SPOT_MLFLOW_LINKS": "on",
        "SPOT_MLFLOW_PUBLIC_ORIGIN": "https://ml.example, http://x",
    }
    more = {"users": (), "workers": 1}
    with login_server(
        folder, None, "--static-prefix", PREFIX, prefix=PREFIX, environment=environment, **more
    ) as server:
        base = f"{server.url}{PREFIX}"
        admin = Login(base, *ADMIN)
        assert admin.api("POST", "registered-models/create", name=MODEL).status_code == 200
        body = {"model": MODEL, "person": "Fay", "role": "frontline"}
        asked = admin.session.post(f"{base}/ajax-api/2.0/spot/links", json=body, timeout=60)
        assert asked.status_code == 200, asked.text
        assert asked.json()["origin"] == "https://ml.example"
        mail = Mail(f"{base}/{asked.json()['page']}")
        assert mail.get().status_code == 200
        assert requests.get(f"{base}/spot/style.css", timeout=60).status_code == 200
        assert mail.send("pulse", {"useful": "4", "would_use": "2"}).status_code == 303
    off = {"SPOT_MLFLOW_LINKS": "off"}
    with login_server(folder, None, environment=off, users=(), workers=1) as server:
        admin = Login(server.url, *ADMIN)
        answer = admin.session.post(f"{server.url}/ajax-api/2.0/spot/links", json=body, timeout=60)
        assert answer.status_code == 403
        assert "switched off" in answer.text
        asks = admin.session.get(
            f"{server.url}/spot/form", params={"do": "ask", "name": MODEL}, timeout=60
        )
        assert (asks.status_code, "switched off" in asks.text) == (403, True)
        people = {"name": MODEL, "tab": "people"}
        page = admin.session.get(f"{server.url}/spot/model", params=people, timeout=60)
        assert "Ask somebody by a link" not in page.text
        mail = Mail(f"{server.url}/spot/link?t={mail.token}")
        assert mail.get().status_code == 403
        assert mail.send("pulse", {"useful": "1", "would_use": "1"}).status_code == 403


def test_spot_ask_writes_the_link(url: str, tmp_path: Any) -> None:
    """``spot ask --link`` mails the address in place of a worksheet; what it opens takes answers."""
    from terminal import run_spot

    login = {"MLFLOW_TRACKING_USERNAME": "dan", "MLFLOW_TRACKING_PASSWORD": "user-password-1234"}
    with mock.patch.dict(os.environ, {**login, "MLFLOW_TRACKING_URI": url}):
        hua = ("ask", MODEL, "--role", "frontline", "--name", "Hua", "--link")
        assert {"link", "until"} < set(run_spot(*hua, "--format", "json").json)
        asked = run_spot(*hua, "-o", tmp_path)
        assert asked.status == 0, asked.err
        said = run_spot(*hua, "--dry-run")
        assert "not made in a dry run" in said.out
        assert run_spot("ask", MODEL, "--role", "frontline", "--link").status == 2
    assert "Attach" not in asked.err
    assert list(tmp_path.iterdir()) == []
    found = re.search(rf"{url}/spot/link\?t=\S+", asked.out)
    assert found is not None
    assert Mail(found[0]).send("assess", ANSWERS).status_code == 303
