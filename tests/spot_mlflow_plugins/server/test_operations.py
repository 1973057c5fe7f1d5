"""What an operator asks of a real server: ready or not, what was counted, which request it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests
from bypasses import transition
from gated import new_scene
from receivers import web_server

from spot_mlflow.record.doctor import examined

if TYPE_CHECKING:
    from servers import MlflowServer

pytestmark = [pytest.mark.journey, pytest.mark.postgres]


def metrics(url: str) -> dict[str, float]:
    """What a scrape says, sample by sample."""
    answer = requests.get(f"{url}/spot/metrics", timeout=60)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    lines = [x for x in answer.text.splitlines() if not x.startswith("#")]
    return {name: float(value) for name, value in (x.rsplit(" ", 1) for x in lines)}


def test_decisions_refusals_and_entries_are_counted_over_all_workers(
    any_gated_server: MlflowServer,
) -> None:
    """By outcome, by requirement and by kind; no name of a model is in it."""
    before = metrics(any_gated_server.url)
    scene = new_scene(any_gated_server.url)
    for _ in range(6):
        assert transition(scene).status_code == 403
    after = metrics(any_gated_server.url)

    def more(name: str) -> float:
        return after.get(name, 0) - before.get(name, 0)

    assert more('spot_decisions_total{on="change",outcome="refused"}') == 6
    assert more('spot_decisions_total{on="change",outcome="allowed"}') == 2
    assert more('spot_refusals_total{requirement="lift_predicted"}') == 6
    assert more('spot_refusals_total{requirement="sign_off"}') == 6
    assert more("spot_decision_seconds_count") == 8
    assert more('spot_entries_total{kind="prediction"}') == 1
    assert after["spot_anchor_waiting_entries"] == 0
    text = requests.get(f"{any_gated_server.url}/spot/metrics", timeout=60).text
    assert scene.name not in text
    assert "locked" not in text
    assert "Bea" not in text


def test_readiness_names_what_is_looked_at(any_gated_server: MlflowServer) -> None:
    """Gate, key, database, policy and memory; MLflow's own /health says that it lives."""
    answer = requests.get(f"{any_gated_server.url}/spot/ready", timeout=60)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert [said[k] for k in ("gate", "key", "database", "policy", "memory")] == ["ok"] * 5


def test_every_answer_has_the_id_of_its_request(any_gated_server: MlflowServer) -> None:
    """That of a proxy where it sent one, else a new one; what could break a log is not taken."""
    url = any_gated_server.url
    first, second = (
        requests.get(f"{url}/spot/health", timeout=60).headers["X-Request-ID"] for _ in "ab"
    )
    assert len({first, second}) == 2
    scene = new_scene(url)
    answer = scene.call(
        "POST", "model-versions/transition-stage",
        {"name": scene.name, "version": "2", "stage": "Production", "archive_existing_versions": False},
        headers={"X-Request-ID": "proxy-7.1"},
    )  # fmt: skip
    assert (answer.status_code, answer.headers["X-Request-ID"]) == (403, "proxy-7.1")
    forged = requests.get(f"{url}/spot/health", headers={"X-Request-ID": "x" * 65}, timeout=60)
    assert forged.headers["X-Request-ID"] != "x" * 65


def test_the_doctor_sees_a_gated_server_and_who_is_none(
    any_gated_server: MlflowServer, mlflow_uri: str
) -> None:
    """What is there is ok, what weakens it is a warning with its remedy, and a dead one has failed."""
    found = {s.name: s for s in examined(any_gated_server.url)}
    states = {name: s.state for name, s in found.items()}
    assert states == {
        "packages": "ok", "server": "ok", "clock": "ok", "gate": "ok", "version": "ok",
        "login": "warning", "ready": "ok", "prefix": "ok", "artifacts": "warning", "policy": "ok",
    }  # fmt: skip
    new_scene(any_gated_server.url)  # a client's own experiment, beside the records
    tried = {s.name: s for s in examined(any_gated_server.url, write=True)}["artifacts"]
    assert tried.state == "ok", tried
    assert found["login"].fix == "Start it with: spot server --auth."
    store = {s.name: s.state for s in examined(mlflow_uri)}
    assert store == {
        "packages": "ok", "store": "ok", "gate": "warning", "prefix": "ok", "artifacts": "ok",
        "policy": "warning",
    }  # fmt: skip


def test_the_doctor_names_what_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody there, and something else there; the command then ends with 3."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    (_, dead) = examined("http://127.0.0.1:9")
    assert (dead.name, dead.state) == ("answers", "failed")
    with web_server() as (address, _):
        assert examined(address)[-1].state == "failed"
