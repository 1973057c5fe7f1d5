from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from spot_mlflow.lift.estimators.difference import difference, welch
from spot_mlflow.lift.estimators.stratified import Stratum, stratified_means
from spot_mlflow.lift.promise.history import arm_of_values


def strata(outcome: np.ndarray, segment: np.ndarray) -> Stratum:
    """One arm, segment by segment."""
    parts = [outcome[segment == s] for s in np.unique(segment)]
    return Stratum(
        np.array([len(p) for p in parts], dtype=float),
        np.array([p.mean() for p in parts]),
        np.array([p.var(ddof=1) for p in parts]),
    )


@settings(max_examples=25)
@given(seed=some.integers(0, 2**31), k=some.integers(2, 6))
def test_the_difference_is_that_of_the_segments_weighted_by_size(seed, k):
    """Value and variance by hand: sum w tau, sum w^2 (v_t/n_t + v_c/n_c) and that of the mix."""
    rng = np.random.default_rng(seed)
    n = 60 * k
    segment, held = np.arange(n) % k, rng.random(n) < 0.4
    held[: 2 * k], held[2 * k : 4 * k] = True, False
    y = rng.standard_normal(n) + segment + 0.5 * ~held * segment
    t, c = strata(y[~held], segment[~held]), strata(y[held], segment[held])
    found = difference(stratified_means(t, c))
    w = (t.n + c.n) / n
    lift = t.mean - c.mean
    value = (w * lift).sum()
    within = (w**2 * (t.var / t.n + c.var / c.n)).sum()
    mix = (w * (lift - value) ** 2).sum() / n
    assert found.value == pytest.approx(value, rel=1e-9, abs=1e-12)
    assert found.se == pytest.approx(np.sqrt(within + mix), rel=1e-9)


def test_one_segment_is_welch():
    """Without anything to stratify by, the plain interval comes out."""
    rng = np.random.default_rng(1)
    t, c = rng.standard_normal(80), rng.standard_normal(50)
    one = difference(stratified_means(strata(t, np.zeros(80)), strata(c, np.zeros(50))))
    plain = welch(arm_of_values(t), arm_of_values(c))
    assert (one.value, one.low, one.df) == pytest.approx((plain.value, plain.low, plain.df))


def test_it_undoes_a_treatment_share_that_differs_by_segment():
    """Where good segments are treated more often, the pooled difference finds a lift that is not there."""
    high, low = np.tile([1.0, 1, 1, 0], 100), np.tile([1.0, 0, 0, 0], 100)
    treated = np.r_[np.tile(high, 9), low], np.r_[np.ones(3600), np.zeros(400)]
    holdout = np.r_[high, np.tile(low, 9)], np.r_[np.ones(400), np.zeros(3600)]
    assert treated[0].mean() - holdout[0].mean() > 0.3
    found = difference(stratified_means(strata(*treated), strata(*holdout)))
    assert found.value == pytest.approx(0, abs=1e-12)
