"""Tests that others' answers stay hidden from who owes his own, on every route of MLflow too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from logins import ADMIN, PASSWORD, Login, login_server

import spot_mlflow as spot
from spot_mlflow.errors import AccessDenied
from spot_mlflow.readiness.assessment import parse_answers
from spot_mlflow.readiness.instrument import shipped_instrument
from spot_mlflow.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.journey
MODEL = "locked-owed"
WORDS = "we are nowhere near this"  # what dan says of a question


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with logins; bea, the business, took part in dan's model and has not answered."""
    folder: Path = tmp_path_factory.mktemp("owed")
    roles = {"bea": {"roles": ["business"], "accounts": ["bea.k"]}, "dan": "data_scientist"}
    users = ("bea", "bea.k", "dan", "mallory")
    with login_server(folder, roles, users=users) as server:
        dan, admin = Login(server.url, "dan"), Login(server.url, *ADMIN)
        dan.promised(MODEL, editor="bea", admin=admin)
        for user in ("bea.k", "mallory"):
            admin.grant(user, MODEL, "READ")
        answers = parse_answers({"S1": {"now": 2, "comment": WORDS}, "S2": 3}, shipped_instrument())
        said = dan.entry("assessment", answers, model=MODEL, person="dan", role="data_scientist")
        assert said.status_code == 200, said.text
        note = {"question": "S1", "note": f"dan said: {WORDS}"}
        noted = dan.entry("discussion", note, model=MODEL, person="dan", role="data_scientist")
        assert noted.status_code == 200, noted.text
        concern = {"act": "raised", "what": "too many calls", "severity": "major"}
        raised = Login(server.url, "bea").entry(
            "concern", concern, model=MODEL, person="bea", role="business"
        )
        assert raised.status_code == 200, raised.text
        place = run_of(server.url)["info"]["experiment_id"]
        for user in users:
            grant = {"username": user, "resource_type": "experiment", "resource_id": place}
            route = f"{server.url}/api/3.0/mlflow/users/permissions/grant"
            given = admin.session.post(route, json={**grant, "permission": "READ"}, timeout=60)
            assert given.status_code == 200, given.text
        yield server.url


def run_of(url: str, kind: str = "assessment") -> dict[str, Any]:
    """The run of dan's answers, as an administrator sees it."""
    admin = Login(url, *ADMIN)
    said = {"experiment_name": f"spot/{MODEL}"}
    got = admin.session.get(
        f"{url}/api/2.0/mlflow/experiments/get-by-name", params=said, timeout=60
    )
    place = got.json()["experiment"]["experiment_id"]
    found = admin.api(
        "POST", "runs/search", experiment_ids=[place], filter=f"tags.`spot.kind` = '{kind}'"
    )
    run: dict[str, Any] = found.json()["runs"][0]
    return run


def raw_routes(url: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Every way by which MLflow itself would show a companion or its runs."""
    run = run_of(url)
    place, run_id = run["info"]["experiment_id"], run["info"]["run_id"]
    root = run["info"]["artifact_uri"].removeprefix("mlflow-artifacts:/")
    mlflow, ajax = "api/2.0/mlflow", "ajax-api/2.0/mlflow"
    search = '{mlflowSearchRuns(input:{experimentIds:["%s"]}){runs{info{runId} data{tags{value}}}}}'
    one = '{mlflowGetRun(input:{runId:"%s"}){run{data{params{key value}}}}}'
    of_run = {"run_id": run_id, "metric_key": "x"}
    return [
        ("GET", f"{mlflow}/runs/get", {"params": {"run_id": run_id}}),
        ("POST", f"{mlflow}/runs/search", {"json": {"experiment_ids": [place]}}),
        ("POST", f"{ajax}/runs/search", {"json": {"experiment_ids": [place]}}),
        ("GET", f"{mlflow}/metrics/get-history", {"params": of_run}),
        ("GET", f"{ajax}/metrics/get-history-bulk", {"params": of_run}),
        ("GET", f"{ajax}/metrics/get-history-bulk-interval", {"params": {"run_ids": run_id, "metric_key": "x", "max_results": 5}}),
        ("GET", f"{mlflow}/artifacts/list", {"params": {"run_id": run_id}}),
        ("GET", "get-artifact", {"params": {"run_uuid": run_id, "path": "x"}}),
        ("GET", f"api/2.0/mlflow-artifacts/artifacts/{root}/x", {}),
        ("GET", "api/2.0/mlflow-artifacts/artifacts", {"params": {"path": root}}),
        ("GET", f"{mlflow}/experiments/get", {"params": {"experiment_id": place}}),
        ("GET", f"{mlflow}/experiments/get-by-name", {"params": {"experiment_name": f"spot/{MODEL}"}}),
        ("POST", "graphql", {"json": {"query": search % place, "operationName": None}}),
        ("POST", "graphql", {"json": {"query": one % run_id}}),
    ]  # fmt: skip


def statuses(user: Login, url: str) -> set[int]:
    """The statuses that a user gets from those routes."""
    return {
        user.session.request(method, f"{url}/{path}", timeout=60, **more).status_code
        for method, path, more in raw_routes(url)
    }


def library(monkeypatch: pytest.MonkeyPatch, url: str, user: str) -> Record:
    """The client library under a user's login."""
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", user)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    return Record(url, url)


def test_raw_routes_are_shut_to_who_owes_answers_and_open_to_others(url: str) -> None:
    """Under each of his accounts; a reader who is not asked goes on reading."""
    assert statuses(Login(url, "bea"), url) == {403}
    assert statuses(Login(url, "bea.k"), url) == {403}
    assert 403 not in statuses(Login(url, "mallory"), url)
    assert 403 not in statuses(Login(url, "dan"), url)


def test_listings_stay_whole_for_who_owes_answers(url: str) -> None:
    """The companion is left out of what names no experiment; a search beside it finds the rest."""
    bea = Login(url, "bea")
    mine = bea.api("POST", "experiments/create", name="bea's own").json()["experiment_id"]
    run = bea.api("POST", "runs/create", experiment_id=mine, start_time=1)
    assert run.status_code == 200, run.text
    listed = bea.api("POST", "experiments/search", max_results=1000)
    assert [e["name"] for e in listed.json()["experiments"]] == ["bea's own"]
    place = run_of(url)["info"]["experiment_id"]
    found = bea.api("POST", "runs/search", experiment_ids=[place, mine])
    assert found.status_code == 200
    assert [r["info"]["experiment_id"] for r in found.json()["runs"]] == [mine]


def test_our_routes_leave_the_answers_out(url: str) -> None:
    """The record, the decision and the moments: never an answer, a level or a note on one."""
    bea = Login(url, "bea")
    api = f"{url}/ajax-api/2.0/spot"
    read = bea.session.get(f"{api}/entries", params={"model": MODEL}, timeout=60)
    assert read.json()["withheld"] is True
    assert WORDS not in read.text
    assert [
        e["payload"]["answers"] for e in read.json()["entries"] if e["kind"] == "assessment"
    ] == [{}]
    assert "too many calls" in read.text
    asked = {"model": MODEL, "version": "1", "target": "Production"}
    decided = bea.session.post(f"{api}/decisions", json=asked, timeout=60)
    assert decided.status_code == 200, decided.text
    assert (
        bea.session.get(
            f"{api}/moments", params={"model": MODEL, "entry": "x"}, timeout=60
        ).status_code
        == 404
    )
    full = Login(url, "mallory").session.get(f"{api}/entries", params={"model": MODEL}, timeout=60)
    assert full.json()["withheld"] is False
    assert WORDS in full.text


def test_library_reads_and_verifies_while_answers_are_owed(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who answered is known, what was answered is not; the gate is not asked on half of it."""
    record = library(monkeypatch, url, "bea")
    adoption = record.adoption(MODEL)
    assert adoption.readiness.hidden
    assert [r.person for r in adoption.readiness.respondents] == ["dan"]
    assert [c.what for c in adoption.involvement.concerns] == ["too many calls"]
    assert record.verify(MODEL).sound
    with pytest.raises(AccessDenied, match="after you have given your own"):
        spot.check_gate(f"{MODEL}/1", "Production", record=record)
    other = library(monkeypatch, url, "mallory").adoption(MODEL)
    assert other.readiness.questions["S1"].level == 2


def test_everything_opens_once_the_answers_are_in(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, on raw routes and in the library, which wrote them itself."""
    admin, dan = Login(url, *ADMIN), Login(url, "dan")
    name = "locked-opened"
    dan.promised(name, editor="bea", admin=admin)
    answers = parse_answers({"S1": 4}, shipped_instrument())
    dan.entry("assessment", answers, model=name, person="dan", role="data_scientist")
    record = library(monkeypatch, url, "bea")
    spot.log_involvement(
        name, phase="scope", kind="contributed", person="bea", role="business", record=record
    )
    assert record.adoption(name).readiness.hidden
    search = {"params": {"experiment_name": f"spot/{name}"}}
    route = f"{url}/api/2.0/mlflow/experiments/get-by-name"
    bea = Login(url, "bea")
    place = admin.session.get(route, timeout=60, **search).json()["experiment"]["experiment_id"]
    grant = {"username": "bea", "resource_type": "experiment", "resource_id": place}
    given = f"{url}/api/3.0/mlflow/users/permissions/grant"
    admin.session.post(given, json={**grant, "permission": "READ"}, timeout=60)
    refused = bea.session.get(route, timeout=60, **search)
    assert refused.status_code == 403
    assert "spot assess" in refused.json()["message"]
    spot.log_assessment(name, {"S1": 2}, person="bea", role="business", record=record)
    assert bea.session.get(route, timeout=60, **search).status_code == 200
    assert record.adoption(name).readiness.questions["S1"].level == 2
