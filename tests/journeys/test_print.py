"""Pages on paper: the portfolio on one, a model on two, nothing half empty."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from browser import chromium
from mlflow import MlflowClient
from printed import pages_of
from reports import make_report

import spot_mlflow as spot
from spot_mlflow.readiness.instrument import default_instrument
from spot_mlflow.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servers import MlflowServer

pytestmark = [pytest.mark.journey, pytest.mark.browser]
MODELS = 9  # one more than the first screen lists


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
    assert page.evaluate("getComputedStyle(document.querySelector('main')).color") == "rgb(17, 23, 28)"  # fmt: skip
    page.close()
