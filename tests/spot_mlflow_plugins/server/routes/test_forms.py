"""The forms on a real server, as a browser without a script sends them."""

from __future__ import annotations

import re
import threading
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest
import requests
from gated import new_scene
from logins import ADMIN, Login, login_server

from spot_mlflow.record import Record

if TYPE_CHECKING:
    from gated import Scene
    from servers import MlflowServer

pytestmark = pytest.mark.journey
WORRY = {
    "person": "Jörg Müller",
    "role": "frontline",
    "what": "<b>Called</b>\r\ntwice",
    "severity": "major",
}


@pytest.fixture(scope="module")
def scene(gated_server: MlflowServer) -> Scene:
    """A model whose version 1 is live."""
    return new_scene(gated_server.url)


class Browser:
    """A browser that has opened a form."""

    def __init__(self, scene: Scene, do: str = "raise", **more: str) -> None:
        self.scene, self.session = scene, requests.Session()
        self.query = {"do": do, "name": scene.name, "version": "1", **more}
        self.page = self.session.get(f"{scene.url}/spot/form", params=self.query, timeout=60)

    @property
    def hidden(self) -> dict[str, str]:
        """The hidden fields: token and id."""
        return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', self.page.text))

    def send(self, said: dict[str, str], **headers: str) -> requests.Response:
        """Sends the form as this page would."""
        return self.session.post(
            f"{self.scene.url}/spot/form",
            params=self.query,
            data={**self.hidden, **said},
            headers={"Sec-Fetch-Site": "same-origin", **headers},
            allow_redirects=False,
            timeout=120,
        )


def recorded(scene: Scene, kind: str = "concern") -> list[Any]:
    """The entries of a kind on the model's record."""
    record = Record(scene.url, scene.url)
    return [e for e in record.entries(record.resolve(scene.name)) if e.kind == kind]


def test_a_form_is_recorded_as_the_library_would(scene: Scene) -> None:
    """Who, in which role, what; the page it leads back to is relative, and says that it is recorded."""
    browser = Browser(scene)
    before = len(recorded(scene))
    answer = browser.send(WORRY)
    assert (answer.status_code, len(recorded(scene))) == (303, before + 1)
    entry = recorded(scene)[-1]
    assert (entry.person, entry.role, entry.version) == ("Jörg Müller", "frontline", "1")
    assert entry.payload["what"] == "<b>Called</b>\ntwice"
    assert entry.recorded_by == "form without login"  # no name there, so that all can be erased
    assert answer.headers["Location"].startswith("model?name=")
    page = browser.session.get(f"{scene.url}/spot/{answer.headers['Location']}", timeout=60).text
    assert "Your concern is recorded." in page
    assert "Jörg Müller (unverified)" in unescape(page)
    own = re.search(r'href="(link\?t=[^"&]+)"', page)
    assert own is not None
    link = requests.get(f"{scene.url}/spot/{own[1]}", timeout=60)
    assert "Nobody has answered yet" in link.text
    assert "<b>Called</b>" not in page
    assert "&lt;b&gt;Called&lt;/b&gt;" in page
    again = browser.session.get(f"{scene.url}/spot/form", params=browser.query, timeout=60).text
    assert 'value="Jörg Müller"' in unescape(again)


def test_a_form_that_is_sent_often_is_one_entry(scene: Scene) -> None:
    """Twice after each other and four times at once: one entry, and everybody is led on."""
    browser = Browser(scene)
    before = len(recorded(scene))
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda: answers.append(browser.send(WORRY).status_code))
        for _ in range(4)
    ]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert answers == [303] * 4
    assert browser.send(WORRY).status_code == 303
    assert len(recorded(scene)) == before + 1
    assert browser.send({**WORRY, "what": "Changed after going back"}).status_code == 303
    assert [e.payload["what"] for e in recorded(scene)[before:]] == [
        "<b>Called</b>\ntwice",
        "Changed after going back",
    ]


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"severity": ""}, "severity"),
        ({"what": " "}, "what"),
        ({"person": ""}, "person"),
        ({"role": "boss"}, "role"),
    ],
)
def test_nothing_typed_is_lost(scene: Scene, said: dict[str, str], field: str) -> None:
    """What is wrong stands beside its field, all else is as it was typed, and nothing is recorded."""
    before = len(recorded(scene))
    answer = Browser(scene).send({**WORRY, **said})
    assert answer.status_code == 422
    assert f'id="{field}-fault"' in answer.text
    kept = {**WORRY, **said}
    text = unescape(answer.text)
    assert kept["what"].replace("\r\n", "\n").strip() in text
    assert f'value="{kept["person"]}"' in text
    assert len(recorded(scene)) == before


def test_what_the_record_refuses_comes_back_with_what_was_typed(scene: Scene) -> None:
    """Only who raised a concern may say that it is settled: the reason, and the words, are on the page."""
    Browser(scene).send(WORRY)
    concern = recorded(scene)[-1].payload["concern"]
    Browser(scene, "answer", concern=concern).send(
        {"person": "Dan", "role": "data_scientist", "what": "Mended"}
    )
    refused = Browser(scene, "confirm", concern=concern).send(
        {"person": "Eve", "role": "frontline", "what": "Fine by me"}
    )
    assert refused.status_code == 403
    assert "may confirm it" in refused.text
    assert "Fine by me" in refused.text
    settled = Browser(scene, "confirm", concern=concern).send({**WORRY, "what": ""})
    assert settled.status_code == 303


@pytest.mark.parametrize(
    ("headers", "given"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, None),
        ({"Sec-Fetch-Site": "same-site"}, None),
        ({"Sec-Fetch-Site": "none"}, None),
        ({"Sec-Fetch-Site": "", "Origin": "http://localhost:9"}, None),
        ({"Sec-Fetch-Site": "", "Origin": "null"}, None),
        ({"Sec-Fetch-Site": ""}, None),
        ({"Content-Type": "text/plain"}, None),
        ({"Content-Type": "application/json"}, None),
        ({}, ""),
        ({}, "1.x"),
        ({}, "pulse"),
        ({}, "raise"),
    ],
    ids=str,
)
def test_a_forged_form_writes_nothing(
    scene: Scene, headers: dict[str, str], given: str | None
) -> None:
    """Another origin, no origin, another content type, no token, a token of another form or browser."""
    browser = Browser(scene)
    before = len(recorded(scene))
    if given in ("pulse", "raise"):  # a token of another form, of another browser
        given = Browser(scene, given).hidden["token"]
    said = WORRY if given is None else {**WORRY, "token": given}
    sent = {"Sec-Fetch-Site": "same-origin", **headers}
    answer = browser.session.post(
        f"{scene.url}/spot/form",
        params=browser.query,
        data={**browser.hidden, **said},
        headers={k: v for k, v in sent.items() if v},
        timeout=60,
    )
    assert answer.status_code in (400, 403)
    assert len(recorded(scene)) == before
    if given is not None:
        assert "twice" in answer.text  # an honest reader whose page is old sends it again


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"do": "raise"}, 400),
        ({"do": "erase", "name": "{name}"}, 404),
        ({"do": "answer", "name": "{name}", "concern": "c00000"}, 404),
        ({"do": "raise", "name": "nothing-of-the-kind"}, 404),
        ({"do": "raise", "name": "{name}", "version": "99"}, 404),
        ({"do": "raise", "name": "../{name}"}, 400),
    ],
)
def test_a_wrong_address_is_told(scene: Scene, query: dict[str, str], status: int) -> None:
    """No model, no such form, no such concern or version: a page that says so."""
    asked = {k: v.format(name=scene.name) for k, v in query.items()}
    answer = requests.get(f"{scene.url}/spot/form", params=asked, timeout=60)
    assert answer.status_code == status
    assert "Traceback" not in answer.text


def test_no_page_may_frame_a_form_or_put_a_script_into_it(scene: Scene) -> None:
    """A strict policy, no store, and no header from what stands in the address."""
    answer = Browser(scene, role="x\r\nSet-Cookie: evil=1").page
    policy = answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "no-store" in answer.headers["Cache-Control"]
    assert "evil" not in answer.headers.get("Set-Cookie", "")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_the_summary_tells_of_it_at_once(scene: Scene) -> None:
    """After the form the model's tags know of the concern, as after an entry of the library."""
    Browser(scene).send(WORRY)
    tags = scene.client.get_registered_model(scene.name).tags
    assert int(tags["spot.concerns.open"]) >= 1


def test_with_logins_the_user_speaks(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whoever is logged in needs no name and can take no other; who may not read has no form."""
    with login_server(
        tmp_path_factory.mktemp("forms"), None, users=("bea", "dan", "eve")
    ) as server:
        Login(server.url, "dan").promised(
            "locked-form", editor="bea", admin=Login(server.url, *ADMIN)
        )
        address = f"{server.url}/spot/form"
        query = {"do": "raise", "name": "locked-form", "version": "1"}
        bea = Login(server.url, "bea").session
        page = bea.get(address, params=query, timeout=60).text
        assert "This is recorded as said by <b>bea</b>" in page
        hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
        said = {**hidden, **WORRY, "person": "Somebody else"}
        sent = {"params": query, "data": said, "headers": {"Sec-Fetch-Site": "same-origin"}}
        assert (
            bea.post(address, **sent, timeout=60).status_code == 200
        )  # led back to the model's page
        read = f"{server.url}/ajax-api/2.0/spot/entries"
        found = bea.get(read, params={"model": "locked-form"}, timeout=60).json()["entries"]
        assert [(e["person"], e["recorded_by"]) for e in found if e["kind"] == "concern"] == [
            ("bea", "bea")
        ]
        dan = Login(server.url, "dan").session
        dan.cookies.update(bea.cookies)
        forged = dan.post(address, **sent, timeout=60)
        assert forged.status_code == 403  # bea's token is not dan's
        assert "This is recorded as said by <b>dan</b>" in forged.text
        for method in ("GET", "POST"):
            eve = Login(server.url, "eve").session  # no right on the model
            assert eve.request(method, address, **sent, timeout=60).status_code == 403
        assert requests.get(address, params=query, timeout=60).status_code == 401
