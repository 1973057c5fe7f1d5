from __future__ import annotations

import numpy as np
import pytest

from spot_mlflow.lift.chances import Chances, chances_of
from spot_mlflow.lift.estimation import estimate_means
from spot_mlflow.lift.moments import HOLDOUT, TREATMENT, Moments, OutcomeMoments
from spot_mlflow.lift.plan import plan_lift
from spot_mlflow.lift.realized import realize
from spot_mlflow.lift.verdict import judge

PROMISE = {"lift": 0.04, "baseline": 0.10}


def chances_by_simulation(made, holdout, units, rate, runs=200):
    """Share of each verdict when the check itself is run over simulated counts."""
    rng = np.random.default_rng(9)
    n_c = round(units * holdout)
    n_t = round(units) - n_c
    seen = {"exceeded": 0, "met": 0, "shortfall": 0, "inconclusive": 0}
    for _ in range(runs):
        x_t, x_c = rng.binomial(n_t, rate), rng.binomial(n_c, 0.10)
        moments = OutcomeMoments(counts(x_t, n_t, x_c, n_c), {}, "2027-01-01")
        basis = realize(estimate_means(moments, made), made).basis
        seen[judge(basis, made).verdict] += 1
    return {k: v / runs for k, v in seen.items()}


def counts(x_t, n_t, x_c, n_c) -> Moments:
    """Moments of two rates without the units."""
    n, x = np.array([n_c, n_t]), np.array([x_c, x_t], dtype=float)
    return Moments(
        segment=np.array(["", ""], dtype=object),
        arm=np.array([HOLDOUT, TREATMENT], dtype=object),
        period=np.array(["NaT", "NaT"], dtype="datetime64[D]"),
        measures=("outcome",),
        assigned=n,
        matured=n,
        n=n,
        center=np.zeros(1),
        s1=x[:, None],
        s2=x[:, None, None],
        s3=x[:, None],
        nonzero=x[:, None].astype(int),
        largest=np.ones((2, 1)),
        missing=np.zeros((2, 1), dtype=int),
    )


@pytest.mark.parametrize(
    "more", [{}, {"planned_units": 12_000}, {"effect": "relative", "tolerance": 0.2}]
)
def test_chances_are_those_of_the_check_itself(contract, more):
    """The check run over simulated logs gives each verdict as often as the plan says."""
    lift = 0.4 if "effect" in more else 0.04
    made = contract(**{"predicted": {**PROMISE, "lift": lift}, "tolerance": 0.02, **more})
    row = plan_lift(made, holdouts=[0.2], units=12_000).holdouts[0]
    for truth, rate in (("true", 0.14), ("half true", 0.12), ("false", 0.10)):
        seen = chances_by_simulation(made, 0.2, 12_000, rate)
        for verdict, share in seen.items():
            planned = getattr(row.chances[truth], verdict)
            assert share == pytest.approx(planned, abs=0.11), (truth, verdict)


def test_the_chances_of_a_normal_estimate_by_hand():
    """Gap -1, tolerance 2, bounds one to each side, standard error 1: met where the estimate is >= -1."""
    found = chances_of(-1.0, 1.0, 1.0, 1.0, 2.0)
    assert found.met == pytest.approx(0.5 - 3.167124183311998e-05, rel=1e-6)
    assert found.exceeded == pytest.approx(3.167124183311998e-05, rel=1e-6)
    assert found.shortfall == pytest.approx(0.02275013194817921, rel=1e-9)
    assert found.inconclusive == pytest.approx(1 - 0.5 - 0.02275013194817921)


@pytest.mark.parametrize(
    ("below", "above", "se"), [(np.inf, 1.0, 1.0), (1.0, np.inf, 1.0), (1.0, 1.0, 0.0)]
)
def test_an_open_interval_decides_nothing(below, above, se):
    """Without bounds, or without a spread to reckon with, all is inconclusive."""
    assert chances_of(0.0, below, above, se, 1.0) == Chances(0.0, 0.0, 0.0, 1.0)
