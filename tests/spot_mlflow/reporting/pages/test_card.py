from __future__ import annotations

import re

import pytest
from browser import chromium
from people import NOW, assessment, entry, event, raised
from printed import fewest_pages, pages_of

from spot_mlflow.adoption import KnownVersions, ModelFacts, VersionFacts, build_adoption
from spot_mlflow.reporting.pages import card

NASTY = '<script>alert("x")</script> | **b** [l](http://e.org)'
CONTRACT = {
    "metric": "stayed",
    "population": "top 30 % by score",
    "predicted": {"lift": 0.35, "se": 0.02, "source": "backtest"},
    "minimum_viable": 0.10,
    "columns": {"arm": "any", "outcome": "got"},
    "measurement": {"owner": "Kim", "first_check": "2026-12-01"},
}


def adoption(*entries, name="churn", version="1"):
    """What these entries tell of a model with two versions."""
    facts = ModelFacts(
        name,
        1,
        KnownVersions(
            [VersionFacts("1", NOW, stage="Production"), VersionFacts("2", NOW, run_id="r" * 32)]
        ),
    )
    return build_adoption(facts, entries, version=version, now=NOW)


def everything():
    """One entry of each kind that a card shows."""
    return [
        entry("prediction", {"contract": CONTRACT, "contract_digest": "d"}, None, None, 9, "1"),
        assessment("Kim", "business", {"P1": {"now": 2, "target": 4, "by": "2026-10-01"}}, 8),
        assessment("Fay", "frontline", {"P1": 4, "O3": "don't know"}, 200),
        event("Kim", "business", "naming", "decided", 7, what="Stay Radar"),
        event("Kim", "business", "scope", "decided", 7, what="contracts only"),
        event("Fay", "frontline", None, "champion", 6),
        raised("Fay", "frontline", "blocking", 5, what="called twice a week"),
        entry("sign-off", {"target": "Production", "note": "go"}, "Ann", "executive", 3, "1"),
        entry(
            "waiver",
            {"target": "Production", "requirement": "review_age", "reason": "retrain", "approver": "Ann", "expires": "2026-12-01"},
            "Ann", "executive", 2, "1",
        ),
        entry(
            "decision",
            {"target": "Production", "allowed": True, "policy": "spot-default@1", "requester": "dana"},
            None, None, 1, "1",
        ),
    ]  # fmt: skip


def test_a_card_says_all_that_is_known():
    """Purpose, promise, readiness, users, open points and responsibility, from the record alone."""
    text = card.markdown(adoption(*everything()))
    for said in (
        "Model card: Stay Radar (churn), version 1, Production", "contracts only", "top 30 % by score",
        "backtest", "Kim", "Fay", "called twice a week", "Contested: Something to offer, answers from 2 to 4",
        "signed off for Production: go", "waived review\\_age until 2026-12-01: retrain",
        "allowed for Production (spot-default@1)", "1 assessment older than 180 days", "State ",
    ):  # fmt: skip
        assert said in text, said


def test_what_nobody_recorded_is_said_to_be_missing():
    """An empty record gives a card too; nothing is made up."""
    text = card.markdown(adoption())
    assert "No lift was promised for this version." in text
    assert "Nobody has been asked yet." in text
    assert text.count("not recorded") >= 5
    assert "Who is responsible for it?" not in text


def test_a_card_is_of_one_version():
    """Another version's promise, sign-off and decision are not on it."""
    text = card.markdown(adoption(*everything(), version="2"))
    assert "No lift was promised for this version." in text
    assert "signed off" not in text
    assert "r" * 32 in text


def test_html_and_markdown_say_the_same():
    """Every table cell and note of the Markdown stands in the HTML."""
    found = adoption(*everything())
    html = card.html(found)
    assert html.startswith("<!doctype html>")
    assert not re.findall(r'(?:src|href)="(?!#)|@import|url\((?!#)', html)
    for section in card.card_sections(found):
        assert section.title in html
        for note in section.notes:
            assert note.split(":")[0] in html


def test_what_people_wrote_is_shown_as_text():
    """Names and words may hold anything; neither form runs or formats it."""
    found = adoption(
        event(NASTY, "business", "scope", "decided", 1, what=NASTY),
        raised(NASTY, "frontline", "blocking", 1, what=NASTY),
        name=NASTY,
    )
    html, text = card.html(found), card.markdown(found)
    assert "<script>" not in html
    assert "<script>" not in text
    assert "**b**" not in text
    assert "http://e.org" not in text


@pytest.mark.browser
def test_a_card_prints_without_half_empty_pages():
    """On hardly more paper than it would take if it could be cut anywhere."""
    with chromium() as browser:
        page = browser.new_page()
        page.set_content(card.html(adoption(*everything())))
        assert pages_of(page) <= fewest_pages(page) + 1
