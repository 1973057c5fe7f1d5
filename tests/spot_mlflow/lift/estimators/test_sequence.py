from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from scipy.stats import norm

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.estimators.arm import Arm, arms_of
from spot_mlflow.lift.estimators.difference import means_of, welch
from spot_mlflow.lift.estimators.relative import fieller, relative_se
from spot_mlflow.lift.estimators.sequence import (
    BURN_IN,
    Looks,
    confidence_sequence,
    difference_bounds,
    difference_variance,
    events_in,
    mixing_variance,
    multiplier,
    ratio_bounds,
    ratio_variance,
    sequence_p_value,
)
from spot_mlflow.lift.promise.history import arm_of_values


def test_the_sequence_width_agrees_with_the_reference_figures(reference, samples):
    """Gbstats' sequential intervals, absolute and relative: planned for 5,000 units, Welch's SE."""
    for key, sample in samples.items():
        known = reference[key]["gbstats"]
        arms = arms_of(sample.cells)
        found = welch(*arms)
        width = float(multiplier(arms[0].n + arms[1].n, alpha=0.05, planned=5000))
        expected = [found.value - width * found.se, found.value + width * found.se]
        assert expected == pytest.approx(known["seq_ci_abs"], rel=1e-9), key
        means = means_of(*arms)
        half = width * relative_se(means)
        value = means.treated / means.holdout - 1
        assert [value - half, value + half] == pytest.approx(known["seq_ci_rel"], rel=1e-9), key
        p = sequence_p_value(
            found.value / found.se, arms[0].n + arms[1].n, alpha=0.05, planned=5000
        )
        assert p == pytest.approx(known["seq_p"], rel=1e-6), key


def test_the_multiplier_by_hand():
    """r^2 and B at alpha .05 with 10,000 planned, after 1,000 units."""
    r2 = (-2 * math.log(0.05) + math.log(1 - 2 * math.log(0.05))) / 10_000
    assert mixing_variance(0.05, 10_000) == pytest.approx(r2, rel=1e-12)
    a = 1_000 * r2
    b = math.sqrt((a + 1) / a * math.log((a + 1) / 0.05**2))
    assert float(multiplier(1_000, alpha=0.05, planned=10_000)) == pytest.approx(b, rel=1e-12)


def test_the_sequence_is_narrowest_near_the_planned_units():
    """B / sqrt(n), the width, has its best ratio to a single look near N*."""
    n = np.array([1_000, 10_000, 100_000])
    b = multiplier(n, alpha=0.05, planned=10_000)
    assert b[1] < b[0]
    assert b[1] < b[2]
    assert b[1] > 1.96


@settings(max_examples=40)
@given(
    n_c=some.sampled_from([100, 2_000, 10**8]),
    rates=some.tuples(*[some.sampled_from([1e-6, 0.01, 0.3, 0.99])] * 2),
    share=some.sampled_from([1, 9]),
)
def test_bounds_are_exactly_where_a_hypothesis_is_rejected(n_c, rates, share):
    """Just inside every bound the difference is kept, just outside it is rejected."""
    n_t = share * n_c
    t, c = (Arm.binary(max(1, round(p * n)), n) for p, n in zip(rates, (n_t, n_c), strict=True))
    looks = Looks.of(t, c)
    width = 3.0
    low, high = (float(x) for x in difference_bounds(looks, width))
    value = t.mean - c.mean
    assert low < value < high
    for bound, outward in ((low, -1), (high, 1)):
        step = 1e-7 * (high - low)
        for gap, kept in ((bound - outward * step, True), (bound + outward * step, False)):
            se = math.sqrt(difference_variance(np.asarray(gap), looks))
            assert (abs(value - gap) <= width * se) is kept


def test_the_interval_is_never_narrower_than_welchs():
    """Standard errors under each hypothesis only widen it; the ratio's bounds hold its estimate."""
    t, c = Arm.binary(300, 9000), Arm.binary(60, 1000)
    found = confidence_sequence(t, c, planned=20_000)
    plain = welch(t, c)
    width = float(multiplier(10_000, alpha=0.05, planned=20_000))
    assert found.low <= plain.value - width * plain.se
    assert found.high >= plain.value + width * plain.se
    ratio = confidence_sequence(t, c, planned=20_000, effect="relative")
    assert ratio.low < t.mean / c.mean - 1 < ratio.high
    assert ratio.low >= -1


@settings(max_examples=40)
@given(
    x_t=some.integers(1, 400),
    x_c=some.integers(1, 80),
    planned=some.sampled_from([500, 10_000, 10**6]),
    effect=some.sampled_from(["absolute", "relative"]),
)
def test_the_p_value_says_what_the_interval_says(x_t, x_c, planned, effect):
    """It falls below alpha exactly where the interval leaves out no difference, for either lift."""
    found = confidence_sequence(
        Arm.binary(x_t, 9000), Arm.binary(x_c, 1000), planned=planned, effect=effect
    )
    assert (found.p_value < 0.05) is not (found.low <= 0 <= found.high)


def test_what_both_arms_share_widens_a_ratio_far_from_one():
    """It cancels in the difference; of a ratio of R it leaves (1 - R)^2 of its variance."""
    t, c = Arm(500, 6.0, 4.0), Arm(500, 2.0, 4.0)
    own = means_of(t, c)
    joint = replace(own, common_treated=0.01, common_holdout=0.01, cov=0.01)
    plain, shared = Looks.of(t, c, own), Looks.of(t, c, joint)
    gap, ratio = np.asarray(4.0), np.asarray(3.0)
    assert difference_variance(gap, shared) == pytest.approx(difference_variance(gap, plain))
    assert ratio_variance(ratio, shared) - ratio_variance(ratio, plain) == pytest.approx(0.04)


def test_no_event_among_the_treated_keeps_minus_one_hundred_percent():
    """The lower bound of the ratio is 0 where nothing speaks against it; no holdout mean, no ratio."""
    looks = Looks.of(Arm.binary(0, 900), Arm.binary(40, 100))
    low, high = (float(x) for x in ratio_bounds(looks, 3.0))
    assert low == pytest.approx(0, abs=1e-9)
    assert 0 < high < 1
    assert np.isfinite(ratio_variance(np.asarray(0.5), looks))
    none = confidence_sequence(Arm.binary(5, 90), Arm.binary(0, 10), planned=500, effect="relative")
    assert math.isnan(none.value)
    assert none.high == math.inf


@pytest.mark.parametrize("sd", [0.5, 6.0])
def test_a_loss_has_a_ratio_below_nothing(sd):
    """A treated mean below zero: Fieller's set at the width of the sequence, open where his is."""
    t, c = Arm(500, -1.0, sd**2), Arm(500, 0.5, sd**2)
    looks, width = Looks.of(t, c), 3.0
    known = fieller(means_of(t, c), confidence=2 * norm.cdf(width) - 1)
    low, high = (float(x) - 1 for x in ratio_bounds(looks, width))
    assert (low, high) == pytest.approx((known.low, known.high), rel=1e-6)
    found = confidence_sequence(t, c, planned=1000, effect="relative")
    assert found.low < found.value < found.high
    assert found.value == pytest.approx(-3.0)


def test_clusters_and_covariates_scale_the_whole_guard():
    """A design effect of two widens every part of the standard error by sqrt(2)."""
    t, c = Arm.binary(300, 9000), Arm.binary(60, 1000)
    plain = means_of(t, c)
    doubled = Looks.of(t, c, _scaled(plain, 2.0))
    gap = np.asarray(0.02)
    assert difference_variance(gap, doubled) == pytest.approx(
        2 * difference_variance(gap, Looks.of(t, c)), rel=1e-9
    )


def _scaled(means, factor):
    return replace(
        means, var_treated=factor * means.var_treated, var_holdout=factor * means.var_holdout
    )


def test_an_outcome_that_may_be_negative_is_guarded_by_welch_and_pooled():
    """Profit has no k m - m^2; the variance under a hypothesis is then left out, not NaN."""
    looks = Looks.of(Arm(900, -0.5, 4.0), Arm(100, -0.7, 1.0))
    welch_var = 4.0 / 900 + 1.0 / 100
    pooled = (899 * 4.0 + 99 * 1.0) / 998 * (1 / 900 + 1 / 100)
    assert difference_variance(np.asarray(0.0), looks) == pytest.approx(max(welch_var, pooled))
    found = confidence_sequence(Arm(900, -0.5, 4.0), Arm(100, -0.7, 1.0), planned=1000)
    assert math.isfinite(found.low)


def test_any_look_false_alarms_stay_below_five_percent():
    """Rates of one percent read daily for 60 days, treatment that lowers them fourfold included."""
    rng = np.random.default_rng(8)
    days, runs = 60, 400
    day = np.arange(1.0, days + 1)
    for ratio in (1.0, 0.25, 4.0):
        x_t = rng.binomial(900, 0.01 * ratio, (runs, days)).cumsum(axis=1).astype(float)
        x_c = rng.binomial(100, 0.01, (runs, days)).cumsum(axis=1).astype(float)
        n_t, n_c = np.broadcast_to(900 * day, x_t.shape), np.broadcast_to(100 * day, x_t.shape)
        p, q = x_t / n_t, x_c / n_c
        var = [m * (1 - m) * n / (n - 1) for m, n in ((p, n_t), (q, n_c))]
        pool = ((n_t - 1) * var[0] + (n_c - 1) * var[1]) / (n_t + n_c - 2)
        looks = Looks(n_t, n_c, p, q, *var, pool, p, q, *[np.ones_like(p)] * 3)
        width = multiplier(n_t + n_c, alpha=0.05, planned=60_000)
        truth = np.full(p.shape, 0.01 * (ratio - 1))
        out = (p - q - truth) ** 2 > width**2 * difference_variance(truth, looks)
        ready = np.minimum(x_t, x_c) >= BURN_IN
        assert (out & ready).any(axis=1).mean() <= 0.05, ratio


def test_events_count_the_rarer_side():
    """Successes or failures for rates, non-zero outcomes for money."""
    assert events_in(Arm.binary(95, 100), "binary") == 5
    assert events_in(Arm.binary(5, 100), "binary") == 5
    assert events_in(Arm(100, 2.0, 1.0, events=95), "money") == 95


@pytest.mark.parametrize(("alpha", "planned"), [(0, 100), (1, 100), (0.05, 0), (0.05, -5)])
def test_impossible_plans_are_refused(alpha, planned):
    """With the value and what must hold."""
    with pytest.raises(InvalidInput, match="must be above 0"):
        mixing_variance(alpha, planned)


def test_one_unit_in_an_arm_bounds_nothing():
    """No sequence before two units in each arm."""
    found = confidence_sequence(Arm(1, 1.0, math.nan), Arm.binary(1, 9), planned=10)
    assert (found.low, found.high) == (-math.inf, math.inf)


def test_the_guard_follows_the_count_of_negative_outcomes():
    """Profit of mean .05 and sd 10 gives +-1.01 at 10,000 units, as that of mean -.05 does."""
    for mean in (0.05, -0.05):
        arms = [Arm(n, mean, 100.0, negative=n // 2) for n in (9000, 1000)]
        found = confidence_sequence(*arms, planned=10_000)
        assert (found.low, found.high) == pytest.approx((-1.01, 1.01), abs=0.005)
    guarded = confidence_sequence(
        *(replace(a, negative=0, mean=0.05) for a in arms), planned=10_000
    )
    assert guarded.low < -5
    unknown = confidence_sequence(
        *(replace(a, negative=None, mean=0.05) for a in arms), planned=10_000
    )
    assert (unknown.low, unknown.high) == (guarded.low, guarded.high)


def test_each_arm_is_scaled_by_its_own_variance():
    """Clusters that triple the variance of the treated leave that of the holdout as it is."""
    treated, holdout = Arm(9000, 1.0, 4.0, negative=100), Arm(1000, 1.0, 4.0, negative=100)
    plain = means_of(treated, holdout)
    means = replace(plain, var_treated=3 * plain.var_treated)
    looks = Looks.of(treated, holdout, means)
    assert (float(looks.effect_t), float(looks.effect_c)) == pytest.approx((3.0, 1.0))
    assert (float(looks.var_t), float(looks.var_c)) == pytest.approx((12.0, 4.0))
    assert float(looks.pooled) == pytest.approx((8999 * 12 + 999 * 4) / 9998)


def test_amounts_made_smaller_do_not_hide_how_much_the_holdout_varies():
    """Many treated at a quarter of the amounts: the guard takes the holdout's own ratio of squares."""
    treated, holdout = Arm(9000, 0.25, 0.25, negative=0), Arm(1000, 1.0, 4.0, negative=0)
    looks = Looks.of(treated, holdout)
    assert float(looks.ratio) == pytest.approx(holdout.second / holdout.mean)
    assert math.isnan(float(Looks.of(replace(treated, negative=1), holdout).ratio))


def arm_like(values: np.ndarray) -> Arm:
    """An arm of these amounts."""
    values = np.asarray(values, dtype=float)
    return replace(arm_of_values(values), negative=int((values < 0).sum()))


def test_the_holdouts_guard_knows_the_large_amounts_that_the_treated_have():
    """Amounts cut to a quarter, and none of the large ones held out: k is that of the treated, scaled up."""
    amounts = np.r_[np.ones(90), np.full(10, 30.0)]
    treated, holdout = arm_like(np.tile(amounts, 40) / 4), arm_like(amounts[:90])
    looks = Looks.of(treated, holdout)
    k = (amounts**2).sum() / amounts.sum()
    scale = amounts[:90].mean() / (amounts.mean() / 4)
    assert looks.ratios[1] == pytest.approx(k / 4 * scale)
    assert looks.ratios[1] > looks.ratio
    plain = replace(looks, ratio_t=None, ratio_c=None)
    width = multiplier(treated.n + holdout.n, alpha=0.05, planned=8_000)
    assert difference_bounds(looks, width)[0] < difference_bounds(plain, width)[0]


def test_rates_and_amounts_of_one_size_keep_their_guard():
    """Fewer who buy, all the same amount: nothing is known of larger ones, and k stays what it is."""
    for size in (1.0, 50.0):
        treated = arm_like(np.where(np.arange(4_000) < 100, size, 0.0))
        holdout = arm_like(np.where(np.arange(400) < 40, size, 0.0))
        looks = Looks.of(treated, holdout)
        assert looks.ratio == pytest.approx(size)
        assert looks.ratios == (pytest.approx(size), pytest.approx(size))


def test_an_arm_without_outcomes_says_nothing_of_the_other():
    """No one of the holdout bought: k is that of the treated; with losses there is no guard at all."""
    treated, nothing = arm_like(np.r_[np.zeros(50), np.arange(50.0)]), arm_like(np.zeros(20))
    looks = Looks.of(treated, nothing)
    assert looks.ratios == (looks.ratio, looks.ratio)
    loss = Looks.of(arm_like(np.arange(-5.0, 50)), arm_like(np.arange(1.0, 20)))
    assert np.isnan(loss.ratios).all()


def test_a_cut_of_heavy_amounts_is_rarely_missed_when_read_every_day():
    """Lognormal amounts of sigma 2.5 cut to a quarter, 50 held out a day: missed ever in 5 % of logs at most.

    Sixty logs with a fixed seed, read every six days; by the holdout's own amounts three times as many
    are missed, as the second count shows.
    """
    rng, days, runs = np.random.default_rng(8), 60, 60
    missed, before = np.zeros(runs, dtype=bool), np.zeros(runs, dtype=bool)
    for run in range(runs):
        amounts = {n: np.exp(2.5 * rng.standard_normal(n * days)) for n in (450, 50)}
        truth = -0.75 * np.exp(2.5**2 / 2)
        for day in range(6, days + 1, 6):
            treated, holdout = (
                arm_like(amounts[450][: 450 * day] / 4),
                arm_like(amounts[50][: 50 * day]),
            )
            looks = Looks.of(treated, holdout)
            width = multiplier(500.0 * day, alpha=0.05, planned=500.0 * days)
            off = (looks.value_t - looks.value_c - truth) ** 2
            plain = replace(looks, ratio_t=None, ratio_c=None)
            missed[run] |= off > width**2 * difference_variance(np.asarray(truth), looks)
            before[run] |= off > width**2 * difference_variance(np.asarray(truth), plain)
    assert missed.mean() <= 0.05
    assert before.sum() >= 3 * max(missed.sum(), 1)
