from __future__ import annotations

from dataclasses import replace

import pytest
from funnel_logs import make_contract, make_units

from spot_mlflow.lift.causes.attribution import attribute
from spot_mlflow.lift.causes.diagnosis import amount, diagnose

RIGHT = {"offered": 0.95, "system": 1.0, "delivered": 0.95, "on_time": 0.95, "share": 0.5}
KEPT = make_contract(predicted={"lift": 0.95**3 * 0.09})


def told(contract=KEPT, n=60_000, **changes):
    """The diagnosis of a log with some things wrong."""
    units = make_units(n, **{**RIGHT, **changes}, seed=21)
    log = replace(units.log(periods=True), teams=units.teams())
    return diagnose(attribute(log, contract), log, contract)


def test_one_sentence_names_money_letter_cause_and_place():
    """A team that does not deliver: how much of what was promised, by what, and where."""
    d = told(late_team="West")
    assert d.sentence.startswith("Realized: 5.8 of 7.7 points promised. ")
    assert "were lost in Operation: " in d.sentence
    assert "of offers were never delivered (5 % planned), most in team West." in d.sentence
    assert d.ranked[0].cause == "delivery"
    assert d.ranked[0].where[0].label == "West"


def test_a_team_that_did_not_deliver_is_not_blamed_for_the_response():
    """Everybody answers less and West delivers little: West is named for delivery, not for response."""
    d = told(late_team="West", response=(0.06, 0.03))
    named = {c.cause: {f.label for f in c.where} for c in d.ranked if c.found}
    assert "West" in named["delivery"]
    assert "West" not in named["response"]


def test_a_kept_promise_loses_nothing():
    """Where nothing is wrong no loss is told, and the difference is called noise."""
    d = told()
    assert "within the noise" in d.sentence
    assert d.sentence.endswith("No loss is shown.")
    assert not any(c.found for c in d.ranked)


def test_more_than_promised_is_said_so():
    """A lift above the promise is no loss."""
    d = told(response=(0.3, 0.2))
    assert d.sentence.startswith("More than promised: ")


def test_a_loss_in_money_only_is_told_in_money():
    """Dear contacts lose no lift; the loss is told in money per eligible unit."""
    d = told(cost=3.0)
    assert d.ranked[0].cause == "cost"
    assert (
        "EUR per eligible unit were lost in Product: a contact cost more than promised"
        in d.sentence
    )


def test_lift_and_money_lost_in_one_letter_are_told_in_money():
    """Where a letter lost lift by one cause and money by another, the sum is in money."""
    d = told(offered=0.5, cost=3.0)
    assert {c.cause for c in d.ranked if c.found and c.letter == "P"} == {"coverage", "cost"}
    assert "EUR per eligible unit were lost in Product: " in d.sentence
    assert "points were lost" not in d.sentence


def test_what_cannot_be_told_apart_is_not_blamed_on_one():
    """Without a funnel the sentence says that the log cannot tell the letters apart."""
    units = make_units(60_000, **{**RIGHT, "delivered": 0.4}, seed=2)
    contract = make_contract(mix=False, predicted={"lift": 0.95**3 * 0.09})
    log = units.log("outcome", segments=False)
    sentence = diagnose(attribute(log, contract), log, contract).sentence
    assert "were lost in Product or Operation or Technology: " in sentence
    assert sentence.endswith(
        "coverage, delivery, timeliness and response, which this log cannot separate."
    )
    log = units.log("outcome", "on_time", segments=False)
    sentence = diagnose(attribute(log, contract), log, contract).sentence
    assert "Technology, which this log cannot separate: " in sentence
    assert "of the customers flagged were not reached in time" in sentence


@pytest.mark.parametrize(
    ("changes", "written"),
    [
        ({}, "2.3 points"),
        ({"effect": "relative"}, "2.3 %"),
        ({"kind": "money", "economics": {"unit": "EUR", "value": 1}}, "0.023 EUR"),
        ({"kind": "count"}, "0.023"),
    ],
)
def test_lifts_are_written_in_the_contracts_units(changes, written):
    """Points of a rate, per cent of a relative lift, money with its unit, counts plain."""
    assert amount(0.023, make_contract(**changes)) == written
