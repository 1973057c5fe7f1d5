"""People act in the pages, in Chromium: on a phone without a script, and by keyboard alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from browser import chromium
from gated import new_scene

from spot_mlflow.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gated import Scene
    from servers import MlflowServer

pytestmark = [pytest.mark.journey, pytest.mark.browser]


@pytest.fixture(scope="module")
def scene(gated_server: MlflowServer) -> Scene:
    """A model whose version 1 is live."""
    return new_scene(gated_server.url)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """The system's Chromium."""
    with chromium() as started:
        yield started


def last(scene: Scene, kind: str) -> Any:
    """The newest entry of a kind."""
    record = Record(scene.url, scene.url)
    return [e for e in record.entries(record.resolve(scene.name)) if e.kind == kind][-1]


def test_a_worry_from_a_phone_and_its_way(browser: Any, scene: Scene) -> None:
    """Without a script, 390 pixels wide: raised, answered, confirmed; nothing wider than the screen."""
    context = browser.new_context(
        viewport={"width": 390, "height": 800}, java_script_enabled=False, color_scheme="dark"
    )
    page = context.new_page()
    page.goto(f"{scene.url}/spot/model?name={scene.name}&version=1")
    page.get_by_role("link", name="Raise a concern").click()
    page.get_by_role("button", name="Raise the concern").click()
    assert "Choose one" in page.get_by_role("alert").inner_text()
    page.get_by_label("Your name").fill("Zoë Müller")
    page.get_by_label("Frontline employee").check()
    page.get_by_label("What worries you?").fill("Offers come late")
    page.get_by_label("It must not go on like this").check()
    page.get_by_role("button", name="Raise the concern").click()
    assert "Your concern is recorded" in page.get_by_role("status").inner_text()
    assert "Answer the blocking concern “Offers come late”" in page.locator(".ask").inner_text()
    for link, name, role, button in (
        ("Answer", "Dan", "Data scientist", "Send the answer"),
        ("It is settled", "Zoë Müller", "Frontline employee", "It is settled"),
    ):
        page.get_by_role("link", name=link, exact=True).click()
        page.get_by_label("Your name").fill(name)
        page.get_by_label(role).check()
        page.locator("[name=what]").fill("Sent at six now")
        page.get_by_role("button", name=button).click()
        assert page.get_by_role("status").count() == 1
    assert last(scene, "concern").payload["act"] == "confirmed"
    assert page.get_by_role("heading", name="Concerns that wait").count() == 0
    context.close()


def test_an_assessment_by_keyboard(browser: Any, scene: Scene) -> None:
    """Role, a question a screen, "I don't know" by keys alone; a draft outlives a reload, and is gone when sent."""
    context = browser.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda e: faults.append(str(e)))
    page.goto(f"{scene.url}/spot/form?do=assess&name={scene.name}&version=1")
    page.get_by_label("Executive").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**role=frontline**")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_label("Your name").fill("Cem")
    page.keyboard.press("Enter")  # goes on; it sends at the last question only
    assert page.locator("form.act > fieldset:visible").count() == 1
    page.locator("[name=O1]").first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    assert page.locator("output").inner_text() == "1 of 5 answered"
    page.reload()
    assert page.locator("[name=O1][value='2']").is_checked()
    going_on = page.get_by_role("button", name="Next")
    for _ in range(3):
        going_on.press("Enter")
    page.locator("[name=O3][value='?']").focus()
    page.keyboard.press("Space")
    for _ in range(2):
        going_on.press("Enter")
    page.get_by_role("button", name="Send my answers").press("Enter")
    page.wait_for_url("**done=assess**")
    said = last(scene, "assessment")
    assert (said.person, said.role) == ("Cem", "frontline")
    assert {k: v["now"] for k, v in said.payload["answers"].items()} == {"O1": 2, "O3": None}
    page.goto(f"{scene.url}/spot/form?do=assess&name={scene.name}&version=1&role=frontline")
    assert page.locator("fieldset input:checked").count() == 0
    assert faults == []
    context.close()
