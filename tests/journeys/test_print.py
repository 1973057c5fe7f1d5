"""Pages on paper: the portfolio on one, a model on two, nothing half empty."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from browser import chromium
from every_page import FORMS, addresses, wait_for_everybody
from mlflow import MlflowClient
from printed import pages_of
from reports import make_report

import spot_mlflow as spot
from spot_mlflow.readiness.instrument import default_instrument
from spot_mlflow.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from every_page import Waiting
    from playwright.sync_api import Page
    from servers import MlflowServer

pytestmark = [pytest.mark.journey, pytest.mark.browser]
MODELS = 9  # one more than the first screen lists
NOTHING_TO_FILL_IN = {"link of a concern"}


@pytest.fixture(scope="module")
def url(gated_server: MlflowServer) -> str:
    """A server with models that bring less than promised, in two currencies; the first has people."""
    url = gated_server.url
    client, record = MlflowClient(url, url), Record(url, url)
    for n in range(MODELS):
        name = f"printed-{n}"
        client.create_registered_model(name)
        client.create_model_version(name, "s3://nowhere/model", await_creation_for=None)
        contract: dict[str, Any] = {
            "economics": {"unit": "USD" if n % 2 else "EUR", "value": 18, "offer_cost": 0.1},
            "measurement": {"owner": f"Person {n % 3}"},
        }
        report = make_report(lift=0.0, promised=0.1, n=3_000, seed=n, contract=contract)
        report = replace(report, moments=replace(report.moments, source=f"{name}.csv"))
        spot.log_predicted_lift(f"{name}/1", report.predicted, record=record)
        spot.log_outcomes(f"{name}/1", report, record=record)
    for person, role in (("Ann", "business"), ("Cem", "frontline"), ("Eve", "executive")):
        answers = dict.fromkeys(default_instrument().ids, 3)
        spot.log_assessment("printed-0", answers, person=person, role=role, record=record)
    spot.raise_concern("printed-0", person="Cem", role="frontline", what="Offers come late", severity="major", record=record)  # fmt: skip
    return url


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """The system's Chromium."""
    with chromium() as started:
        yield started


def on_white(page: Page) -> bool:
    """Whether words and boxes are those of a light page, also where the dark theme was chosen in MLflow."""
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    ink = page.evaluate("getComputedStyle(document.querySelector('main')).color")
    scheme = page.evaluate("getComputedStyle(document.documentElement).colorScheme")
    return (ink, scheme) == ("rgb(17, 23, 28)", "light")


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("", 1),
        ("model?name=printed-0", 2),
        ("model?name=printed-0&tab=causes", 2),
        ("model?name=printed-0&tab=people", 2),
    ],
    ids=["portfolio", "result", "causes", "people"],
)
def test_it_fits_on_few_pages(browser: Any, url: str, path: str, most: int) -> None:
    """With all that is listed on the first screen, in two currencies; buttons and forms stay on the screen."""
    page = browser.new_page(color_scheme="dark")
    page.goto(f"{url}/spot/{path}")
    assert pages_of(page) <= most
    page.emulate_media(media="print")
    assert page.locator("main h1").is_visible()
    for what in ("nav", "form", "a.button"):
        assert page.locator(f"{what}:visible").count() == 0, what
    assert on_white(page)
    page.close()


@pytest.fixture(scope="module")
def waiting(url: str) -> Waiting:
    """The first model with something to answer, to decide and to confirm, and its links."""
    return wait_for_everybody(url, "printed-0", "1")


@pytest.mark.parametrize("what", ["form assess", "link"])
def test_a_form_on_paper_is_a_worksheet(browser: Any, waiting: Waiting, what: str) -> None:
    """From a phone too, which shows a question a screen: all questions with all their levels, at most two pages."""
    page = browser.new_page(viewport={"width": 390, "height": 800}, color_scheme="dark")
    page.goto(f"{waiting.url}/{addresses(waiting, '1')[what]}")
    asked = page.locator("form.act > fieldset:has(input[value='?'])")
    assert asked.filter(visible=True).count() <= 1
    assert pages_of(page) <= 2
    page.emulate_media(media="print")
    assert asked.filter(visible=True).count() == asked.count() > 2
    assert asked.last.locator(".option").filter(visible=True).count() == 6
    page.close()


def test_every_form_is_printed_to_be_filled_in(browser: Any, waiting: Waiting) -> None:
    """What is asked and where to write, without buttons, in dark words, on one page; questions about readiness on two."""
    forms = {w: a for w, a in addresses(waiting, "1").items() if w.startswith(("form ", "link"))}
    assert len(forms) > len(FORMS)
    for what, address in forms.items():
        page = browser.new_page(color_scheme="dark")
        page.goto(f"{waiting.url}/{address}")
        assert pages_of(page) <= (2 if "assess" in what or what == "link" else 1), what
        page.emulate_media(media="print")
        assert page.locator("main h1").is_visible(), what
        for gone in ("button", "a.button", "nav", "output"):
            assert page.locator(f"{gone}:visible").count() == 0, (what, gone)
        if what not in NOTHING_TO_FILL_IN:
            assert page.locator("form.act :is(fieldset, .field):visible").count(), what
        assert on_white(page), what
        page.close()
