from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as some

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.estimators.difference import difference
from spot_mlflow.lift.estimators.weighted import overlap_words, weighted_means
from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT


def history(rng, n=20_000, spread=0.6):
    """Units treated the more often the better they do anyway; true lift .05."""
    x = rng.random(n)
    p = 0.5 + spread * (x - 0.5)
    t = rng.random(n) < p
    y = (rng.random(n) < 0.1 + 0.3 * x + 0.05 * t).astype(float)
    return y, np.where(t, TREATMENT, HOLDOUT), 1 / np.where(t, p, 1 - p)


def cells(y, arm, w):
    """The units, reduced as a log with propensities is."""
    return Moments.of_units({"outcome": y, "weight": w, "weighted_outcome": w * y}, arm)


def test_hajek_is_a_weighted_regression_with_robust_errors():
    """Value, and standard error up to n/(n-1), as statsmodels' WLS with HC1-like errors gives them."""
    y, arm, w = history(np.random.default_rng(2), n=3000)
    found = weighted_means(cells(y, arm, w))
    for label, mean, var in (
        (TREATMENT, found.means.treated, found.means.var_treated),
        (HOLDOUT, found.means.holdout, found.means.var_holdout),
    ):
        mine = arm == label
        fit = sm.WLS(y[mine], np.ones(mine.sum()), weights=w[mine]).fit(cov_type="HC1")
        assert mean == pytest.approx(fit.params[0], rel=1e-9)
        assert var == pytest.approx(fit.bse[0] ** 2, rel=1e-6)


def test_it_undoes_who_was_chosen():
    """The plain difference is off by twice the lift, the weighted one is not."""
    y, arm, w = history(np.random.default_rng(7), n=100_000)
    plain = y[arm == TREATMENT].mean() - y[arm == HOLDOUT].mean()
    found = difference(weighted_means(cells(y, arm, w)).means)
    assert plain > 0.07
    assert found.low < 0.05 < found.high


def test_overlap_is_said_aloud():
    """Effective units, greatest weight and the coverage of the whole; poor where few count."""
    y, arm, w = history(np.random.default_rng(4))
    found = weighted_means(cells(y, arm, w))
    mine = w[arm == TREATMENT]
    assert found.treated.effective == pytest.approx(mine.sum() ** 2 / (mine**2).sum(), rel=1e-9)
    assert found.treated.largest == mine.max()
    assert found.treated.coverage == pytest.approx(1, abs=0.05)
    assert not found.treated.poor
    assert "count as" in overlap_words("treated", found.treated)
    lopsided = np.where(np.arange(len(w)) % 1000 == 0, 1e4, 1.0)
    assert weighted_means(cells(y, arm, lopsided)).treated.poor


def test_propensities_of_the_other_arm_are_noticed():
    """Weights add up to all units of both arms where propensities are right, and only then."""
    rng = np.random.default_rng(4)
    for seed in range(40):
        right = weighted_means(cells(*history(np.random.default_rng(seed), n=3000)))
        assert not right.treated.astray
        assert not right.holdout.astray
    n = 5000
    t = rng.random(n) < 0.8
    y, arm = rng.random(n), np.where(t, TREATMENT, HOLDOUT)
    of_treatment = weighted_means(cells(y, arm, np.full(n, 1 / 0.8)))  # for the holdout: not 1 / .2
    assert of_treatment.holdout.astray
    assert not of_treatment.treated.astray
    assert "together 26 % of all units" in overlap_words("holdout", of_treatment.holdout)


@settings(max_examples=40)
@given(
    seed=some.integers(0, 2**31),
    heavy=some.sampled_from([1.0, 10.0, 1e6]),
    shift=some.sampled_from([0.0, 1e6]),
)
def test_weights_that_differ_by_a_million_agree_with_statsmodels(seed, heavy, shift):
    """Mean and robust variance of rates and of money with mean 1e6; no overflow, no NaN."""
    rng = np.random.default_rng(seed)
    y, arm = shift + rng.standard_normal(200), np.where(rng.random(200) < 0.5, TREATMENT, HOLDOUT)
    w = np.where(rng.random(200) < 0.3, heavy, 1.0) * rng.uniform(1, 2, 200)
    found = weighted_means(cells(y, arm, w))
    mine = arm == TREATMENT
    fit = sm.WLS(y[mine], np.ones(mine.sum()), weights=w[mine]).fit(cov_type="HC1")
    assert found.means.treated == pytest.approx(fit.params[0], rel=1e-9)
    # At mean 1e6 the sum of squares of w y leaves two to four digits of a spread of 1.
    exact = 1e-9 if shift == 0 else 1e-2
    assert found.means.var_treated == pytest.approx(fit.bse[0] ** 2, rel=exact)
    assert found.treated.effective == pytest.approx(w[mine].sum() ** 2 / (w[mine] ** 2).sum())
    assert math.isfinite(difference(found.means).low)


def test_without_propensities_it_is_refused():
    """The message names the column to give."""
    plain = Moments.of_units({"outcome": [0.0, 1.0]}, [TREATMENT, HOLDOUT])
    with pytest.raises(InvalidInput, match=r"columns\.propensity"):
        weighted_means(plain)


def test_an_arm_of_one_is_not_known():
    """One unit has no spread."""
    y, arm, w = np.array([1.0, 0, 1]), np.array([TREATMENT, HOLDOUT, HOLDOUT]), np.ones(3)
    assert not weighted_means(cells(y, arm, w)).means.known
