"""Requests, waivers and what waits for a reader, as forms and pages on a real server with logins.

bea decides for the business, dan builds, mallory reads and has no role.
"""

from __future__ import annotations

import itertools
import re
from html import unescape
from typing import TYPE_CHECKING

import pytest
import requests
from browser import chromium
from every_page import WITH_LOGINS
from form_pages import FormPage
from gated import gated_mlflow_server
from logins import ADMIN, PASSWORD, Login, login_server
from looks import WAYS, beyond_the_keyboard, faint, opened, too_wide, violations
from mailed_links import text_of

from spot_mlflow_plugins.server.pages.me import FIRST, MANY

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.journey
MODEL, HIDDEN = "locked-me", "locked-hidden"
ROLES = {"bea": ["business"], "dan": "data_scientist"}
ASKED = {"target": "Production", "why": "beats the incumbent"}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Two promised models of dan's; bea and mallory may read the first alone."""
    with login_server(tmp_path_factory.mktemp("me"), ROLES, workers=1) as server:
        admin, dan = Login(server.url, *ADMIN), Login(server.url, "dan")
        dan.promised(MODEL, editor="bea", admin=admin)
        admin.grant("mallory", MODEL, "READ")
        dan.promised(HIDDEN, editor="admin", admin=admin)
        for model in (MODEL, HIDDEN):
            said = {"act": "raised", "what": f"too late in {model}", "severity": "major"}
            assert dan.entry("concern", said, model=model, person="dan", role="data_scientist").ok
            refreshed = {"model": model, "version": "1"}
            where = f"{server.url}/ajax-api/2.0/spot/refresh"
            assert dan.session.post(where, json=refreshed, timeout=60).ok
        yield server.url


def form(url: str, user: str, do: str, **more: str) -> FormPage:
    """A form that a user has opened."""
    return FormPage(Login(url, user).session, url, do=do, name=MODEL, version="1", **more)


def asked(url: str, user: str = "dan") -> str:
    """Asks for Production by the form and returns the request's id."""
    answer = form(url, user, "request").send(ASKED)
    assert answer.status_code == 303, text_of(answer)
    found = Login(url, *ADMIN).session.get(
        f"{url}/ajax-api/2.0/spot/requests", params={"model": MODEL}, timeout=60
    )
    return str(found.json()["requests"][-1]["request"])


def me(url: str, user: str, **query: str) -> requests.Response:
    """What waits for a user."""
    answer = Login(url, user).session.get(f"{url}/spot/me", params=query, timeout=120)
    assert answer.status_code == 200
    return answer


def kinds(url: str) -> list[str]:
    """The kinds of all entries."""
    got = Login(url, *ADMIN).session.get(
        f"{url}/ajax-api/2.0/spot/entries", params={"model": MODEL}, timeout=60
    )
    return [e["kind"] for e in got.json()["entries"]]


def test_asked_found_and_approved_by_forms(url: str) -> None:
    """The request waits on bea's page alone; her approval is the sign-off; then the version may go."""
    request = asked(url)
    assert f"request {request}" in text_of(me(url, "bea"))
    assert f"request {request}" not in text_of(me(url, "dan"))
    assert "Withdraw" in text_of(me(url, "dan"))
    assert f"request {request}" not in text_of(me(url, "mallory"))
    page = me(url, "bea").text
    address = unescape(re.search(r'href="(form\?[^"]*do=approve[^"]*)"', page)[1])  # type: ignore[index] # it is there
    bea = Login(url, "bea")
    opened = bea.session.get(f"{url}/spot/{address}", timeout=60)
    for words in (
        "beats the incumbent",
        "Promised",
        "Minimum worthwhile lift",
        "Failed check",
        "too late in",
    ):
        assert words in text_of(opened)
    answer = form(url, "bea", "approve", about=request, back="me").send({"role": "business"})
    assert answer.status_code == 303, text_of(answer)
    assert answer.headers["Location"].startswith("me?done=approve")
    assert bea.move(MODEL).status_code == 200
    assert f"request {request}" not in text_of(me(url, "bea"))
    again = form(url, "bea", "approve", about=request).send({"role": "business"})
    assert again.status_code == 400
    assert "is approved, must be open" in text_of(again)
    history = bea.session.get(f"{url}/spot/history", params={"name": MODEL}, timeout=60)
    assert "Production" in text_of(history)
    assert "now" in text_of(history)
    assert "unknown" in text_of(history)
    csv = bea.session.get(
        f"{url}/spot/history", params={"name": MODEL, "format": "csv"}, timeout=60
    )
    assert csv.text.startswith("model,target,version,from,to,by")
    assert csv.headers["Content-Type"].startswith("text/csv")
    old = bea.session.get(
        f"{url}/spot/history", params={"name": MODEL, "at": "2001-01-01"}, timeout=60
    )
    assert "No version held Production" in text_of(old)
    for at, status in (("2999-01-01", 400), ("yesterday", 400)):
        wrong = bea.session.get(f"{url}/spot/history", params={"name": MODEL, "at": at}, timeout=60)
        assert wrong.status_code == status


@pytest.mark.parametrize(
    ("people", "do", "said", "status"),
    [
        (("bea", "bea"), "approve", {"role": "business"}, 403),
        (("bea", "bea"), "reject", {"role": "business", "reason": "no"}, 403),
        (("bea", "dan"), "approve", {"role": "business"}, 403),
        (("bea", "dan"), "approve", {"role": "data_scientist"}, 403),
        (("bea", "mallory"), "approve", {"role": "business"}, 403),
        (("bea", "mallory"), "waive", {"target": "Production", "requirement": "sign_off", "reason": "x", "role": "business"}, 403),
        (("bea", "dan"), "withdraw", {}, 403),
        (("dan", "bea"), "reject", {"role": "business", "reason": ""}, 422),
        (("dan", "bea"), "reject", {"role": "business", "reason": "the data are not in"}, 303),
        (("bea", "bea"), "withdraw", {}, 303),
    ],
)  # fmt: skip
def test_who_decides_on_a_request_by_a_form(
    url: str, people: tuple[str, str], do: str, said: dict[str, str], status: int
) -> None:
    """Not the one who asks, not in a role that the server does not give; a refusal writes nothing."""
    asker, user = people
    alias = {**ASKED, "target": "@champion"}
    opened = form(url, asker, "request")
    opened.send(alias)
    found = Login(url, *ADMIN).session.get(
        f"{url}/ajax-api/2.0/spot/requests", params={"model": MODEL}, timeout=60
    )
    request = next(
        r["request"]
        for r in reversed(found.json()["requests"])
        if r["status"] == "open" and r["target"] == "@champion"
    )
    before = [k for k in kinds(url) if k != "decision"]
    answer = form(url, user, do, about=request).send(said)
    assert answer.status_code == status, text_of(answer)
    after = [k for k in kinds(url) if k != "decision"]
    assert (len(after) == len(before) + 1) is (status == 303)
    if status == 303 or user == "bea":
        form(url, asker, "withdraw", about=request).send({})
    else:
        assert form(url, asker, "withdraw", about=request).send({}).status_code == 303


def test_a_waiver_by_a_form(url: str) -> None:
    """Who may sign waives, with a reason; a requirement that the target does not ask for is told beside."""
    said = {
        "target": "Staging",
        "requirement": "lift_predicted",
        "reason": "a pilot",
        "role": "business",
    }
    assert form(url, "bea", "waive").send({**said, "requirement": ""}).status_code == 422
    wrong = form(url, "bea", "waive").send({**said, "requirement": "user_champion"})
    assert wrong.status_code == 400
    assert "a pilot" in wrong.text
    late = form(url, "bea", "waive").send({**said, "expires": "2999-01-01"})
    assert late.status_code == 400
    assert form(url, "bea", "waive").send(said).status_code == 303
    assert kinds(url)[-1] == "waiver"


@pytest.mark.browser
def test_the_forms_behind_a_login_for_everybody(url: str) -> None:
    """WCAG 2.1 AA on a desk, a phone, at 200 % and without scripts, light and dark; the keyboard reaches all."""
    said = {"model": MODEL, "person": "bea", "role": "business"}
    taken = Login(url, "dan").entry("assessment", {"answers": {"S1": 2, "P1": "?"}}, **said)
    assert taken.ok, taken.text
    who = {"break-glass": ADMIN, "agree": ("bea", PASSWORD)}
    assert set(who) == WITH_LOGINS
    found: dict[str, list[str]] = {}
    with chromium() as browser:
        for do, way in itertools.product(sorted(who), WAYS):
            about = f"&about={taken.json()['id']}" if do == "agree" else ""
            address = f"{url}/spot/form?name={MODEL}&version=1&do={do}{about}"
            login = {"http_credentials": dict(zip(("username", "password"), who[do], strict=True))}
            with opened(browser, address, way, **login) as (page, faults):
                assert page.locator("form.act [type=submit]").count() == 1, do
                wrong = faults + violations(page) + too_wide(page)
                page.emulate_media(color_scheme="dark")
                found[f"{do}, {way}"] = wrong + faint(page) + beyond_the_keyboard(page)
    assert {what: wrong for what, wrong in found.items() if wrong} == {}


def test_what_one_may_not_read_waits_for_nobody(url: str) -> None:
    """A model that the reader may not read is not on the page, in any role; dan sees both."""
    for user in ("bea", "mallory"):
        for query in ({}, {"role": "data_scientist"}, {"role": "business"}):
            assert HIDDEN not in me(url, user, **query).text
    shown = me(url, "dan").text
    assert HIDDEN in shown
    assert MODEL in shown
    assert requests.get(f"{url}/spot/me", timeout=60).status_code == 401
    assert HIDDEN not in me(url, "bea", person="dan").text  # a login is who one is


def test_without_logins_the_name_is_typed(tmp_path_factory: pytest.TempPathFactory) -> None:
    """It is kept for the next form, and shown as unverified; one's own concern is confirmed from there."""
    with gated_mlflow_server(tmp_path_factory.mktemp("me-open"), workers=1) as server:
        from mlflow import MlflowClient

        import spot_mlflow as spot
        from spot_mlflow.record import Record

        url, record = server.url, Record(server.url, server.url)
        MlflowClient(url, url).create_registered_model(MODEL)
        session = requests.Session()
        assert "Type your name" in text_of(session.get(f"{url}/spot/me", timeout=60))
        said = {"person": "Zoë", "role": "frontline", "what": "<b>late</b>", "severity": "major"}
        raised = FormPage(session, url, do="raise", name=MODEL, back="me").send(said)
        assert raised.status_code == 303
        page = session.get(f"{url}/spot/{raised.headers['Location']}", timeout=60)
        assert "Zoë" in page.text
        assert "unverified" in page.text
        assert "&lt;b&gt;late" in page.text
        builder = session.get(f"{url}/spot/me?person=Dan&role=engineer", timeout=60)
        assert "do=answer" in builder.text
        (concern,) = record.adoption(MODEL).involvement.concerns
        spot.answer_concern(
            MODEL, concern.id, person="Dan", role="engineer", what="x", record=record
        )
        waiting = session.get(f"{url}/spot/me", timeout=60).text
        address = unescape(re.search(r'href="(form\?[^"]*do=confirm[^"]*)"', waiting)[1])  # type: ignore[index] # it is there
        query = dict(p.split("=") for p in address.partition("?")[2].split("&"))
        done = FormPage(session, url, **query).send({**said, "what": ""})
        assert done.status_code == 303, text_of(done)
        settled = session.get(f"{url}/spot/me", timeout=60)
        assert "settled" in text_of(settled)
        assert "do=reopen" in settled.text
        nobody = session.get(f"{url}/spot/me", params={"person": "Nobody"}, timeout=60)
        assert "Nothing waits for you in 1 model" in text_of(nobody)
        cut_and_in_full(url)
        many_at_once(url)


def cut_and_in_full(url: str) -> None:
    """Of many points the first ones are shown and the others counted; all of them where they are asked for."""
    for i in range(FIRST + 1):
        raised = {"act": "raised", "what": f"late {i}.", "severity": "minor"}
        said = {"model": MODEL, "kind": "concern", "payload": raised, "person": "Max", "role": "frontline"}  # fmt: skip
        assert requests.post(f"{url}/ajax-api/2.0/spot/entries", json=said, timeout=60).ok
    refreshed = requests.post(f"{url}/ajax-api/2.0/spot/refresh", json={"model": MODEL}, timeout=60)
    assert refreshed.ok, refreshed.text
    for reader in ({"person": "Max"}, {"role": "engineer"}):  # who raised them, who answers them
        first = requests.get(f"{url}/spot/me", params=reader, timeout=60).text
        assert first.count('class="waiting"') == FIRST
        address, of = re.findall(r'href="(me\?[^"]*)">Show all (\d+)<', first)[0]
        full = requests.get(f"{url}/spot/{unescape(address)}", timeout=60).text
        assert full.count('class="waiting"') == int(of) > FIRST
        assert "Show all" not in full


def many_at_once(url: str) -> None:
    """Of many models that were never read, or of which each has changed, all that waits is there, and of one that is renamed."""
    from mlflow import MlflowClient

    import spot_mlflow as spot
    from spot_mlflow.record import Record

    client, record = MlflowClient(url, url), Record(url, url)
    names = [f"many-{i}" for i in range(MANY + 1)]

    def each(what: str) -> None:
        for name in names:
            spot.raise_concern(
                name, what=what, severity="minor", person="Pia", role="frontline", record=record
            )

    def shown(what: str) -> int:
        page = requests.get(f"{url}/spot/me", params={"role": "engineer", "all": "1"}, timeout=60)
        return text_of(page).count(what)

    for name in names:
        client.create_registered_model(name)
    each("unheard of")
    assert shown("unheard of") == len(names)
    client.rename_registered_model(names[0], "renamed")
    names[0] = "renamed"
    each("heard twice")
    assert (shown("unheard of"), shown("heard twice")) == (len(names), len(names))
