from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from funnel_logs import make_contract, make_units

from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT
from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
from spot_mlflow.lift.money.economics import economics_of
from spot_mlflow.lift.money.margins import Margins
from spot_mlflow.lift.money.profit_curve import (
    allocate,
    best_use,
    calibration,
    cut_off,
    profit_curve,
)

if TYPE_CHECKING:
    from pathlib import Path

EDGES = [i / 10 for i in range(1, 10)]
UNITS = make_units(40_000, seed=9)
BINS = UNITS.bins(EDGES)


def by_day(x, rows):
    """Treated minus holdout, day by day, the days weighted by their units; thin days stay apart."""
    found = pd.DataFrame({"x": x, "day": UNITS.day, "held": UNITS.arm == HOLDOUT})[rows]
    means = found.pivot_table(index="day", columns="held", values="x")
    return np.average(means[False] - means[True], weights=found.groupby("day").size())


def contract(**economics):
    """A promise in money, with ten score bins."""
    money = {"unit": "EUR", "value": 40, "offer_cost": 2.0, **economics}
    return make_contract(mix=False, economics=money, score_edges=EDGES)


def test_the_curve_adds_up_profit_from_the_highest_scores_down():
    """Cumulative profit is the running sum of share times profit, and ends at everybody's."""
    curve = profit_curve(BINS, contract())
    assert [p.bin for p in curve.points] == list(range(9, -1, -1))
    running = np.cumsum([p.share * p.profit.lift for p in curve.points])
    assert [p.cumulative.lift for p in curve.points] == pytest.approx(running.tolist())
    assert curve.points[-1].depth == pytest.approx(1)
    assert curve.points[0].score_from == pytest.approx(0.9)
    assert curve.points[-1].score_from is None


def test_a_bins_profit_is_that_of_its_units():
    """Lift and profit of the top bin equal those computed unit by unit."""
    top = profit_curve(BINS, contract()).points[0]
    rows = UNITS.score >= 0.9
    net = UNITS.measures["value"] - UNITS.measures["cost"]
    assert top.lift.lift == pytest.approx(by_day(UNITS.measures["outcome"], rows), abs=0.001)
    assert top.profit.lift == pytest.approx(by_day(net, rows), rel=0.01)


def test_the_cut_off_is_found_on_one_half_and_shown_on_the_other():
    """The score is the best of every other day, the profit that of the remaining days."""
    found = cut_off(BINS, contract())
    assert found.held_out
    days = np.unique(UNITS.day)
    first = np.isin(UNITS.day, days[0::2])
    net = UNITS.measures["value"] - UNITS.measures["cost"]
    number = np.searchsorted(EDGES, UNITS.score, side="right")

    def profit(rows):
        return by_day(net, rows)

    each = [profit(first & (number == b)) * (number[first] == b).mean() for b in range(9, -1, -1)]
    assert found.bin == 9 - int(np.argmax(np.cumsum(each)))
    chosen = ~first & (number >= found.bin)
    by_bin = [
        (number[~first] == b).mean() * profit(~first & (number == b)) for b in range(found.bin, 10)
    ]
    assert found.profit.lift == pytest.approx(sum(by_bin), rel=0.01)
    assert found.depth == pytest.approx(chosen.sum() / (~first).sum())


def test_on_one_day_the_interval_allows_for_the_choice():
    """Found and shown on the same customers, the cut-off says so and its interval is wider."""
    once = BINS.collapse("segment", "arm")
    found = cut_off(once, contract())
    assert not found.held_out
    assert "chosen on" in found.words
    point = next(p for p in profit_curve(once, contract()).points if p.bin == found.bin)
    assert found.profit.high - found.profit.low > point.cumulative.high - point.cumulative.low


def test_contacting_nobody_is_an_answer():
    """Where no score earns its contact there is no cut-off, in plain words."""
    dear = UNITS.measures["cost"] + 100 * (UNITS.arm == TREATMENT)
    bins = Moments.of_units(
        {"outcome": UNITS.measures["outcome"], "cost": dear},
        UNITS.arm,
        segment=np.searchsorted(EDGES, UNITS.score, side="right").astype(str),
    )
    none = cut_off(bins, contract())
    assert (none.bin, none.worth, none.per_contacted) == (None, "no", None)
    assert none.words == "no score is worth a contact: cheaper to do nothing"


def test_capacity_goes_to_those_who_earn_most():
    """Contacts are filled up in order of profit per contact, the last group in part."""
    money = contract(capacity=3000, population=20_000).economics
    margins = Margins.of(BINS.collapse("segment", "arm"), contract())
    plan = allocate(margins, money)
    assert sum(s.contacts for s in plan.shares) == pytest.approx(3000)
    rate = [s.profit / s.contacts for s in plan.shares]
    assert rate == sorted(rate, reverse=True)
    assert plan.binding
    assert plan.profit.lift == pytest.approx(sum(s.profit for s in plan.shares))


def test_a_budget_is_not_overspent():
    """With a budget the cost of the plan is the budget, or less where nothing more earns."""
    some = best_use(BINS, contract(budget=500))
    assert sum(s.cost for s in some.shares) == pytest.approx(500)
    assert some.held_out
    plenty = allocate(
        Margins.of(BINS.collapse("segment", "arm"), contract()), contract(budget=1e9).economics
    )
    assert not plenty.binding
    assert all(s.profit > 0 for s in plenty.shares)


def test_no_limit_no_plan():
    """Without capacity or budget there is nothing to allocate."""
    assert best_use(BINS, contract()) is None


def test_calibration_sets_prediction_beside_outcome():
    """Each score bin has the lift predicted for it and the lift of its units, lowest first."""
    told = make_contract(
        mix=False, score_edges=EDGES, decile_predictions=[b / 100 for b in range(10)]
    )
    rows = calibration(BINS, told)
    assert [r.bin for r in rows] == list(range(10))
    assert [r.predicted for r in rows] == [b / 100 for b in range(10)]
    y = UNITS.measures["outcome"]
    low = UNITS.score < 0.1
    here = by_day(y, low)
    assert rows[0].realized.lift == pytest.approx(here, abs=0.001)
    assert sum(r.share for r in rows) == pytest.approx(1)


def test_a_bin_without_any_outcome_in_its_holdout_has_no_relative_lift():
    """Nothing is divided by 0: the bin says nothing, the others stay as they are."""
    low, held = UNITS.score < 0.1, UNITS.arm == HOLDOUT
    y = np.where(low & held, 0.0, UNITS.measures["outcome"])
    bins = Moments.of_units(
        {"outcome": y},
        UNITS.arm,
        segment=np.searchsorted(EDGES, UNITS.score, side="right").astype(str),
    )
    with np.errstate(all="raise"):
        rows = calibration(bins, make_contract(mix=False, effect="relative", score_edges=EDGES))
    assert np.isnan(rows[0].realized.lift)
    assert (rows[0].realized.low, rows[0].realized.high) == (-np.inf, np.inf)
    high = UNITS.score >= 0.9
    ratio = y[high & ~held].mean() / y[high & held].mean() - 1
    assert rows[-1].realized.lift == pytest.approx(ratio)


def test_a_part_of_the_promotions_customers_is_worth_it(shared_data: Path):
    """Scored on one half, some customers of the promotion earn more than they cost on the other."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    data = pd.read_csv(shared_data / "starbucks_promo_training.csv")
    x = data[[f"V{i}" for i in range(1, 8)]].to_numpy(float)
    treated = (data.Promotion == "Yes").to_numpy()
    y = data.purchase.to_numpy()
    rng = np.random.default_rng(2027)
    half = rng.random(len(y)) < 0.5
    # Transformed outcome of Jaskowski and Jaroszewicz (2012): its chance grows with the uplift.
    model = HistGradientBoostingClassifier(
        max_iter=30, learning_rate=0.1, max_leaf_nodes=8, random_state=0
    )
    model.fit(x[half], (y == treated)[half], sample_weight=np.where(y == 1, 1.0, 0.02)[half])
    score = model.predict_proba(x)[:, 1]
    edges = np.quantile(score[half], EDGES).tolist()
    # The half the score was learnt on finds the cut-off, the other half shows what it is worth.
    day = np.where(half, np.datetime64("2026-01-01"), np.datetime64("2026-01-02"))
    bins = Moments.of_units(
        {"outcome": y},
        np.where(treated, TREATMENT, HOLDOUT),
        segment=np.searchsorted(edges, score, side="right").astype(str),
        period=day,
    )
    everybody = OutcomeMoments(bins.collapse("arm"), {}, as_of="", score_bins=bins)
    money = make_contract(
        mix=False,
        predicted=0.02,
        funnel={},
        economics={"unit": "USD", "value": 10, "offer_cost": 0.15},
        score_edges=edges,
    )
    e = economics_of(everybody, money)
    assert e.worth == "no"
    found = e.curve.cutoff
    assert found.held_out
    assert 0 < found.depth < 0.6
    assert found.profit.lift > 0
    assert found.worth == "yes"
