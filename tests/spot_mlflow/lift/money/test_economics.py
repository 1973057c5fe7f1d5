from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from funnel_logs import make_contract, make_units

from spot_mlflow.lift.causes.attribution import attribute
from spot_mlflow.lift.interval import Interval
from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT
from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
from spot_mlflow.lift.money.economics import decisions, economics_of
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.lift.results import RealizedLift

if TYPE_CHECKING:
    from pathlib import Path

UNITS = make_units()


@pytest.fixture(scope="module")
def promotion(shared_data: Path) -> OutcomeMoments:
    """The promotion experiment: 84,534 customers, a promotion costs .15, a purchase earns 10."""
    data = pd.read_csv(shared_data / "starbucks_promo_training.csv")
    arm = np.where(data.Promotion == "Yes", TREATMENT, HOLDOUT)
    return OutcomeMoments(Moments.of_units({"outcome": data.purchase}, arm), {}, as_of="")


PROMOTION = PredictedLift.load(
    {
        "metric": "purchase",
        "predicted": {"lift": 0.02},
        "columns": {"arm": "Promotion", "treated": "Yes", "holdout": "No", "outcome": "purchase"},
        "economics": {"unit": "USD", "value": 10, "offer_cost": 0.15},
    }
)


def test_the_promotion_was_cheaper_left_undone(promotion, reference):
    """Break-even .015, realized .009455 [.007971, .010938], net -2,334.60: do nothing."""
    told = reference["economics/starbucks_training"]
    e = economics_of(promotion, PROMOTION)
    assert e.break_even == pytest.approx(told["breakeven_lift"], rel=1e-12)
    assert e.lift.lift == pytest.approx(told["IRR"], rel=1e-12)
    assert (e.lift.low, e.lift.high) == pytest.approx((0.007971, 0.010938), abs=5e-7)
    assert e.net_of_totals == pytest.approx(told["NIR"], abs=1e-6)
    assert e.per_contact.lift == pytest.approx(told["NIR_per_treated_using_rate"], rel=1e-12)
    assert e.worth == "no"
    assert e.words == "cheaper to do nothing: each contact loses 0.06 USD"
    (only,) = e.decisions
    assert (only.action, only.sure) == ("do nothing", True)


def test_the_holdout_costs_what_its_units_would_have_brought(promotion):
    """Net value per unit times the units held out: of a promotion that loses money they were the better off."""
    economics = PROMOTION.economics.model_copy(update={"population": 100_000})
    e = economics_of(promotion, PROMOTION.model_copy(update={"economics": economics}))
    held = int(promotion.cells.n[promotion.cells.arm == HOLDOUT].sum())
    assert e.holdout.units == held
    assert e.holdout.forgone.lift == pytest.approx(e.per_eligible.lift * held)
    assert e.holdout.forgone.high < 0
    assert e.holdout.spent_a_year == pytest.approx(0.15 * 100_000)
    assert economics_of(promotion, PROMOTION).holdout.spent_a_year is None


def test_money_agrees_with_the_bridge():
    """Promised and realized money per eligible unit are the two ends of the bridge."""
    log, contract = UNITS.log(), make_contract()
    e, bridge = economics_of(log, contract), attribute(log, contract)
    treated = float((UNITS.arm == TREATMENT).sum())
    assert e.per_eligible.lift == pytest.approx(bridge.realized_money)
    assert e.to_date.promised == pytest.approx(bridge.promised_money * treated)
    assert e.to_date.realized.lift == pytest.approx(bridge.realized_money * treated)
    assert e.rollout is None


def test_profit_is_value_brought_minus_money_spent():
    """Per segment, net value is the difference in value minus what was spent, unit by unit."""
    rows = {d.segment: d for d in decisions(UNITS.moments(), make_contract())}
    for label in ("gold", "plain"):
        t = (UNITS.arm == TREATMENT) & (UNITS.segment == label)
        h = (UNITS.arm == HOLDOUT) & (UNITS.segment == label)
        net = UNITS.measures["value"] - UNITS.measures["cost"]
        d = net[t].mean() - net[h].mean()
        se = np.sqrt(net[t].var(ddof=1) / t.sum() + net[h].var(ddof=1) / h.sum())
        assert rows[label].profit.lift == pytest.approx(d)
        assert rows[label].profit.se == pytest.approx(se, rel=1e-6)
        assert rows[label].lift.lift == pytest.approx(
            UNITS.measures["outcome"][t].mean() - UNITS.measures["outcome"][h].mean()
        )


def test_the_incentive_is_paid_to_all_who_accept():
    """Pi = tau V - k - i p1: buyers who would have bought anyhow cost the incentive as well."""
    n = 1000
    arm = np.repeat([TREATMENT, HOLDOUT], n)
    good = np.r_[np.arange(n) < 300, np.arange(n) < 200].astype(float)
    cells = Moments.of_units({"outcome": good}, arm)
    contract = make_contract(
        mix=False,
        funnel={},
        economics={"unit": "EUR", "value": 20, "offer_cost": 0.5, "incentive": 2},
    )
    e = economics_of(OutcomeMoments(cells, {}, as_of=""), contract)
    assert e.per_eligible.lift == pytest.approx(0.1 * 20 - 0.5 - 2 * 0.3)
    assert e.incentive_paid == pytest.approx(600)
    assert e.break_even == pytest.approx((0.5 + 2 * 0.2) / (20 - 2))
    # p1 varies with the lift: var = (V - i)^2 var(treated) + V^2 var(holdout).
    vt, vh = 0.3 * 0.7 / (n - 1), 0.2 * 0.8 / (n - 1)
    assert e.per_eligible.se == pytest.approx(np.sqrt(18**2 * vt + 20**2 * vh))


def test_customers_who_cost_more_than_they_bring_are_let_go():
    """Where the value of a customer net of the cost to serve is negative, let them leave."""
    rng = np.random.default_rng(4)
    n = 8000
    segment = np.where(rng.random(n) < 0.5, "big", "small")
    arm = np.where(rng.random(n) < 0.5, TREATMENT, HOLDOUT)
    good = (rng.random(n) < 0.2 + 0.1 * (arm == TREATMENT)).astype(float)
    value = good * np.where(segment == "big", 100.0, 8.0)
    cells = Moments.of_units({"outcome": good, "value": value}, arm, segment=segment)
    contract = make_contract(
        mix=False, funnel={}, economics={"value": 54, "offer_cost": 1, "cost_to_serve": 10}
    )
    found = {d.segment: d for d in decisions(cells, contract)}
    assert found["big"].action == "act"
    assert found["big"].customer_value.lift == pytest.approx(90)
    assert found["small"].action == "let the customer leave"
    assert found["small"].customer_value.lift == pytest.approx(-2)
    assert found["small"].sure  # every good outcome brings 8 and costs 10


def test_letting_a_customer_go_is_no_surer_than_what_customers_are_worth():
    """The interval of a customer's value is that of a ratio over both arms; it decides on `sure`."""
    rng = np.random.default_rng(14)
    n = 4000
    arm = np.where(rng.random(n) < 0.5, TREATMENT, HOLDOUT)
    good = (rng.random(n) < 0.2 + 0.1 * (arm == TREATMENT)).astype(float)
    value = good * rng.gamma(0.5, 20, n)  # 10 on average, some far more
    cells = Moments.of_units({"outcome": good, "value": value}, arm)
    worth = value.sum() / good.sum()
    residual = value - worth * good
    spread = sum((arm == a).sum() * residual[arm == a].var(ddof=1) for a in (TREATMENT, HOLDOUT))
    for serve, sure in ((worth + 0.2, False), (worth + 5, True)):
        money = {"value": 10, "offer_cost": 0.1, "cost_to_serve": float(serve)}
        (only,) = decisions(cells, make_contract(mix=False, funnel={}, economics=money))
        assert only.action == "let the customer leave"
        assert only.customer_value.lift == pytest.approx(worth - serve)
        assert only.customer_value.se == pytest.approx(np.sqrt(spread) / good.sum(), rel=1e-9)
        assert only.sure is sure
        assert (only.customer_value.high < 0) is sure


def headline(lift, se):
    """A headline of another estimator."""
    estimate = Interval(lift, lift - 1.96 * se, lift + 1.96 * se, se)
    return RealizedLift(estimate, 1, 1, 0.1, 0.1, lift, None, "clustered", "A")


def test_money_of_clusters_is_as_unsure_as_their_lift():
    """Where clusters triple the error of the lift, no decision, curve or cut-off is told as if they did not."""
    log = replace(UNITS.log(), score_bins=UNITS.bins([0.5]))
    contract = make_contract(score_edges=[0.5])
    plain = economics_of(log, contract)
    wide = economics_of(log, contract, headline(plain.lift.lift, 3 * plain.lift.se))
    pairs = [
        (plain.per_eligible, wide.per_eligible),
        (plain.curve.points[0].profit, wide.curve.points[0].profit),
        (plain.curve.cutoff.profit, wide.curve.cutoff.profit),
        *((a.profit, b.profit) for a, b in zip(plain.decisions, wide.decisions, strict=True)),
    ]
    for narrow, broad in pairs:
        assert broad.se == pytest.approx(3 * narrow.se, rel=5e-3)


@pytest.mark.parametrize("looks", ["once", "monitored"])
def test_no_decision_is_surer_than_its_interval(looks):
    """Looked at once or daily, "sure" is said only where the interval of the profit excludes 0."""
    rng = np.random.default_rng(15)
    n = 30_000
    segment = np.array([f"s{i:02d}" for i in rng.integers(0, 15, n)])
    arm = np.where(rng.random(n) < 0.5, TREATMENT, HOLDOUT)
    good = rng.random(n) < 0.1 + 0.05 * (arm == TREATMENT)
    cells = Moments.of_units({"outcome": good.astype(float)}, arm, segment=segment)
    more = {"planned_units": 60_000} if looks == "monitored" else {}
    contract = make_contract(mix=False, economics={"value": 10}, looks=looks, **more)
    found = decisions(cells, contract)
    assert any(d.sure for d in found)
    for d in found:
        assert not d.sure or not d.profit.low <= 0 <= d.profit.high


def test_every_offer_has_its_own_decision():
    """With two treatment arms, each is held against the holdout by itself."""
    arm = np.where(UNITS.arm == HOLDOUT, HOLDOUT, np.where(UNITS.score > 0.5, "mail", "call"))
    cells = Moments.of_units({"outcome": UNITS.measures["outcome"]}, arm)
    found = {d.offer: d for d in decisions(cells, make_contract(mix=False))}
    assert set(found) == {"mail", "call"}
    assert found["mail"].profit.lift > found["call"].profit.lift


def test_offers_within_an_arm_are_held_against_those_who_would_have_got_them():
    """Each named offer has its own row; where the holdout names none, nothing is known."""
    offer = np.where(UNITS.score > 0.5, "discount", "letter")
    measures = {"outcome": UNITS.measures["outcome"]}
    offers = Moments.of_units(measures, UNITS.arm, segment=offer)
    rows = {d.offer: d for d in decisions(UNITS.moments("outcome"), make_contract(), offers)}
    y, t = UNITS.measures["outcome"], UNITS.arm == TREATMENT
    high = UNITS.score > 0.5
    lift = y[t & high].mean() - y[~t & high].mean()
    assert rows["discount"].lift.lift == pytest.approx(lift)
    assert (rows["discount"].segment, rows["discount"].action) == ("", "act")
    silent = Moments.of_units(measures, UNITS.arm, segment=np.where(t, offer, "(missing)"))
    rows = {d.offer: d for d in decisions(UNITS.moments("outcome"), make_contract(), silent)}
    assert rows["letter"].action == "not known"


def test_a_segment_without_holdout_is_not_known():
    """Nothing is decided where there is nobody to compare with."""
    keep = (UNITS.segment == "gold") | (UNITS.arm == TREATMENT)
    cells = Moments.of_units(
        {"outcome": UNITS.measures["outcome"][keep]}, UNITS.arm[keep], segment=UNITS.segment[keep]
    )
    found = {d.segment: d for d in decisions(cells, make_contract(mix=False))}
    assert found["plain"].action == "not known"
    assert not found["plain"].sure


def test_noise_decides_nothing_surely():
    """With an offer that changes nothing and costs nothing, few segments are called sure."""
    rng = np.random.default_rng(12)
    n = 40_000
    segment = np.array([f"s{i:02d}" for i in rng.integers(0, 40, n)])
    arm = np.where(rng.random(n) < 0.5, TREATMENT, HOLDOUT)
    cells = Moments.of_units({"outcome": (rng.random(n) < 0.1).astype(float)}, arm, segment=segment)
    found = decisions(cells, make_contract(mix=False, economics={"value": 10}))
    assert len(found) == 40
    assert sum(d.sure for d in found) == 0


def test_without_money_there_is_no_economics():
    """A contract and a log that say nothing of money give no figures of money."""
    log = UNITS.log(*("offered", "delivered"))
    assert economics_of(log, make_contract(economics=None)) is None


def test_rollout_scales_to_a_year():
    """Promised and realized money at full rollout are those per unit times the population."""
    contract = make_contract(economics={"value": 40, "offer_cost": 0.5, "population": 1e6})
    e = economics_of(UNITS.log(), contract)
    assert e.rollout.units == 1e6
    assert e.rollout.realized.lift == pytest.approx(1e6 * e.per_eligible.lift)
