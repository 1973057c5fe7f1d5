from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from ready_model import adoption, concern, entry, ready

from spot_mlflow.gate.decision import decide
from spot_mlflow.gate.formats import junit, markdown, overview
from spot_mlflow.gate.policy import default_policy


def decided(entries, mode="block"):
    """Decides for Production."""
    return decide(adoption(entries), "Production", policy=default_policy().with_mode(mode))


@pytest.mark.parametrize(
    ("mode", "failures", "skipped"), [("block", 1, 0), ("warn", 0, 1), ("observe", 0, 1)]
)
def test_junit_agrees_with_the_exit_status(mode, failures, skipped) -> None:
    """What refuses is a failure; what the mode lets pass is skipped, and never silently a success."""
    suite = ET.fromstring(junit([decided(ready(without=("sign_off",)), mode)])).find("testsuite")  # noqa: S314 - ours
    assert suite is not None
    assert (suite.get("failures"), suite.get("skipped")) == (str(failures), str(skipped))
    cases = suite.findall("testcase")
    assert len(cases) == int(suite.get("tests", 0)) == len(default_policy().requires("Production"))
    marked = [c.get("name") for c in cases if len(c)]
    assert marked == ["sign_off"]


def test_junit_of_a_rollback_is_one_passing_case() -> None:
    """A rollback has no requirements to show, and still is a result."""
    held = entry(
        "decision",
        {
            "model": "churn",
            "version": "3",
            "target": "Production",
            "applied": True,
            "mode": "block",
        },
    )
    suite = ET.fromstring(junit([decided([held])])).find("testsuite")  # noqa: S314 - ours
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures")) == ("1", "0")


def test_control_characters_do_not_break_the_xml() -> None:
    """A concern with a bell and markup in it still gives XML that parses."""
    raised = concern("raised", person="Eve \x07 <b>&\"'")
    ET.fromstring(junit([decided([*ready(), raised])]))  # noqa: S314 - ours


def test_markdown_opens_with_the_verdict_and_shows_only_what_fails() -> None:
    """The first line says yes or no; the table holds the failing requirement alone."""
    text = markdown(decided(ready(without=("sign_off",))))
    assert text.startswith("**⛔ churn/3 may not go to Production: 1 requirement not met**")
    assert [line for line in text.splitlines() if line.startswith("| Signed off")]
    assert "| Recent assessment" not in text


def test_what_people_wrote_cannot_break_the_table() -> None:
    """Bars, tags and links in a waiver's reason stay text."""
    waiver = entry(
        "waiver",
        {
            "target": "Production",
            "requirement": "sign_off",
            "reason": "a | b <img src=x> [x](y)",
            "approver": "Eve",
            "expires": "2027-06-05",
        },
    )
    text = markdown(decided([*ready(without=("sign_off",)), waiver]))
    row = next(line for line in text.splitlines() if line.startswith("| Signed off"))
    assert row.replace("\\|", "").count("|") == 6
    assert "<img" not in text
    assert "[x](y)" not in text


def test_the_overview_counts_each_model_once() -> None:
    """Models are counted by the first thing they miss, the most frequent first."""
    decisions = [decided([]), decided([]), decided(ready(without=("sign_off",))), decided(ready())]
    assert (
        overview(decisions)
        == "3 of 4 would be refused: 2 recent assessment, 1 signed off by the business"
    )
    assert overview([decided(ready())]) == "all 1 would be allowed"
