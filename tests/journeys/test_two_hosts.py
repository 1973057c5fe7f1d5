"""A gated server on two hosts, as docs/operations.md says: one database, one home, one artifact store.

The hosts are two servers with folders and ports of their own over one PostgreSQL. dan builds, bea decides.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import requests
import sqlalchemy as sa
from gated import CONTRACT, POLICY, new_database, new_version
from logins import ADMIN, Login, login_server
from terminal import run_spot

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from servers import MlflowServer

pytestmark = [pytest.mark.journey, pytest.mark.postgres]
ROLES = {"bea": ["business"], "dan": "data_scientist"}
API = "ajax-api/2.0/spot"


class Hosts(NamedTuple):
    """Both servers, and the database that they share."""

    one: MlflowServer
    two: MlflowServer
    database: str

    @property
    def urls(self) -> tuple[str, str]:
        """Their addresses."""
        return self.one.url, self.two.url


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory, postgres_uri: str) -> Iterator[Hosts]:
    """Two hosts with the same settings; what belongs to one host is in a folder of its own."""
    shared = tmp_path_factory.mktemp("shared")
    database = new_database(postgres_uri)
    (shared / "auth.ini").write_text(
        "[mlflow]\ndefault_permission = NO_PERMISSIONS\n"
        f"database_uri = {new_database(postgres_uri)}\nadmin_username = admin\n"
        f"admin_password = {ADMIN[1]}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
    )
    (shared / "policy.yaml").write_text(json.dumps(POLICY))
    same = {
        "SPOT_MLFLOW_HOME": str(shared / "home"),
        "SPOT_MLFLOW_POLICY_FILE": str(shared / "policy.yaml"),
        "MLFLOW_AUTH_CONFIG_PATH": str(shared / "auth.ini"),
    }
    said: dict[str, Any] = {"backend": database, "environment": same, "workers": 1}
    store = ("--artifacts-destination", str(shared / "artifacts"))
    folders = [tmp_path_factory.mktemp(name) for name in ("one", "two")]
    with (
        login_server(folders[0], ROLES, *store, users=("bea", "dan"), **said) as one,
        login_server(folders[1], ROLES, *store, users=(), **said) as two,
    ):
        yield Hosts(one, two, database)


@pytest.fixture
def model(hosts: Hosts, monkeypatch: pytest.MonkeyPatch) -> str:
    """A model of dan's with files and a promise, made on the first host."""
    from mlflow import MlflowClient

    for key, value in zip(("USERNAME", "PASSWORD"), ADMIN, strict=True):
        monkeypatch.setenv(f"MLFLOW_TRACKING_{key}", value)
    name, client = f"locked-{uuid.uuid4().hex[:8]}", MlflowClient(hosts.one.url, hosts.one.url)
    client.create_registered_model(name)
    new_version(client, name)
    admin = Login(hosts.one.url, *ADMIN)
    for user in ("bea", "dan"):
        admin.grant(user, name, "EDIT")
    said = admin.entry("prediction", {"contract": CONTRACT}, model=name)
    assert said.status_code == 200, said.text
    return name


def read(url: str, path: str, user: tuple[str, ...] = ADMIN) -> requests.Response:
    """Reads an address of a host."""
    return Login(url, *user).session.get(f"{url}/{path}", timeout=60)


def stage(url: str, model: str) -> str:
    """Which stage version 1 has, as a host says."""
    found = Login(url, *ADMIN).session.get(
        f"{url}/api/2.0/mlflow/model-versions/get",
        params={"name": model, "version": "1"}, timeout=60,
    )  # fmt: skip
    return str(found.json()["model_version"]["current_stage"])


def test_asked_on_one_host_approved_on_the_other(hosts: Hosts, model: str, tmp_path: Path) -> None:
    """Each acts at once on what the other wrote; the audit stream of both has each line once."""
    one, two = hosts.urls
    said = {"act": "asked", "target": "Production", "why": "better"}
    asked = Login(one, "dan").entry("request", said, model=model)
    assert asked.status_code == 200, asked.text
    assert Login(two, "dan").move(model).status_code == 403
    approval = {"target": "Production", "request": asked.json()["payload"]["request"]}
    approved = Login(two, "bea").entry("sign-off", approval, model=model, role="business")
    assert approved.status_code == 200, approved.text
    moved = Login(one, "dan").move(model)
    assert moved.status_code == 200, moved.text
    assert stage(two, model) == "Production"
    streams = []
    for url in hosts.urls:
        to = tmp_path / "audit.jsonl"  # the same file and cursor, whichever host answers
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MLFLOW_TRACKING_URI", url)
            ran = run_spot("audit", "--to", to)
        assert ran.status == 0, ran.err
        streams.append([json.loads(line) for line in to.read_text().splitlines()])
    assert streams[0] == streams[1]
    own = [x["kind"] for x in streams[0] if x["model"] == model]
    assert own == ["request", "decision", "sign-off", "decision"]
    assert len({x["id"] for x in streams[0]}) == len(streams[0])
    for url in hosts.urls:
        assert read(url, f"{API}/verify?model={model}").json()["sound"] is True


def test_break_glass_is_seen_on_both(hosts: Hosts, model: str) -> None:
    """Broken on one host, it lets the version through on the other; page and metrics of both say so."""
    one, two = hosts.urls
    said = {"target": "Production", "reason": "nothing is offered"}
    assert Login(one, *ADMIN).entry("break-glass", said, model=model).status_code == 200
    assert Login(two, "dan").move(model).status_code == 200
    for url in hosts.urls:
        assert "BREAK-GLASS" in read(url, f"spot/model?name={model}&version=1").text
        assert read(url, f"spot/history?name={model}").status_code == 200
    scrape = read(two, "spot/metrics").text
    assert 'spot_decisions_total{on="change",outcome="break-glass"} 1' in scrape
    assert "spot_undecided_total" in read(one, "spot/metrics").text
    assert model not in scrape


def test_doctor_finds_both_well(hosts: Hosts) -> None:
    """Gate, login, readiness, artifact store and policy of each host."""
    with pytest.MonkeyPatch.context() as patch:
        for key, value in zip(("USERNAME", "PASSWORD"), ADMIN, strict=True):
            patch.setenv(f"MLFLOW_TRACKING_{key}", value)
        for url in hosts.urls:
            ran = run_spot("doctor", "--server", url, "--format", "json")
            failed = [s for s in ran.json["signs"] if s["state"] == "failed"]
            assert (ran.status, failed) == (0, []), ran.out


def test_without_its_database_neither_is_ready(hosts: Hosts) -> None:
    """503 that names the database while it lets nobody in; alive all the time, and ready again after."""
    base, _, name = hosts.database.rpartition("/")
    admin = sa.create_engine(f"{base}/postgres", isolation_level="AUTOCOMMIT")
    try:
        with admin.connect() as c:
            c.execute(sa.text(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'))
            c.execute(
                sa.text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
                ),
                {"name": name},
            )
        for url in hosts.urls:
            said = read(url, "spot/ready")
            assert (said.status_code, "database: " in said.text) == (503, True), said.text
            assert requests.get(f"{url}/health", timeout=60).status_code == 200
    finally:
        with admin.connect() as c:
            c.execute(sa.text(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'))
        admin.dispose()
    for url in hosts.urls:
        assert read(url, "spot/ready").status_code == 200


def test_one_host_killed_while_it_writes(hosts: Hosts, model: str) -> None:
    """What it had confirmed is on the other host, which goes on deciding; the record is sound."""
    one, two = hosts.urls
    confirmed: list[str] = []
    under_way = threading.Event()

    def write() -> None:
        dan = Login(two, "dan")
        with contextlib.suppress(requests.ConnectionError):
            for number in range(500):
                said = {"act": "raised", "what": f"concern {number}", "severity": "minor"}
                answer = dan.entry(
                    "concern", said, model=model, person="dan", role="data_scientist"
                )
                assert answer.status_code == 200, answer.text
                confirmed.append(answer.json()["id"])
                if number == 2:
                    under_way.set()

    writer = threading.Thread(target=write)
    writer.start()
    assert under_way.wait(240)
    os.killpg(hosts.two.process.pid, signal.SIGKILL)
    writer.join(240)
    assert not writer.is_alive()
    found = read(one, f"{API}/entries?model={model}").json()["entries"]
    assert set(confirmed) <= {e["id"] for e in found}
    assert len([e for e in found if e["kind"] == "concern"]) - len(confirmed) in (0, 1)
    verified = read(one, f"{API}/verify?model={model}").json()
    assert verified["sound"] is True, verified
    assert Login(one, "dan").move(model).status_code == 403
    assert read(one, "spot/ready").status_code == 200
    assert "spot_anchor_waiting_entries 0" in read(one, "spot/metrics").text
