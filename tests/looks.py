"""Pages looked at in Chromium: what axe-core, the console, the network and the width say of them."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

# As people come: a desk, a phone, a desk at 200 % zoom (half as many pixels, twice as large), and a phone
# on which none of our scripts arrives. Each begins light.
WAYS: Final[dict[str, dict[str, Any]]] = {
    "desk": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
    "phone": {"viewport": {"width": 390, "height": 800}, "color_scheme": "light"},
    "zoomed": {
        "viewport": {"width": 640, "height": 400},
        "device_scale_factor": 2,
        "color_scheme": "light",
    },
    "without a script": {"viewport": {"width": 390, "height": 800}, "color_scheme": "light"},
}
PATIENCE: Final = 180_000  # milliseconds, on a machine that does much else
WCAG: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa")


@contextmanager
def opened(
    browser: Browser, address: str, way: str, **more: Any
) -> Iterator[tuple[Page, list[str]]]:
    """Opens a page; gives it with what went wrong on it and what it asked of other hosts."""
    context = browser.new_context(**{**WAYS[way], **more})
    context.set_default_timeout(PATIENCE)
    if way == "without a script":  # switched off altogether, axe-core would not run either
        context.route("**/*.js", lambda route: route.fulfill(body=""))
    page, faults, host = context.new_page(), [], urlsplit(address).netloc
    page.on("pageerror", lambda e: faults.append(f"script: {e}"))
    page.on("console", lambda m: faults.append(f"console: {m.text}") if m.type == "error" else None)
    page.on(
        "request",
        lambda r: (
            None if urlsplit(r.url).netloc in ("", host) else faults.append(f"elsewhere: {r.url}")
        ),
    )
    answer = page.goto(address)
    if answer is not None and answer.status >= 400:  # the browser says so of an error's own page
        own = f"status of {answer.status}"
        faults[:] = [f for f in faults if not (f.startswith("console: Failed") and own in f)]
    yield page, faults
    context.close()


def violations(page: Page) -> list[str]:
    """Returns what axe-core finds against WCAG 2.1 AA: rule and the first elements."""
    return _found(page, {"runOnly": list(WCAG)})


def faint(page: Page) -> list[str]:
    """Returns which words have too little contrast, as axe-core finds; for another colour scheme of a page."""
    return _found(page, {"runOnly": {"type": "rule", "values": ["color-contrast"]}})


def _found(page: Page, options: dict[str, Any]) -> list[str]:
    page.evaluate(_axe())
    found = page.evaluate("options => axe.run(options)", options)
    return [
        f"{v['id']}: {[node['html'][:120] for node in v['nodes'][:3]]}" for v in found["violations"]
    ]


@cache
def _axe() -> str:
    from importlib.resources import files

    # Of the package, so that nothing is asked of a network.
    return (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


def too_wide(page: Page) -> list[str]:
    """Returns that the page has to be scrolled sideways, where it has."""
    wide, screen = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    return [f"{wide} pixels wide on {screen}"] if wide > screen else []


def beyond_the_keyboard(page: Page) -> list[str]:
    """Returns what a mouse reaches and the Tab key does not, or what does not show that it has the focus."""
    wanted = page.evaluate(
        """() => [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary')]
          .filter(e => e.checkVisibility() && !(e.type === 'radio' && e.name &&
            e !== (document.querySelector(`input[name="${CSS.escape(e.name)}"]:checked`) || document.querySelector(`input[name="${CSS.escape(e.name)}"]`))))
          .map((e, i) => { e.dataset.place = i; return e.outerHTML.slice(0, 100); })"""
    )
    reached: set[int] = set()
    faults: list[str] = []
    last = None
    page.evaluate("document.activeElement.blur()")
    for _ in range(3 * len(wanted) + 20):  # regions that scroll take the focus too
        page.keyboard.press("Tab")
        place, shown = page.evaluate(
            """() => { const e = document.activeElement, s = getComputedStyle(e);
              return [e.dataset.place ?? null, s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0]; }"""
        )
        if place is None or place == last:  # a date takes several steps
            continue
        if int(place) in reached:
            break
        last = place
        reached.add(int(place))
        if not shown:
            faults.append(f"no sign of the focus: {wanted[int(place)]}")
    return faults + [f"not reached: {html}" for i, html in enumerate(wanted) if i not in reached]
