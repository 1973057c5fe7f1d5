from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from spot_mlflow.figures import LiftScale
from spot_mlflow.lift.estimation.rows import rows_of
from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT
from spot_mlflow.lift.soundness.novelty import trend_of

SCALE = LiftScale(100.0, "points", 1)


def periods(rng, slope, days=40, a_day=400):
    """Rates with a lift of .10 that changes by ``slope`` a day."""
    day = np.repeat(np.arange(days), a_day)
    t = rng.random(len(day)) < 0.7
    y = (rng.random(len(day)) < 0.2 + t * (0.10 + slope * day)).astype(float)
    when = np.datetime64("2027-01-01") + day
    cells = Moments.of_units({"outcome": y}, np.where(t, TREATMENT, HOLDOUT), period=when)
    return rows_of(cells.collapse("period", "arm"), "period")


def test_the_trend_is_a_weighted_regression(contract):
    """Slope and standard error as statsmodels' WLS with known variances gives them."""
    rows = periods(np.random.default_rng(1), -0.001)
    found = trend_of(rows, contract())
    assert found is not None
    n_t, n_c = rows.n_t, rows.n_c

    def spread(n, mean):
        p = (n * mean).sum() / n.sum()
        return p * (1 - p) * n.sum() / (n.sum() - 1)

    v = spread(n_t, rows.mean_t) / n_t + spread(n_c, rows.mean_c) / n_c
    x = sm.add_constant(np.arange(len(n_t), dtype=float))
    fit = sm.WLS(rows.mean_t - rows.mean_c, x, weights=1 / v).fit(cov_type="fixed scale")
    assert found.per_day == pytest.approx(fit.params[1], rel=1e-9)
    assert found.se == pytest.approx(fit.bse[1], rel=1e-9)
    assert found.p_value == pytest.approx(fit.pvalues[1], rel=1e-6)
    assert found.first == pytest.approx(fit.params[0], rel=1e-9)


def test_a_lift_that_wears_off_is_said(contract):
    """And one that grows; in improvement units, so that direction turns them around."""
    fading = trend_of(periods(np.random.default_rng(1), -0.002), contract())
    assert fading is not None
    assert fading.fading
    assert "wears off" in fading.words(SCALE)
    turned = trend_of(periods(np.random.default_rng(1), -0.002), contract(direction="decrease"))
    assert turned is not None
    assert turned.growing
    assert "grows" in turned.words(SCALE)


def test_a_steady_lift_shows_no_trend(contract):
    """At most a few percent of steady lifts are called changing."""
    called = 0
    for seed in range(60):
        found = trend_of(periods(np.random.default_rng(seed), 0.0, days=20, a_day=100), contract())
        assert found is not None
        called += found.fading or found.growing
    assert called <= 3


def test_two_periods_or_no_spread_show_nothing(contract):
    """A line through two points, or through constants, is no trend."""
    assert trend_of(periods(np.random.default_rng(1), 0.0, days=2), contract()) is None
    cells = Moments.of_units(
        {"outcome": np.zeros(8)},
        [TREATMENT, HOLDOUT] * 4,
        period=np.datetime64("2027-01-01") + np.repeat(np.arange(4), 2),
    )
    assert trend_of(rows_of(cells, "period"), contract()) is None
