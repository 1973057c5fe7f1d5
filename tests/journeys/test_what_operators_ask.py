"""What operators and readers ask of a real server with logins, over SQLite and PostgreSQL.

History by command, file and page; a digest mailed and posted; readiness, request ids, metrics and doctor for
each sort of login; a request by forms; what was recorded long ago, before the gate came; version 4 after 3
under one lasting holdout.
"""

from __future__ import annotations

import csv
import io
import json
import re
import uuid
from datetime import datetime, timedelta, timezone
from html import unescape
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from form_pages import FormPage
from gated import CONTRACT, POLICY, new_database
from journeys.test_requests import ROLES, Story, plain, put
from logins import ADMIN, PASSWORD, Login, login_server
from receivers import mail_server, web_server
from terminal import run_spot

import spot_mlflow as spot
from spot_mlflow.record import Record, remote
from spot_mlflow_checks import check_outcomes

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests
    from servers import MlflowServer

    from spot_mlflow.lift.report import LiftReport

pytestmark = [pytest.mark.journey, pytest.mark.postgres]
USERS = ("bea", "dan", "cy", "cy2", "mallory", "eve")
AGED = "locked-aged"
"""A model whose record is older than the server: see ``recorded_long_ago``."""


def ago(days: float) -> datetime:
    """The moment so many days ago."""
    return datetime.now(timezone.utc) - timedelta(days=days)


def recorded_long_ago(database: str) -> None:
    """Records, without a server, what happened weeks ago: a request that expired, and which version was in Staging.

    Version 1 has been there for ten days and version 2 for one; both are promised.
    """
    from mlflow import MlflowClient

    client, record = MlflowClient(database, database), Record(database, database)
    client.create_registered_model(AGED)
    for version, days in (("1", 10), ("2", 1)):
        client.create_model_version(AGED, source="s3://nowhere/model")
        spot.log_predicted_lift(f"{AGED}/{version}", CONTRACT, record=record)
        client.transition_model_version_stage(AGED, version, "Staging")
        given = {
            "model": AGED, "version": version, "target": "Staging", "applied": True, "allowed": True,
            "outcome": "allowed", "basis": "requirements", "mode": "block", "policy": "locked@0",
            "requester": "dan", "requirements": [],
        }  # fmt: skip
        about = record.about(f"{AGED}/{version}")
        record.append(about, "decision", given, person="dan", at=ago(days), refresh=False)
    asked = {
        "act": "asked", "target": "Production", "why": "better", "manifest": "",
        "expires": ago(20).date().isoformat(),
        "contract_digest": record.adoption(f"{AGED}/1").predicted.digest,  # type: ignore[union-attr] # promised above
    }  # fmt: skip
    record.append(record.about(f"{AGED}/1"), "request", asked, person="dan", at=ago(50))


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MlflowServer]:
    """A gated server with logins over each database, which holds a model from before the gate."""
    folder = tmp_path_factory.mktemp("operators")
    backend = f"sqlite:///{folder / 'older.db'}"
    if request.param == "postgres":
        backend = new_database(request.getfixturevalue("postgres_uri"))
    recorded_long_ago(backend)
    environment = {"SPOT_MLFLOW_POLICY_FILE": ""}
    with login_server(
        folder, ROLES, users=USERS, environment=environment, backend=backend
    ) as found:
        assert put(found.url, POLICY).status_code == 200
        for user in ("bea", "dan"):
            Login(found.url, *ADMIN).grant(user, AGED, "EDIT")
        yield found


@pytest.fixture
def story(server: MlflowServer, monkeypatch: pytest.MonkeyPatch) -> Story:
    """A model of its own for each test."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    return Story(server.url, monkeypatch)


def log_in(patch: pytest.MonkeyPatch, user: str | None) -> None:
    """Sets the login of the commands; None for none."""
    remote._known.clear()  # who one is, is asked once in a process
    name, password = ADMIN if user == "admin" else (user, PASSWORD)
    for key, value in (("USERNAME", name), ("PASSWORD", password)):
        if name is None:
            patch.delenv(f"MLFLOW_TRACKING_{key}", raising=False)
        else:
            patch.setenv(f"MLFLOW_TRACKING_{key}", str(value))


def page(url: str, user: str, path: str, **query: str) -> requests.Response:
    """Reads a page or route as a user."""
    login = Login(url, *ADMIN) if user == "admin" else Login(url, user)
    return login.session.get(f"{url}/{path}", params=query, timeout=120)


def test_what_was_in_production_on_a_date(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text, JSON, CSV and page say the same to a reader: who held it when, nobody before, and never a guess."""
    assert story.approve(story.asked()).status_code == 200
    before = datetime.now(timezone.utc).isoformat()
    assert story.move().status_code == 200
    held = datetime.now(timezone.utc).isoformat()
    story.client.transition_model_version_stage(story.name, "1", "Archived")
    log_in(monkeypatch, "mallory")
    command = ("history", story.name, "--to", "Production")
    assert run_spot(*command, "--at", "2001-01-01").out == "No version held Production.\n"
    then = run_spot(*command, "--at", held)
    assert (then.status, then.out.startswith("version 1, from ")) == (0, True), then.out
    (told,) = run_spot(*command, "--format", "json").json
    (holding,) = told["holdings"]
    assert (holding["since_known"], holding["until_known"], holding["by"]) == (True, True, "dan")
    assert run_spot(*command, "--at", before).status == 3, "nothing was on record then"
    by_command = run_spot(*command, "--format", "csv").out
    where = {"name": story.name, "to": "Production"}
    by_page = page(story.url, "mallory", "spot/history", **where, format="csv").text
    rows = [list(csv.DictReader(io.StringIO(text))) for text in (by_command, by_page)]
    assert rows[0] == rows[1]
    assert [(r["version"], r["by"]) for r in rows[0]] == [("1", "dan")]
    assert "version 1" in page(story.url, "mallory", "spot/history", **where, at=held[:10]).text
    for odd in ("9999-12-31", "0001-01-01T00:00+14:00", "2999-01-01", "soon"):
        assert page(story.url, "mallory", "spot/history", **where, at=odd).status_code == 400, odd
        assert run_spot(*command, "--at", odd).status == 2, odd


def test_before_the_gate_it_is_unknown(server: MlflowServer) -> None:
    """Of Production nothing is on record; of Staging there is what was recorded, since when."""
    for at, words in (("2001-01-01", "No version held"), (ago(5).date().isoformat(), "version 1")):
        found = page(server.url, "bea", "spot/history", name=AGED, to="Staging", at=at)
        assert (found.status_code, words in found.text) == (200, True)


def test_an_expired_request_is_used_by_nobody(server: MlflowServer) -> None:
    """Not approved, by route or by form, not rejected, not withdrawn, and nothing moves by it; it can be asked again."""
    url = server.url
    bea, dan = Login(url, "bea"), Login(url, "dan")
    where = f"{url}/ajax-api/2.0/spot/requests"
    (shown,) = bea.session.get(where, params={"model": AGED}, timeout=60).json()["requests"]
    assert (shown["status"], "decides" in shown) == ("expired", False)
    said = {"target": "Production", "request": shown["request"]}
    for more in ({}, {"at": ago(30).isoformat()}):
        approved = bea.entry("sign-off", said, model=AGED, role="business", **more)
        assert approved.status_code == 400, approved.text
        assert "is expired" in approved.text
    for who, act in ((bea, "rejected"), (dan, "withdrawn")):
        answer = {"act": act, "request": shown["request"], "reason": "late"}
        role = {"role": "business"} if who is bea else {}
        assert who.entry("request", answer, model=AGED, **role).status_code == 400
    form = FormPage(bea.session, url, do="approve", name=AGED, version="1", about=shown["request"])
    assert form.send({"role": "business"}).status_code == 400
    assert shown["request"] not in page(url, "bea", "spot/me").text
    assert dan.move(AGED).status_code == 403
    again = {"act": "asked", "target": "Production", "why": "still better"}
    asked = dan.entry("request", again, model=AGED)
    assert asked.status_code == 200, asked.text
    gone = {"act": "withdrawn", "request": asked.json()["payload"]["request"], "reason": ""}
    assert dan.entry("request", gone, model=AGED).status_code == 200


def test_held_for_at_least_so_long(server: MlflowServer) -> None:
    """Ten days in Staging do, one does not; nor does leaving and coming back, a waiver of another target, or a claim."""
    url = server.url
    dan = Login(url, "dan")
    way = {"Staging": {}, "Production": {"held_before": {"targets": ["Staging"], "least": "7d"}}}

    def moved(version: str, stage: str) -> requests.Response:
        said = {"name": AGED, "version": version, "stage": stage}
        return dan.api(
            "POST", "model-versions/transition-stage", archive_existing_versions=False, **said
        )

    try:
        assert put(url, {**POLICY, "version": "held", "targets": way}).status_code == 200
        refused = moved("2", "Production")
        assert refused.status_code == 403
        assert "Held an earlier target first" in refused.text
        for stage in ("None", "Staging"):
            assert moved("2", stage).status_code == 200
        claim = {"target": "Staging", "applied": True, "version": "2", "model": AGED}
        forged = dan.entry("decision", claim, model=AGED, version="2", at=ago(30).isoformat())
        assert forged.status_code == 403
        waived = {"target": "Staging", "requirement": "held_before", "reason": "haste"}
        bea = Login(url, "bea")
        assert (
            bea.entry("waiver", waived, model=AGED, version="2", role="business").status_code == 400
        )
        assert moved("2", "Production").status_code == 403
        assert moved("1", "Production").status_code == 200
    finally:
        moved("1", "Staging")
        assert put(url, POLICY).status_code == 200


def test_a_digest_is_mailed_and_posted(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader's digest has the request, the refusal and the move; what is typed stays in its line and harmless."""
    log_in(monkeypatch, "admin")
    said = {
        "act": "raised",
        "what": "late\n! 1 May: <script>alert(1)</script>",
        "severity": "minor",
    }
    raised = story.say("dan", "concern", said, person="dan", role="data_scientist")
    assert raised.status_code == 200, raised.text
    request = story.asked()
    assert story.move().status_code == 403
    assert story.approve(request).status_code == 200
    assert story.move().status_code == 200
    log_in(monkeypatch, "mallory")
    monkeypatch.setenv("MLFLOW_WEBHOOK_ALLOWED_SCHEMES", "http,https")
    told = ("digest", "--model", story.name)
    with web_server() as (address, kept):
        assert run_spot(*told, "--post", address).status == 2, "a private address"
        monkeypatch.setenv("MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS", "true")
        sent = run_spot(*told, "--post", address)
        assert sent.status == 0, sent.err
    (posted,) = kept
    kinds = {line["kind"] for line in posted["lines"]}
    assert {"request", "refusal", "moved", "concern"} <= kinds
    assert {line["model"] for line in posted["lines"]} == {story.name}
    assert not {'"dan"', '"bea"'} & set(re.findall(r'"\w+"', json.dumps(posted)))
    with mail_server() as (address, mails):
        ways = ("--smtp", address, "--mail-to", "team@example.org", "--mail-from", "s@example.org")
        assert run_spot(*told, *ways).status == 0
    ((_, mail),) = mails
    plain, html = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert "<script" not in html
    assert not [x for x in plain.splitlines() if x.strip().startswith("! 1 May")]


def test_each_login_can_ask_how_the_server_is(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readiness, metrics and request ids; doctor has no fault for anybody with a login, and one without."""
    for user in ("admin", "bea", "mallory"):
        log_in(monkeypatch, user)
        found = run_spot("doctor", "--server", story.url, "--format", "json")
        signs = {s["name"]: s["state"] for s in found.json["signs"]}
        assert (found.status, "failed" in signs.values()) == (0, False), found.out
        assert signs["prefix"] == signs["login"] == "ok" or user != "admin"
        assert signs["ready"] == signs["policy"] == "ok"
    log_in(monkeypatch, None)
    found = run_spot("doctor", "--server", story.url, "--format", "json")
    assert (found.status, found.json["signs"][-2]["name"]) == (3, "gate"), found.out
    ready = page(story.url, "mallory", "spot/ready")
    assert (ready.status_code, ready.json()["ready"]) == (200, True)
    assert re.fullmatch(r"[A-Za-z0-9._-]+", ready.headers["X-Request-ID"])
    assert story.users["dan"].move(story.name).status_code == 403
    odd = page(story.url, "admin", "ajax-api/2.0/spot/requests", model="a\x00b")
    assert odd.status_code in (400, 404), odd.text
    scrape = page(story.url, "mallory", "spot/metrics").text
    assert 'spot_decisions_total{on="change",outcome="refused"}' in scrape
    assert 'spot_refusals_total{requirement="sign_off"}' in scrape
    for name in (
        "spot_decision_seconds_bucket",
        "spot_anchor_waiting_entries 0",
        "spot_undecided_total 0",
    ):
        assert name in scrape
    assert story.name not in scrape
    assert "dan" not in scrape.replace("standard", "")


def test_requested_rejected_and_approved_by_forms(story: Story) -> None:
    """Asked, rejected with a reason, asked again, found on ``spot/me`` and approved there; then it may go."""

    def form(user: str, do: str, **more: str) -> FormPage:
        return FormPage(
            Login(story.url, user).session, story.url, do=do, name=story.name, version="1", **more
        )

    asked = {"target": "Production", "why": "beats the incumbent"}
    assert form("dan", "request").send(asked).status_code == 303
    (first,) = story.requests()
    no = {"role": "business", "reason": "the data are not in"}
    assert form("cy", "reject", about=first["request"]).send(no).status_code == 303
    assert story.move().status_code == 403
    assert form("dan", "request").send(asked).status_code == 303
    second = story.requests()[-1]["request"]
    waiting = page(story.url, "bea", "spot/me").text
    links = [unescape(x) for x in re.findall(r'href="(form\?[^"]*do=approve[^"]*)"', waiting)]
    assert any(second in x and story.name in x for x in links)
    yes = {"role": "business"}
    assert form("bea", "approve", about=first["request"]).send(yes).status_code == 400
    assert form("bea", "approve", about=second).send(yes).status_code == 303
    assert [r["status"] for r in story.requests()] == ["rejected", "approved"]
    assert story.move().status_code == 200


def test_an_erased_asker_approves_nothing(story: Story, server: MlflowServer) -> None:
    """Once the name is gone nobody can tell whose request it is: it is rejected, and asked again."""
    request = story.asked("cy")
    gone = story.users["admin"].session.post(
        f"{server.url}/ajax-api/2.0/spot/erase", json={"person": "cy"}, timeout=60
    )
    assert gone.status_code == 200, gone.text
    for user in ("cy", "cy2", "bea"):
        refused = story.approve(request, user)
        assert (refused.status_code, "name of the person who asked" in refused.text) == (403, True)
    assert story.move().status_code == 403
    assert story.decide("rejected", request, "bea").status_code == 200
    assert story.approve(story.asked()).status_code == 200


def test_break_glass_stays_loud_where_it_let_the_version_in(story: Story) -> None:
    """For ``@champion`` it lets into Production; once it has ended, page, digest and lists say that it is there."""
    end = datetime.now(timezone.utc) + timedelta(seconds=8)
    said = {"target": "@champion", "reason": "nothing is offered", "until": end.isoformat()}
    assert story.say("admin", "break-glass", said).status_code == 200
    assert story.move().status_code == 200
    while datetime.now(timezone.utc) <= end:
        assert "BREAK-GLASS" in page(story.url, "bea", "spot/model", name=story.name).text
    shown = plain(page(story.url, "bea", "spot/model", name=story.name, version="1").text)
    assert "BREAK-GLASS for @champion ended" in shown.partition("<h1>")[0]
    refreshed = {"model": story.name, "version": "1"}
    where = f"{story.url}/ajax-api/2.0/spot/refresh"
    assert story.users["dan"].session.post(where, json=refreshed, timeout=60).status_code == 200
    listed = plain(page(story.url, "bea", "spot/models", q=story.name).text)
    assert "BREAK-GLASS, version 1 to Production; it ended" in listed
    digest = " ".join(run_spot("digest", "--model", story.name).out.split())
    assert "has ended, and it still holds Production" in digest


SALT = "years/lasting"
YEARS = {
    "metric": "renewals", "kind": "binary", "predicted": {"lift": 0.06, "se": 0.01},
    "minimum_viable": 0.01, "window": "30d", "assignment": {"salt": SALT, "holdout": 0.1},
    "economics": {"unit": "EUR", "value": 120},
    "columns": {
        "unit": "id", "arm": "arm", "treated": "treated", "holdout": "holdout",
        "outcome": "renewed", "decided_at": "decided",
    },
}  # fmt: skip


def half_a_year(begin: str, lift: float) -> LiftReport:
    """Returns the check of a log in which a version lifts renewals; seed 20261130."""
    rng = np.random.default_rng(20261130)
    frame = pd.DataFrame({"id": [f"c{i}" for i in range(12_000)]})
    treated = np.asarray(spot.assign_arms(frame, YEARS)["arm"] == "treated")
    days = pd.to_timedelta(rng.integers(0, 120, len(frame)), unit="D")
    frame["arm"] = np.where(treated, "treated", "holdout")
    frame["decided"] = pd.Timestamp(begin) + days
    frame["renewed"] = (rng.random(len(frame)) < 0.1 + lift * treated).astype(int)
    return check_outcomes(frame, YEARS)


def test_version_4_after_3_under_one_holdout(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """Report, page and ``spot show`` say whose lift it is, and two models of one holdout are not added up."""
    log_in(monkeypatch, "admin")
    record = Record(story.url, story.url)
    other = f"locked-{uuid.uuid4().hex[:8]}"
    story.client.create_registered_model(other)
    story.client.create_model_version(other, source="s3://nowhere/model")
    for about, begin, lift in (
        (f"{story.name}/1", "2025-01-06", 0.05),
        (f"{story.name}/2", "2025-07-07", 0.07),
        (f"{other}/1", "2025-07-08", 0.06),
    ):
        spot.log_predicted_lift(about, YEARS, record=record)
        spot.log_outcomes(about, half_a_year(begin, lift), record=record)
    said = run_spot("show", f"{story.name}/2", "--format", "json").json["lasting_holdout"]
    assert (said["salt"], said["earlier"]) == (SALT, ["1"])
    assert [v["version"] for v in said["versions"]] == ["1", "2"]
    assert said["change"]["before"] == "1"
    words = ("was held out under version 1 too", "Do not add the lifts or the money of versions")
    shown = run_spot("show", f"{story.name}/2").out
    on_page = page(story.url, "bea", "spot/model", name=story.name, version="2").text
    for text in (" ".join(shown.split()), " ".join(plain(on_page).split())):
        assert [w for w in words if w not in text] == []
    tags = {m: story.client.get_registered_model(m).tags for m in (story.name, other)}
    assert len({t["spot.holdout"] for t in tags.values()}) == 1
    groups = run_spot("portfolio", "--format", "json").json["summary"]["shared"]
    (together,) = [g for g in groups if story.name in g["models"]]
    assert together["models"] == sorted([story.name, other])
    assert 0 < together["low"] < together["high"]
    week = plain(page(story.url, "admin", "spot/").text)
    assert "act on the same customers" in week
