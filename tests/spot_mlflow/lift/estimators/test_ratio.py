from __future__ import annotations

import math

import numpy as np
import pytest
import tea_tasting as tt

from spot_mlflow.lift.estimators.difference import difference
from spot_mlflow.lift.estimators.ratio import ratio_by_cell, ratio_means
from spot_mlflow.lift.estimators.relative import log_delta
from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT


@pytest.fixture(scope="module")
def visits() -> dict[str, np.ndarray]:
    """Orders and visits of 3,000 customers, a fifth held out."""
    rng = np.random.default_rng(3)
    held = rng.random(3000) < 0.2
    visits = 1 + rng.poisson(2, 3000)
    orders = rng.binomial(visits, np.where(held, 0.3, 0.34))
    return {"held": held, "visits": visits.astype(float), "orders": orders.astype(float)}


def test_a_ratio_metric_agrees_with_tea_tasting(visits):
    """Difference, interval, p value and relative interval of orders per visit."""
    import pandas as pd

    frame = pd.DataFrame(
        {
            "variant": np.where(visits["held"], 0, 1),
            "orders": visits["orders"],
            "visits": visits["visits"],
        }
    )
    known = tt.Experiment(m=tt.RatioOfMeans("orders", "visits")).analyze(frame)["m"]
    arm = np.where(visits["held"], HOLDOUT, TREATMENT)
    means = ratio_means(
        Moments.of_units({"outcome": visits["orders"], "denominator": visits["visits"]}, arm)
    )
    found, relative = difference(means), log_delta(means)
    assert found.value == pytest.approx(known.effect_size, rel=1e-9)
    assert [found.low, found.high] == pytest.approx(
        [known.effect_size_ci_lower, known.effect_size_ci_upper], rel=1e-9
    )
    assert found.p_value == pytest.approx(known.pvalue, rel=1e-6)
    assert [relative.low, relative.high] == pytest.approx(
        [known.rel_effect_size_ci_lower, known.rel_effect_size_ci_upper], rel=1e-9
    )


def test_a_denominator_of_nothing_gives_no_ratio():
    """A denominator that adds up to 0, or a single unit, is not divided by."""
    arm = [TREATMENT, TREATMENT, HOLDOUT, HOLDOUT]
    cells = Moments.of_units({"outcome": [1.0, 2.0] * 2, "denominator": [0.0, 0.0, 1.0, 1.0]}, arm)
    assert math.isnan(ratio_means(cells).treated)
    assert ratio_means(cells).holdout == 1.5
    one = Moments.of_units({"outcome": [1.0, 2.0], "denominator": [2.0, 1.0]}, [TREATMENT, HOLDOUT])
    assert not ratio_means(one).known
    assert not ratio_means(one.select(one.arm == TREATMENT)).known


def test_each_cell_has_the_ratio_and_the_variance_of_its_own_units(visits):
    """All cells at once give what the formula gives over the units of one."""
    held = visits["held"]
    cells = Moments.of_units(
        {"outcome": visits["orders"], "denominator": visits["visits"]},
        np.where(held, HOLDOUT, TREATMENT),
    )
    ratio, var = ratio_by_cell(cells)
    for i, mine in enumerate((held, ~held)):
        y, d = visits["orders"][mine], visits["visits"][mine]
        known = y.sum() / d.sum()
        assert ratio[i] == pytest.approx(known, rel=1e-12)
        assert var[i] == pytest.approx(((y - known * d) / d.mean()).var(ddof=1), rel=1e-9)


def test_a_covariate_narrows_a_ratio(visits):
    """CUPED on the linearised outcome: a regression of it on the covariate gives theta and residual."""
    rng = np.random.default_rng(8)
    x = visits["orders"] / visits["visits"] + 0.1 * rng.standard_normal(3000)
    measures = {"outcome": visits["orders"], "denominator": visits["visits"]}
    arm = np.where(visits["held"], HOLDOUT, TREATMENT)
    plain = ratio_means(Moments.of_units(measures, arm))
    adjusted = ratio_means(Moments.of_units({**measures, "covariate": x}, arm))
    assert plain.method == "ratio of sums, delta method"
    assert adjusted.method == "ratio of sums, delta method, CUPED"
    assert adjusted.se < 0.8 * plain.se
    line = np.zeros(3000)
    for mine, mean in ((visits["held"], plain.holdout), (~visits["held"], plain.treated)):
        y, d = visits["orders"][mine], visits["visits"][mine]
        line[mine] = mean + (y - mean * d) / d.mean()
    theta = np.polyfit(x, line, 1)[0]
    by_hand = line - theta * (x - x.mean())
    assert adjusted.treated == pytest.approx(by_hand[~visits["held"]].mean(), rel=1e-9)
    assert adjusted.var_holdout == pytest.approx(
        by_hand[visits["held"]].var(ddof=1) / visits["held"].sum(), rel=1e-6
    )
