"""Attempts to get round requests, break-glass, history, digest, metrics and the audit stream, with logins.

A story's model is dan's, bea decides for the business, cy is of the business and has two accounts, mallory
may read, eve has no right (``journeys/test_requests.py``). Limits have theirs in ``routes/test_limits.py``.
"""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import requests
from form_pages import FormPage
from logins import ADMIN, PASSWORD, Login
from receivers import mail_server
from terminal import run_spot

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest
    from journeys.test_requests import Story, Tried

GLASS = {"target": "Production", "reason": "the incumbent fails"}
API = "ajax-api/2.0/spot"


def audit(story: Story, user: str, **said: Any) -> requests.Response:
    """Asks for the audit stream."""
    said = {"cursor": {"through": 0, "recent": {}}, **said}
    return post(story, user, f"{API}/audit", json.dumps(said))


def post(story: Story, user: str, path: str, body: str) -> requests.Response:
    """Posts JSON as it is written."""
    return story.users[user].session.post(
        f"{story.url}/{path}", body, headers={"Content-Type": "application/json"}, timeout=60
    )


def get(story: Story, user: str, path: str, method: str = "GET") -> requests.Response:
    """Reads a page or route about the story's model."""
    address = f"{story.url}/{path.replace('NAME', story.name)}"
    return story.users[user].session.request(method, address, timeout=60)


def unknown(story: Story, path: str) -> requests.Response:
    """Reads without a login."""
    return requests.get(f"{story.url}/{path.replace('NAME', story.name)}", timeout=60)


def move(story: Story, user: str = "dan", **said: Any) -> requests.Response:
    """Asks for Production for version 1, or what ``said`` says."""
    body = {"name": story.name, "version": "1", "stage": "Production", **said}
    return story.users[user].api(
        "POST", "model-versions/transition-stage", archive_existing_versions=False, **body
    )


def glass(story: Story, user: str = "admin", **said: Any) -> requests.Response:
    """Breaks the glass for version 1."""
    more = {k: said.pop(k) for k in ("person", "id", "at", "version") if k in said}
    return story.say(user, "break-glass", {**GLASS, **said}, **more)


def glass_form(story: Story, user: str = "admin", do: str = "break-glass") -> FormPage:
    """The form that breaks the glass for version 1, in a browser of the user's own."""
    known = Login(story.url, *ADMIN) if user == "admin" else Login(story.url, user)
    return FormPage(known.session, story.url, do=do, name=story.name, version="1")


def sent_as(story: Story, user: str, token: Callable[[Story], str]) -> requests.Response:
    """Sends the form that breaks the glass as a user who cannot open it, with some token."""
    page = glass_form(story, user)
    assert page.page.status_code == 403
    assert page.hidden == {}
    raised = glass_form(story, user, "raise")  # of a browser that this server knows
    page.session = raised.session
    return page.send({**raised.hidden, **GLASS, "token": token(story)})


def without_login(story: Story) -> requests.Response:
    """Sends an administrator's form, token and cookie and all, without the login."""
    page = glass_form(story)
    page.session.auth = None
    return page.send(GLASS)


def from_elsewhere(story: Story) -> requests.Response:
    """Sends an administrator's form with their login as a page of another origin would, and otherwise forged."""
    page = glass_form(story)
    others = {
        "another form": glass_form(story, do="raise").hidden["token"],
        "another browser": glass_form(story).hidden["token"],
    }
    assert page.forged(GLASS, others) == {}
    return page.send(GLASS, **{"Sec-Fetch-Site": "cross-site"})


def after_its_end(story: Story) -> requests.Response:
    """Moves a version for which the glass was broken for some seconds, once they are over."""
    end = datetime.now(timezone.utc) + timedelta(seconds=12)
    used = glass(story, until=end.isoformat())
    assert used.status_code == 200, used.text
    form = glass_form(story)
    by_form = {**GLASS, "until": f"{end:%Y-%m-%dT%H:%M:%S}"}
    assert form.send(by_form).status_code == 303
    time.sleep(max(0.0, (end - datetime.now(timezone.utc)).total_seconds()) + 1)
    again = story.say("admin", "break-glass", GLASS, id=used.json()["id"])
    assert again.json()["digest"] == used.json()["digest"], "sent again it is the same entry"
    replayed = story.say("admin", "break-glass", dict(used.json()["payload"]))
    assert replayed.status_code == 400, replayed.text
    assert form.send(by_form).status_code == 422, "the day is over, also where it is sent again"
    return move(story)


# What is tried -> the status that must come, a phrase of the reason, and how.
REFUSED: dict[str, tuple[int, str, Callable[[Tried], requests.Response]]] = {
    "approving one's own request": (403, "cannot be decided by the person who asked", lambda s: s.approve(s.open, "cy")),
    "approving it by another account": (403, "cannot be decided by the person who asked", lambda s: s.approve(s.open, "cy2")),
    "approving it in another's name": (
        403, "", lambda s: s.approve(s.open, "cy", person="bea"),
    ),
    "approving it in a name with other letters": (
        403, "", lambda s: s.approve(s.open, "cy", person="CY2"),
    ),
    "approving it in a role that is not one's own": (
        403, "may not sign in the role", lambda s: s.approve(s.open, "dan"),
    ),
    "approving it without a role": (
        403, "may not sign in the role", lambda s: s.approve(s.open, "mallory"),
    ),
    "approving it without a right": (403, "", lambda s: s.approve(s.open, "eve")),
    "rejecting one's own request": (403, "", lambda s: s.decide("rejected", s.open, "cy2")),
    "withdrawing another's request": (403, "", lambda s: s.decide("withdrawn", s.open, "bea")),
    "deciding a request by an unknown act": (400, "act", lambda s: s.decide("approved", s.open, "bea")),
    "an approval replayed after it was taken back": (
        400, "", lambda s: s.say("bea", "sign-off", s.taken_back, version="1", role="business"),
    ),
    "an approval replayed for another version": (
        400, "", lambda s: s.say("bea", "sign-off", s.taken_back, version="2", role="business"),
    ),
    "an approval replayed as a sign-off dated before": (
        400, "", lambda s: s.say(
            "bea", "sign-off", s.taken_back, version="1", role="business", at="2020-01-01"
        ),
    ),
    "an approval of the open request for another version": (
        400, "", lambda s: s.approve(s.open, version="2"),
    ),
    "an approval of the open request for another target": (
        400, "", lambda s: s.approve(s.open, payload={"target": "@champion"}),
    ),
    "an approval of no request": (404, "no request has the id", lambda s: s.approve("r0000000")),
    "an approval of another model's request": (
        404, "no request has the id", lambda s: s.approve(s.open, model=s.other),
    ),
    "moving it after an approval was taken back": (403, "Signed off", move),
    "moving the other version by the approval": (
        403, "2 requirements not met", lambda s: move(s, version="2"),
    ),
    "a request in another's name": (403, "", lambda s: s.ask("mallory", person="dan")),
    "a request without a right": (403, "", lambda s: s.ask("eve")),
    "a request without an end": (400, "", lambda s: s.ask(payload={"expires": "9999-12-31"})),
    "a request that has ended": (400, "", lambda s: s.ask(payload={"expires": "2020-01-01"})),
    "break-glass by who is no administrator": (403, "administrator", lambda s: glass(s, "dan")),
    "break-glass by who decides": (403, "administrator", lambda s: glass(s, "bea", role="business")),
    "break-glass in the administrator's name": (
        403, "", lambda s: glass(s, "dan", person="admin"),
    ),
    "break-glass in another's name": (403, "", lambda s: glass(s, person="bea")),
    "break-glass without an end": (400, "7d", lambda s: glass(s, until="9999-12-31")),
    "break-glass that has ended": (400, "", lambda s: glass(s, until="2020-01-01")),
    "break-glass with an end that is no date": (400, "", lambda s: glass(s, until="never")),
    "break-glass without a reason": (400, "reason", lambda s: glass(s, reason=" ")),
    "break-glass for an invisible reason": (400, "reason", lambda s: glass(s, reason="\u200b\u3164")),
    "break-glass for a version that is not there": (404, "", lambda s: glass(s, version="77")),
    "the break-glass form for a user who is not an administrator": (
        403, "only an administrator", lambda s: glass_form(s, "bea").page,
    ),
    "the form of break-glass by HEAD": (
        403, "", lambda s: get(s, "dan", "spot/form?name=NAME&version=1&do=break-glass", "HEAD"),
    ),
    "the form of break-glass without a login": (
        401, "", lambda s: unknown(s, "spot/form?name=NAME&version=1&do=break-glass"),
    ),
    "break-glass by a form without a login": (401, "", without_login),
    "break-glass by a form without a token": (
        403, "only an administrator", lambda s: sent_as(s, "bea", lambda _: ""),
    ),
    "break-glass by a form with the token of another": (
        403, "only an administrator",
        lambda s: sent_as(s, "dan", lambda t: glass_form(t, "dan", "waive").hidden["token"]),
    ),
    "break-glass by a form with an administrator's token": (
        403, "only an administrator",
        lambda s: sent_as(s, "bea", lambda t: glass_form(t).hidden["token"]),
    ),
    "break-glass by a form of another origin": (403, "", from_elsewhere),
    "break-glass by a form for a reason of blanks": (
        422, "must not be empty", lambda s: glass_form(s).send({**GLASS, "reason": " \t"}),
    ),
    "break-glass by a form for an invisible reason": (
        400, "reason", lambda s: glass_form(s).send({**GLASS, "reason": "\u200b\u3164"}),
    ),
    "break-glass by a form without an end": (
        422, "within 7 days", lambda s: glass_form(s).send({**GLASS, "until": "9999-12-31T00:00"}),
    ),
    "break-glass by a form for a target that there is not": (
        422, "Choose one of these", lambda s: glass_form(s).send({**GLASS, "target": "@other"}),
    ),
    "moving it once break-glass has ended": (403, "Signed off", after_its_end),
    "the audit stream for who is no administrator": (
        403, "only an administrator", lambda s: audit(s, "bea"),
    ),
    "the audit stream with names for who is no administrator": (
        403, "only an administrator", lambda s: audit(s, "dan", names=True),
    ),
    "the audit stream with a forged cursor": (
        400, "cursor", lambda s: audit(s, "admin", cursor={"through": "x"}),
    ),
    "the audit stream from beyond all numbers": (
        400, "cursor",
        lambda s: post(s, "admin", f"{API}/audit", '{"cursor": {"through": 1e999, "recent": {}}}'),
    ),
    "the audit stream from beyond the database's numbers": (
        400, "cursor", lambda s: audit(s, "admin", cursor={"through": 10**30, "recent": {}}),
    ),
    "the audit stream by GET": (403, "", lambda s: get(s, "bea", f"{API}/audit")),
    "a forged line in the audit stream": (
        403, "written by the server itself",
        lambda s: s.say("admin", "erasure", {"token": "(erased 0)", "entries": 1, "models": []}),
    ),
    "a forged decision in the audit stream": (
        403, "written by the server itself",
        lambda s: s.say("admin", "decision", {"target": "Production", "outcome": "allowed"}),
    ),
    "the history of a model one may not read": (
        403, "", lambda s: get(s, "eve", "spot/history?name=NAME&to=Production"),
    ),
    "its history as a file": (
        403, "", lambda s: get(s, "eve", "spot/history?name=NAME&format=csv"),
    ),
    "its history on a day": (
        403, "", lambda s: get(s, "eve", "spot/history?name=NAME&to=Production&at=2027-01-01"),
    ),
    "its history by HEAD": (403, "", lambda s: get(s, "eve", "spot/history?name=NAME", "HEAD")),
    "its page by HEAD": (403, "", lambda s: get(s, "eve", "spot/model?name=NAME", "HEAD")),
    "its entries by HEAD": (403, "", lambda s: get(s, "eve", f"{API}/entries?model=NAME", "HEAD")),
    "its requests": (403, "", lambda s: get(s, "eve", f"{API}/requests?model=NAME")),
    "its requests by HEAD": (
        403, "", lambda s: get(s, "eve", f"{API}/requests?model=NAME", "HEAD"),
    ),
    "its requests among another's": (
        403, "", lambda s: get(s, "eve", f"{API}/requests?model=NAME&model=none"),
    ),
    "its form of a request": (
        403, "", lambda s: get(s, "eve", "spot/form?name=NAME&version=1&do=request"),
    ),
    "its record as a file": (403, "", lambda s: get(s, "dan", f"{API}/export?model=NAME")),
    "the record of all by HEAD": (403, "", lambda s: get(s, "dan", f"{API}/verify", "HEAD")),
    "metrics without a login": (401, "", lambda s: unknown(s, "spot/metrics")),
    "readiness without a login": (401, "", lambda s: unknown(s, "spot/ready")),
    "the gate's health without a login": (401, "", lambda s: unknown(s, "spot/health")),
    "history without a login": (401, "", lambda s: unknown(s, "spot/history?name=NAME")),
    "requests without a login": (401, "", lambda s: unknown(s, f"{API}/requests?model=NAME")),
}  # fmt: skip


def _as(user: str, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("MLFLOW_TRACKING_USERNAME", user)
    patch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)


Leak = tuple[str, tuple[str, ...]]
HIDDEN = (
    "kept-comment",
    "beats the incumbent",
    "the data are not in",
)  # what was said of the model


def seen(user: str, path: str, *more: str) -> Callable[[Story, pytest.MonkeyPatch], Leak]:
    """What a page shows a user; neither the model nor what was said of it."""
    return lambda s, _: (get(s, user, path).text, (s.name, *HIDDEN, *more))


def operators(path: str) -> Callable[[Story, pytest.MonkeyPatch], Leak]:
    """What an operator's route shows any user: it names nobody."""
    return lambda s, _: (
        get(s, "mallory", path).text, (s.name, "mallory", '"bea"', '"dan"', *HIDDEN),
    )  # fmt: skip


def digest(user: str, *arguments: str, kept: tuple[str, ...]) -> Callable[..., Leak]:
    """What ``spot digest`` prints to a user, on both of its streams."""

    def look(story: Story, patch: pytest.MonkeyPatch) -> Leak:
        _as(user, patch)
        ran = run_spot("digest", *arguments)
        assert ran.status == 0, ran.err
        if user != "eve":
            assert story.name in ran.out, ran.err
        return ran.out + ran.err, (*kept, *((story.name,) if user == "eve" else ()))

    return look


def counted(*arguments: str) -> Callable[..., Leak]:
    """How many models a digest was made of, for somebody who may read none."""

    def look(_: Story, patch: pytest.MonkeyPatch) -> Leak:
        _as("eve", patch)
        said = run_spot("digest", "--format", "json", *arguments).json
        return f"{said['models']} {said['unread']} {said['lines']}", ("1", "2", "3", "locked")

    return look


def mailed(story: Story, patch: pytest.MonkeyPatch) -> Leak:
    """What is mailed by somebody who reads the model and owes it answers: subject, both parts."""
    _as("cy", patch)
    with mail_server() as (address, kept):
        ran = run_spot(
            "digest", "--model", story.name, "--smtp", address,
            "--mail-to", "team@example.org", "--mail-from", "spot@example.org",
        )  # fmt: skip
        assert ran.status == 0, ran.err
    ((_, mail),) = kept
    assert story.name not in str(mail["Subject"])
    parts = [p.get_content() for p in mail.walk() if p.get_content_maintype() == "text"]
    assert len(parts) == 2
    return "\n".join(parts), ("kept-comment", " bea", "dan asks", "S1")


def not_mailed(_: Story, patch: pytest.MonkeyPatch) -> Leak:
    """A digest of models that one may not read is about nothing, so nothing is mailed."""
    _as("eve", patch)
    with mail_server() as (address, kept):
        ran = run_spot(
            "digest", "--since", "2020-01-01", "--smtp", address,
            "--mail-to", "eve@example.org", "--mail-from", "spot@example.org",
        )  # fmt: skip
    return f"{ran.out}{ran.err} {kept}", ("locked-", *HIDDEN, "team@")


def stream(story: Story, _: pytest.MonkeyPatch) -> Leak:
    """The audit stream without names, for an administrator."""
    answer = audit(story, "admin")
    own = [x for x in answer.json()["lines"] if x["model"] == story.name]
    assert own
    return json.dumps(own), ('"dan"', '"bea"', '"cy"', "kept-comment", "answers", "measured")


# Where somebody looks -> what is shown there, and the words that must not be in it.
LEAKS: dict[str, Callable[[Story, pytest.MonkeyPatch], Leak]] = {
    "metrics": operators("spot/metrics"),
    "readiness": operators("spot/ready"),
    "health": operators("spot/health"),
    "digest without a right": digest("eve", kept=HIDDEN),
    "digest without a right, as JSON": digest("eve", "--format", "json", kept=HIDDEN),
    "digest without a right, as HTML": digest("eve", "--format", "html", kept=HIDDEN),
    "digest without a right, of all time": digest("eve", "--since", "2020-01-01", kept=HIDDEN),
    "digest without a right, counts": counted(),
    "digest without a right, counts of all time": counted("--since", "2020-01-01"),
    "digest without a right, by mail": not_mailed,
    "digest while answers are owed": digest("cy", kept=("kept-comment", " bea", "S1")),
    "digest while answers are owed, as JSON": digest(
        "cy", "--format", "json", kept=("kept-comment", '"bea"', "S1", "levels")
    ),
    "digest while answers are owed, by mail": mailed,
    "this week": seen("eve", "spot/?all=1"),
    "models": seen("eve", "spot/models"),
    "models, searched": seen("eve", "spot/models?q=-&target=Production", "1 model"),
    "models, as a file": seen("eve", "spot/models.csv"),
    "what waits": seen("eve", "spot/me"),
    "anonymous summary": seen("eve", "spot/benchmark.json"),
    "audit stream": stream,
}
