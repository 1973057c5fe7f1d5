"""Tests of what there is to decide on a model."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from people import NOW, entry
from reports import VERSION, make_adoption, make_report, short_report

from spot_mlflow.adoption import Adoption, build_adoption
from spot_mlflow.reporting.message.open_decision import OpenDecision, open_decision

MONEY = {
    "economics": {"unit": "USD", "value": 180, "offer_cost": 0.8},
    "measurement": {"owner": "Kim Lee"},
}


def checked(*bodies: dict[str, Any], stage: str = "Production", more: Any = ()) -> Adoption:
    """A model whose version was checked with these results, a day apart, the last one yesterday."""
    report = make_report(n=2_000, contract=MONEY)
    known = make_adoption(predicted=report.predicted, stage=stage)
    found = [
        replace(
            entry("outcomes", body, None, None, len(bodies) - i, version=VERSION), id=f"{i}" * 32
        )
        for i, body in enumerate(bodies)
    ]
    return build_adoption(known.facts, [*known.entries, *found, *more], version=VERSION, now=NOW)


@pytest.fixture(scope="module")
def short() -> dict[str, Any]:
    """A check that finds a shortfall."""
    return make_report(lift=0.002, n=60_000, contract=MONEY).to_dict()


def test_a_shortfall_asks_its_owner_and_says_what_waiting_costs(short: dict[str, Any]) -> None:
    """What of the promise does not arrive in thirty days; since the first check that found it."""
    kept = {**short, "verdict": "met", "viable": "viable"}
    found = open_decision(checked(short, kept, short, short))
    assert found is not None
    assert (found.state, found.owner, found.unit) == ("shortfall", "Kim Lee", "USD")
    assert found.since == (NOW - timedelta(days=2)).date()
    money = short["economics"]["to_date"]
    missing = money["promised"] - money["realized"]["lift"]
    monthly = missing * 30 / short["days_since_deployment"]
    assert found.monthly == pytest.approx(monthly, abs=0.01)
    assert found.waits(NOW.date())


def test_nothing_is_to_be_decided_of_what_is_kept_or_gone(short: dict[str, Any]) -> None:
    """Nor of a faulty log, which is to be put right first, nor of a version that was never checked."""
    kept = {**short, "verdict": "met", "viable": "viable"}
    assert open_decision(checked(kept)) is None
    assert open_decision(checked({**short, "withheld": True})) is None
    assert open_decision(checked(short, stage="Archived")) is None
    assert open_decision(checked()) is None


def test_a_decision_holds_for_its_state(short: dict[str, Any]) -> None:
    """Further checks in the same state do not ask again; one in another state does."""
    made = entry("resolution", {"choice": "keep", "check": "0" * 32}, "Bea", "executive", 1, version=VERSION)  # fmt: skip
    found = open_decision(checked(short, short, more=[made]))
    assert found is not None
    assert (found.choice, found.waits(NOW.date())) == ("keep", False)
    kept = {**short, "verdict": "met", "viable": "viable"}
    again = open_decision(checked(short, kept, short, more=[made]))
    assert again is not None
    assert again.waits(NOW.date())


def test_what_is_too_early_says_when_it_will_be_known(short: dict[str, Any]) -> None:
    """At the present rate, from the day of the check; beyond ten years never."""
    early = {**short, "verdict": "inconclusive", "viable": "undecided", "inconclusive": "units",
             "never_because": None, "more_units": 900.0, "more_days": 17.2}  # fmt: skip
    found = open_decision(checked(early))
    assert found is not None
    assert (found.state, found.known, found.monthly) == ("early", date(2027, 5, 3), None)
    assert not found.waits(NOW.date())
    far = open_decision(checked({**early, "more_days": 1e5}))
    assert far is not None
    assert far.known is None


def test_it_is_read_as_it_was_written(short: dict[str, Any]) -> None:
    """Whole, and without what is not known."""
    found = open_decision(checked(short))
    assert found is not None
    made = replace(found, choice="fix", by=date(2027, 9, 1))
    assert OpenDecision.from_dict(made.to_dict()) == made
    bare = OpenDecision("1", "early", date(2027, 1, 1), "", None, "")
    assert bare.to_dict() == {"version": "1", "state": "early", "since": "2027-01-01"}
    assert OpenDecision.from_dict(bare.to_dict()) == bare


def test_without_money_there_is_no_cost() -> None:
    """The decision waits all the same."""
    bare = {**short_report().to_dict(), "economics": None}
    found = open_decision(checked(bare))
    assert found is not None
    assert (found.monthly, found.unit, found.waits(NOW.date())) == (None, "", True)


@pytest.mark.parametrize(
    ("changed", "state"),
    [
        ({"viable": "not viable"}, "not viable"),
        ({"verdict": "inconclusive", "inconclusive": "design"}, "unknowable"),
        ({"verdict": "met", "viable": "viable"}, None),
    ],
)
def test_the_gravest_state_is_named(
    short: dict[str, Any], changed: dict[str, Any], state: str | None
) -> None:
    """Money lost beyond doubt comes before everything else, even before a promise that was kept."""
    found = open_decision(checked({**short, **changed}))
    assert (found and found.state) == state
    money = {**short["economics"], "to_date": {"promised": 9.0, "realized": {"lift": -5.0, "low": -9.0, "high": -1.0}}}  # fmt: skip
    lost = open_decision(checked({**short, **changed, "economics": money}))
    assert lost is not None
    days = short["days_since_deployment"]
    assert (lost.state, lost.monthly) == ("losing", pytest.approx(5 * 30 / days, abs=0.01))
