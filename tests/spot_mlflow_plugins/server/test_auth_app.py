"""Tests of the gate over MLflow's basic auth: who speaks is who is logged in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import requests
from gated import CONTRACT
from logins import ADMIN, Login, login_server

from spot_mlflow.readiness.assessment import parse_answers
from spot_mlflow.readiness.instrument import shipped_instrument
from spot_mlflow.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.journey
FOLDERS: dict[str, Path] = {}  # of the servers, by address


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A gated server with logins: bea signs for the business, dan builds and may do everything."""
    folder: Path = tmp_path_factory.mktemp("auth")
    roles, users = (
        {"bea": ["business"], "dan": "data_scientist"},
        ("bea", "dan", "mallory", "noa", "ola"),
    )
    with login_server(folder, roles, users=users) as server:
        admin = Login(server.url, *ADMIN)
        dan = Login(server.url, "dan")
        assert dan.api("POST", "registered-models/create", name="locked-churn").status_code == 200
        made = dan.api(
            "POST", "model-versions/create", name="locked-churn", source="s3://nowhere/m"
        )
        assert made.status_code == 200, made.text
        admin.grant("bea", "locked-churn", "READ")
        admin.grant("mallory", "locked-churn", "READ")
        assert dan.entry("prediction", {"contract": CONTRACT}).status_code == 200
        FOLDERS[server.url] = folder
        yield server.url


def test_nobody_gets_in_without_a_login(url: str) -> None:
    """Pages, panel and routes ask for a login like everything else."""
    for path in ("spot/", "spot/model?name=locked-churn", "ajax-api/2.0/spot/verify?model="):
        assert requests.get(f"{url}/{path}", timeout=60).status_code == 401
    assert requests.post(f"{url}/ajax-api/2.0/spot/entries", json={}, timeout=60).status_code == 401


def test_who_signs_is_who_is_logged_in(url: str) -> None:
    """Whatever name the client sends, the record has the user's; nobody signs for another."""
    answer = Login(url, "bea").entry(
        "sign-off", {"target": "Production"}, person="Dan", role="business", recorded_by="Dan"
    )
    assert answer.status_code == 200, answer.text
    assert (answer.json()["person"], answer.json()["recorded_by"]) == ("bea", "bea")


@pytest.mark.parametrize("role", ["business", "executive"])
def test_role_to_sign_in_is_the_servers_to_give(url: str, role: str) -> None:
    """A builder cannot sign as the business, nor can somebody who is not on the list."""
    for user in ("dan", "mallory"):
        answer = Login(url, user).entry("sign-off", {"target": "Production"}, role=role)
        assert answer.status_code == 403
        assert "may not sign" in answer.json()["message"]


def test_who_tampers_is_in_the_record_by_login(url: str) -> None:
    """A refused tag, a refused edit of evidence and a refused signature name the user who tried."""
    dan, mallory = Login(url, "dan"), Login(url, "mallory")
    said = {"name": "locked-churn", "key": "spot", "value": "fine"}
    assert dan.api("POST", "registered-models/set-tag", **said).status_code == 403
    assert mallory.entry("sign-off", {"target": "Production"}, role="business").status_code == 403
    record = Record(
        f"sqlite:///{FOLDERS[url] / 'mlflow.db'}", f"sqlite:///{FOLDERS[url] / 'mlflow.db'}"
    )
    entries = record.entries(record.resolve("locked-churn"))
    run = next(e.run_id for e in entries if e.kind == "prediction")
    admin = Login(url, *ADMIN)
    assert admin.api("POST", "runs/delete", run_id=run).status_code == 403
    address = f"{url}/ajax-api/2.0/mlflow/upload-artifact"
    upload = admin.session.post(address, params={"run_uuid": run, "path": "x"}, data=b"x")
    assert upload.status_code == 403
    unknown = requests.post(address, params={"run_uuid": run, "path": "x"}, timeout=60)
    assert unknown.status_code == 401
    entries = record.entries(record.resolve("locked-churn"))
    tried = {
        (e.payload["requester"], e.payload["target"].split(" ")[0])
        for e in entries
        if e.kind == "decision" and e.payload["basis"] == "tampering"
    }
    admins = {("admin", "delete_run"), ("admin", "upload")}
    assert {("dan", "set"), ("mallory", "record")} | admins <= tried
    assert (None, "upload") not in tried, "nobody is heard who has not logged in"


def test_approver_is_who_is_logged_in(url: str) -> None:
    """A waiver names the user, whatever approver the client sends."""
    from datetime import date, timedelta

    payload = {
        "target": "Production",
        "requirement": "sign_off",
        "reason": "haste",
        "approver": "bea",
        "expires": (date.today() + timedelta(days=3)).isoformat(),  # noqa: DTZ011 - any day soon
    }
    answer = Login(url, "dan").entry("waiver", payload, person="bea")
    assert answer.status_code == 200, answer.text
    assert answer.json()["payload"]["approver"] == "dan"


def test_own_sign_off_does_not_count(url: str) -> None:
    """Who signed cannot ask; for another who asks the same signature counts."""
    admin, bea, dan = Login(url, *ADMIN), Login(url, "bea"), Login(url, "dan")
    dan.promised("locked-signed", editor="bea", admin=admin)
    signed = bea.entry("sign-off", {"target": "Production"}, role="business", model="locked-signed")
    assert signed.status_code == 200, signed.text
    own = bea.move("locked-signed")
    assert own.status_code == 403, own.text
    asked = {"model": "locked-signed", "version": "1", "target": "Production"}
    said = bea.session.post(f"{url}/ajax-api/2.0/spot/decisions", json=asked, timeout=60).json()
    measured = {r["name"]: r["measured"] for r in said["decision"]["requirements"]}
    assert "bea, who is the requester" in measured["sign_off"]
    assert dan.move("locked-signed").status_code == 200


def test_own_waiver_does_not_count(url: str) -> None:
    """Who waived cannot ask; for another who asks the same waiver counts."""
    admin, bea, dan = Login(url, *ADMIN), Login(url, "bea"), Login(url, "dan")
    dan.promised("locked-waived", editor="bea", admin=admin)
    payload = {"target": "Production", "requirement": "sign_off", "reason": "haste"}
    waived = dan.entry("waiver", payload, person="bea", model="locked-waived")
    assert waived.status_code == 200, waived.text
    assert dan.move("locked-waived").status_code == 403
    assert bea.move("locked-waived").status_code == 200


def test_reader_speaks_but_does_not_promise(url: str) -> None:
    """Whoever may read may raise a concern; a promise is the word of those who may update."""
    mallory = Login(url, "mallory")
    said = {"act": "raised", "what": "it hurts", "severity": "minor"}
    assert mallory.entry("concern", said, person="Mallory", role="frontline").status_code == 200
    assert mallory.entry("prediction", {"contract": CONTRACT}).status_code == 403


def test_concern_is_confirmed_by_who_raised_it(url: str) -> None:
    """Another user cannot confirm under the raiser's name."""
    mallory, bea = Login(url, "mallory"), Login(url, "bea")
    payload = {"act": "raised", "what": "it hurts again", "severity": "minor"}
    raised = mallory.entry("concern", payload, person="mallory", role="frontline")
    concern = raised.json()["payload"].get("concern") or f"c{raised.json()['id'][:5]}"
    answered = bea.entry(
        "concern",
        {"act": "answered", "what": "fixed", "concern": concern},
        person="bea",
        role="business",
    )
    assert answered.status_code == 200, answered.text
    confirm = {"act": "confirmed", "concern": concern, "what": ""}
    forged = bea.entry("concern", confirm, person="mallory", role="frontline")
    assert forged.status_code == 403
    assert mallory.entry("concern", confirm, person="mallory", role="frontline").status_code == 200


def test_policy_is_the_operators(url: str) -> None:
    """No user sets the policy that stands in the server's own file."""
    payload = {"policy": {"name": "weak", "version": "1", "targets": {"QA": {}}}}
    for login in (Login(url, "dan"), Login(url, *ADMIN)):
        assert login.entry("policy", payload, model="", version=None).status_code == 403


def test_portfolio_shows_what_one_may_read(url: str) -> None:
    """A model that a user may not read is on none of the user's pages."""
    admin, mallory = Login(url, *ADMIN), Login(url, "mallory")

    def counted() -> list[int]:
        pages = [who.session.get(f"{url}/spot/", timeout=60).text for who in (admin, mallory)]
        return [int(*re.findall(r"decided, (\d+) model", text)) for text in pages]

    before = counted()
    admin.api("POST", "registered-models/create", name="secret-model")
    assert counted() == [before[0] + 1, before[1]]
    for page in ("models", "models.csv"):
        said = [who.session.get(f"{url}/spot/{page}", timeout=60).text for who in (admin, mallory)]
        assert all("locked-churn" in text for text in said)
        assert ["secret-model" in text for text in said] == [True, False]
    page = mallory.session.get(f"{url}/spot/model?name=secret-model", timeout=60)
    assert page.status_code == 403


def test_name_is_erased_by_an_administrator(url: str) -> None:
    """A name goes from the record, which still verifies; nobody else may take one out."""
    admin, mallory, dan = Login(url, *ADMIN), Login(url, "mallory"), Login(url, "dan")
    payload = {"act": "raised", "what": "too many letters", "severity": "minor"}
    raised = dan.entry("concern", payload, person="Erika Beispiel", role="frontline")
    assert raised.status_code == 200
    route = f"{url}/ajax-api/2.0/spot/erase"
    said = {"person": "Erika Beispiel"}
    assert mallory.session.post(route, json=said, timeout=60).status_code == 403
    erased = admin.session.post(route, json=said, timeout=60)
    assert erased.status_code == 200, erased.text
    assert erased.json()["entries"] == 1
    page = admin.session.get(f"{url}/spot/model?name=locked-churn", timeout=60)
    assert "Erika Beispiel" not in page.text
    found = admin.session.get(f"{url}/ajax-api/2.0/spot/verify?model=locked-churn", timeout=60)
    assert found.json()["sound"], found.text


def test_others_answers_are_hidden_until_ones_own_are_in(url: str) -> None:
    """On the page of the model and in the panel; who is not asked sees them."""
    dan, bea, mallory = (Login(url, user) for user in ("dan", "bea", "mallory"))
    dan.promised("hidden-churn", editor="bea", admin=Login(url, *ADMIN))
    Login(url, *ADMIN).grant("mallory", "hidden-churn", "READ")

    def answer(user: Login, role: str, level: int) -> None:
        payload = parse_answers({"S1": level, "S2": level}, shipped_instrument())
        done = user.entry("assessment", payload, model="hidden-churn", person=user.user, role=role)
        assert done.status_code == 200, done.text

    def strategy(user: Login) -> int | None:
        said = user.session.get(f"{url}/spot/panel", params={"name": "hidden-churn"}, timeout=60)
        assert said.status_code == 200, said.text
        level: int | None = said.json()["letters"][0]["level"]
        return level

    def page(user: Login) -> str:
        path = f"{url}/spot/model?name=hidden-churn&tab=people"
        return user.session.get(path, timeout=60).text

    answer(dan, "data_scientist", 4)
    concern = {"act": "raised", "what": "too many calls", "severity": "major"}
    done = bea.entry("concern", concern, model="hidden-churn", person="bea", role="business")
    assert done.status_code == 200, done.text
    assert (strategy(dan), strategy(bea), strategy(mallory)) == (4, None, 4)
    assert "shown once your own answers are in" in page(bea)
    assert "shown once your own answers are in" not in page(mallory)
    answer(bea, "business", 2)
    assert strategy(bea) == 2  # the lower of the two
    assert "shown once your own answers are in" not in page(bea)


def test_a_reader_speaks_for_himself_and_does_nothing_else(url: str) -> None:
    """A role is the operator's to give: without one an assessment is on record and counts for nothing."""
    mallory, dan = Login(url, "mallory"), Login(url, "dan")
    answers = parse_answers({"S1": 5}, shipped_instrument())
    raised = {"act": "raised", "what": "too late", "severity": "major"}
    scope = {"phase": "scope", "kind": "contributed", "what": "", "evidence": None, "when": None}
    pulse = {"useful": 4, "would_use": 4}
    waiver = {"target": "Production", "requirement": "sign_off", "reason": "haste"}
    for kind, payload, role, status in (
        ("assessment", answers, "executive", 200),
        ("involvement", scope, "frontline", 200),
        ("concern", raised, "frontline", 200),
        ("pulse", pulse, "frontline", 200),
        ("sign-off", {"target": "Production"}, "business", 403),
        ("waiver", waiver, "business", 403),
        ("waiver", waiver, None, 403),
        ("resolution", {"choice": "stop", "why": "x"}, "executive", 403),
        ("discussion", {"question": "S1", "note": "we talked"}, "frontline", 403),
    ):
        said = mallory.entry(kind, payload, person="mallory", role=role)
        assert said.status_code == status, (kind, said.text)
        if kind in ("assessment", "involvement"):
            assert said.json()["payload"]["unlisted"] is True
        for other in ("Sam", "bea", "dan"):
            forged = mallory.entry(kind, payload, person=other, role=role)
            if kind in ("sign-off", "waiver"):
                assert forged.status_code == 403
            else:
                assert forged.status_code == 403, (kind, other, forged.text)
    answer = {"act": "answered", "what": "fine", "concern": "c"}
    assert mallory.entry("concern", answer, person="mallory", role="frontline").status_code == 403
    own = dan.entry("assessment", answers, person="dan", role="data_scientist")
    assert "unlisted" not in own.json()["payload"]
    taken_down = dan.entry("assessment", answers, person="Sam", role="frontline")
    assert (taken_down.json()["person"], taken_down.json()["recorded_by"]) == ("Sam", "dan")
    borrowed = dan.entry("assessment", answers, person="bea", role="executive")
    assert borrowed.json()["payload"]["unlisted"] is True


def test_nobody_closes_or_overwrites_anothers_concern(url: str) -> None:
    """A reader cannot take over a concern by its id, its entry's id, an earlier date or another's name."""
    bea, mallory, dan = (Login(url, user) for user in ("bea", "mallory", "dan"))
    said = {"act": "raised", "what": "it hurts patients", "severity": "blocking"}
    first = bea.entry("concern", said, person="bea", role="business").json()
    concern, entry = first["payload"]["concern"], first["id"]
    answered = {"act": "answered", "what": "done", "concern": concern}
    assert dan.entry("concern", answered, person="dan", role="data_scientist").status_code == 200
    again = {"act": "raised", "concern": concern, "what": "a typo", "severity": "minor"}
    more = {"role": "frontline", "at": "2026-01-01T00:00:00Z"}
    for chosen in (
        None,
        entry,
        f"{entry[:12]}{'0' * 20}",
        f"{entry[:31]}{'0' if entry[31] != '0' else '1'}",
    ):
        taken = mallory.entry("concern", again, person="mallory", id=chosen, **more)
        assert taken.status_code == (409 if chosen == entry else 200), taken.text
        if taken.status_code == 200:
            assert taken.json()["payload"]["concern"] != concern
    confirmed = {"act": "confirmed", "concern": concern, "what": "", "entry": "f" * 32}
    for person in ("mallory", "bea", None):
        assert (
            mallory.entry("concern", confirmed, person=person, role="business").status_code == 403
        )
    assert dan.entry("concern", confirmed, person="bea", role="business").status_code == 403
    page = dan.session.get(f"{url}/spot/model?name=locked-churn", timeout=120).text
    assert "it hurts patients" in page
    assert bea.entry("concern", confirmed, person="bea", role="business").status_code == 200


def test_evidence_has_the_rights_of_its_model(url: str) -> None:
    """A user who may not read a model reads its evidence by no route, whatever right he has on it."""
    admin, dan, noa, ola = Login(url, *ADMIN), *(Login(url, u) for u in ("dan", "noa", "ola"))
    dan.promised("locked-apart", editor="bea", admin=admin)
    said = {"act": "raised", "what": "it hurts patients", "severity": "major"}
    raised = dan.entry("concern", said, model="locked-apart", person="dan", role="engineer").json()
    run = admin.session.get(
        f"{url}/api/2.0/mlflow/runs/get", params={"run_id": raised["run_id"]}, timeout=60
    ).json()["run"]
    place, run_id = run["info"]["experiment_id"], run["info"]["run_id"]
    root = run["info"]["artifact_uri"].removeprefix("mlflow-artifacts:/")
    for user in ("noa", "ola"):
        grant = {"username": user, "resource_type": "experiment", "resource_id": place}
        route = f"{url}/api/3.0/mlflow/users/permissions/grant"
        said = {**grant, "permission": "MANAGE"}
        assert admin.session.post(route, json=said, timeout=60).status_code == 200
    denied = {"resource_type": "registered_model", "resource_id": "locked-apart"}
    said = {**denied, "username": "ola", "permission": "DENY"}
    admin.session.post(route, json=said, timeout=60)  # older MLflow has none: ola then has no right
    mlflow, ajax = "api/2.0/mlflow", "ajax-api/2.0/mlflow"
    query = '{mlflowSearchRuns(input:{experimentIds:["%s"]}){runs{info{runId} data{tags{value}}}}}'
    one = '{mlflowGetRun(input:{runId:"%s"}){run{data{tags{key value}}}}}'
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", f"{mlflow}/runs/get", {"params": {"run_id": run_id}}),
        ("POST", f"{mlflow}/runs/search", {"json": {"experiment_ids": [place]}}),
        ("POST", f"{ajax}/runs/search", {"json": {"experiment_ids": [place]}}),
        ("GET", f"{mlflow}/experiments/get", {"params": {"experiment_id": place}}),
        ("GET", f"{mlflow}/experiments/get-by-name", {"params": {"experiment_name": "spot/locked-apart"}}),
        ("POST", f"{mlflow}/experiments/search", {"json": {"max_results": 1000}}),
        ("GET", f"{mlflow}/metrics/get-history", {"params": {"run_id": run_id, "metric_key": "x"}}),
        ("GET", f"{ajax}/metrics/get-history-bulk", {"params": {"run_id": run_id, "metric_key": "x"}}),
        ("GET", f"{ajax}/metrics/get-history-bulk-interval", {"params": {"run_ids": run_id, "metric_key": "x", "max_results": 5}}),
        ("GET", f"{mlflow}/artifacts/list", {"params": {"run_id": run_id}}),
        ("GET", "get-artifact", {"params": {"run_uuid": run_id, "path": "x"}}),
        ("GET", f"api/2.0/mlflow-artifacts/artifacts/{root}/x", {}),
        ("GET", "api/2.0/mlflow-artifacts/artifacts", {"params": {"path": root}}),
        ("GET", f"{mlflow}/traces", {"params": {"experiment_ids": place}}),
        ("POST", f"{mlflow}/logged-models/search", {"json": {"experiment_ids": [place]}}),
        ("POST", "graphql", {"json": {"query": query % place, "operationName": None}}),
        ("POST", "graphql", {"json": {"query": one % run_id}}),
        ("GET", "ajax-api/2.0/spot/verify", {"params": {"model": "locked-apart"}}),
        ("GET", "spot/model", {"params": {"name": "locked-apart"}}),
        ("GET", "spot/panel", {"params": {"name": "locked-apart"}}),
    ]  # fmt: skip

    def seen(user: Login) -> list[str]:
        """The calls by which a user learns what stands there, or that something does."""
        found = []
        for method, path, more in calls:
            answer = user.session.request(method, f"{url}/{path}", timeout=60, **more)
            hidden = answer.status_code in (403, 404) or not any(
                word in answer.text for word in ("it hurts patients", "locked-apart", run_id)
            )
            if not hidden:
                found.append(path)
        return found

    assert (seen(noa), seen(ola)) == ([], [])
    admin.grant("noa", "locked-apart", "READ")
    assert {f"{mlflow}/runs/get", f"{mlflow}/runs/search", "graphql", "spot/model"} <= set(
        seen(noa)
    )
    for name in (f"{mlflow}/experiments/search", f"{mlflow}/experiments/get-by-name"):
        assert name in seen(noa)
    assert dan.api("DELETE", "registered-models/delete", name="locked-apart").status_code == 200
    assert not {c for c in seen(dan) if c.startswith((mlflow, ajax, "graphql"))}
    assert f"{mlflow}/runs/get" in seen(admin)
