"""A mail server and a web server on the loopback that keep what they are sent."""

from __future__ import annotations

import contextlib
import json
import socketserver
import threading
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage


class _Smtp(socketserver.StreamRequestHandler):
    """Speaks as much of RFC 5321 as a client that hands in one mail needs."""

    def handle(self) -> None:
        """Answers one client."""
        self.wfile.write(b"220 ready\r\n")
        to: list[str] = []
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"RCPT":
                to.append(line.decode().split(":", 1)[1].split(">")[0].strip(" <"))
            if verb == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                text = b"".join(iter(self.rfile.readline, b".\r\n"))
                found = message_from_bytes(text, policy=policy.default)
                self.server.kept.append((to, found))  # type: ignore[attr-defined]
            self.wfile.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 fine\r\n")
            if verb == b"QUIT":
                return


class _Web(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        """Keeps what is posted; answers as its path says."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.kept.append(json.loads(body))  # type: ignore[attr-defined]
        self.send_response(int(self.path.strip("/") or 200))
        self.send_header("Location", "/200")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@contextlib.contextmanager
def _running(server: socketserver.BaseServer) -> Iterator[list[Any]]:
    server.kept = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.kept  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def mail_server() -> Iterator[tuple[str, list[tuple[list[str], EmailMessage]]]]:
    """Starts an SMTP server; yields its address, and (recipients, mail) of what arrives."""
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Smtp)
    with _running(server) as kept:
        yield f"smtp://127.0.0.1:{server.server_address[1]}", kept


@contextlib.contextmanager
def web_server() -> Iterator[tuple[str, list[Any]]]:
    """Starts an HTTP server; yields its address, and what is posted as JSON."""
    server = HTTPServer(("127.0.0.1", 0), _Web)
    with _running(server) as kept:
        yield f"http://127.0.0.1:{server.server_address[1]}", kept
