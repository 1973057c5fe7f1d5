from __future__ import annotations

from datetime import timedelta

import pytest
from people import NOW, event, raised

from spot_mlflow.errors import InvalidInput
from spot_mlflow.involvement.log import check_entry, involvement_of


def log(*entries, version="1"):
    """The log of these entries."""
    return involvement_of(entries, version=version, now=NOW)


def test_the_words_come_first():
    """Four phases, people counted once, one open concern."""
    found = log(
        event("Kim", "business", "naming", "decided", what="Stay Radar"),
        event("Kim", "business", "scope", "contributed"),
        event("Fay", "frontline", "features", "contributed"),
        event("fay ", "frontline", "review", "contributed"),
        raised("Ann", "executive", "minor"),
    )
    assert found.words == "4 of 5 phases, 3 people, 1 open concern"


def test_the_product_name_is_the_newest_its_users_decided():
    """A builder's favourite does not name the model; a later decision of users does."""
    found = log(
        event("Kim", "business", "naming", "decided", 9, what="Churn Guard"),
        event("Fay", "frontline", "naming", "decided", 5, what="Stay Radar"),
        event("Dana", "data_scientist", "naming", "decided", 1, what="xgb_v7_final"),
        event("Fay", "frontline", "naming", "contributed", 1, what="Something"),
    )
    assert found.product_name == "Stay Radar"
    assert log().product_name is None


def test_a_champion_is_a_user_who_has_not_stepped_down():
    """The newest standing one; a builder champions nothing here."""
    entries = [
        event("Kim", "business", None, "champion", 30),
        event("Fay", "frontline", None, "champion", 20),
        event("Dana", "data_scientist", None, "champion", 1),
    ]
    assert log(*entries).champion == "Fay"
    entries.append(event("FAY", "frontline", None, "champion-stepped-down", 10))
    assert log(*entries).champion == "Kim"
    entries.append(event("Kim", "business", None, "champion-stepped-down", 5))
    assert log(*entries).champion is None


def test_reviews_are_listed_by_version():
    """The gate asks whether this version was reviewed."""
    found = log(
        event("Kim", "business", "review", "contributed", 9, version="1"),
        event("Kim", "business", "review", "decided", 3, version="2"),
        event("Dana", "data_scientist", "review", "decided", 1, version="3"),
        event("Kim", "business", "review", "informed", 1, version="3"),
    )
    assert [v for v, _ in found.reviews] == ["1", "2"]


def test_an_event_counts_on_the_day_it_happened():
    """A workshop logged a month later is a month old; the future is cut off at now."""
    late = event("Kim", "business", "scope", "contributed", 0, when="2026-10-02")
    assert log(late).last_at.date().isoformat() == "2026-10-02"
    tomorrow = event("Kim", "business", "scope", "contributed", 0, when="2026-11-02")
    assert log(tomorrow).last_at == NOW


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"phase": "scoping", "kind": "contributed"}, "did you mean 'scope'"),
        ({"phase": "scope", "kind": "contribute"}, "did you mean 'contributed'"),
        ({"phase": None, "kind": "contributed"}, "phase is empty"),
        ({"phase": "naming", "kind": "decided"}, "product name"),
        ({"phase": "naming", "kind": "decided", "what": "x" * 81}, "80 characters"),
        ({"phase": "scope", "kind": "decided", "when": "2026-11-03"}, "future"),
        ({"phase": "scope", "kind": "decided", "when": "yesterday"}, "2027-01-31"),
        ({"phase": "scope", "kind": "decided", "what": "x" * 4001}, "4,000"),
    ],
)
def test_what_cannot_be_recorded_is_refused_with_the_remedy(given, named):
    """The message says what is wrong and what is right."""
    with pytest.raises(InvalidInput, match=named):
        check_entry(now=NOW, **given)


def test_tomorrow_is_today_east_of_here():
    """Somebody at the far end of the world logs what they did this morning."""
    tomorrow = (NOW + timedelta(days=1)).date()
    assert (
        check_entry(phase="scope", kind="decided", when=tomorrow, now=NOW)["when"] == "2026-11-02"
    )


def test_a_payload_has_every_field():
    """Also those that were left out, so that readers need not ask."""
    day = (NOW - timedelta(days=3)).date()
    assert check_entry(phase="scope", kind="contributed", what=" x ", when=day, now=NOW) == {
        "phase": "scope", "kind": "contributed", "what": "x", "evidence": None, "when": "2026-10-29",
    }  # fmt: skip
    assert check_entry(phase="", kind="champion", now=NOW)["phase"] is None


def test_entries_of_the_future_do_not_count_yet():
    """The log can be asked for any moment."""
    assert log(event("Kim", "business", "scope", "decided", -1)).people == 0
