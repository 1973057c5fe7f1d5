"""Forms and mailed links where companies run them: over PostgreSQL, behind a TLS proxy that strips a prefix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from browser import chromium
from gated import new_scene
from tls_proxy import tls_proxy

from spot_mlflow.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servers import MlflowServer

pytestmark = [pytest.mark.journey, pytest.mark.browser, pytest.mark.postgres]
PREFIX = "/mlops"


@pytest.fixture(scope="module")
def url(
    gated_postgres_server: MlflowServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address that browsers have."""
    folder = tmp_path_factory.mktemp("tls")
    with tls_proxy(gated_postgres_server.url, PREFIX, folder) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """The system's Chromium."""
    with chromium() as started:
        yield started


def test_asked_by_a_form_answered_on_a_phone(
    browser: Any, url: str, gated_postgres_server: MlflowServer
) -> None:
    """From the tab of the people to a link; on a phone without a script answers, a worry, and the way back."""
    inside = gated_postgres_server.url
    scene = new_scene(inside)
    desk = browser.new_context(ignore_https_errors=True)
    page = desk.new_page()
    page.goto(f"{url}/spot/model?name={scene.name}&version=1&tab=people")
    page.get_by_role("link", name="Ask somebody by a link").click()
    page.get_by_label("Who is asked?").fill("Fay Ott")
    page.get_by_label("Frontline employee").check()
    page.get_by_role("button", name="Make the link").click()
    given = page.get_by_role("link", name="Link for Fay Ott")
    address = given.evaluate("link => link.href")
    assert address.startswith(f"{url}/spot/link?t=")
    assert page.url.startswith(f"{url}/spot/form?")  # the link is in the answer, not in an address
    assert all(c["secure"] for c in desk.cookies() if c["name"] == "spot_browser")
    desk.close()

    phone = browser.new_context(
        ignore_https_errors=True, viewport={"width": 390, "height": 800}, java_script_enabled=False
    )
    page = phone.new_page()
    page.goto(address)
    assert "Fay Ott" in page.locator("main").inner_text()
    page.locator("[name=O1][value='2']").check()
    page.get_by_role("button", name="Send my answers").click()
    assert "Your answers are recorded" in page.get_by_role("status").inner_text()
    page.get_by_role("link", name="Raise a concern").click()
    page.get_by_label("What worries you?").fill("Offers come late")
    page.get_by_label("It must be fixed soon").check()
    page.get_by_role("button", name="Raise the concern").click()
    assert page.url.startswith(f"{url}/spot/link?t=")
    assert "Nobody has answered yet" in page.locator("main").inner_text()
    phone.close()

    record = Record(inside, inside)
    said = [e for e in record.entries(record.resolve(scene.name)) if e.person == "Fay Ott"]
    assert [e.kind for e in said] == ["invitation", "assessment", "concern"]
    assert {e.recorded_by for e in said[1:]} == {"mailed link"}
