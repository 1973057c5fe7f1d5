"""A TLS proxy before a server, as operators run one: it takes a prefix off and speaks plain HTTP behind."""

from __future__ import annotations

import http.client
import http.server
import ssl
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_OWN = {"connection", "transfer-encoding", "content-length", "date", "server"}


class _Forward(http.server.BaseHTTPRequestHandler):
    """Hands every request under the prefix on, under the host and the scheme of the inside."""

    behind = prefix = ""

    def _pass(self) -> None:
        if not self.path.startswith(f"{self.prefix}/"):
            self.send_error(404)
            return
        inside = urlsplit(self.behind).netloc
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        sent = {k: v for k, v in self.headers.items() if k.lower() not in {"host", "connection"}}
        connection = http.client.HTTPConnection(inside, timeout=120)
        connection.request(
            self.command,
            self.path.removeprefix(self.prefix),
            body or None,
            {**sent, "Host": inside, "X-Forwarded-Proto": "https"},
        )
        answer = connection.getresponse()
        data = answer.read()
        self.send_response(answer.status)
        for key, value in answer.getheaders():
            if key.lower() not in _OWN:
                self.send_header(key, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        connection.close()

    do_GET = do_HEAD = do_POST = _pass  # noqa: N815 - the library's names

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@contextmanager
def tls_proxy(behind: str, prefix: str, folder: Path) -> Iterator[str]:
    """Runs the proxy on a free port; yields the address that browsers use, its certificate in ``folder``."""
    certificate, key = folder / "proxy.crt", folder / "proxy.key"
    command = [
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        "-keyout", str(key), "-out", str(certificate),
        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    handler = type("Forward", (_Forward,), {"behind": behind, "prefix": prefix})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"https://localhost:{server.server_port}{prefix}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
