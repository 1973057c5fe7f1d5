from __future__ import annotations

import numpy as np
import pytest
from funnel_logs import make_contract, make_units

from spot_mlflow.lift.causes.attribution import attribute
from spot_mlflow.lift.causes.factor_levels import factors_at
from spot_mlflow.lift.causes.factors import Levels, Model, Point, layout_of
from spot_mlflow.lift.causes.segment_means import strata_of
from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT
from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments

UNITS = make_units(8_000)


def factors(contract, *columns, cells=None):
    """Promised and realized levels, and the model."""
    strata = strata_of(UNITS.moments(*columns) if cells is None else cells, contract)
    model = Model(strata, contract, layout_of(strata, contract, fold_value=False))
    at = Point(strata.weight, strata.treated, strata.holdout, np.array(contract.predicted.lift))
    f = factors_at(model, at)
    return Levels.of(f.promised), Levels.of(f.realized), model


def test_the_promised_responses_bring_the_promised_lift():
    """Stated responses are scaled where they do not add up to the promised lift."""
    promised, _, _ = factors(make_contract())
    reach = np.prod(promised.stages, axis=0)
    assert (promised.mix * reach * promised.response).sum() == pytest.approx(0.08)
    assert promised.response[0] / promised.response[1] == pytest.approx(0.12 / 0.06)


def test_a_segment_without_a_stated_response_takes_what_is_left():
    """The stated response stays, the other follows from the promised lift."""
    parts = {"gold": {"share": 0.5, "response": 0.12}, "plain": {"share": 0.5}}
    promised, _, _ = factors(make_contract(segments=parts))
    assert promised.response[0] == pytest.approx(0.12)
    assert promised.response[1] == pytest.approx((0.08 / 0.95**3 - 0.5 * 0.12) / 0.5)


def test_a_segment_nobody_planned_for_is_all_mix():
    """A segment in the log only adds to the mix and to no other cause."""
    contract = make_contract(segments={"gold": {"share": 1.0, "response": 0.08 / 0.95**3}})
    bridge = attribute(UNITS.log(), contract)
    for c in bridge.contributions:
        plain = next(s for s in c.segments if s.label == "plain")
        assert (plain.money == pytest.approx(0, abs=1e-12)) == (c.cause != "mix")


def test_a_segment_that_never_came_is_all_mix():
    """A promised segment without rows takes its whole promise through the mix."""
    parts = {s: {"share": 1 / 3, "response": 0.08 / 0.95**3} for s in ("gold", "plain", "silver")}
    bridge = attribute(UNITS.log(), make_contract(segments=parts))
    for c in bridge.contributions:
        silver = next(s for s in c.segments if s.label == "silver")
        expected = -0.08 / 3 if c.cause == "mix" else 0
        assert silver.lift == pytest.approx(expected, abs=1e-12)


def test_nothing_delivered_is_delivery_and_the_rest_is_response():
    """With no delivery at all, delivery loses the promise; lift that came anyhow is response."""
    n = 400
    arm = np.repeat([TREATMENT, HOLDOUT], n)
    good = np.r_[np.arange(n) < 60, np.arange(n) < 40].astype(float)
    zero = np.zeros(2 * n)
    cells = Moments.of_units(
        {"outcome": good, "offered": np.r_[np.ones(n), np.zeros(n)], "delivered": zero}, arm
    )
    contract = make_contract(mix=False, predicted=0.3, funnel={}, economics=None)
    bridge = attribute(OutcomeMoments(cells, {}, as_of=""), contract)
    assert bridge.contribution("delivery").lift.lift == pytest.approx(-0.3)
    assert bridge.contribution("response").lift.lift == pytest.approx(0.05)
    assert bridge.contribution("delivery").letter == bridge.contribution("response").letter == "O"


def test_value_scales_with_the_promise_of_each_segment():
    """The realized value keeps the promised proportions and brings the whole increment."""
    parts = {"gold": {"share": 0.5, "value": 60}, "plain": {"share": 0.5, "value": 20}}
    promised, realized, model = factors(make_contract(segments=parts))
    assert promised.value.tolist() == [60, 20]
    assert realized.value[0] / realized.value[1] == pytest.approx(3)
    reach = np.prod(realized.stages, axis=0)
    brought = (realized.mix * reach * realized.response * realized.value).sum()
    at = model.strata.names.index("value")
    difference = model.strata.treated[:, at] - model.strata.holdout[:, at]
    assert brought == pytest.approx((model.strata.weight * difference).sum())


def test_a_cost_never_promised_loses_nothing():
    """Where the contract states no cost, the logged one is taken as the promise."""
    bridge = attribute(UNITS.log(), make_contract(economics={"value": 40}))
    assert bridge.contribution("cost").money.lift == pytest.approx(0, abs=1e-12)
    assert any("no cost was promised" in n for n in bridge.notes)


def test_the_incentive_costs_what_acceptors_take():
    """Cost per contact differs from the promise by incentive times the difference in acceptance."""
    n = 1000
    arm = np.repeat([TREATMENT, HOLDOUT], n)
    good = np.r_[np.arange(n) < 350, np.arange(n) < 200].astype(float)
    cells = Moments.of_units({"outcome": good, "delivered": np.r_[np.ones(n), np.zeros(n)]}, arm)
    money = {"value": 20, "offer_cost": 0.5, "incentive": 2}
    contract = make_contract(
        mix=False, predicted={"lift": 0.1, "baseline": 0.2}, funnel={}, economics=money
    )
    promised, realized, _ = factors(contract, cells=cells)
    assert promised.contact_cost[0] == pytest.approx(0.5 + 2 * 0.3)
    assert realized.contact_cost[0] == pytest.approx(0.5 + 2 * 0.35)


@pytest.mark.parametrize("effect", ["absolute", "relative"])
def test_the_same_log_tells_the_same_story_in_relative_terms(effect):
    """A relative promise of the same size has the same parts, over the holdout's mean."""
    holdout = UNITS.arm == HOLDOUT
    plain = attribute(UNITS.log(segments=False), make_contract(mix=False))
    base = UNITS.measures["outcome"][holdout].mean()
    if effect == "absolute":
        assert plain.promised_lift == pytest.approx(0.08)
        return
    relative = attribute(
        UNITS.log(segments=False),
        make_contract(mix=False, effect="relative", predicted=0.08 / base),
    )
    for a, b in zip(plain.contributions, relative.contributions, strict=True):
        assert b.lift.lift == pytest.approx(a.lift.lift / base)
        assert b.money.lift == pytest.approx(a.money.lift)


def test_handling_logged_apart_is_technologys_part_of_the_cost():
    """Dear handling is a cause of its own, for Technology; the rest of the cost stays Product's."""
    n = 2000
    arm = np.repeat([TREATMENT, HOLDOUT], n)
    good = np.r_[np.arange(n) < 300, np.arange(n) < 100].astype(float)
    treated = np.r_[np.ones(n), np.zeros(n)]
    cells = Moments.of_units(
        {"outcome": good, "delivered": treated, "cost": 1.6 * treated, "handling": 0.6 * treated},
        arm,
    )
    money = {"value": 40, "offer_cost": 1.0, "handling_cost": 0.2}
    contract = make_contract(mix=False, predicted=0.1, funnel={}, economics=money)
    bridge = attribute(OutcomeMoments(cells, {}, as_of=""), contract)
    handling, cost = bridge.contribution("handling"), bridge.contribution("cost")
    assert (handling.letter, cost.letter) == ("T", "P")
    assert handling.money.lift == pytest.approx(-0.4)
    assert cost.money.lift == pytest.approx(0, abs=1e-12)
    assert handling.found
