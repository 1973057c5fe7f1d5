from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from rates import rates
from scipy.stats import binom, norm

from spot_mlflow.lift.estimation.choice import estimate_means
from spot_mlflow.lift.estimation.realized import realize
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT
from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
from spot_mlflow.lift.verdict.chances import Chances
from spot_mlflow.lift.verdict.judge import judge
from spot_mlflow.lift.verdict.plan import plan_lift

PROMISE = {"lift": 0.04, "baseline": 0.10}


def draws(n_t, rate_t, n_c, rate_c):
    """Events of both arms at 89 pairs of quantiles spread evenly over the square (a Fibonacci lattice).

    Shares over them are within about .04 of the true ones, where 89 random draws are within .1.
    """
    points = (np.arange(89) + 0.5) / 89, (np.arange(89) * 55 / 89 + 0.5 / 89) % 1
    events = binom.ppf(points[0], n_t, rate_t), binom.ppf(points[1], n_c, rate_c)
    return zip(*(x.astype(int).tolist() for x in events), strict=True)


def chances_by_simulation(made, holdout, units, rate):
    """Share of each verdict when the check itself is run over simulated counts."""
    n_c = round(units * holdout)
    n_t = round(units) - n_c
    seen = Counter(
        judge(realize(estimate_means(moments, made), made).basis, made).verdict
        for x_t, x_c in draws(n_t, rate, n_c, 0.10)
        for moments in [OutcomeMoments(counts(x_t, n_t, x_c, n_c), {}, "2027-01-01")]
    )
    return {v: seen[v] / 89 for v in ("exceeded", "met", "shortfall", "inconclusive")}


def counts(x_t, n_t, x_c, n_c):
    """Moments of two rates."""
    return rates({TREATMENT: x_t, HOLDOUT: x_c}, {TREATMENT: n_t, HOLDOUT: n_c})


@pytest.mark.parametrize(
    "more", [{}, {"planned_units": 12_000}, {"effect": "relative", "tolerance": 0.2}]
)
def test_chances_are_those_of_the_check_itself(contract, more):
    """The check run over simulated logs gives each verdict as often as the plan says."""
    lift = 0.4 if "effect" in more else 0.04
    made = contract(**{"predicted": {**PROMISE, "lift": lift}, "tolerance": 0.02, **more})
    row = plan_lift(made, holdouts=[0.2], units=12_000).holdouts[0]
    for truth, rate in (("true", 0.14), ("half true", 0.12), ("false", 0.10)):
        seen = chances_by_simulation(made, 0.2, 12_000, rate)
        for verdict, share in seen.items():
            planned = getattr(row.chances[truth], verdict)
            assert share == pytest.approx(planned, abs=0.04), (truth, verdict)


@pytest.mark.parametrize(
    ("promise", "more"),
    [
        ({"lift": 1.0, "baseline": 0.01}, {"tolerance": 0.25}),
        ({"lift": 0.4, "baseline": 0.1, "se": 0.02}, {"tolerance": 0.1, "planned_units": 40_000}),
    ],
)
def test_a_ratio_that_varies_with_its_own_width_is_planned_as_it_is(contract, promise, more):
    """At the units named the check finds the promise kept, or half of it short, 80 times in 100."""
    made = contract(predicted=promise, effect="relative", **more)
    row = plan_lift(made, holdouts=[0.1]).holdouts[0]
    base = promise["baseline"]
    for units, truth, verdict in ((row.units_met, 1, "met"), (row.units_short, 0.5, "shortfall")):
        n_c = round(units * 0.1)
        n_t = round(units) - n_c
        found = 0
        for x_t, x_c in draws(n_t, base * (1 + truth * promise["lift"]), n_c, base):
            moments = OutcomeMoments(counts(x_t, n_t, x_c, n_c), {}, "2027-01-01")
            basis = realize(estimate_means(moments, made), made).basis
            found += judge(basis, made).verdict in {verdict, "exceeded"}
        assert found / 89 == pytest.approx(0.8, abs=0.05), verdict


def test_the_chances_of_a_normal_estimate_by_hand(contract):
    """Money whose spread is given: the width does not vary, and each chance is one normal tail."""
    made = contract(kind="money", predicted={"lift": 1.0, "baseline": 10.0}, tolerance=0.4)
    row = plan_lift(made, sd=20.0, units=40_000, holdouts=[0.5]).holdouts[0]
    se = 20.0 * (4 / 40_000) ** 0.5
    for truth, gap in (("true", 0.0), ("half true", -0.5), ("false", -1.0)):
        found = row.chances[truth]
        kept = norm.cdf((gap + 0.4) / se - 1.96)
        assert found.exceeded == pytest.approx(norm.cdf((gap - 0.4) / se - 1.96), abs=1e-3)
        assert found.met + found.exceeded == pytest.approx(kept, abs=1e-3)
        assert found.shortfall == pytest.approx(norm.cdf((-0.4 - gap) / se - 1.96), abs=1e-3)


def test_an_open_interval_decides_nothing(contract):
    """Before the burn-in, and where no unit is expected to buy, all is inconclusive."""
    rare = contract(predicted={"lift": 0.01, "baseline": 0.01}, planned_units=500)
    few = plan_lift(rare, units=500, holdouts=[0.1]).holdouts[0]
    assert few.chances["true"] == Chances(0.0, 0.0, 0.0, 1.0)


def test_few_clusters_are_planned_with_their_own_freedom(contract):
    """Eight clusters an arm have Student's t of 14, not that of their 800 units."""
    columns = {"arm": "a", "outcome": "y", "cluster": "shop"}
    made = contract(predicted={"lift": 0.2, "baseline": 0.2}, tolerance=0.1, columns=columns)
    few, many = (
        plan_lift(made, units=1600, holdouts=[0.5], design_effect=4.0, cluster_size=size)
        for size in (100, 1)
    )
    assert few.holdouts[0].chances["true"].met < many.holdouts[0].chances["true"].met - 0.03
    assert few.holdouts[0].detectable_gap > many.holdouts[0].detectable_gap
