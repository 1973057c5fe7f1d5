"""Every page and form for everybody: WCAG 2.1 AA, a phone, 200 % zoom, the keyboard alone, no script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from browser import chromium
from every_page import addresses, wait_for_everybody
from gated import new_scene
from looks import WAYS, beyond_the_keyboard, faint, opened, too_wide, violations
from reports import short_report

if TYPE_CHECKING:
    from collections.abc import Iterator

    from every_page import Waiting
    from servers import MlflowServer

pytestmark = [pytest.mark.journey, pytest.mark.browser]


@pytest.fixture(scope="module")
def scene(gated_server: MlflowServer) -> Waiting:
    """A model with a promise, an outcome check, answers, worries, a request and links."""
    import spot_mlflow as spot
    from spot_mlflow.record import Record

    made = new_scene(gated_server.url)
    record, report = Record(made.url, made.url), short_report()
    spot.log_predicted_lift(f"{made.name}/2", report.predicted, record=record)
    spot.log_outcomes(f"{made.name}/2", report, record=record)
    return wait_for_everybody(made.url, made.name, "2")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """The system's Chromium."""
    with chromium() as started:
        yield started


@pytest.mark.parametrize("way", WAYS)
def test_every_page_and_form(browser: Any, scene: Waiting, way: str) -> None:
    """No violation of WCAG 2.1 AA in light or dark, nothing wider than the screen, no error, nothing from elsewhere."""
    found: dict[str, list[str]] = {}
    for what, path in addresses(scene, "1").items():
        with opened(browser, f"{scene.url}/{path}", way) as (page, faults):
            wrong = violations(page) + too_wide(page)
            found[what] = faults + wrong
            if way in ("desk", "phone"):  # colours are the same at any zoom, and without a script
                page.emulate_media(color_scheme="dark")
                found[what] += [f"dark: {w}" for w in faint(page)]
            assert page.locator("h1").count() == 1, what
            error = page.locator("h1").inner_text() == "That did not work"
            assert error == (what == "nothing there"), what
            if what.startswith("form"):
                assert page.locator("form.act [type=submit]").count() == 1, what
    assert {what: wrong for what, wrong in found.items() if wrong} == {}


def test_the_keyboard_reaches_everything(browser: Any, scene: Waiting) -> None:
    """What a mouse can use, Tab reaches, and it shows where the focus is."""
    found = {}
    for what, path in addresses(scene, "1").items():
        with opened(browser, f"{scene.url}/{path}", "desk") as (page, _):
            found[what] = beyond_the_keyboard(page)
    assert {what: wrong for what, wrong in found.items() if wrong} == {}


def test_without_a_script(browser: Any, scene: Waiting) -> None:
    """Filter, tabs, version and comparison work by links and forms alone."""
    address = f"{scene.url}/spot/models"
    with opened(browser, address, "phone", java_script_enabled=False) as (page, _):
        page.locator("[name=q]").fill(scene.name)
        page.locator("[name=verdict]").select_option("shortfall")
        page.get_by_role("button", name="Show", exact=True).click()
        page.get_by_role("link", name=scene.name).click()
        page.get_by_role("link", name="Causes", exact=True).click()
        assert page.get_by_role("link", name="Causes", exact=True).get_attribute("aria-current")
        page.get_by_role("link", name="Log", exact=True).click()
        assert "Outcome check" in page.locator("main").inner_text()
        page.locator("[name=version]").select_option("1")
        page.get_by_role("button", name="Show", exact=True).click()
        assert page.locator("[name=version]").input_value() == "1"
        page.get_by_role("link", name="Compare with another version").click()
        assert "version 1 against version 2" in page.locator("h1").inner_text()
        assert "differ" in page.locator(".where").inner_text()
