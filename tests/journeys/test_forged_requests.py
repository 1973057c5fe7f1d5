"""Chromium with a reader's login in it: pages of other origins sign nothing and read nothing."""

from __future__ import annotations

import http.server
import json
import threading
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from browser import chromium
from logins import ADMIN, PASSWORD, Login, login_server

import spot_mlflow as spot
from spot_mlflow.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page

pytestmark = pytest.mark.journey
MODEL = "locked-forged"

FORM = """<form id=f method=post enctype=text/plain action="{route}">
<input name='{head}' value='"}}'></form><script>document.getElementById("f").submit()</script>"""


@contextmanager
def hostile_site(pages: dict[str, str]) -> Iterator[str]:
    """A web server of somebody else on another port of this machine; yields its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = pages.get(self.path, "<p>nothing</p>").encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=site.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{site.server_port}"
    finally:
        site.shutdown()
        site.server_close()
        thread.join()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with logins on localhost; bea may sign for the business."""
    folder: Path = tmp_path_factory.mktemp("forged")
    with login_server(folder, {"bea": ["business"]}, users=("bea", "dan")) as server:
        Login(server.url, "dan").promised(MODEL, editor="bea", admin=Login(server.url, *ADMIN))
        yield f"http://localhost:{urlsplit(server.url).port}"


def sign_off() -> dict[str, Any]:
    """What a forged request says."""
    payload = {"target": "Production"}
    who = {"person": "bea", "role": "business"}
    return {"model": MODEL, "version": "1", "kind": "sign-off", "payload": payload, **who}


def signed(url: str) -> list[str]:
    """Ids of the sign-offs on record, as an administrator reads them."""
    got = Login(url, *ADMIN).session.get(
        f"{url}/ajax-api/2.0/spot/entries", params={"model": MODEL}, timeout=60
    )
    return [e["id"] for e in got.json()["entries"] if e["kind"] == "sign-off"]


def fetched(page: Page, address: str, **options: Any) -> str:
    """What a script on the page gets: status and text, or "failed" where the browser keeps it."""
    script = """async ([address, options]) => {
        try { const r = await fetch(address, options); return r.status + " " + await r.text(); }
        catch (e) { return "failed"; }
    }"""
    return str(page.evaluate(script, [address, options]))


def test_no_page_of_another_origin_signs_or_reads(url: str) -> None:
    """A form as text/plain, a fetch of each kind, and a reader's script: refused; our page still works."""
    route = f"{url}/ajax-api/2.0/spot/entries"
    body = json.dumps(sign_off())
    form = FORM.format(route=route, head=f'{body[:-1]}, "recorded_by": "')
    address = urlsplit(url)
    login = f"{address.scheme}://bea:{PASSWORD}@{address.netloc}"
    with hostile_site({"/form": form}) as hostile, chromium() as browser:
        page = browser.new_page()
        page.goto(f"{login}/spot/model?name={MODEL}")
        assert "Can it go to Production?" in page.content()
        page.goto(hostile)
        # MLflow lets this page ask with bea's login: what follows is refused by us, not for want of it.
        known = f"{url}/api/2.0/mlflow/registered-models/get?name={MODEL}"
        assert fetched(page, known, credentials="include").startswith("200")
        plain = {"Content-Type": "text/plain"}
        sent: dict[str, Any] = {"method": "POST", "credentials": "include", "body": body}
        for more in (
            {"headers": plain},
            {"headers": plain, "mode": "no-cors"},
            {"mode": "no-cors"},
            {"headers": {"Content-Type": "application/json"}},
            {"headers": {"Content-Type": "application/json"}, "referrerPolicy": "no-referrer"},
        ):
            assert not fetched(page, route, **sent, **more).startswith("200")
        for path in (f"spot/panel?name={MODEL}", f"ajax-api/2.0/spot/entries?model={MODEL}"):
            assert "sign-off" not in fetched(page, f"{url}/{path}", credentials="include")
            assert not fetched(page, f"{url}/{path}", credentials="include").startswith("200")
        token = f"{url}/ajax-api/2.0/spot/token?for=entries"
        assert not fetched(page, token, credentials="include").startswith("200")
        with page.expect_response(lambda r: r.url == route) as refused:
            page.goto(f"{hostile}/form")
        assert refused.value.status == 403
        assert signed(url) == []
        page.goto(f"{url}/health")  # of this server, and with no policy of its own on scripts
        as_json = {"Content-Type": "application/json"}
        assert fetched(page, route, **sent, headers=as_json).startswith("403")
        given = json.loads(fetched(page, token).partition(" ")[2])["token"]
        more = {"X-Spot-Token": given, **as_json}
        entry = uuid.uuid4().hex
        body = json.dumps({**sign_off(), "id": entry})
        assert fetched(page, route, method="POST", body=body, headers=more).startswith("200")
    assert signed(url) == [entry]


def test_the_library_signs_as_before(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program says nothing of a page and needs no token."""
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "bea")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    record = Record(url, url)
    entry = spot.sign_off(
        f"{MODEL}/1", target="Production", person="bea", role="business", record=record
    )
    assert entry.id in signed(url)
