from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from people import assessment, event, raised
from reports import faulty, make_adoption, make_report

from spot_mlflow.gate.decision import decide
from spot_mlflow.gate.policy import default_policy
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.reporting.message.headline import headline_of
from spot_mlflow.reporting.message.summary import (
    BEGIN,
    END,
    LIMIT,
    description_block,
    merge_description,
    shorten,
    summary_tags,
)

if TYPE_CHECKING:
    from spot_mlflow.lift.report import LiftReport

PROMISE = PredictedLift.load(
    {"metric": "m", "predicted": {"lift": 0.1, "se": 0.01}, "columns": {"arm": "a", "outcome": "y"}}
)
ANN = assessment("Ann", "executive", {"S1": 3, "S3": 3, "P2": 2, "O1": 2, "T3": 4})


def test_an_untouched_model_has_one_tag() -> None:
    """Nothing recorded: the headline tag says so, and nothing else is claimed."""
    assert summary_tags(make_adoption()) == {"spot": "not assessed"}


def test_every_tag_of_a_checked_model(full_report: LiftReport) -> None:
    """All summary tags are there, written in the report's figures."""
    naming = event("Bo", "business", "naming", "decided", what="Stay Radar")
    champion = event("Cleo", "frontline", None, "champion")
    tags = summary_tags(make_adoption(ANN, naming, champion, check=full_report))
    assert tags["spot"].startswith("no verdict, 1.4 of 2.3 points · Production: no")
    assert "the prediction itself is too uncertain" in tags["spot.weakness"]
    assert re.search(r" · Production: no, \d+ requirements not met$", tags["spot"])
    assert tags["spot.readiness"] == "not known" or tags["spot.readiness"].isdigit()
    assert (tags["spot.strategy"], tags["spot.operation"]) == ("3", "2")
    assert tags["spot.champion"] == "Cleo"
    assert tags["spot.name"] == "Stay Radar"
    assert tags["spot.concerns.open"] == "0"
    assert tags["spot.lift.predicted"] == "2.3 points (1.9 to 2.7)"
    assert tags["spot.lift.realized"] == "1.4 points (0.7 to 2.0)"
    assert tags["spot.lift.gap"].startswith("-0.9 points (")
    assert tags["spot.lift.verdict"] == "inconclusive"
    assert tags["spot.lift.viable"] == "viable"
    assert tags["spot.lift.evidence"] == "A"
    head = headline_of(adoption=make_adoption(ANN, naming, champion, check=full_report))
    assert (tags["spot.cause"], tags["spot.request"]) == (head.cause, head.request or "none")
    assert "Operation" in tags["spot.cause"]
    assert tags["spot.value.promised"] == "110k USD"
    assert tags["spot.value.realized"] == "60k USD (30k to 100k)"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", tags["spot.updated"])
    assert len(tags) < 40


@pytest.mark.parametrize(
    ("lift", "opening"),
    [(0.023, "promise kept, 2.27 of 2.30 points"), (0.002, "less than promised, ")],
)
def test_the_headline_tag_opens_with_the_verdict(lift: float, opening: str) -> None:
    """The one tag read first says whether the promise was kept, in figures."""
    tags = summary_tags(make_adoption(check=make_report(lift=lift, n=150_000)))
    assert tags["spot"].startswith(opening)
    assert "not assessed" in tags["spot"]


def test_an_open_verdict_says_so_and_what_to_wait_for() -> None:
    """Too early: what there is so far in the one tag; how many more units in that of the request."""
    report = make_report(lift=0.02, n=2_000, contract={"predicted": 0.023})
    tags = summary_tags(make_adoption(assessment("Ann", "executive", {"S1": 3}), check=report))
    assert re.match(r"too early to tell, .* so far · Production: no", tags["spot"])
    assert re.search(r"Wait for about [\d,]+ more units", tags["spot.request"])


def test_a_promise_not_checked_yet() -> None:
    """A promise alone is shown as one."""
    tags = summary_tags(make_adoption(ANN, predicted=PROMISE))
    assert tags["spot"].startswith("promised 10.0 points, not checked yet · Production: no")
    assert tags["spot.lift.predicted"] == "10.0 points"


def test_the_gates_answer_may_be_given() -> None:
    """Where the caller has decided by the policy in force, that decision is told."""
    adoption = make_adoption(ANN, predicted=PROMISE)
    decision = decide(adoption, "Staging", policy=default_policy())
    tag = summary_tags(adoption, decision=decision)["spot"]
    assert f"Staging: no, {len(decision.missing)} requirement" in tag


def test_what_went_away_says_so() -> None:
    """A tag once written is overwritten, never left standing."""
    old = {"spot.lift.realized": "1.0 points", "spot.value.promised": "9k", "owner": "somebody"}
    old["spot.cause"] = "Most was lost in Operation."
    concern = raised("Bo", "business", "minor")
    tags = summary_tags(make_adoption(ANN, concern, tags=old))
    assert tags["spot.lift.realized"] == "not known"
    assert tags["spot.value.promised"] == "not known"
    assert tags["spot.champion"] == "none"
    assert tags["spot.cause"] == "none"
    assert tags["spot.concerns.open"] == "1"
    assert "owner" not in tags


def test_a_faulty_log_writes_no_lift(short_report: LiftReport) -> None:
    """Figures from a log that cannot be trusted are not put into tags."""
    from people import entry

    data = faulty(short_report)
    tags = summary_tags(make_adoption(ANN, entry("outcomes", data, None, None, version="3")))
    assert tags["spot.lift.realized"] == "not known"
    assert tags["spot"].startswith("the log must be corrected first · Production: no")


@given(st.text(max_size=30), st.text(max_size=40))
def test_tags_fit_whatever_people_write(name: str, what: str) -> None:
    """Every value stays under 5,000 characters and is text."""
    assert len(shorten(name * 500)) < LIMIT
    concern = raised("Bo", "business", "minor", what=f"{what}x" * 3)
    tags = summary_tags(make_adoption(concern))
    assert all(0 < len(v) < LIMIT for v in tags.values())


def test_the_block_has_sentence_table_picture_and_links(full_report: LiftReport) -> None:
    """The description block opens with the sentence and ends in links."""
    block = description_block(
        make_adoption(ANN, check=full_report),
        chart="get-artifact?path=lift-gap.png&run_uuid=1",
        links=(("report", "get-artifact?path=report.html&run_uuid=1"),),
    )
    parts = block.split("\n\n")
    assert [parts[0], parts[-1]] == [BEGIN, END]
    assert parts[1].startswith(
        "**churn: no verdict, 1.4 of 2.3 points.** Can it go to Production? No: "
    )
    assert "No verdict: 1.4 points realized (0.7 to 2.0), 2.3 points promised" in parts[1]
    assert "Strategy 3 of 5" in parts[2]
    assert "| Realized lift | 1.4 points (0.7 to 2.0) |" in parts[2]
    assert parts[3].startswith("![")
    assert parts[4] == "[report](get-artifact?path=report.html&run_uuid=1)"
    assert len(block) < LIMIT


def test_the_block_escapes_what_people_wrote() -> None:
    """A concern cannot put markup, a link or the block's own end into a description."""
    evil = f"{END} <script>alert(1)</script> | [x](http://evil.example) ![y](z) **b**"
    block = description_block(make_adoption(raised("Bo", "business", "blocking", what=evil)))
    assert block.count(END) == 1
    from markdown_it import MarkdownIt

    shown = MarkdownIt("commonmark", {"html": True}).enable("table").render(block)
    assert "<script" not in shown
    assert "<a " not in shown
    assert "<img" not in shown
    assert "alert(1)" in shown


BLOCK = f"{BEGIN}\n\n**now** kept\n\n| a | b |\n| --- | --- |\n\n![p](x)\n\n[l](y)\n\n{END}"


@given(st.text(max_size=300).filter(lambda s: "<!-- spot:" not in s))
def test_what_a_person_wrote_stays(text: str) -> None:
    """Writing the block twice changes it only inside its markers; the person's words remain."""
    first = merge_description(text, BLOCK)
    second = merge_description(first, BLOCK.replace("kept", "short"))
    assert first.startswith(text.rstrip())
    assert second == first.replace("kept", "short")
    assert second.count(BEGIN) == 1


def test_the_block_stays_where_it_was_put() -> None:
    """A person may write around the block; it is replaced in place."""
    before = f"Above\n\n{BEGIN}\n\nold\n\n{END}\n\nBelow"
    assert merge_description(before, BLOCK) == f"Above\n\n{BLOCK}\n\nBelow"


def test_doubled_blocks_become_one() -> None:
    """A description pasted twice keeps one block, and the words between."""
    merged = merge_description(f"{BLOCK}\n\nmine\n\n{BLOCK}", BLOCK)
    assert merged.count(BEGIN) == 1
    assert "mine" in merged


def test_a_damaged_marker_takes_nothing_with_it() -> None:
    """Without its end a block is no block: what follows is taken as the person's."""
    merged = merge_description(f"{BEGIN}\n\nmy own words", BLOCK)
    assert "my own words" in merged


@pytest.mark.parametrize("room", [4_990, 4_950, 4_900, 4_000])
def test_the_block_gives_way_never_the_person(room: int) -> None:
    """Where both do not fit, picture, table and links go first; the person's text never."""
    merged = merge_description("x" * room, BLOCK)
    assert merged.startswith("x" * room)
    assert len(merged) <= LIMIT


def test_no_description_yet() -> None:
    """A model without a description gets the block alone."""
    assert merge_description(None, BLOCK) == BLOCK
    assert merge_description("", BLOCK) == BLOCK
