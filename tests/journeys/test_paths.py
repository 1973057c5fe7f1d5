"""The three paths of docs/paths.md in Chromium, on one server: executive, frontline employee, data scientist."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from browser import chromium
from gated import CONTRACT, new_version
from terminal import run_spot

import spot_mlflow as spot
from spot_mlflow.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servers import MlflowServer

pytestmark = [pytest.mark.journey, pytest.mark.browser]
MODEL = "locked-stay-radar"
PHONE = {"width": 390, "height": 800}
PATIENCE = 120_000  # milliseconds; the machine may be busy


@pytest.fixture(scope="module")
def url(gated_server: MlflowServer) -> str:
    """A promised model."""
    from mlflow import MlflowClient

    found = gated_server.url
    client = MlflowClient(found, found)
    client.create_registered_model(MODEL)
    new_version(client, MODEL)
    spot.log_predicted_lift(f"{MODEL}/1", CONTRACT, record=Record(found, found))
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """The system's Chromium."""
    with chromium() as started:
        yield started


def opened(browser: Any, width: int = 1280) -> Any:
    """A page of a new browser."""
    context = browser.new_context(viewport={"width": width, "height": 800})
    context.set_default_timeout(PATIENCE)
    return context.new_page()


def mailed(url: str, monkeypatch: pytest.MonkeyPatch, *who: str) -> str:
    """The address in the message that ``spot ask --link`` writes."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
    asked = run_spot("ask", MODEL, *who, "--link")
    assert asked.status == 0, asked.err
    found = re.search(r"http\S+/spot/link\?t=\S+", asked.out)
    assert found is not None
    return found[0]


def test_the_frontline_employee(browser: Any, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link on a phone, a question a screen, a worry, its answer by the same link, and her confirmation."""
    page = opened(browser, PHONE["width"])
    page.goto(mailed(url, monkeypatch, "--role", "frontline", "--name", "Fay"))
    questions = page.locator("form.act > fieldset")
    for n in range(questions.count()):
        assert page.locator("form.act > fieldset:visible").count() == 1
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        questions.nth(n).locator("label.option").nth(-1 if n == 1 else 1).click()
        if n < questions.count() - 1:
            page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Send my answers").click()
    assert "Your answers are recorded" in page.get_by_role("status").inner_text()
    page.get_by_role("link", name="Raise a concern").click()
    page.get_by_label("What worries you?").fill("Customers are called twice")
    page.get_by_label("It must be fixed soon").check()
    page.get_by_role("button", name="Raise the concern").click()
    own = page.url
    assert "Nobody has answered yet" in page.locator("main").inner_text()
    record = Record(url, url)
    (concern,) = record.adoption(MODEL).involvement.concerns
    assert concern.speaker == "Fay (by link)"
    said = {"person": "Dana", "role": "data_scientist", "what": "Left alone for 30 days now"}
    spot.answer_concern(MODEL, concern.id, **said, record=record)
    page.goto(own)
    assert "Left alone for 30 days now" in page.locator("main").inner_text()
    page.get_by_role("link", name="It is settled").click()
    page.get_by_role("button", name="It is settled").click()
    assert "You said that it is settled" in page.locator("main").inner_text()
    page.context.close()


def test_the_data_scientist(browser: Any, url: str) -> None:
    """What waits stands on one page; a concern is answered and the target requested from there."""
    record = Record(url, url)
    raised = {"person": "Bo", "role": "business", "what": "Offers come late", "severity": "minor"}
    spot.raise_concern(MODEL, **raised, record=record)
    page = opened(browser)
    page.goto(f"{url}/spot/me?person=Dana&role=data_scientist")
    point = page.locator(".waiting", has_text="Offers come late")
    point.get_by_role("link", name="Answer").click()
    page.get_by_label("Your name").fill("Dana")
    page.get_by_label("Data scientist").check()
    page.get_by_label("Your answer").fill("They are sent at six now")
    page.get_by_role("button", name="Send the answer").click()
    assert "Your answer is recorded" in page.get_by_role("status").inner_text()
    assert "for Dana" in page.locator("h1").inner_text()  # the name is kept
    page.goto(f"{url}/spot/model?name={MODEL}&version=1")
    page.get_by_role("link", name="Request a target").click()
    page.get_by_label("Production", exact=True).check()
    page.get_by_label("Why now?").fill("It keeps its promise in the test")
    page.get_by_role("button", name="Send the request").click()
    assert "Your request is recorded" in page.get_by_role("status").inner_text()
    page.context.close()


def test_the_executive(browser: Any, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the mail to the approval: her answers, what waits for her, what she signs for, and the sign-off."""
    page = opened(browser)
    page.goto(mailed(url, monkeypatch, "--role", "executive", "--name", "Ann"))
    assert page.locator("form.act > fieldset:visible").count() > 2  # the whole list on a desk
    page.locator("form.act > fieldset").first.locator("label.option").nth(2).click()
    page.get_by_role("button", name="Send my answers").click()
    assert "Your answers are recorded" in page.get_by_role("status").inner_text()
    record = Record(url, url)
    if not any(e.kind == "request" for e in record.entries(record.resolve(MODEL))):
        asked = {"person": "Dana", "target": "Production", "why": "It keeps its promise"}
        spot.request_promotion(f"{MODEL}/1", **asked, record=record)
    page.goto(f"{url}/spot/me?person=Ann&role=business")
    # Other models of this server may have requests that wait too.
    page.locator(f'a[href*="name={MODEL}&"]', has_text="Approve").first.click()
    facts = page.get_by_role("table").inner_text()
    for words in ("Promised", "Minimum worthwhile lift", "Failed check", "Open concern"):
        assert words in facts
    page.get_by_label("Your name").fill("Ann")
    page.get_by_label("Business expert").check()
    page.get_by_role("button", name="Approve").click()
    assert "Your approval is recorded" in page.get_by_role("status").inner_text()
    signed = [e for e in record.entries(record.resolve(MODEL)) if e.kind == "sign-off"]
    assert (signed[-1].person, signed[-1].payload["target"]) == ("Ann", "Production")
    page.context.close()
