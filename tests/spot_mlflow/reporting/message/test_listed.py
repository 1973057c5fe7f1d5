"""What lists read of a model: as values, and of older tags as well as they can be read."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from people import raised
from reports import make_adoption, short_report

from spot_mlflow.reporting.message.listed import TAG, UPDATED, Listed, Waiting, listed_from
from spot_mlflow.reporting.message.summary import LIMIT, summary_tags

if TYPE_CHECKING:
    from spot_mlflow.lift.report import LiftReport

WORRY = raised("Bo", "business", "blocking", what="Called twice")


def test_verdict_standing_and_what_waits_are_values(full_report: LiftReport) -> None:
    """Whatever the sentences say: the verdict apart from its doubt, what is missing, who is asked."""
    tags = summary_tags(make_adoption(WORRY, check=full_report))
    found = listed_from({**tags, "spot": "in other words", "spot.request": "other ones"})
    assert found.verdict == "inconclusive: undecidable"
    assert found.standing is not None
    assert (found.standing.target, found.standing.held) == ("Production", False)
    assert tags["spot"].endswith(found.standing.tag)
    assert "the builders" in {w.who for w in found.waiting}
    assert any(w.due is not None for w in found.waiting)


def test_a_tag_of_another_state_is_not_believed() -> None:
    """An older program has written the other tags since: then they are read instead."""
    tags = summary_tags(make_adoption(check=short_report()))
    newest = json.loads(tags[TAG])["entry"]
    here = {**tags, UPDATED: f"2026-11-22T08:00:30Z (entry {newest})"}
    assert listed_from(here).standing == listed_from(tags).standing
    later = {
        **tags,
        UPDATED: "2026-11-22T08:00:30Z (entry abc)",
        "spot": "promise kept · in Production",
        "spot.lift.verdict": "met",
    }
    assert listed_from(later).verdict == "met"
    assert listed_from(later).waiting == ()
    standing = listed_from(later).standing
    assert standing is not None
    assert standing.held


@pytest.mark.parametrize("text", ["", "x", "[]", "{}", '{"entry": 1}', '{"waiting": [[1]]}'])
def test_whatever_stands_in_the_tag_a_list_is_shown(text: str) -> None:
    """A tag of somebody's own making falls back on the others."""
    assert listed_from({TAG: text, "spot": "not assessed"}) == Listed("", None, ())


@given(st.lists(st.text(min_size=1, max_size=400), max_size=40))
def test_it_fits_a_tag_however_much_waits(texts: list[str]) -> None:
    """What is least pressing is left out; the value stays JSON under the limit."""
    worries = [raised(f"Bo {t}", "business", "minor", what="x") for t in texts]
    tag = summary_tags(make_adoption(WORRY, *worries))[TAG]
    assert len(tag) < LIMIT
    json.loads(tag)


def test_waiting_is_told_without_its_command() -> None:
    """Who and until when, no more."""
    found = listed_from(summary_tags(make_adoption(WORRY)))
    assert all(isinstance(w, Waiting) for w in found.waiting)
    assert all(w.due is None or isinstance(w.due, date) for w in found.waiting)
