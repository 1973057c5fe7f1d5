from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.estimation.choice import design_effects, estimate_means
from spot_mlflow.lift.estimation.chosen import hold_of
from spot_mlflow.lift.estimators.difference import difference
from spot_mlflow.lift.holds.hold import hold
from spot_mlflow.lift.moments.clusters import ClusterMoments
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT


def arms(n, share=0.7):
    """Alternating arms, ``share`` of them treated."""
    return np.where(np.arange(n) % 10 < 10 * share, TREATMENT, HOLDOUT)


def units(n, seed=0):
    """Rates of about 30 %."""
    return (np.random.default_rng(seed).random(n) < 0.3).astype(float)


def clusters_of(n):
    """Sums over ``n`` clusters of one size in each arm."""
    z = np.column_stack([np.full(n, 10.0), np.arange(n) % 7, np.zeros(n)])
    return ClusterMoments(
        arm=np.array([HOLDOUT, TREATMENT], dtype=object),
        clusters=np.array([n, n]),
        assigned_clusters=np.array([n, n]),
        center=np.zeros(2),
        s1=np.array([z.sum(axis=0)] * 2),
        s2=np.array([z.T @ z] * 2),
        events=np.array([n, n]),
        straddling=2,
    )


def test_the_contract_and_the_columns_choose_the_estimator(log, contract):
    """Plain, by segment, by covariate, both, by denominator, by weight, by cluster, before/after."""
    n = 400
    arm, y, x = arms(n), units(n), np.random.default_rng(1).random(n)
    segment = np.array(["a", "b"])[np.arange(n) // 20 % 2]
    plain = contract()
    chosen = {
        "Welch": (log(arm, outcome=y), plain, "A"),
        "post-stratified over 2 segments": (log(arm, segment=segment, outcome=y), plain, "A"),
        "CUPED": (log(arm, outcome=y, covariate=x), plain, "A"),
        "CUPED, post-stratified over 2 segments": (
            log(arm, segment=segment, outcome=y, covariate=x),
            plain,
            "A",
        ),
        "ratio of sums, delta method": (log(arm, outcome=y, denominator=1 + x), plain, "A"),
        "inverse propensity (Hajek)": (
            log(arm, outcome=y, weight=np.full(n, 2.0), weighted_outcome=2 * y),
            contract(design="logged_propensity"),
            "B",
        ),
        "ratio of sums over 100 clusters, Satterthwaite t": (
            replace(log(arm, outcome=y), clusters=clusters_of(50)),
            plain,
            "A",
        ),
        "before/after, Welch": (log(arm, outcome=y), contract(design="before_after"), "D"),
    }
    for method, (moments, made, grade) in chosen.items():
        found = estimate_means(moments, made)
        assert found.means.method == method
        assert found.grade == grade


def test_several_arms_keep_covariate_and_segments(log, contract):
    """Two treatment arms by segment with a covariate are adjusted as one arm of all their units is."""
    n = 600
    arm = np.array([HOLDOUT, "mail", "call"])[np.random.default_rng(2).integers(0, 3, n)]
    segment = np.array(["a", "b"])[np.arange(n) // 20 % 2]
    x = np.random.default_rng(1).standard_normal(n)
    y = 5 + x + 0.3 * np.random.default_rng(3).standard_normal(n)
    one = np.where(arm == HOLDOUT, HOLDOUT, TREATMENT)
    money = contract(kind="money")
    several, single = (
        estimate_means(log(a, segment=segment, outcome=y, covariate=x), money) for a in (arm, one)
    )
    assert several.means.method == "CUPED, post-stratified over 2 segments"
    assert several.means.se == pytest.approx(single.means.se, rel=1e-9)
    assert several.means.treated == pytest.approx(single.means.treated, rel=1e-9)


def test_weights_and_clusters_together_are_flagged(log, contract):
    """The weighted interval takes no account of clusters, and says so."""
    y = units(400)
    moments = log(arms(400), outcome=y, weight=np.full(400, 2.0), weighted_outcome=2 * y)
    found = estimate_means(
        replace(moments, clusters=clusters_of(50)), contract(design="logged_propensity")
    )
    assert not found.reliable
    assert any("ignore clusters" in c.words for c in found.caveats)


def test_weights_that_do_not_add_up_are_flagged(log, contract):
    """A propensity of the wrong arm leaves weights that speak for a fraction of the units."""
    y = units(4000)
    moments = log(arms(4000), outcome=y, weight=np.full(4000, 1 / 0.7), weighted_outcome=y / 0.7)
    found = estimate_means(moments, contract(design="logged_propensity"))
    assert not found.reliable
    assert any("do not add up" in c.words for c in found.caveats)


def test_poor_overlap_is_no_evidence(log, contract):
    """Weights that leave a handful of units turn grade B into D."""
    w = np.where(np.arange(400) % 100 == 0, 1e4, 1.0)
    y = units(400)
    moments = log(arms(400), outcome=y, weight=w, weighted_outcome=w * y)
    found = estimate_means(moments, contract(design="logged_propensity"))
    assert (found.grade, found.reliable) == ("D", False)
    assert any("hardly overlap" in c.words for c in found.caveats)
    assert hold_of(found, contract()) == hold("arms_hardly_overlap")


def test_skewed_money_is_flagged(log, contract):
    """A few great amounts in a small holdout: interval unreliable, with skewness and units."""
    y = np.zeros(2000)
    y[::97] = np.exp(np.arange(21) / 2)
    found = estimate_means(log(arms(2000, 0.9), outcome=y), contract(kind="money"))
    assert not found.reliable
    assert any("too skewed" in c.words and "holdout" in c.words for c in found.caveats)


def test_the_score_interval_of_a_rate_needs_no_flag(log, contract):
    """A rare event has the score interval in either unit of lift; adjusted it has not, and is flagged."""
    y = np.zeros(4000)
    y[::400] = 1
    moments = log(arms(4000, 0.9), outcome=y)
    assert estimate_means(moments, contract(effect="relative")).reliable
    assert estimate_means(moments, contract()).reliable
    adjusted = log(arms(4000, 0.9), outcome=y, covariate=np.random.default_rng(1).random(4000))
    assert not estimate_means(adjusted, contract(effect="relative")).reliable
    assert not estimate_means(adjusted, contract()).reliable


def test_few_clusters_are_flagged(log, contract):
    """Below forty that count, and clusters in two arms are said."""
    moments = replace(log(arms(400), outcome=units(400)), clusters=clusters_of(15))
    found = estimate_means(moments, contract())
    assert not found.reliable
    assert any("30 clusters" in c.words for c in found.caveats)
    assert any("more than one arm" in c.words for c in found.caveats)
    assert found.unit_word == "clusters"
    assert found.units == 30


def test_an_outcome_that_is_no_rate_is_refused(log, contract):
    """kind: binary with a 2 in it: what was seen, what must be, and the key to change."""
    moments = log(arms(40), outcome=np.r_[np.zeros(39), 2.0])
    with pytest.raises(InvalidInput, match=r"largest outcome is 2, must be 0 or 1.*kind: count"):
        estimate_means(moments, contract())
    assert estimate_means(moments, contract(kind="count")).means.known


def test_small_segments_are_put_together_or_left_out_of_it(log, contract):
    """Segments without a pair are folded; where nothing is left to compare, the plain mean stands."""
    n = 200
    segment = np.array(["a", "b"])[np.arange(n) // 20 % 2].astype(object)
    segment[:2] = ["x", "y"]
    found = estimate_means(log(arms(n), segment=segment, outcome=units(n)), contract())
    assert any("put together" in c.words for c in found.caveats)
    lonely = np.array([f"s{i}" for i in range(n)])
    plain = estimate_means(log(arms(n), segment=lonely, outcome=units(n)), contract())
    assert plain.means.method == "Welch"
    assert any("too few units by segment" in c.words for c in plain.caveats)


def test_no_unit_is_lost_between_the_ways(log, contract):
    """Post-stratified with a useless covariate stays near the plain difference."""
    n = 4000
    arm, y = arms(n), units(n)
    segment = np.array(["a", "b", "c"])[np.random.default_rng(3).integers(0, 3, n)]
    x = np.random.default_rng(4).random(n)
    plain = difference(estimate_means(log(arm, outcome=y), contract()).means)
    both = difference(
        estimate_means(log(arm, segment=segment, outcome=y, covariate=x), contract()).means
    )
    assert both.value == pytest.approx(plain.value, abs=0.2 * plain.se)
    assert both.se == pytest.approx(plain.se, rel=0.02)


def test_too_early_says_what_is_missing(rates, contract):
    """Two units in each arm, and for monitored contracts twenty events in the smaller one."""
    one = estimate_means(rates(3, 10, 0, 1), contract())
    assert hold_of(one, contract()) == hold("too_few_units", arm="holdout", units=1)
    few = estimate_means(rates(30, 900, 5, 100), contract())
    assert hold_of(few, contract()) is None
    monitored = contract(planned_units=5000)
    assert hold_of(few, monitored) == hold("burn_in", seen=5, needed=20, counted="events")


def test_clusters_scale_each_arm_by_its_own_variance(log, contract):
    """Shops that differ among the treated only do not widen the holdout's rows."""
    chosen = estimate_means(
        replace(log(arms(400), outcome=units(400)), clusters=clusters_of(50)), contract()
    )
    plain = [a.var / a.n for a in (chosen.treated, chosen.holdout)]
    means = replace(chosen.means, var_treated=3 * plain[0], var_holdout=plain[1])
    assert design_effects(replace(chosen, means=means)) == pytest.approx((3.0, 1.0))
