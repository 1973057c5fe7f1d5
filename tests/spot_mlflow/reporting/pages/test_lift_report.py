from __future__ import annotations

import itertools
import json
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from colours import contrast
from people import assessment, raised
from printed import fewest_pages, pages_of
from reports import faulty, make_adoption, make_report

from spot_mlflow.reporting.charts.lift import lift_gap_chart
from spot_mlflow.reporting.charts.palette import THEMES
from spot_mlflow.reporting.message.headline import headline_of
from spot_mlflow.reporting.pages import lift_report
from spot_mlflow.reporting.pages.lift_report import cards, verdicts
from spot_mlflow.reporting.words.lift_view import lift_view

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from spot_mlflow.lift.report import LiftReport

EVIL = '<img src=http://evil.example/x onerror=alert(1)> "quoted" & <script>alert(2)</script>'


class Words(HTMLParser):
    """Collects the text of a page, as a reader sees it."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def handle_data(self, data: str) -> None:
        """Keeps what stands between tags."""
        self.said.append(data)


def text_of(html: str) -> str:
    """The words of a page, with plain minus and spaces."""
    parser = Words()
    parser.feed(html)
    return " ".join(" ".join(parser.said).split()).replace("\u2212", "-").replace("\u00a0", " ")


@pytest.fixture(scope="module")
def page_file(full_report: LiftReport, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a log with every column, as a file."""
    plan = {"O1": {"now": 4, "target": 5, "by": "2027-01-30", "owner": "Ann Sample"}}
    people = [assessment("Ann", "frontline", plan | {"O2": 4, "O3": 4, "O4": 4})]
    adoption = make_adoption(*people, raised("Bo", "business", "minor"), check=full_report)
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(lift_report.html(full_report, adoption), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, headless."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as p:
        chromium = p.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        yield chromium
        chromium.close()


def opened(browser: Browser, file: Path, width: int, scheme: str, requests: list[str]) -> Page:
    """The report in a window; every request it makes is noted."""
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)

    def note(route) -> None:
        requests.append(route.request.url)
        route.continue_()

    page.route("**/*", note)
    page.on("request", lambda r: requests.append(r.url))
    page.goto(file.as_uri())
    return page


def test_every_surface_opens_with_the_same_sentence(full_report: LiftReport) -> None:
    """HTML and Markdown open with money, cause and request, word for word."""
    head = headline_of(full_report)
    for said in (text_of(lift_report.html(full_report)), lift_report.markdown(full_report)):
        plain = said.replace("\\", "")
        assert head.finding in plain
        assert head.cause in plain


@pytest.mark.parametrize("name", ["full_report", "short_report", "kept_report"])
def test_the_same_figures_everywhere(name: str, request: pytest.FixtureRequest) -> None:
    """Every large figure, verdict and table cell of the HTML stands in the Markdown, and back."""
    report = request.getfixturevalue(name)
    page = text_of(lift_report.html(report))
    document = lift_report.markdown(report).replace("\\", "").replace("&lt;", "<")
    view = lift_view(report)
    for card in cards(view):
        assert f"{card.figure} {card.unit}".strip() in page
        assert f"{card.figure} {card.unit}".strip() in document
    for _, words in verdicts(view):
        assert words in page
        assert words in document
    cells = re.findall(r"\| ([^|\n]+?) (?=\|)", document)
    missing = [
        c
        for c in cells
        if c.strip() and not set(c) <= set("-: ") and " ".join(c.split()) not in page
    ]
    heads = {c for c in missing if c[0].islower() and c[0].upper() + c[1:] in page}
    assert set(missing) == heads


def test_the_record_gives_the_same_page(full_report: LiftReport) -> None:
    """Written from the record's JSON, the page is the same, letter for letter."""
    again = json.loads(full_report.to_json())
    assert lift_report.html(again) == lift_report.html(full_report)
    assert lift_report.markdown(again) == lift_report.markdown(full_report)


def test_what_people_wrote_is_escaped() -> None:
    """Metric, population, segments, concerns and messages cannot put markup into the page."""
    report = make_report(
        segments=(EVIL, "South"),
        contract={"metric": EVIL, "population": EVIL},
        n=8_000,
    )
    data = report.to_dict()
    data["checks"][0]["message"] = EVIL
    data["notes"] = [EVIL]
    data["source"] = EVIL
    concern = raised("Bo", "business", "blocking", what=EVIL)
    html = lift_report.html(data, make_adoption(concern, check=report, name=EVIL))
    assert "<script" not in html
    assert "<img" not in html
    assert "alert(2)" in html


def test_a_faulty_log_shows_no_lift(full_report: LiftReport) -> None:
    """Where the verdicts were withheld, nothing on the page shows what arrived, for whom, or when."""
    data = faulty(full_report)
    assert [c.label for c in cards(lift_view(data))] == ["Promised", "Value promised"]
    page = text_of(lift_report.html(data))
    assert "The log must be corrected first" in page
    view = lift_view(data)
    arrived = [view.scale.number(view.realized.lift), view.scale.interval(view.realized)]
    assert arrived[1] in text_of(lift_report.html(full_report))
    for said in (page, lift_report.markdown(data)):
        assert arrived[1] not in said
        for words in (
            "Realized",
            "For whom did it work?",
            "How did it go over time?",
            "worth having",
        ):
            assert words not in said.replace("minimum worthwhile lift", "")
    chart = lift_gap_chart(view)
    assert "the realized lift" in chart.title + chart.alt
    assert [row[0] for row in chart.table.rows] == [
        "promised",
        "minimum worthwhile lift",
        "tolerance",
    ]


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_the_page_asks_nobody_and_fits(
    browser: Browser, page_file: Path, width: int, scheme: str
) -> None:
    """No request but the file itself; nothing to scroll sideways, on a phone or a desk."""
    requests: list[str] = []
    page = opened(browser, page_file, width, scheme, requests)
    page.locator("summary").evaluate_all("all => all.forEach(s => s.parentElement.open = true)")
    wide = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert wide <= 0
    assert set(requests) == {page_file.as_uri()}
    page.close()


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_legible_as_it_is_drawn(browser: Browser, page_file: Path, scheme: str) -> None:
    """The computed colour of every text, in the pictures too, has 4.5:1 on what lies behind it."""
    page = opened(browser, page_file, 1200, scheme, [])
    found = page.evaluate(
        """() => {
          const shown = e => { const r = e.getBoundingClientRect(); return r.width > 0 && r.height > 0; };
          const clear = c => c === 'rgba(0, 0, 0, 0)' || c === 'transparent';
          const behind = e => { for (; e; e = e.parentElement) {
              const c = getComputedStyle(e).backgroundColor; if (!clear(c)) return c; } return null; };
          const out = new Set();
          for (const e of document.querySelectorAll('body *')) {
            const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
            if (!own || !shown(e)) continue;
            const s = getComputedStyle(e);
            out.add((e.namespaceURI.endsWith('svg') ? s.fill : s.color) + '|' + behind(e));
          }
          return [...out];
        }"""
    )

    def as_hex(colour: str) -> str:
        return "#" + "".join(f"{int(c):02x}" for c in re.findall(r"\d+", colour)[:3])

    assert len(found) > 3
    for pair in found:
        ink, ground = map(as_hex, pair.split("|"))
        assert contrast(ink, ground) >= 4.5, pair
    assert (
        as_hex(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        == THEMES[scheme].paper
    )
    page.close()


@pytest.mark.browser
def test_the_page_speaks_to_assistive_technology(browser: Browser, page_file: Path) -> None:
    """Language, one main heading, ordered headings, table heads, named pictures and regions."""
    page = opened(browser, page_file, 1200, "light", [])
    assert page.evaluate("document.documentElement.lang") == "en"
    levels = page.locator("h1, h2, h3").evaluate_all("all => all.map(h => +h.tagName[1])")
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
    assert page.locator("table:not(:has(thead th[scope=col]))").count() == 0
    assert page.locator("tbody tr:not(:has(th[scope=row]))").count() == 0
    for svg in page.locator("svg").all():
        assert svg.get_attribute("role") == "img"
        names = (svg.get_attribute("aria-labelledby") or "").split()
        assert all(page.locator(f"[id='{n}']").count() == 1 for n in names)
    ids = page.locator("[id]").evaluate_all("all => all.map(e => e.id)")
    assert len(ids) == len(set(ids))
    assert page.locator(".scroll:not([aria-label]), .scroll:not([tabindex='0'])").count() == 0
    page.close()


@pytest.mark.browser
def test_the_first_screen_is_for_an_executive(browser: Browser, page_file: Path) -> None:
    """Without scrolling a laptop shows money, cause, request, verdicts and the large figures."""
    page = opened(browser, page_file, 1280, "light", [])
    for place in ("h1", ".cause", ".ask", ".verdicts", ".cards"):
        box = page.locator(place).bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 800, place
    page.close()


@pytest.mark.browser
def test_the_page_works_by_keyboard_and_prints(browser: Browser, page_file: Path) -> None:
    """The first tab leads past the head, folded numbers open by keyboard, print is dark on white."""
    page = opened(browser, page_file, 1200, "dark", [])
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#main"
    page.locator("summary").first.focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.querySelector('details').open")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(17, 23, 28)"
    assert page.locator(".chart.narrow:visible").count() == 0
    assert pages_of(page) <= fewest_pages(page) + 1  # no page is left half empty
    page.close()


@pytest.mark.browser
def test_a_narrow_screen_gets_drawings_with_readable_letters(
    browser: Browser, page_file: Path
) -> None:
    """On a phone the letters of a picture are at least 9 CSS pixels high."""
    page = opened(browser, page_file, 360, "light", [])
    sizes = page.evaluate(
        """() => [...document.querySelectorAll('svg text')].filter(t => t.getBoundingClientRect().width)
          .map(t => { const m = t.getScreenCTM();  // a label may stand upright
            return parseFloat(getComputedStyle(t).fontSize) * Math.hypot(m.a, m.b); })"""
    )
    assert sizes
    assert min(sizes) >= 9
    page.close()
