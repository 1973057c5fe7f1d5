"""Tests of how a gated server is noticed, and of what its answers become."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from spot_mlflow.errors import (
    AccessDenied,
    InvalidInput,
    NotFound,
    RecordDamaged,
    Refused,
    SpotError,
    Unavailable,
)
from spot_mlflow.record import remote
from spot_mlflow.record.remote import RouteWriter, is_gated, writer_for
from spot_mlflow.record.writer import PlainWriter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servers import MlflowServer


class Answering(HTTPServer):
    """A server that gives one answer to everything."""

    status, body = 200, b"{}"

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """Answers as the server says."""

    def do_GET(self) -> None:
        """Any question."""
        server = self.server
        assert isinstance(server, Answering)
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(server.status)
        self.end_headers()
        self.wfile.write(server.body)

    do_POST = do_GET  # noqa: N815 - the library calls it by this name

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[Answering]:
    """Listening on loopback."""
    made = Answering(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    remote._known.clear()


@pytest.mark.parametrize(
    ("status", "body", "gated"),
    [
        (200, b'{"entries": "route", "spot": "0.1.0"}', True),
        (404, b"<h1>Not Found</h1>", False),
        (405, b"", False),
        (200, b"<html>a proxy's own page</html>", False),
        (200, b"[]", False),
        (200, b'{"entries": "none"}', False),
    ],
)
def test_gated_server_is_noticed(
    server: Answering, status: int, body: bytes, *, gated: bool
) -> None:
    """By its own answer only; a page of a proxy is none."""
    server.status, server.body = status, body
    assert is_gated(server.url) is gated


def test_asked_once(server: Answering) -> None:
    """A process asks each server once."""
    server.body = b'{"entries": "route"}'
    assert is_gated(server.url)
    server.status = 404
    assert is_gated(server.url)


def test_failing_server_is_not_taken_for_a_plain_one(server: Answering) -> None:
    """Where the question cannot be answered nothing is written past the gate; it is asked again."""
    server.status, server.body = 403, b""
    with pytest.raises(AccessDenied):
        is_gated(server.url)
    server.status = 404
    assert not is_gated(server.url)


def test_database_is_never_asked() -> None:
    """A tracking URI that is no server has no route."""
    assert not is_gated("sqlite:///x.db")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, InvalidInput),
        (403, Refused),
        (404, NotFound),
        (409, RecordDamaged),
        (418, Unavailable),
    ],
)
def test_answers_become_errors(server: Answering, status: int, error: type[SpotError]) -> None:
    """Each status raises the error it stands for, in the server's words."""
    server.status = status
    server.body = json.dumps({"message": "[spot] because of this"}).encode()
    with pytest.raises(error, match=r"^because of this$"):
        RouteWriter(server.url).erase("Ann", dry_run=True)


def test_login_that_is_missing_says_how(server: Answering) -> None:
    """A server with logins is told apart from one that refuses."""
    server.status, server.body = 401, b"You are not authenticated"
    with pytest.raises(AccessDenied, match="MLFLOW_TRACKING_USERNAME"):
        is_gated(server.url)


@pytest.mark.journey
def test_plain_server_is_written_to_plainly(plain_server: str) -> None:
    """MLflow without the plugin needs nothing."""
    from mlflow import MlflowClient

    assert isinstance(writer_for(MlflowClient(plain_server, plain_server)), PlainWriter)


@pytest.mark.journey
def test_repeated_request_is_written_once(gated_server: MlflowServer) -> None:
    """An entry whose answer was lost on the way is not written a second time."""
    import uuid

    from gated import new_scene

    from spot_mlflow.record import Record

    scene = new_scene(gated_server.url)
    record = Record(scene.url, scene.url)
    said = {"useful": 4, "would_use": 3, "guess": False}
    entry_id = uuid.uuid4().hex
    first, second = (
        record.append(
            record.resolve(scene.name),
            "pulse",
            said,
            person="Ann",
            role="business",
            entry_id=entry_id,
        )
        for _ in range(2)
    )
    assert first.run_id == second.run_id
    assert record.verify(scene.name).sound
