from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from spot_mlflow.lift.analysis import analyze
from spot_mlflow.lift.estimation.choice import estimate_means
from spot_mlflow.lift.estimation.reliability import method_of, steepest_skew, winsorize_at
from spot_mlflow.lift.estimators.arm import arms_of
from spot_mlflow.lift.moments.clusters import ClusterMoments
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT


def wild(n: int = 20_000, sigma: float = 2.5, seed: int = 4):
    """A log in which 5 % buy and amounts are wild, 5 % held out, true ratio 1.1."""
    r = np.random.default_rng(seed)
    treated = np.arange(n) < 0.95 * n
    y = np.where(r.random(n) < 0.05, np.exp(sigma * r.standard_normal(n)), 0.0)
    return np.where(treated, TREATMENT, HOLDOUT), y * np.where(treated, 1.1, 1)


@pytest.mark.parametrize("effect", ["absolute", "relative"])
@pytest.mark.parametrize("direction", ["increase", "decrease"])
def test_a_flagged_interval_carries_no_verdict(log, contract, effect, direction):
    """Neither against the promise nor against the minimum; what is lacking and what helps is said."""
    arm, y = wild()
    made = contract(
        kind="money", effect=effect, direction=direction, predicted=0.1, minimum_viable=0.01
    )
    found = analyze(log(arm, outcome=y), made)
    assert not found.realized.reliable
    assert (found.outcome.verdict, found.outcome.viable) == ("inconclusive", "undecided")
    assert found.outcome.doubt == "units"
    assert "too skewed" in found.outcome.reason
    assert "winsorize: 0.99" in found.outcome.remedy


def test_each_remedy_named_gives_a_verdict(log, contract):
    """Winsorized at the quantile named, or as a binary metric, the same units have an answer."""
    arm, y = wild()
    flagged = analyze(log(arm, outcome=y), contract(kind="money", predicted=2.0))
    assert flagged.outcome.verdict == "inconclusive"
    at = winsorize_at(*arms_of(log(arm, outcome=y).cells))
    capped = log(arm, outcome=np.minimum(y, np.quantile(y, at, method="inverted_cdf")))
    answered = analyze(capped, contract(kind="money", predicted=2.0))
    assert answered.realized.reliable
    assert answered.outcome.verdict == "shortfall"
    bought = analyze(log(arm, outcome=(y > 0).astype(float)), contract(predicted=0.5))
    assert bought.realized.reliable
    assert bought.outcome.verdict == "shortfall"


def test_more_units_are_named_where_they_help(log, contract):
    """A moderate tail in a small log: so many units of the same kind are no longer flagged."""
    r = np.random.default_rng(3)
    n = 2000

    def of(size):
        arm = np.where(np.arange(size) % 20 == 0, HOLDOUT, TREATMENT)
        y = np.where(r.random(size) < 0.1, np.exp(0.8 * r.standard_normal(size)), 0.0)
        return analyze(log(arm, outcome=y), contract(kind="money", predicted=0.05))

    few = of(n)
    assert not few.realized.reliable
    assert math.isfinite(few.outcome.more_units)
    assert of(round(1.5 * (n + few.outcome.more_units))).realized.reliable


def test_every_arm_and_every_look_obeys_the_flag(log, contract):
    """Several arms have no verdict of their own, and a second look has none either."""
    arm, y = wild()
    arm = np.where(arm == TREATMENT, np.array(["mail", "call"])[np.arange(len(arm)) % 2], arm)
    found = analyze(log(arm, outcome=y), contract(kind="money", predicted=2.0), previous_looks=3)
    assert [a.verdict for a in found.arms] == ["inconclusive", "inconclusive"]
    assert found.outcome.verdict == "inconclusive"


def test_rates_are_never_flagged(log, contract):
    """A rate of 0.1 %, no event at all, and a tiny holdout have an interval that is made for them."""
    for events, n in ((20, 20_000), (0, 500), (3, 40)):
        y = np.zeros(n)
        y[: events * 7 : 7] = 1
        arm = np.where(np.arange(n) % 20 == 0, HOLDOUT, TREATMENT)
        for effect in ("absolute", "relative"):
            made = contract(effect=effect)
            chosen = estimate_means(log(arm, outcome=y), made)
            assert method_of(chosen, made) == "score"
            assert chosen.reliable


def test_the_method_decides_not_a_list_of_exceptions(log, contract):
    """Means by Student, corrected once skewed; a sequence is guarded where nothing can be negative."""
    r = np.random.default_rng(6)
    arm = np.where(np.arange(4000) % 10 == 0, HOLDOUT, TREATMENT)
    plain, skewed = r.normal(5, 1, 4000), np.exp(r.standard_normal(4000))
    once = contract(kind="money")
    daily = contract(kind="money", planned_units=8000)
    found = {
        name: method_of(estimate_means(log(arm, outcome=y), made), made)
        for name, y, made in (
            ("student", plain, once),
            ("corrected", skewed, once),
            ("guarded", skewed, daily),
            ("sequence", skewed - 10, daily),
        )
    }
    assert all(name == method for name, method in found.items())


def test_skewness_is_followed_over_looks(log, contract):
    """What an earlier look has shown is not forgotten once later units dilute it."""
    r = np.random.default_rng(8)
    n = 40_000
    arm = np.where(np.arange(n) % 2 == 0, HOLDOUT, TREATMENT)
    period = np.datetime64("2027-01-01") + np.arange(n) // 1000
    y = np.where(r.random(n) < 0.3, r.exponential(1, n), 0.0)
    y[700] = 70.0
    made = contract(kind="money", planned_units=n)
    moments = log(arm, outcome=y - 10, period=period)
    assert steepest_skew(moments.cells) > 0.1 * math.sqrt(n)
    assert not estimate_means(moments, made).reliable
    assert estimate_means(log(arm, outcome=y - 10), made).reliable


def test_money_is_not_clear_where_the_interval_does_not_hold(log, contract):
    """An unreliable lift neither pays nor loses, however far its interval lies from 0."""
    arm, y = wild()
    priced = {"unit": "EUR", "value": 1.0, "offer_cost": 1e6}
    least = {"economics": priced, "minimum_viable": 0.01}
    found = analyze(log(arm, outcome=y), contract(kind="money", predicted=2.0, **least))
    assert found.economics.worth == "not clear"
    sure = analyze(log(arm, outcome=(y > 0).astype(float)), contract(predicted=0.05, **least))
    assert sure.economics.worth == "no"


def test_clusters_do_not_hide_a_skewed_outcome(log, contract):
    """Wild amounts are flagged in shops as well, and so are two shops held out of a hundred."""
    arm, y = wild()
    held = arm == HOLDOUT

    def shops(size):
        sums = []
        for mask in (held, ~held):
            z = np.array([[len(x), x.sum(), 0.0] for x in np.split(y[mask], mask.sum() // size)])
            sums.append(z)
        return ClusterMoments(
            arm=np.array([HOLDOUT, TREATMENT], dtype=object),
            clusters=np.array([len(z) for z in sums]),
            assigned_clusters=np.array([len(z) for z in sums]),
            center=np.zeros(2),
            s1=np.array([z.sum(axis=0) for z in sums]),
            s2=np.array([z.T @ z for z in sums]),
            events=np.array([len(z) for z in sums]),
        )

    made = contract(kind="money", predicted=2.0)
    found = analyze(replace(log(arm, outcome=y), clusters=shops(20)), made)
    assert found.outcome.verdict == "inconclusive"
    assert "too skewed" in found.outcome.reason
    calm = log(arm, outcome=np.random.default_rng(2).normal(5, 1, len(arm)))
    few = analyze(replace(calm, clusters=shops(500)), made)
    assert few.outcome.verdict == "inconclusive"
    assert "2 clusters in an arm" in few.outcome.reason
