from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import t as student

from spot_mlflow.lift.estimation.chosen import Estimation
from spot_mlflow.lift.estimation.reliability import skew_in
from spot_mlflow.lift.estimators.arm import Arm
from spot_mlflow.lift.estimators.difference import means_of, welch
from spot_mlflow.lift.estimators.relative import fieller
from spot_mlflow.lift.estimators.skewness import (
    corrected_difference,
    corrected_ratio,
    critical,
    skew_of,
    units_for,
)


def test_equal_arms_cancel_the_skewness():
    """What bends the interval is the difference's skewness: none where both arms have one size."""
    even = skew_of(Arm(5000, 2.0, 9.0, 20.0), Arm(5000, 2.0, 9.0, 30.0))
    assert even.difference == 0
    assert even.unit == 25
    lone = skew_of(Arm(10**9, 2.0, 9.0, 20.0), Arm(400, 2.0, 9.0, 0.0))
    assert lone.difference == pytest.approx(-20 / math.sqrt(400), rel=1e-3)


def test_an_arm_cannot_hide_its_skewness():
    """A holdout without a great outcome has the skewness that the treated show."""
    seen = skew_of(Arm(19_000, 1.0, 4.0, 40.0), Arm(1000, 1.0, 1.0, 2.0))
    assert seen.unit == pytest.approx(38.1)
    assert seen.beyond
    assert skew_of(Arm(900, 1, 1, 1.0), Arm(100, 1, 1, 1.0), at_least=40.0).unit == 40.0


def test_hall_inverts_his_own_transformation():
    """G of the critical values gives back Student's quantile; without skewness it is that."""
    quantile = student.ppf(0.975, 50)
    assert critical(0.0, 50, 0.95) == pytest.approx((-quantile, quantile))
    for skewness in (-0.5, 0.2, 0.5):
        a = skewness / 3
        for t, known in zip(critical(skewness, 50, 0.95), (-quantile, quantile), strict=True):
            assert t + a * t**2 + a**2 * t**3 / 3 + a / 2 == pytest.approx(known)


def test_the_ratio_is_fieller_where_nothing_is_skewed():
    """Without skewness the corrected intervals are Welch's and Fieller's with Student's quantiles."""
    arms = Arm(10**7, 5.5, 9.0), Arm(10**7, 5.0, 9.0)
    means = means_of(*arms)
    found, known = corrected_ratio(means, 0.0, confidence=0.95), fieller(means)
    assert (found.low, found.high) == pytest.approx((known.low, known.high), rel=1e-5)
    plain, w = corrected_difference(means, 0.0, confidence=0.95), welch(*arms)
    assert (plain.low, plain.high, plain.p_value) == pytest.approx((w.low, w.high, w.p_value))


def test_a_holdout_that_may_be_0_leaves_the_ratio_open():
    """No ratio is ruled out from above, which is an infinite bound, not an error."""
    means = means_of(Arm(1000, 1.0, 100.0), Arm(50, 0.5, 100.0))
    assert corrected_ratio(means, -0.2, confidence=0.95).high == math.inf


def test_a_small_holdout_is_covered_where_student_fails():
    """Money of one in ten, sigma 1, 4,500 : 500: 94 to 96.5 % by the correction, under 94 % by Welch."""
    rng, truth, hits = np.random.default_rng(11), 0.0, np.zeros(2)
    runs = 1500
    for _ in range(runs):
        arms = []
        for n in (4500, 500):
            y = np.where(rng.random(n) < 0.1, np.exp(rng.standard_normal(n)), 0.0)
            z = y - y.mean()
            arms.append(Arm(n, y.mean(), y.var(ddof=1), float((z**3).mean() / y.std() ** 3)))
        means, skew = means_of(*arms), skew_of(*arms)
        for i, found in enumerate(
            (corrected_difference(means, skew.difference, confidence=0.95), welch(*arms))
        ):
            hits[i] += found.low <= truth <= found.high
    assert 0.94 <= hits[0] / runs <= 0.975
    assert hits[1] / runs < 0.94


def test_units_that_would_be_enough_are_enough():
    """At so many units with the same outcome the skewness is within the limits."""
    arms = Arm(4500, 1.0, 4.0, 40.0), Arm(500, 1.0, 4.0, 40.0)
    times = units_for(skew_of(*arms), *arms) / 5000
    more = skew_of(*(Arm(math.ceil(a.n * times), a.mean, a.var, a.skew) for a in arms))
    assert skew_of(*arms).beyond
    assert not more.beyond


def test_weights_leave_fewer_effective_units():
    """Twice the variance of the mean counts as half the units; an adjustment does not count as more."""
    treated, holdout = Arm(9000, 1.0, 4.0, 5.0), Arm(1000, 1.0, 4.0, 5.0)
    plain = Estimation(means_of(treated, holdout), treated, holdout, 10_000, 1000)
    means = replace(plain.means, var_treated=8 / 9000, var_holdout=8 / 1000)
    halves = skew_of(Arm(4500, 1.0, 4.0, 5.0), Arm(500, 1.0, 4.0, 5.0))
    assert skew_in(replace(plain, means=means)).difference == pytest.approx(halves.difference)
    less = replace(plain.means, var_treated=1 / 9000, var_holdout=1 / 1000)
    assert skew_in(replace(plain, means=less)) == skew_in(plain) == skew_of(treated, holdout)
