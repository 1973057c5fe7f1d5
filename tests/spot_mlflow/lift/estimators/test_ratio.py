from __future__ import annotations

import math

import numpy as np
import pytest
import tea_tasting as tt

from spot_mlflow.lift.estimators.difference import difference
from spot_mlflow.lift.estimators.ratio import outcome_line, ratio_by_cell, ratio_means
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
    alone = ratio_means(one.select(one.arm == TREATMENT))
    assert not alone.known
    assert math.isnan(alone.holdout)
    assert math.isnan(alone.var_holdout)


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


def test_two_units_are_enough_for_a_covariate_and_one_is_not():
    """With one unit in an arm the covariate is left aside, and the method says so."""
    measures = {"outcome": [1.0, 2.0, 1.0, 3.0], "denominator": [1.0, 2.0, 1.0, 2.0]}
    measures["covariate"] = [1.0, 2.0, 2.0, 1.0]
    two = Moments.of_units(measures, [TREATMENT, TREATMENT, HOLDOUT, HOLDOUT])
    assert ratio_means(two).method.endswith("CUPED")
    one = Moments.of_units(measures, [TREATMENT, TREATMENT, TREATMENT, HOLDOUT])
    assert not ratio_means(one).method.endswith("CUPED")


def test_a_ratio_that_every_unit_shares_has_no_spread():
    """Twice the denominator in each unit: the ratio is 2 and its variance nothing, never below."""
    d = np.random.default_rng(4).random(200) + 0.1
    cells = Moments.of_units(
        {"outcome": 2 * d, "denominator": d}, [TREATMENT] * 100 + [HOLDOUT] * 100
    )
    ratio, var = ratio_by_cell(cells)
    assert ratio == pytest.approx([2, 2])
    assert (var >= 0).all()
    assert var == pytest.approx([0, 0], abs=1e-12)
    means = ratio_means(cells)
    assert 0 <= means.var_treated < 1e-12
    assert (means.df_treated, means.df_holdout) == (99, 99)


def test_the_line_makes_the_mean_of_an_arm_from_its_units(visits):
    """Of a ratio the linearised outcome, which does not vary with the denominator; else the outcome."""
    held = visits["held"]
    y, d = visits["orders"][held], visits["visits"][held]
    arm = [HOLDOUT] * len(y)
    mean, line = outcome_line(Moments.of_units({"outcome": y, "denominator": d}, arm))
    assert mean == pytest.approx(y.sum() / d.sum())
    assert line == pytest.approx([1 / d.mean(), -mean / d.mean()])
    plain, only = outcome_line(Moments.of_units({"outcome": y, "covariate": d}, arm))
    assert (plain, only.tolist()) == (pytest.approx(y.mean()), [1.0, 0.0])
