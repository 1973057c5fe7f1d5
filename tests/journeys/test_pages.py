"""The pages and the panel as people see them, in Chromium, against a real server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from gated import new_scene

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gated import Scene
    from servers import MlflowServer

pytestmark = [pytest.mark.journey, pytest.mark.browser]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """The system's Chromium, headless."""
    import shutil

    from playwright.sync_api import sync_playwright

    found = (
        shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )
    if found is None:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as p:
        started = p.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def scene(gated_server: MlflowServer) -> Scene:
    """A model with people, a concern and a promise."""
    import spot_mlflow as spot
    from spot_mlflow.readiness.instrument import default_instrument
    from spot_mlflow.record import Record

    made = new_scene(gated_server.url)
    record = Record(made.url, made.url)
    for n, (person, role) in enumerate((("Ann", "business"), ("Cem", "frontline"))):
        answers = {q: 2 + (i + n) % 3 for i, q in enumerate(default_instrument().ids)}
        spot.log_assessment(made.name, answers, person=person, role=role, record=record)
    spot.raise_concern(
        made.name, person="Cem", role="frontline", what="<b>Called twice</b>", severity="blocking",
        record=record,
    )  # fmt: skip
    return made


def opened(browser: Any, address: str, **options: Any) -> tuple[Any, list[str]]:
    """Opens a page; returns it with what went wrong on it, and what it asked of elsewhere."""
    page = browser.new_context(**options).new_page()
    page.set_default_timeout(180_000)
    faults: list[str] = []
    host = address.split("/")[2]
    page.on("pageerror", lambda e: faults.append(str(e)))
    page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
    page.on("request", lambda r: None if r.url.split("/")[2] == host else faults.append(r.url))
    page.goto(address)
    return page, faults


def contrast_faults(page: Any) -> list[str]:
    """Returns the texts whose contrast with what lies behind them is below WCAG AA."""
    return page.evaluate(
        """() => {
      const rgb = c => (c.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
      const lum = c => { const [r, g, b] = c.map(v => { v /= 255; return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; }); return .2126 * r + .7152 * g + .0722 * b; };
      const behind = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
      const bad = [];
      for (const e of document.querySelectorAll('main *, header *')) {
        const text = [...e.childNodes].filter(n => n.nodeType === 3 && n.nodeValue.trim()).map(n => n.nodeValue.trim()).join(' ');
        if (!text || e.closest('svg') || e.closest('.away')) continue;
        const style = getComputedStyle(e);
        const a = lum(rgb(style.color).slice(0, 3)), b = lum(behind(e).slice(0, 3));
        const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
        const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
        if (ratio < (large ? 3 : 4.5)) bad.push(`${ratio.toFixed(2)} ${text.slice(0, 40)}`);
      }
      return bad;
    }"""
    )


THEMES = [
    {"color_scheme": "light", "viewport": {"width": 1280, "height": 800}},
    {"color_scheme": "dark", "viewport": {"width": 1280, "height": 800}},
    {"color_scheme": "light", "viewport": {"width": 360, "height": 740}},
]


@pytest.mark.parametrize("options", THEMES, ids=["light", "dark", "phone"])
@pytest.mark.parametrize("path", ["spot/models", "spot/model?name={name}"], ids=["models", "model"])
def test_page_is_readable(browser: Any, scene: Scene, path: str, options: dict[str, Any]) -> None:
    """No error, nothing from elsewhere, nothing wider than the screen, enough contrast, one title."""
    page, faults = opened(browser, f"{scene.url}/{path.format(name=scene.name)}", **options)
    assert faults == []
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= options["viewport"]["width"]
    assert contrast_faults(page) == []
    assert page.locator("h1").count() == 1
    assert page.locator("main").count() == 1
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll('a, button, input, select')]
          .filter(e => e.type !== 'hidden' && !(e.innerText || '').trim() && !e.labels?.length && !e.ariaLabel)
          .map(e => e.outerHTML.slice(0, 80))"""
    )
    assert unnamed == []
    page.context.close()


def test_model_page_opens_with_the_answer(browser: Any, scene: Scene) -> None:
    """The model and its result, then where it can go, and below why not and what to do."""
    page, _ = opened(browser, f"{scene.url}/spot/model?name={scene.name}&version=2")
    assert page.locator("h1").inner_text() == f"{scene.name}: no lift promised"
    assert (
        "Can it go to Production? No: 3 requirements are not met"
        in page.locator("h1 + .where").inner_text()
    )
    assert page.locator(".ask").inner_text().startswith("To do: Answer the blocking concern “<b>")
    assert f"spot promise {scene.name}/2 lift.yaml" in page.locator("#gate").inner_text()
    assert "<b>Called twice</b>" in page.locator("main").inner_text()
    page.context.close()


def test_portfolio_is_searched_and_leads_to_the_model(browser: Any, scene: Scene) -> None:
    """A name finds its model by keyboard alone, and the link opens its page."""
    page, _ = opened(browser, f"{scene.url}/spot/models")
    page.get_by_role("searchbox", name="Name").fill(scene.name)
    page.keyboard.press("Enter")
    page.wait_for_url("**q=**")
    link = page.get_by_role("link", name=scene.name)
    assert link.count() == 1
    link.click()
    page.wait_for_url("**/model?name=**")
    assert "Production" in page.locator(".where").inner_text()
    page.context.close()


def test_theme_chosen_in_mlflow_holds(browser: Any, scene: Scene) -> None:
    """Who chose the dark theme in MLflow reads our pages dark, whatever the system says."""
    page, _ = opened(browser, f"{scene.url}/spot/", color_scheme="light")
    light = page.evaluate("getComputedStyle(document.querySelector('main')).backgroundColor")
    page.evaluate("localStorage.setItem('_mlflow_dark_mode_toggle_enabled', 'true')")
    page.reload()
    dark = page.evaluate("getComputedStyle(document.querySelector('main')).backgroundColor")
    assert light != dark
    page.context.close()


def test_panel_and_link_in_mlflows_own_page(browser: Any, scene: Scene) -> None:
    """One line under the title has the answer and a link; the sidebar an entry; other pages no line."""
    page, _ = opened(browser, f"{scene.url}/#/models/{scene.name}/versions/2")
    line = page.locator("#spot-line")
    line.wait_for(timeout=60_000)
    assert (
        "No lift promised. Can it go to Production? No: 3 requirements are not met."
        in line.inner_text()
    )
    assert "Version 2" in line.evaluate("line => line.previousElementSibling.innerText")
    address = line.get_by_role("link").evaluate("link => link.href")
    assert address == f"{scene.url}/spot/model?name={scene.name}&version=2"
    page.locator("#spot-link").wait_for(timeout=30_000)
    page.evaluate(f"window.location.hash = '#/models/{scene.name}/versions/1'")
    page.locator("#spot-line", has_text="In Production").wait_for(timeout=30_000)
    # MLflow may draw its title anew meanwhile: there is one line again in the end.
    page.wait_for_function("document.querySelectorAll('#spot-line').length === 1", timeout=30_000)
    page.evaluate("window.location.hash = '#/models'")
    line.wait_for(state="detached", timeout=30_000)


@pytest.mark.parametrize("width", [390, 1280])
def test_the_line_covers_nothing(browser: Any, scene: Scene, width: int) -> None:
    """Without a title to stand under, or without room there, the line is part of the page's flow."""
    page, _ = opened(
        browser, f"{scene.url}/#/models/{scene.name}", viewport={"width": width, "height": 800}
    )
    line = page.locator("#spot-line")
    line.wait_for(timeout=60_000)
    assert line.evaluate("line => getComputedStyle(line).position") == "static"
    page.evaluate("document.querySelectorAll('main h1, main h2').forEach(t => t.remove())")
    page.evaluate("document.getElementById('spot-line').remove()")
    line.wait_for(timeout=30_000)
    assert line.evaluate("line => line.closest('main') !== null")
    page.context.close()


def test_click_in_mlflows_page_is_refused(browser: Any, scene: Scene) -> None:
    """Who gives version 2 the alias by mouse reads the reason, and version 1 stays."""
    page, _ = opened(browser, f"{scene.url}/#/models/{scene.name}/versions/2")
    add = page.get_by_role("button", name="Add", exact=True).first
    add.wait_for(timeout=60_000)
    add.click()
    dialog = page.get_by_role("dialog")
    dialog.wait_for()
    dialog.get_by_role("combobox").click()
    page.keyboard.type("champion")
    page.keyboard.press("Enter")
    with page.expect_response(lambda r: "registered-models/alias" in r.url) as answered:
        dialog.get_by_role("button", name="Save aliases").click()
    assert answered.value.status == 403
    assert "may not go to @champion" in answered.value.json()["message"]
    page.wait_for_timeout(500)
    refusal = page.get_by_role("alert").filter(has_text="may not go to @champion")
    link = refusal.get_by_role("link", name="the page of this version")
    link.wait_for(timeout=30_000)
    address = link.evaluate("link => link.href")
    assert address == f"{scene.url}/spot/model?name={scene.name}&version=2"
    assert scene.live() == {"Production": ["1"], "champion": ["1"]}
    page.context.close()
