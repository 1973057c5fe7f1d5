from __future__ import annotations

import math
from datetime import date, timedelta

import numpy as np
import pytest
from scipy.stats import norm

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.verdict.plan import plan_lift
from spot_mlflow.reporting.words.plan_words import holdout_words, know_when

PROMISE = {"lift": 0.04, "baseline": 0.10}


def test_chances_add_up(contract):
    """For every truth and share."""
    plan = plan_lift(contract(predicted=PROMISE), units=5000)
    for row in plan.holdouts:
        for c in row.chances.values():
            assert c.exceeded + c.met + c.shortfall + c.inconclusive == pytest.approx(1)


def test_so_many_units_are_enough_and_fewer_are_not(contract):
    """At the units named the chance is reached, at nine tenths of them it is not."""
    made = contract(predicted=PROMISE)
    row = plan_lift(made, holdouts=[0.2]).holdouts[0]
    for factor, enough in ((1.0, True), (0.9, False)):
        at = plan_lift(made, holdouts=[0.2], units=factor * row.units_met).holdouts[0]
        c = at.chances["true"]
        assert (c.met + c.exceeded >= 0.8) is enough
        at = plan_lift(made, holdouts=[0.2], units=factor * row.units_short).holdouts[0]
        assert (at.chances["half true"].shortfall >= 0.8) is enough


def test_the_detectable_gap_is_detected(contract):
    """A lift that falls short by so much is found with the stated power."""
    made = contract(predicted=PROMISE)
    row = plan_lift(made, holdouts=[0.3], units=20_000).holdouts[0]
    p, q = 0.14 - row.detectable_gap, 0.10
    se = math.sqrt(p * (1 - p) / 14_000 + q * (1 - q) / 6_000)
    short = norm.cdf((row.detectable_gap - made.tolerance_used) / se - 1.96)
    assert short == pytest.approx(0.8, abs=0.02)
    few = plan_lift(made, holdouts=[0.3], units=60).holdouts[0]
    assert few.detectable_gap == math.inf


def test_a_larger_holdout_knows_sooner(contract):
    """Up to one half; days count the volume and the outcome window."""
    made = contract(predicted=PROMISE, window="30d")
    plan = plan_lift(made, holdouts=[0.05, 0.1, 0.2, 0.5], per_day=1000)
    days = [row.days_needed for row in plan.holdouts]
    assert days == sorted(days, reverse=True)
    first = plan.holdouts[0]
    assert first.days_met == math.ceil(first.units_met / 1000 + 30)
    said = know_when(plan)
    assert said.startswith(
        f"The result will be known with a 5 % holdout in {days[0]:,.0f} days, with 10 % in"
    )


def test_monitoring_costs_width(contract):
    """Looking daily needs more units at the same chance than looking once."""
    once = plan_lift(contract(predicted=PROMISE), holdouts=[0.2]).holdouts[0]
    daily = plan_lift(contract(predicted=PROMISE, planned_units=20_000), holdouts=[0.2])
    assert daily.holdouts[0].units_met > once.units_met
    assert any("daily checks" in note for note in daily.notes)
    assert daily.holdouts[0].units == 20_000


def test_what_one_can_never_know_is_said(contract):
    """A prediction more uncertain than its tolerance, and a tolerance of 0."""
    unsure = plan_lift(contract(predicted={**PROMISE, "se": 0.05}), holdouts=[0.5])
    assert unsure.holdouts[0].units_needed == math.inf
    assert know_when(unsure).startswith("No number of units will show both")
    assert any("too uncertain" in note for note in unsure.notes)
    exact = plan_lift(contract(predicted=PROMISE, tolerance=0), holdouts=[0.5], per_day=10)
    assert exact.holdouts[0].units_met == math.inf
    assert exact.holdouts[0].days_met == math.inf
    assert math.isfinite(exact.holdouts[0].units_short)


def test_the_plan_names_the_border_of_what_can_be_known(contract):
    """A promise a little more certain than that is found met by some number of units, one less certain by none."""
    most = contract(predicted=PROMISE).tolerance_used / 1.96  # .41 points
    known, never = (
        plan_lift(contract(predicted={**PROMISE, "se": f * most}), holdouts=[0.5])
        for f in (0.97, 1.01)
    )
    assert math.isfinite(known.holdouts[0].units_met)
    assert never.holdouts[0].units_met == math.inf
    assert any("it should be at most 0.408 points" in note for note in never.notes), never.notes


def test_a_promise_as_uncertain_as_allowed_is_found_met_in_eight_of_ten(contract):
    """Where it is right but for its own error, and the realized lift is known exactly; 200,000 draws, seed 5."""
    made = contract(predicted=PROMISE)
    error = made.largest_standard_error
    gap = np.random.default_rng(5).normal(0, error, 200_000)
    assert np.mean(gap - 1.96 * error >= -made.tolerance_used) == pytest.approx(0.8, abs=0.004)


def test_the_shortfall_to_be_found_is_clearly_beyond_the_tolerance(contract):
    """Half the promise, nothing at all where that lies too near, and none of a no-harm promise."""
    assert plan_lift(contract(predicted=PROMISE), units=99).decisive == "half true"
    wide = plan_lift(contract(predicted=PROMISE, tolerance=0.018), units=99)
    assert wide.decisive == "false"
    assert any("Half the promise" in note for note in wide.notes)
    harmless = {**PROMISE, "lift": 0.0}
    blind = plan_lift(contract(predicted=harmless, tolerance=0.05), units=99)
    assert blind.decisive is None
    assert any("no-harm promise" in note for note in blind.notes)


def test_money_and_clusters_are_planned_with_their_spread(contract):
    """The spread decides for money; a design effect of two needs twice the units."""
    made = contract(kind="money", predicted={"lift": 1.0, "baseline": 10.0})
    one = plan_lift(made, sd=20.0, holdouts=[0.5]).holdouts[0]
    two = plan_lift(made, sd=20.0 * math.sqrt(2), holdouts=[0.5]).holdouts[0]
    clustered = plan_lift(made, sd=20.0, holdouts=[0.5], design_effect=2.0).holdouts[0]
    assert two.units_met == pytest.approx(2 * one.units_met, rel=0.02)
    assert clustered.units_met == pytest.approx(two.units_met, rel=0.02)


@pytest.mark.parametrize(
    ("keys", "options", "message"),
    [
        ({"predicted": 0.04}, {}, "plan needs the mean outcome without treatment.*--baseline"),
        ({"kind": "money"}, {}, "plan needs the spread of the outcome.*--sd"),
        ({}, {"holdouts": [1.0]}, "holdout == 1"),
        ({}, {"per_day": 0}, "per day == 0"),
        ({}, {"power": 0.4}, "power == 0.4"),
        ({}, {"baseline": 0.97}, "promised rate == 1.01"),
        ({}, {"design_effect": 0.5}, "design effect == 0.5"),
        ({"design": "before_after"}, {}, "never gets a verdict"),
    ],
)
def test_what_cannot_be_planned_is_refused(contract, keys, options, message):
    """With what is missing or impossible and the option that gives it."""
    with pytest.raises(InvalidInput, match=message):
        plan_lift(contract(**{"predicted": PROMISE, **keys}), **options)


def test_clusters_are_planned_as_clusters(contract):
    """planned_units counts clusters: 200 of 25 are 5,000 units; without their effect it is said."""
    columns = {"arm": "a", "outcome": "y", "cluster": "shop"}
    made = contract(predicted=PROMISE, planned_units=200, columns=columns)
    alone = plan_lift(made, holdouts=[0.5], cluster_size=25)
    assert alone.holdouts[0].units == 5000
    assert any("design effect" in note for note in alone.notes)
    real = plan_lift(made, holdouts=[0.5], cluster_size=25, design_effect=2.2)
    assert real.holdouts[0].units_met > alone.holdouts[0].units_met
    assert not any("design effect" in note for note in real.notes)
    few = plan_lift(contract(predicted=PROMISE, planned_units=20, columns=columns), holdouts=[0.5])
    assert few.holdouts[0].chances["true"].inconclusive == 1.0


MONEY = {
    "unit": "EUR",
    "value": 100.0,
    "offer_cost": 1.0,
    "handling_cost": 0.5,
    "incentive": 5.0,
    "population": 200_000,
}


def test_a_holdout_costs_what_its_units_forgo(contract):
    """Pi = V tau - k - i (p0 + tau) for each unit held out until one knows, those of the window among them."""
    plan = plan_lift(
        contract(predicted=PROMISE, economics=MONEY, window="30d"),
        holdouts=[0.1, 0.2],
        per_day=1000,
    )
    per_unit = 100 * 0.04 - 1.5 - 5 * 0.14
    assert plan.money.per_unit == pytest.approx(per_unit)
    for row in plan.holdouts:
        assert row.held_out == pytest.approx(row.holdout * 1000 * row.days_needed)
        assert row.cost == pytest.approx(per_unit * row.held_out)
    assert plan.money.wasted_a_year == pytest.approx((1.5 + 5 * 0.1) * 200_000)


def test_the_decision_is_said_with_a_date(contract):
    """When one will know, what it costs, and what a model that does nothing would cost."""
    made = contract(
        predicted=PROMISE, economics=MONEY, measurement={"owner": "Kim", "starts": "2027-03-01"}
    )
    plan = plan_lift(made, holdouts=[0.1], per_day=1000)
    row, (first, last) = plan.holdouts[0], holdout_words(plan)
    by = date(2027, 3, 1) + timedelta(days=row.days_needed)
    assert first.startswith(
        f"With 10 % held out you will know by {by.day} {by:%B} 2027; it costs about "
    )
    assert first.endswith(" EUR of the value promised.")
    assert (
        last
        == "Without a holdout, nobody would notice a model that does nothing: it would cost about 400k EUR a year."
    )
    units = plan_lift(made, holdouts=[0.1])
    assert f"after {units.holdouts[0].units_needed:,.0f} units" in holdout_words(units)[0]


def test_no_money_is_made_up(contract):
    """Without a value in the contract, or where one never knows, no cost is said."""
    assert holdout_words(plan_lift(contract(predicted=PROMISE), holdouts=[0.1])) == []
    unsure = plan_lift(contract(predicted={**PROMISE, "se": 0.05}, economics=MONEY), holdouts=[0.5])
    assert unsure.holdouts[0].cost is None
    assert holdout_words(unsure) == []
    dear = plan_lift(
        contract(predicted=PROMISE, economics=MONEY | {"offer_cost": 9.0}, minimum_viable=0.01),
        holdouts=[0.1],
    )
    assert "does not pay for its offers" in holdout_words(dear)[0]
