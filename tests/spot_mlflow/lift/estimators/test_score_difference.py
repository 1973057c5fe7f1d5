from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar
from scipy.special import xlogy
from scipy.stats import norm

from spot_mlflow.lift.estimators.score_difference import score_difference, score_difference_bounds

TABLES = [
    (20, 100, 3, 50),
    (900, 9000, 100, 1000),
    (9, 9000, 1, 1000),
    (0, 1000, 5, 100),
    (5, 56, 0, 29),
    (180, 18_000, 20, 2000),
    (95.5, 100, 40.2, 50.5),
]


def by_likelihood(gap: float, x_t: float, n_t: float, x_c: float, n_c: float) -> float:
    """The score with the restricted rate found by maximizing the likelihood itself."""

    def loss(p: float) -> float:
        parts = [xlogy(x_t, p + gap), xlogy(n_t - x_t, 1 - p - gap)]
        return -math.fsum([*parts, xlogy(x_c, p), xlogy(n_c - x_c, 1 - p)])

    bounds = (max(0.0, -gap), min(1.0, 1 - gap))
    p = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-13}).x
    n = n_t + n_c
    var = ((p + gap) * (1 - p - gap) / n_t + p * (1 - p) / n_c) * n / (n - 1)
    return (x_t / n_t - x_c / n_c - gap) / math.sqrt(var)


@pytest.mark.parametrize("table", TABLES)
def test_the_bounds_are_where_the_likelihood_says(table):
    """Against a likelihood maximized by scipy (statsmodels 0.15 has a slip in its cubic)."""
    found, z = score_difference(*table), norm.ppf(0.975)
    ends = (found.value - 1e-9, -1 + 1e-9), (found.value + 1e-9, 1 - 1e-9)
    for bound, (inside, outside), side in zip((found.low, found.high), ends, (1, -1), strict=True):
        known = brentq(lambda g, side=side: by_likelihood(g, *table) - side * z, inside, outside)
        assert bound == pytest.approx(known, abs=2e-7)


def test_published_figures():
    """56/70 against 48/80: .0528 to .3382; 9/10 against 3/10: .1700 to .8406 (Newcombe 1998)."""
    for table, known in (((56, 70, 48, 80), (0.0528, 0.3382)), ((9, 10, 3, 10), (0.1700, 0.8406))):
        found = score_difference(*table)
        assert (found.low, found.high) == pytest.approx(known, abs=5e-5)


@pytest.mark.parametrize("table", [(0, 100, 0, 30), (100, 100, 30, 30), (5, 5, 0, 5), (1, 1, 0, 1)])
def test_rates_of_0_and_1_are_bounded(table):
    """Nothing happened, or always: still an interval around the estimate, within -1 to 1."""
    found = score_difference(*table)
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert found.low < found.high


def test_the_p_value_says_what_the_interval_says():
    """Below .05 exactly where the 95 % interval leaves out 0, over many tables at once."""
    rng = np.random.default_rng(5)
    for x_t, x_c in rng.integers(0, 60, (200, 2)):
        found = score_difference(x_t, 600, x_c, 300)
        assert (found.p_value < 0.05) == (found.low > 0 or found.high < 0)
    x_t, x_c = rng.integers(0, 60, (2, 50))
    low, high = score_difference_bounds(x_t, 600, x_c, 300)
    one = score_difference(int(x_t[7]), 600, int(x_c[7]), 300)
    assert (low[7], high[7]) == pytest.approx((one.low, one.high))
