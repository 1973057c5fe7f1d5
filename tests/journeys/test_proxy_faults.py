"""What stands before MLflow answers in its place: the gate says "could not be decided", and why."""

from __future__ import annotations

import http.server
import json
import socket
import ssl
import subprocess
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import mlflow
import pytest
from terminal import run_spot

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.journey

HTML = b"<html><head><title>Sign in</title></head><body>Please sign in</body></html>"
GATE = ("gate", "churn/1", "--to", "Production")


class Proxy(http.server.BaseHTTPRequestHandler):
    """Answers every request with what ``answers`` says: status, headers and body."""

    status = 200
    headers_out: tuple[tuple[str, str], ...] = ()
    body = HTML
    act = ""
    login_page = False

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.act == "reset":
            self.connection.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00"
            )
            self.connection.close()
            return
        if self.act == "hang":
            time.sleep(8)
        status, extra = self.status, self.headers_out
        if self.act == "redirect" and self.path == "/login":
            status, extra = 200, ()
        self.send_response(status)
        for key, value in extra:
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    do_GET = do_POST = do_PATCH = _answer  # noqa: N815 - the library's names

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@contextmanager
def proxy(*, tls: tuple[str, str] | None = None, **said: Any) -> Iterator[int]:
    """Runs a proxy on a free port."""
    handler = type("Answering", (Proxy,), said)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One try, two seconds; no login of the machine's own."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")
    for name in ("TOKEN", "USERNAME", "PASSWORD", "SERVER_CERT_PATH"):
        monkeypatch.delenv(f"MLFLOW_TRACKING_{name}", raising=False)
    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    yield
    mlflow.set_tracking_uri(before[0])
    mlflow.set_registry_uri(before[1])


def ask(url: str, *more: str) -> Any:
    """Asks the gate at an address."""
    mlflow.set_tracking_uri(url)
    mlflow.set_registry_uri(url)
    return run_spot(*GATE, *more)


FAULTS = {
    "401": ({"status": 401}, "MLFLOW_TRACKING_TOKEN"),
    "403": ({"status": 403, "body": b"<html>Forbidden by policy</html>"}, "Forbidden by policy"),
    "403 in JSON": (
        {"status": 403, "body": b'{"message":"Forbidden"}'},
        "refused this login (403): Forbidden",
    ),
    "403 as MLflow's": (
        {
            "status": 403,
            "body": b'{"error_code":"PERMISSION_DENIED","message":"Permission denied"}',
        },
        "refused this login",
    ),
    "407": ({"status": 407}, "HTTPS_PROXY"),
    "302 to a login page": (
        {"status": 302, "headers_out": (("Location", "/login"),), "act": "redirect"},
        "Please sign in",
    ),
    "200 in HTML": ({}, "Please sign in"),
    "200 in other JSON": ({"body": b'{"login": "needed"}'}, "not as MLflow does"),
    "200 with a list": ({"body": b"[]"}, ""),
    "200 and empty": ({"body": b""}, "not as MLflow does"),
    "404 in HTML": ({"status": 404}, "answered 404"),
    "418": ({"status": 418}, "answered 418"),
    "500 in HTML": ({"status": 500}, "500"),
    "502": ({"status": 502}, "502"),
    "503": ({"status": 503}, "503"),
    "connection reset": ({"act": "reset"}, "did not answer"),
    "time-out": ({"act": "hang"}, "MLFLOW_HTTP_REQUEST_TIMEOUT"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_before_mlflow_is_three_and_names_its_cause(fault: str) -> None:
    """Whatever answers in MLflow's place, the gate has not refused: status 3, server and cause named."""
    said, cause = FAULTS[fault]
    with proxy(**said) as port:
        ran = ask(f"http://127.0.0.1:{port}")
    assert ran.status == 3, ran.err
    assert f"127.0.0.1:{port}" in ran.err or fault == "407"
    assert cause in ran.err


@pytest.mark.parametrize("fault", ["401", "302 to a login page", "502"])
def test_reports_are_whole_where_nothing_was_decided(fault: str) -> None:
    """JUnit holds one error, JSON says that nothing was allowed or refused, Markdown says why."""
    with proxy(**FAULTS[fault][0]) as port:
        url = f"http://127.0.0.1:{port}"
        junit, said, text = (ask(url, "--format", f) for f in ("junit", "json", "markdown"))
    root = ET.fromstring(junit.out)  # noqa: S314 - ours
    assert [s.get("errors") for s in root] == ["1"]
    assert root.find(".//testcase/error") is not None
    assert said.json["allowed"] is None
    assert said.json["error"]["what"]
    assert "could not be decided" in text.out
    assert {junit.status, said.status, text.status} == {3}


def test_nobody_listens() -> None:
    """A server that is down, and a host that is not known, are named."""
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        down = ask(f"http://127.0.0.1:{port}")
    assert (down.status, f"127.0.0.1:{port} did not answer" in down.err) == (3, True)
    unknown = ask("http://mlflow.invalid:5000")
    assert (unknown.status, "mlflow.invalid:5000 did not answer" in unknown.err) == (3, True)


def test_certificate_that_is_not_trusted(tmp_path: Path) -> None:
    """The variable that names the authority is in the message, and it helps; so does http for https."""
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
            "-keyout", str(key), "-out", str(certificate), "-subj", "/CN=localhost",
            "-addext", "subjectAltName=IP:127.0.0.1",
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    with proxy(tls=(str(certificate), str(key))) as port:
        ran = ask(f"https://127.0.0.1:{port}")
    assert (ran.status, "MLFLOW_TRACKING_SERVER_CERT_PATH" in ran.err) == (3, True)
    assert "not accepted" in ran.err
    with proxy() as port:
        ran = ask(f"https://127.0.0.1:{port}")
    assert (ran.status, "does not speak TLS" in ran.err) == (3, True)


def test_proxy_of_the_environment_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where HTTP_PROXY leads nowhere, the variable is named, not the server."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    ran = ask("http://mlflow.example:5000")
    assert (ran.status, "HTTP_PROXY" in ran.err) == (3, True)


def test_the_token_that_is_set_is_the_one_to_renew(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipeline with a token reads that it is the token; one with a password, that it is that."""
    with proxy(status=401) as port:
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "expired")
        assert "renew it" in ask(f"http://127.0.0.1:{port}").err
        monkeypatch.delenv("MLFLOW_TRACKING_TOKEN")
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "kim")
        assert "were not accepted" in ask(f"http://127.0.0.1:{port}").err


def test_one_name_that_mlflow_cannot_read_stops_no_other(mlflow_uri: str) -> None:
    """`--all` names a model called team/churn, goes on, and ends with 3; in JSON and JUnit as well."""
    import sqlite3
    from contextlib import closing

    client = mlflow.MlflowClient(mlflow_uri)
    for name in ("alpha", "zulu"):
        client.create_registered_model(name)
        client.create_model_version(name, "s3://nowhere/m")
    with closing(sqlite3.connect(mlflow_uri.removeprefix("sqlite:///"))) as base, base:
        for table in ("registered_models", "model_versions"):
            columns = [c[1] for c in base.execute(f"pragma table_info({table})")]
            row = base.execute(f"select * from {table} where name = 'alpha'").fetchone()  # noqa: S608 - ours
            old = ["team/churn" if c == "name" else v for c, v in zip(columns, row, strict=True)]
            base.execute(f"insert into {table} values ({','.join('?' * len(old))})", old)  # noqa: S608 - ours
    everything = ("gate", "--all", "--to", "Production", "--mode", "block")
    text = run_spot(*everything)
    assert text.status == 3
    assert "zulu" in text.out
    assert "Not read: team/churn" in text.out
    said = run_spot(*everything, "--format", "json").json
    assert [d["model"] for d in said["decisions"]] == ["alpha", "zulu"]
    assert [u["model"] for u in said["unread"]] == ["team/churn"]
    root = ET.fromstring(run_spot(*everything, "--format", "junit").out)  # noqa: S314 - ours
    assert [s.get("name") for s in root if s.get("errors") == "1"] == ["team/churn"]
    checked = run_spot("verify", "--all")
    assert (checked.status, "Not read: team/churn" in checked.out) == (3, True)
    tagged = run_spot("init", "--all")
    assert (tagged.status, "2 models tagged" in tagged.out) == (3, True)
    assert json.loads(run_spot("todo", "--format", "json").out) == []
