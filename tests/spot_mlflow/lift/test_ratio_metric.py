from __future__ import annotations

import math

import numpy as np
import pytest
import tea_tasting as tt

from spot_mlflow.lift.difference import difference
from spot_mlflow.lift.moments import HOLDOUT, TREATMENT, Moments
from spot_mlflow.lift.ratio_metric import ratio_mean, ratio_means
from spot_mlflow.lift.relative import log_delta


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
    cells = Moments.of_units({"outcome": [1.0, 2.0], "denominator": [0.0, 0.0]}, [TREATMENT] * 2)
    assert math.isnan(ratio_mean(cells)[0])
    one = Moments.of_units({"outcome": [1.0], "denominator": [2.0]}, [TREATMENT])
    assert math.isnan(ratio_mean(one)[0])
    assert ratio_mean(one.select(np.array([False])))[2] == 0


def test_a_covariate_narrows_a_ratio(visits):
    """Theta on the linearised outcome takes away what the covariate explains."""
    x = visits["orders"] / visits["visits"]
    measures = {"outcome": visits["orders"], "denominator": visits["visits"], "covariate": x}
    cells = Moments.of_units(measures, np.full(3000, TREATMENT))
    plain, adjusted = ratio_mean(cells), ratio_mean(cells, theta=0.8)
    assert adjusted[0] == plain[0]
    assert adjusted[1] < plain[1]
