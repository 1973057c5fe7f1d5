"""The worksheet in a real browser, as it opens from a mail: from a file, on a phone, offline."""

from __future__ import annotations

import json
import re
import urllib.parse
from datetime import date

import browser
import pytest
from people import INSTRUMENT

from spot_mlflow.readiness.answer_file import read_answer_file
from spot_mlflow.readiness.assessment import parse_answers
from spot_mlflow.readiness.worksheet import Worksheet
from spot_mlflow.readiness.worksheet_written import written

PHONE = {"width": 375, "height": 667}
NASTY = "</script><img src=x onerror=alert(1)>\"'&"


@pytest.fixture(scope="module")
def chromium():
    """The system's Chromium, headless; two at once cannot run in one process."""
    with browser.chromium() as found:
        yield found


@pytest.fixture
def page(chromium):
    """A page on a phone without any network; what it complains of fails the test."""
    context = chromium.new_context(
        viewport=PHONE, has_touch=True, is_mobile=True, offline=True, accept_downloads=True
    )
    page = context.new_page()
    page.set_default_timeout(10_000)
    complaints: list[str] = []
    page.on("pageerror", lambda e: complaints.append(str(e)))
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    page.on("dialog", lambda d: complaints.append(f"dialog {d.message}"))
    yield page
    context.close()
    assert complaints == []


def sheet(**more):
    """The worksheet of a business expert."""
    given = {
        "role": "business",
        "title": "Stay Radar",
        "deadline": date(2026, 11, 8),
        "return_to": "dana@example.org",
    }
    return Worksheet(INSTRUMENT, "churn", **{**given, **more})


def open_sheet(page, tmp_path, worksheet):
    """Opens the file as a mail program hands it over."""
    path = tmp_path / worksheet.file_name("html")
    path.write_text(written(worksheet, "html"), encoding="utf-8")
    page.goto(path.as_uri())
    return path


def choose(page, question, value):
    """Taps one sentence."""
    page.locator(f'input[name="{question}"][value="{value}"]').check()


@pytest.mark.browser
def test_filled_on_a_phone_saved_and_imported(page, tmp_path):
    """Tap, save, import: what was tapped is what is read."""
    open_sheet(page, tmp_path, sheet())
    assert page.get_by_text("7 questions, about 3 minutes").is_visible()
    page.get_by_label("Your name").fill("Kim Lée")
    choose(page, "P1", 2)
    page.locator("#P1-target").select_option("4")
    page.locator("#P1-by").fill("2027-03-01")
    page.locator("#P1-owner").fill("Kim")
    page.locator("#P1-comment").fill(NASTY)
    choose(page, "O2", "don't know")
    assert page.get_by_text("2 of 7 answered").is_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save my answers").click()
    assert download.value.suggested_filename == "spot-churn-business-kim-lée.json"
    saved = tmp_path / download.value.suggested_filename
    download.value.save_as(saved)
    found = read_answer_file(saved, INSTRUMENT)
    expected = parse_answers(
        {
            "P1": {"now": 2, "target": 4, "by": "2027-03-01", "owner": "Kim", "comment": NASTY},
            "O2": "don't know",
        },
        INSTRUMENT,
    )
    assert found.payload == expected
    assert (found.model, found.role, found.person) == ("churn", "business", "Kim Lée")
    assert page.get_by_text("Please send this file to dana@example.org").is_visible()


@pytest.mark.browser
def test_an_error_goes_once_it_is_put_right(page, tmp_path):
    """What was wrong is not said any more beside answers that are complete; names keep their letters."""
    open_sheet(page, tmp_path, sheet(role="frontline"))
    page.get_by_role("button", name="Save my answers").click()
    assert page.get_by_text("Please give your name first.").is_visible()
    page.get_by_label("Your name").fill("Jörg Müller-Weiß")
    for question in ("O1", "O2", "O3", "O4", "T2"):
        choose(page, question, 3)
    assert page.get_by_text("5 of 5 answered").is_visible()
    assert page.get_by_text("Please give your name first.").count() == 0
    with page.expect_download() as download:
        page.get_by_role("button", name="Save my answers").click()
    assert download.value.suggested_filename == "spot-churn-frontline-jörg-müller-weiß.json"


@pytest.mark.browser
def test_two_people_at_one_computer_do_not_meet(page, tmp_path):
    """Neither an unfinished nor a saved answer of one is shown to the other."""
    for person, then in (("Fay", None), ("Bo", None), ("", "Save my answers"), ("", None)):
        open_sheet(page, tmp_path, sheet(person=person))
        assert page.locator("input:checked").count() == 0
        assert page.get_by_label("Your name").input_value() == person
        page.get_by_label("Your name").fill(person or "Cy")
        choose(page, "P1", 2)
        if then:
            with page.expect_download():
                page.get_by_role("button", name=then).click()


@pytest.mark.browser
def test_answers_leave_by_mail_without_a_file(page, tmp_path):
    """The mail program opens with the answers in the text, which imports as well."""
    open_sheet(page, tmp_path, sheet())
    page.get_by_label("Your name").fill("Kim")
    choose(page, "P1", 3)
    # There is no mail program here: the address is what it would be handed.
    url = page.get_by_role("link", name="Mail my answers").get_attribute("href")
    assert url.startswith("mailto:dana@example.org?")
    body = urllib.parse.parse_qs(url.split("?", 1)[1])["body"][0]
    mail = tmp_path / "mail.txt"
    mail.write_bytes(body.encode())
    assert read_answer_file(mail, INSTRUMENT).answers["P1"]["now"] == 3


@pytest.mark.browser
def test_closing_the_page_keeps_the_draft(page, tmp_path):
    """A call comes in between; the answers are there when the file is opened again."""
    path = open_sheet(page, tmp_path, sheet())
    choose(page, "P1", 3)
    page.get_by_label("Your name").fill("Kim")
    page.goto("about:blank")
    page.goto(path.as_uri())
    assert page.locator('input[name="P1"][value="3"]').is_checked()
    assert page.get_by_label("Your name").input_value() == "Kim"


@pytest.mark.browser
def test_saving_needs_a_name_a_role_and_an_answer(page, tmp_path):
    """Said in words beside the button, announced to screen readers."""
    open_sheet(page, tmp_path, sheet(role=None))
    save = page.get_by_role("button", name="Save my answers")
    save.click()
    assert page.get_by_text("Please give your name first.").is_visible()
    page.get_by_label("Your name").fill("Kim")
    save.click()
    assert page.get_by_text("Please choose your role first.").is_visible()
    page.get_by_label("You answer as").select_option("frontline")
    save.click()
    assert page.get_by_text("Please answer one question at least.").is_visible()
    assert page.locator("#result").get_attribute("aria-live") == "assertive"


@pytest.mark.browser
def test_a_target_cannot_lie_below_today(page, tmp_path):
    """Sentences before the one chosen are out of reach."""
    open_sheet(page, tmp_path, sheet())
    choose(page, "P1", 2)
    page.locator("#P1-target").select_option("3")
    choose(page, "P1", 4)
    assert page.locator("#P1-target").input_value() == ""
    assert page.locator('#P1-target option[value="3"]').is_disabled()


@pytest.mark.browser
def test_a_saved_page_carries_the_answers_too(page, tmp_path):
    """Some save the page instead of pressing the button."""
    open_sheet(page, tmp_path, sheet())
    page.get_by_label("Your name").fill("Kim")
    choose(page, "P1", 5)
    saved = tmp_path / "saved.html"
    saved.write_text(page.content(), encoding="utf-8")
    found = read_answer_file(saved, INSTRUMENT)
    assert (found.person, found.answers["P1"]["now"]) == ("Kim", 5)


@pytest.mark.browser
def test_what_people_wrote_is_shown_as_text(page, tmp_path):
    """A model's name, an earlier remark, a person's name: nothing of it runs."""
    filled = parse_answers({"P1": {"now": 1, "comment": NASTY, "owner": NASTY}}, INSTRUMENT)[
        "answers"
    ]
    open_sheet(
        page,
        tmp_path,
        Worksheet(INSTRUMENT, NASTY, "business", NASTY, NASTY, return_to=NASTY, answers=filled),
    )
    assert page.locator("#P1-comment").input_value() == NASTY
    assert page.locator(".model").inner_text() == NASTY
    assert page.locator("img").count() == 0


def test_it_needs_no_network_and_no_ids_are_seen():
    """Self-contained, and a respondent sees neither ids nor level numbers."""
    text = written(sheet(), "html")
    assert not re.findall(r'(?:src|href)="[^#]|https?://|@import|url\(', text)
    visible = re.sub(r"<(script|style)\b.*?</\1>|<[^>]*>", " ", text, flags=re.DOTALL)
    assert not re.findall(r"\b[SPOT][1-4]\b|level", visible)
    assert len(text) < 60_000
    assert "default-src 'none'" in text


@pytest.mark.browser
@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_the_whole_instrument_prints(chromium, tmp_path, paper):
    """All fourteen questions on paper, with room to write, none cut off at the margin."""
    page = chromium.new_page()
    open_sheet(page, tmp_path, sheet(role=None))
    page.emulate_media(media="print")
    pdf = page.pdf(format=paper, prefer_css_page_size=False)
    pages = len(re.findall(rb"/Type\s*/Page\b", pdf))
    assert 3 <= pages <= 9
    width = {"A4": 794, "Letter": 816}[paper] - 2 * 57
    page.set_viewport_size({"width": width, "height": 1000})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("fieldset").count() == 14
    assert page.locator("#P1-owner").is_visible()
    assert not page.get_by_role("button").first.is_visible()
    page.close()


CONTRAST = """
() => {
  const lum = c => { const f = c.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255)
      .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
    return .2126 * f[0] + .7152 * f[1] + .0722 * f[2]; };
  const ground = e => { for (let x = e; x; x = x.parentElement) {
      const b = getComputedStyle(x).backgroundColor; if (!/, 0\\)$|transparent/.test(b)) return b; }
    return 'rgb(255,255,255)'; };
  const low = [];
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.checkVisibility() || e.closest('script,style,option')) continue;
    const a = lum(getComputedStyle(e).color), b = lum(ground(e));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) low.push([e.tagName, e.className, e.textContent.slice(0, 30), ratio]);
  }
  return low;
}
"""


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_and_tapped_in_any_light(page, tmp_path, scheme):
    """Contrast of 4.5 and more, every control labelled and large enough, no sideways scrolling."""
    page.emulate_media(color_scheme=scheme)
    open_sheet(page, tmp_path, sheet())
    choose(page, "P1", 2)
    page.get_by_role("button", name="Save my answers").click()
    assert page.evaluate(CONTRAST) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    unlabelled = page.evaluate(
        "[...document.querySelectorAll('input,select,textarea')].filter(e => !e.labels.length).map(e => e.id)"
    )
    assert unlabelled == []
    small = page.evaluate(
        "[...document.querySelectorAll('.choice,button,select,input[type=text]')]"
        ".filter(e => e.checkVisibility() && e.getBoundingClientRect().height < 44).map(e => e.outerHTML.slice(0, 80))"
    )
    assert small == []


@pytest.mark.browser
def test_it_works_with_the_keyboard_alone(page, tmp_path):
    """Tab to a question, arrows choose, the focus is seen."""
    open_sheet(page, tmp_path, sheet())
    page.get_by_label("Your name").focus()
    page.keyboard.type("Kim")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    assert page.locator('input[name="S1"][value="2"]').is_checked()
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"


def test_the_answer_document_is_json_that_ends_no_script():
    """The embedded document is read back whatever it holds."""
    text = written(sheet(person=NASTY), "html")
    embedded = re.search(r'id="spot-answers">(.*?)</script>', text, re.DOTALL)
    assert json.loads(embedded[1])["person"] == NASTY
