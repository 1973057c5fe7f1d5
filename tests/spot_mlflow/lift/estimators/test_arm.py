from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats as st
from hypothesis import given, settings
from hypothesis import strategies as some

from spot_mlflow.lift.estimators.arm import Arm, arm_of, arms_of
from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT
from spot_mlflow.lift.moments.spread import cells_of


@settings(max_examples=40)
@given(
    n=some.integers(3, 200),
    mean=some.sampled_from([0.0, 1.0, 1e6, -1e6]),
    spread=some.sampled_from([1e-3, 1.0, 1e4]),
    seed=some.integers(0, 2**31),
)
def test_moments_of_an_arm_are_those_of_its_units(n, mean, spread, seed):
    """Mean, variance and skewness agree with numpy and scipy, far from zero as well."""
    x = mean + spread * np.random.default_rng(seed).standard_normal(n)
    arm = arm_of(Moments.of_units({"outcome": x}, np.full(n, TREATMENT)))
    assert arm.mean == pytest.approx(x.mean(), rel=1e-12)
    assert arm.var == pytest.approx(x.var(ddof=1), rel=1e-7)
    assert arm.skew == pytest.approx(st.skew(x), rel=1e-5, abs=1e-6)
    assert arm.largest == x.max()


def test_a_constant_has_no_spread():
    """What rounding leaves of a constant far from zero is not taken for a spread."""
    arm = arm_of(Moments.of_units({"outcome": np.full(7, 1e6 + 0.1)}, np.full(7, HOLDOUT)))
    assert arm.var == 0
    assert arm.skew == 0


def test_an_empty_or_single_unit_arm_is_not_known():
    """No unit gives NaN, one unit a mean without variance; neither raises."""
    cells = Moments.of_units({"outcome": [3.0]}, [TREATMENT])
    treated, holdout = arms_of(cells)
    assert (treated.n, treated.mean) == (1, 3.0)
    assert math.isnan(treated.var)
    assert holdout.n == 0
    assert math.isnan(holdout.mean)
    assert np.isnan(cells_of(cells).cov).all()


def test_a_rate_is_an_arm():
    """``binary`` gives the same arm as the units themselves."""
    units = np.r_[np.ones(30), np.zeros(970)]
    a = arm_of(Moments.of_units({"outcome": units}, np.full(1000, TREATMENT)))
    b = Arm.binary(30, 1000)
    assert (b.n, b.events, b.mean) == (a.n, a.events, pytest.approx(a.mean))
    assert b.var == pytest.approx(a.var, rel=1e-12)
    assert b.skew == pytest.approx(a.skew, rel=1e-9)
