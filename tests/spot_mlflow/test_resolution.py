"""Tests of deciding to keep, fix or stop a model."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from people import NOW, entry
from reports import VERSION, make_adoption, short_report

from spot_mlflow.errors import InvalidInput, Refused
from spot_mlflow.resolution import Resolution, check_resolution, resolutions
from spot_mlflow.statements import STATEMENTS, Known, read_statement


def decided(role: str | None = "executive", *, checked: bool = True, **said: Any) -> dict[str, Any]:
    """What would be recorded."""
    adoption = make_adoption(check=short_report() if checked else None, predicted=short_report().predicted)  # fmt: skip
    statement = read_statement(STATEMENTS["resolution"], said)
    return statement.payload(Known(person="Bea", role=role, adoption=adoption))


def test_a_decision_is_bound_to_the_check_that_it_answers() -> None:
    """A day belongs to a fix alone."""
    tomorrow = (NOW + timedelta(days=1)).date().isoformat()
    found = decided(choice="fix", why=" Two offers swapped ", by=tomorrow)
    assert found["check"]
    assert (found["choice"], found["why"], found["by"]) == ("fix", "Two offers swapped", tomorrow)
    assert decided("business", choice="stop", why="It costs", by=tomorrow)["by"] is None


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        ({"choice": "sell", "why": "x"}, InvalidInput, "choice"),
        ({"choice": "keep", "why": " "}, InvalidInput, "why"),
        ({"choice": "fix", "why": "x"}, InvalidInput, "the date by which"),
        (
            {"choice": "fix", "why": "x", "by": NOW.date().isoformat()},
            InvalidInput,
            "within a year",
        ),
        ({"choice": "fix", "why": "x", "by": "2029-01-01"}, InvalidInput, "within a year"),
        ({"choice": "fix", "why": "x", "by": "soon"}, InvalidInput, "soon"),
        ({"choice": "keep", "why": "x", "role": "frontline"}, Refused, "frontline"),
        ({"choice": "keep", "why": "x", "role": None}, Refused, "role"),
        ({"choice": "keep", "why": "x", "checked": False}, Refused, "no outcome check"),
    ],
)
def test_what_cannot_be_decided(said: dict[str, Any], error: type[Exception], words: str) -> None:
    """Says why, and what to do."""
    with pytest.raises(error, match=words):
        decided(**said)


def test_decisions_are_read_in_order_and_by_version() -> None:
    """What names no choice is none."""
    found = [
        entry("resolution", {"choice": "stop", "check": "b"}, "Bea", "executive", 1, version=VERSION),
        entry("resolution", {"choice": "fix", "check": "a", "by": "2027-09-01"}, "Bea", "executive", 9, version=VERSION),
        entry("resolution", {"choice": "sell"}, "Bea", "executive", 2, version=VERSION),
        entry("resolution", {"choice": "keep"}, "Bea", "executive", 2, version="2"),
    ]  # fmt: skip
    first, last = resolutions(found, VERSION)
    assert (first.choice, str(first.by), first.check) == ("fix", "2027-09-01", "a")
    assert last == Resolution("stop", "b", (NOW - timedelta(days=1)).date(), None)


def test_the_check_must_be_that_of_the_version_spoken_of() -> None:
    """Another version's check is none to decide on."""
    adoption = make_adoption(check=short_report())
    other = replace(adoption, version="9")
    with pytest.raises(Refused, match="version 9"):
        check_resolution(other, choice="keep", why="x", by=None, role="executive")
