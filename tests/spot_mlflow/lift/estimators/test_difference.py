from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats as st
from hypothesis import given, settings
from hypothesis import strategies as some

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.estimators.arm import Arm, arms_of
from spot_mlflow.lift.estimators.difference import (
    Means,
    difference,
    means_of,
    pooled_variance,
    welch,
)
from spot_mlflow.lift.interval import quantile, satterthwaite


def test_welch_agrees_with_the_reference_figures(reference, samples):
    """Difference, standard error, degrees of freedom, interval and p value on all real data."""
    for key, sample in samples.items():
        known, found = reference[key], welch(*arms_of(sample.cells))
        assert found.value == pytest.approx(known["diff"], rel=1e-9), key
        assert found.se == pytest.approx(known["se_welch"], rel=1e-9), key
        assert found.df == pytest.approx(known["df"], rel=1e-9), key
        for told in ("ci_scipy", "ci_statsmodels", "ci_tea"):
            assert [found.low, found.high] == pytest.approx(known[told], rel=1e-9), key
        assert [found.low, found.high] == pytest.approx(known["gbstats"]["ci"], rel=1e-9), key
        for told in ("p_scipy", "p_sm", "p_tea"):
            assert found.p_value == pytest.approx(known[told], rel=1e-6), key
        # gbstats takes 1 - cdf, which leaves no more than 1e-15.
        assert found.p_value == pytest.approx(known["gbstats"]["p"], rel=1e-6, abs=1e-15), key


def test_one_variance_for_both_arms_gives_the_ols_figure(samples):
    """The job training experiment: +1,794.34 USD, OLS standard error 632.85, Welch 671.00."""
    arms = arms_of(samples["nsw/re78"].cells)
    spread = pooled_variance(*arms) * sum(1 / arm.n for arm in arms)
    assert math.sqrt(spread) == pytest.approx(632.85, abs=0.01)
    assert welch(*arms).se == pytest.approx(671.00, abs=0.01)


@settings(max_examples=60)
@given(
    n_t=some.integers(2, 400),
    n_c=some.integers(2, 400),
    shift=some.sampled_from([0.0, 1e6]),
    scale=some.sampled_from([1e-3, 1.0, 1e6]),
    seed=some.integers(0, 2**31),
)
def test_welch_agrees_with_scipy(n_t, n_c, shift, scale, seed):
    """On generated data, money with mean 1e6 and spread 1 included."""
    rng = np.random.default_rng(seed)
    a, b = shift + scale * rng.standard_normal(n_t), shift + scale * rng.standard_normal(n_c)
    found = welch(_arm(a), _arm(b))
    known = st.ttest_ind(a, b, equal_var=False)
    ci = known.confidence_interval()
    near = pytest.approx  # the data themselves are rounded at 1e6 * 2^-53
    assert found.df == near(known.df, rel=1e-6)
    assert [found.low, found.high] == near([ci.low, ci.high], rel=1e-6, abs=1e-7 * scale)
    assert found.p_value == near(known.pvalue, rel=1e-5)


@settings(max_examples=30)
@given(n_t=some.integers(2, 40), n_c=some.integers(2, 40), seed=some.integers(0, 2**31))
def test_one_variance_agrees_with_scipy(n_t, n_c, seed):
    """That of Student's t of two arms of any size, two units included."""
    rng = np.random.default_rng(seed)
    a, b = 5 + rng.standard_normal(n_t), rng.standard_normal(n_c)
    se = math.sqrt(pooled_variance(_arm(a), _arm(b)) * (1 / n_t + 1 / n_c))
    assert se == pytest.approx((a.mean() - b.mean()) / st.ttest_ind(a, b).statistic, rel=1e-6)


def _arm(x: np.ndarray) -> Arm:
    return Arm(len(x), float(x.mean()), float(x.var(ddof=1)))


def test_a_billion_units_do_not_overflow():
    """1e9 units with rates near 0 and near 1 give finite, ordered intervals."""
    n = 10**9
    for p, q in ((1e-9, 2e-9), (1 - 1e-9, 1 - 3e-9), (1e-6, 1 - 1e-6)):
        found = welch(Arm.binary(round(p * n), n), Arm.binary(round(q * n), n))
        assert found.low < found.value < found.high
        assert math.isfinite(found.low)
        assert math.isfinite(found.high)


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_units_give_no_interval(n):
    """The estimate is not known and both bounds are infinite; nothing raises."""
    found = welch(Arm(n, 0.5 if n else math.nan, math.nan), Arm.binary(10, 100))
    assert (found.low, found.high, found.se) == (-math.inf, math.inf, None)
    assert found.value == pytest.approx(0.4) if n else math.isnan(found.value)
    assert found.method == "Welch" or found.p_value is None
    few, enough = Arm(1, 0.5, math.nan), Arm.binary(1, 9)
    for arms in ((few, enough), (enough, few)):
        assert welch(*arms).se is None


@pytest.mark.parametrize("confidence", [0, 1, 1.5, -0.1, 95])
def test_a_confidence_out_of_range_is_refused(confidence):
    """The message says what was given and what must hold."""
    with pytest.raises(InvalidInput, match=r"must be above 0 and below 1"):
        welch(Arm.binary(1, 9), Arm.binary(2, 9), confidence=confidence)


def test_decrease_turns_the_interval_around():
    """In improvement units a fall of a bad rate is a gain, bounds swapped."""
    raw = welch(Arm.binary(20, 100), Arm.binary(40, 100))
    turned = raw.improved("decrease")
    assert (turned.value, turned.low, turned.high) == (-raw.value, -raw.high, -raw.low)
    assert raw.improved("increase") is raw


def test_what_both_arms_share_in_full_cancels():
    """Adding the same thing to both means leaves the difference and its interval as they are."""
    plain = means_of(Arm.binary(20, 100), Arm.binary(40, 100))
    shared = Means(
        plain.treated,
        plain.holdout,
        plain.var_treated,
        plain.var_holdout,
        plain.df_treated,
        plain.df_holdout,
        common_treated=0.3,
        common_holdout=0.3,
        cov=0.3,
    )
    assert difference(shared).low == pytest.approx(difference(plain).low)
    assert shared.total_treated == plain.var_treated + 0.3
    assert shared.total_holdout == plain.var_holdout + 0.3
    apart = replace(shared, cov=0.1)
    assert apart.se == pytest.approx(math.sqrt(plain.se**2 + 0.4))
    assert replace(shared, cov=9.0).se == 0


def test_quantile_and_satterthwaite():
    """Known points: 1.96 for the normal, 2.228 for t with 10; one part keeps its own freedom."""
    assert quantile(0.95) == pytest.approx(1.959963984540054, rel=1e-12)
    assert quantile(0.95, 10) == pytest.approx(st.t.ppf(0.975, 10), rel=1e-9)
    assert satterthwaite([(2.0, 7.0), (0.0, 3.0)]) == pytest.approx(7.0)
    assert satterthwaite([]) == math.inf
