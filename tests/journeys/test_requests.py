"""Requests on a real server with logins: asked, shown, decided by somebody else, carried out, judged again.

bea decides for the business, dan builds; cy is of the business and has two accounts; mallory reads; eve has
no right. Attempts to get round any of it are in ``request_bypasses``.
"""

from __future__ import annotations

import json
import time
import uuid
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from gated import CONTRACT, POLICY, new_database, new_version
from logins import ADMIN, PASSWORD, Login, login_server
from request_bypasses import LEAKS, REFUSED, glass_form
from terminal import run_spot

import spot_mlflow as spot
from spot_mlflow.gate.policy import Policy
from spot_mlflow.readiness.assessment import parse_answers
from spot_mlflow.readiness.instrument import shipped_instrument
from spot_mlflow.record import Record
from spot_mlflow_plugins.server.files.deployed import FRESH

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import requests
    from servers import MlflowServer

pytestmark = [pytest.mark.journey, pytest.mark.postgres]
ROLES = {
    "bea": ["business"],
    "dan": "data_scientist",
    "cy": {"roles": ["business"], "accounts": ["cy2"]},
}
USERS = ("bea", "dan", "cy", "cy2", "mallory", "eve")


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MlflowServer]:
    """A gated server with logins over each database, whose policy an administrator sets."""
    folder, backend = tmp_path_factory.mktemp("requests"), None
    if request.param == "postgres":
        backend = new_database(request.getfixturevalue("postgres_uri"))
    environment = {"SPOT_MLFLOW_POLICY_FILE": ""}
    with login_server(
        folder, ROLES, users=USERS, environment=environment, backend=backend
    ) as found:
        assert put(found.url, POLICY).status_code == 200
        yield found


def put(url: str, policy: dict[str, Any]) -> requests.Response:
    """Puts a policy in force, as the administrator."""
    said = {"model": "", "version": None}
    return Login(url, *ADMIN).entry("policy", {"policy": policy}, **said)


class Story:
    """A model of dan's with a promise and files, and who may do what with it."""

    def __init__(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        from mlflow import MlflowClient

        self.url, self.name = url, f"locked-{uuid.uuid4().hex[:8]}"
        for key, value in zip(("USERNAME", "PASSWORD"), ADMIN, strict=True):
            monkeypatch.setenv(f"MLFLOW_TRACKING_{key}", value)
        self.client = MlflowClient(url, url)
        self.client.create_registered_model(self.name)
        new_version(self.client, self.name)
        new_version(self.client, self.name)
        self.users = {user: Login(url, user) for user in USERS}
        self.users["admin"] = Login(url, *ADMIN)
        for user in USERS[:-1]:
            self.users["admin"].grant(user, self.name, "EDIT" if user in ("dan", "bea") else "READ")
        self.promise()

    def say(self, user: str, kind: str, payload: Any, **more: Any) -> requests.Response:
        """Writes an entry as a user."""
        return self.users[user].entry(kind, payload, **{"model": self.name, **more})

    def promise(self, **changed: Any) -> None:
        """Records the lift contract of version 1."""
        said = self.say("admin", "prediction", {"contract": {**CONTRACT, **changed}})
        assert said.status_code == 200, said.text

    def ask(self, user: str = "dan", **more: Any) -> requests.Response:
        """Requests Production for version 1."""
        said = {"act": "asked", "target": "production", "why": "beats the incumbent"}
        return self.say(user, "request", {**said, **more.pop("payload", {})}, **more)

    def asked(self, user: str = "dan") -> str:
        """Requests it and returns the request's id."""
        answer = self.ask(user)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["payload"]["request"])

    def approve(self, request: str, user: str = "bea", **more: Any) -> requests.Response:
        """Approves a request."""
        said = {"target": "Production", "request": request, **more.pop("payload", {})}
        return self.say(user, "sign-off", said, **{"role": "business", **more})

    def decide(self, act: str, request: str, user: str) -> requests.Response:
        """Rejects or withdraws a request."""
        said = {"act": act, "request": request, "reason": "the data are not in"}
        return self.say(user, "request", said, role="business")

    def move(self, user: str = "dan") -> requests.Response:
        """Asks for Production itself."""
        return self.users[user].move(self.name)

    def requests(self, user: str = "bea") -> list[dict[str, Any]]:
        """Returns what the route of the requests shows a user."""
        answer = self.users[user].session.get(
            f"{self.url}/ajax-api/2.0/spot/requests", params={"model": self.name}, timeout=60
        )
        assert answer.status_code == 200, answer.text
        return list(answer.json()["requests"])


@pytest.fixture
def story(server: MlflowServer, monkeypatch: pytest.MonkeyPatch) -> Story:
    """A model of its own for each test."""
    return Story(server.url, monkeypatch)


def test_asked_shown_approved_and_carried_out(story: Story) -> None:
    """Nothing moves before the approval; the request shows what is missing and who decides."""
    request = story.asked()
    (shown,) = story.requests()
    assert (shown["request"], shown["status"], shown["person"]) == (request, "open", "dan")
    assert shown["decides"] == {"roles": ["business"], "not": "dan"}
    missing = [r["name"] for r in shown["decision"]["requirements"] if not r["met"]]
    assert missing == ["sign_off"]
    before = story.move()
    assert before.status_code == 403
    assert f"spot gate {story.name}/1" in before.text
    approval = story.approve(request)
    assert approval.status_code == 200, approval.text
    bound = approval.json()["payload"]
    assert len(bound["manifest"]) == 64
    assert len(bound["policy_digest"]) == 64
    after = story.move()
    assert after.status_code == 200, after.text
    assert story.requests()[0]["status"] == "approved"


def test_the_one_who_approved_may_carry_it_out(story: Story) -> None:
    """Two people are behind it: the one who asked and the one who approved."""
    assert story.approve(story.asked()).status_code == 200
    assert story.move("bea").status_code == 200


@pytest.mark.parametrize("other", ["cy", "cy2"])
def test_nobody_approves_what_they_ask_for(story: Story, other: str) -> None:
    """Also not by another account of theirs, nor in a role that they do not have."""
    request = story.asked("cy")
    assert story.approve(request, other).status_code == 403
    assert story.decide("rejected", request, other).status_code == 403
    assert story.approve(request, "dan").status_code == 403
    assert story.approve(request, "mallory").status_code == 403
    assert story.move().status_code == 403
    tried = {e["payload"]["target"] for e in entries(story) if e["kind"] == "decision"}
    assert "record this sign-off" in tried


def entries(story: Story) -> list[dict[str, Any]]:
    """Returns the entries of the model."""
    answer = story.users["admin"].session.get(
        f"{story.url}/ajax-api/2.0/spot/entries", params={"model": story.name}, timeout=60
    )
    return list(answer.json()["entries"])


def test_nobody_asks_or_withdraws_for_another(story: Story) -> None:
    """A request is the word of the one who is logged in."""
    assert story.ask("mallory", person="dan").status_code == 403
    request = story.asked()
    assert story.decide("withdrawn", request, "bea").status_code == 403
    assert story.ask().status_code == 400, "the same twice"
    assert story.decide("withdrawn", request, "dan").status_code == 200
    assert story.approve(request).status_code == 400


def test_a_replayed_approval_is_refused(story: Story) -> None:
    """For the same request once more, for another version, and with words of the client's own."""
    request = story.asked()
    forged = {"manifest": "", "policy_digest": "f" * 64, "contract_digest": None}
    first = story.approve(request, payload=forged, id="5" * 8 + uuid.uuid4().hex[:24])
    assert first.status_code == 200, first.text
    assert first.json()["payload"]["policy_digest"] == Policy.load(POLICY).digest
    assert story.approve(request).status_code == 400
    said = first.json()["payload"]
    assert story.say("bea", "sign-off", said, version="2", role="business").status_code == 400
    same = story.approve(request, id=first.json()["id"])
    assert same.json()["digest"] == first.json()["digest"], "sent twice is written once"
    moved = story.users["dan"].api(
        "POST", "model-versions/transition-stage", name=story.name, version="2",
        stage="Production", archive_existing_versions=False,
    )  # fmt: skip
    assert moved.status_code == 403


def upload(story: Story, user: str = "dan") -> requests.Response:
    """Writes a file of version 1."""
    source = str(story.client.get_model_version(story.name, "1").source)
    path = source.removeprefix("mlflow-artifacts:/")
    return story.users[user].session.put(
        f"{story.url}/api/2.0/mlflow-artifacts/artifacts/{path}/MLmodel", data=b"x: 1", timeout=60
    )


def test_files_are_those_that_were_approved(story: Story, server: MlflowServer) -> None:
    """Changed before, they cannot be approved; changed afterwards through the server, they are refused."""
    request = story.asked()
    assert upload(story, "admin").status_code == 200, "nothing is approved yet"
    said = story.approve(request)
    assert said.status_code == 400
    assert "changed" in said.json()["message"]
    assert upload(story, "admin").status_code == 200, "it was not approved after all"


def test_files_of_an_approved_version_cannot_be_changed(story: Story) -> None:
    """Until the approval is taken back; then they are free, and it does not count."""
    request = story.asked()
    assert story.approve(request).status_code == 200
    refused = upload(story, "admin")
    assert refused.status_code == 403, refused.text
    assert "which is approved for Production" in refused.text
    assert story.decide("rejected", request, "bea").status_code == 200
    assert story.move().status_code == 403
    time.sleep(FRESH)  # every worker knows by then
    assert upload(story, "admin").status_code == 200


def test_another_contract_voids_an_approval(story: Story) -> None:
    """What was promised is what was approved."""
    assert story.approve(story.asked()).status_code == 200
    story.promise(minimum_viable=0.01)
    refused = story.move()
    assert refused.status_code == 403
    assert "Signed off by the business" in refused.text


def test_another_policy_voids_an_approval(story: Story) -> None:
    """Also one that asks for the same; a request is asked again under it."""
    assert story.approve(story.asked()).status_code == 200
    try:
        assert put(story.url, {**POLICY, "version": "2"}).status_code == 200
        assert story.move().status_code == 403
        (shown,) = story.requests()
        said = next(r for r in shown["decision"]["requirements"] if r["name"] == "sign_off")
        assert said["measured"] == "approved under another policy"
    finally:
        assert put(story.url, POLICY).status_code == 200


def test_an_administrator_breaks_the_glass(story: Story) -> None:
    """Nobody else does, not in an administrator's name; it is in the refusals' place, the tag and the record."""
    said = {"target": "Production", "reason": "the incumbent fails", "until": None}
    for user in ("bea", "dan", "mallory"):
        assert story.say(user, "break-glass", said, person="admin").status_code == 403
    assert story.move().status_code == 403
    forged = story.say("admin", "break-glass", {**said, "until": "2999-01-01"})
    assert forged.status_code == 400
    assert story.say("admin", "break-glass", said, person="bea").status_code == 403
    used = story.say("admin", "break-glass", said)
    assert used.status_code == 200, used.text
    assert (used.json()["person"], len(used.json()["payload"]["manifest"])) == ("admin", 64)
    assert story.move().status_code == 200
    decision = [e for e in entries(story) if e["kind"] == "decision"][-1]["payload"]
    assert (decision["outcome"], decision["applied"]) == ("break-glass", True)
    tags = story.client.get_registered_model(story.name).tags
    assert tags["spot.break-glass"].startswith("version 1 to Production until ")
    page = story.users["bea"].session.get(
        f"{story.url}/spot/model", params={"name": story.name, "version": "1"}, timeout=60
    )
    assert "BREAK-GLASS" in page.text


def plain(text: str) -> str:
    """Returns a page's text with spaces that break."""
    return text.replace("\u00a0", " ").replace("&nbsp;", " ")


def test_an_administrator_breaks_the_glass_by_the_form(story: Story) -> None:
    """Only they see it; what is wrong is beside the field and nothing is lost; once, however often it is sent."""
    page = f"{story.url}/spot/model?name={story.name}&version=1"
    shown = {u: story.users[u].session.get(page, timeout=60).text for u in ("admin", "bea", "dan")}
    assert [u for u, text in shown.items() if "do=break-glass" in text] == ["admin"]
    form = glass_form(story)
    for words in ("Break the glass", "Promised", "Open concern", "although requirements"):
        assert words in form.page.text
    typed = {"target": "Production", "reason": "<b>night</b> shift", "until": "2999-01-01T00:00"}
    for wrong, words in (
        ({"until": "2999-01-01T00:00"}, "Choose a time within 7 days from now, UTC."),
        ({"until": "tonight"}, "This is not a time"),
        ({"target": ""}, "Choose one."),
        ({"reason": ""}, "This must not be empty."),
    ):
        again = form.send({**typed, **wrong})
        assert again.status_code == 422
        assert words in again.text
        assert "&lt;b&gt;night" in again.text or wrong.get("reason") == ""
        assert f'value="{form.hidden["id"]}"' in again.text
    assert story.move().status_code == 403
    end = datetime.now(timezone.utc) + timedelta(hours=3)
    right = {**typed, "until": f"{end:%Y-%m-%dT%H:%M}"}
    sent = [form.send(right) for _ in range(3)]
    assert [a.status_code for a in sent] == [303] * 3
    (used,) = [e for e in entries(story) if e["kind"] == "break-glass"]
    assert (used["person"], used["role"], used["version"]) == ("admin", None, "1")
    assert used["payload"]["until"] == f"{end:%Y-%m-%dT%H:%M}:00+00:00"
    after = story.users["bea"].session.get(f"{story.url}/spot/{sent[0].headers['Location']}")
    assert "BREAK-GLASS is recorded" in after.text
    loud = f"BREAK-GLASS for Production until {end:%Y-%m-%d %H:%M} UTC: &lt;b&gt;night"
    for tab in ("", "&tab=people", "&tab=log"):
        text = story.users["bea"].session.get(page + tab, timeout=60).text
        above = plain(text.partition("<h1>")[0])
        assert loud in above, "above everything else"
    for listed in ("", "models"):
        text = story.users["bea"].session.get(f"{story.url}/spot/{listed}", timeout=60).text
        assert f"BREAK-GLASS, version 1 to Production until {end:%Y-%m-%d %H:%M} UTC" in plain(text)
    assert story.client.get_registered_model(story.name).tags["spot.break-glass"]
    assert story.move().status_code == 200
    listed = story.users["bea"].session.get(
        f"{story.url}/spot/models", params={"q": story.name}, timeout=60
    )
    assert "In Production" in plain(listed.text)
    assert "BREAK-GLASS was used for" in plain(listed.text)


WAY = {
    "Staging": {},
    "Production": {
        "moved_by": {"accounts": ["dan"], "roles": ["business"]},
        "held_before": {"targets": ["Staging"]},
    },
}


def test_who_moves_it_and_from_where(story: Story) -> None:
    """Not an administrator, not before Staging; the named account, or who has the role; back by anybody."""

    def moved(user: str, stage: str) -> requests.Response:
        said = {"name": story.name, "version": "1", "stage": stage}
        return story.users[user].api(
            "POST", "model-versions/transition-stage", archive_existing_versions=False, **said
        )

    try:
        assert put(story.url, {**POLICY, "version": "3", "targets": WAY}).status_code == 200
        first = moved("admin", "Production")
        assert first.status_code == 403
        assert (
            "Moved by an authorized account or role; Held an earlier target first"
            in first.json()["message"]
        )
        assert "Moved by" not in moved("dan", "Production").json()["message"]
        assert moved("admin", "Staging").status_code == 200
        assert moved("admin", "Production").status_code == 403
        assert moved("bea", "Production").status_code == 200, "business by the roles file"
        assert moved("admin", "Archived").status_code == 200
        assert moved("admin", "Production").status_code == 200, "it goes back"
        said = story.users["bea"].session.get(f"{story.url}/ajax-api/2.0/spot/server", timeout=60)
        assert {k: said.json()[k] for k in ("user", "person", "roles")} == {
            "user": "bea", "person": "bea", "roles": ["business"],
        }  # fmt: skip
    finally:
        assert put(story.url, POLICY).status_code == 200


def test_requests_are_shown_to_who_may_read_the_model(story: Story) -> None:
    """Not to somebody without a right on it."""
    story.asked()
    answer = story.users["eve"].session.get(
        f"{story.url}/ajax-api/2.0/spot/requests", params={"model": story.name}, timeout=60
    )
    assert answer.status_code == 403


def test_history_tells_who_asked_and_readers_may_see_it(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In, archived, in again: by the recorded changes, also for somebody who may only read."""
    assert story.approve(story.asked()).status_code == 200
    assert story.move().status_code == 200
    story.client.transition_model_version_stage(story.name, "1", "Archived")
    assert story.move("bea").status_code == 200
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "mallory")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    history = spot.get_history(story.name, "production", record=Record(story.url, story.url))
    assert [(h.version, h.current, h.outcome) for h in history.holdings] == [
        ("1", False, "allowed"), ("1", True, "allowed"),
    ]  # fmt: skip
    first = history.holdings[0]
    assert first.since is not None
    assert history.at(first.since).known


def test_the_audit_stream_is_the_administrators(
    story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Request, approval and change in order, each once over two runs, an erasure after them; nobody named."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", story.url)
    to = tmp_path / "audit.jsonl"
    assert story.approve(story.asked()).status_code == 200
    assert run_spot("audit", "--to", to).status == 0
    assert story.move().status_code == 200
    gone = story.users["admin"].session.post(
        f"{story.url}/ajax-api/2.0/spot/erase", json={"person": "cy2"}, timeout=60
    )
    assert gone.status_code in (200, 404)
    assert run_spot("audit", "--to", to).status == 0
    lines = [json.loads(x) for x in to.read_text().splitlines()]
    assert len({line["id"] for line in lines}) == len(lines)
    own = [(x["kind"], x.get("target")) for x in lines if x["model"] == story.name]
    assert own[:2] == [("request", "Production"), ("sign-off", "Production")]
    assert own[2:] == [("decision", "Production")]
    decision = next(x for x in lines if x["model"] == story.name and x["kind"] == "decision")
    assert (decision["outcome"], decision["applied"], decision["unmet"]) == ("allowed", True, [])
    assert not any({"person", "recorded_by", "requester"} & set(x) for x in lines)
    assert "policy" in {x["kind"] for x in lines}
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "bea")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    refused = run_spot("audit", "--to", to)
    assert refused.status == 1
    assert "only an administrator may read the audit stream" in refused.err


class Tried(Story):
    """A model of which one approval was taken back, and cy's request for it is open; all of them answer."""

    def __init__(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(url, monkeypatch)
        self.other = Story(url, monkeypatch).name
        first = self.asked()
        self.taken_back = dict(self.approve(first).json()["payload"])
        assert self.decide("rejected", first, "bea").status_code == 200
        said = parse_answers({"S1": {"now": 1, "comment": "kept-comment"}}, shipped_instrument())
        answered = self.say("bea", "assessment", said, role="business", person="bea")
        assert answered.status_code == 200, answered.text
        concern = {"act": "raised", "what": "too many calls", "severity": "minor"}
        raised = self.say("cy", "concern", concern, role="business", person="cy")
        assert raised.status_code == 200, raised.text
        self.open = self.asked("cy")


@pytest.fixture(scope="module")
def tried(server: MlflowServer) -> Iterator[Tried]:
    """One model for all attempts: each must leave it as it was."""
    with pytest.MonkeyPatch.context() as patch:
        yield Tried(server.url, patch)


@pytest.mark.parametrize("attempt", REFUSED)
def test_attempt_is_refused_with_a_reason(tried: Tried, attempt: str) -> None:
    """It gets the status and the reason that must come."""
    status, words, call = REFUSED[attempt]
    answer = call(tried)
    assert answer.status_code == status, answer.text
    assert words in answer.text


def test_the_attempts_have_moved_nothing(tried: Tried) -> None:
    """After all of them the versions are where they were, and cy's request waits."""
    stages = [tried.client.get_model_version(tried.name, v).current_stage for v in "12"]
    assert stages == ["None", "None"]
    assert [r["status"] for r in tried.requests()] == ["rejected", "open"]


@pytest.mark.parametrize("look", LEAKS)
def test_nothing_leaks(tried: Tried, look: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names, answers and models stay from who may not see them."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tried.url)
    text, kept = LEAKS[look](tried, monkeypatch)
    assert text.strip()
    assert [word for word in kept if word in text] == []
