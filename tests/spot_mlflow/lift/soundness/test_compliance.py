from __future__ import annotations

import math

import numpy as np
import pytest

from spot_mlflow.evidence import jsonable
from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT
from spot_mlflow.lift.soundness.compliance import compliance


def units(rng, n=4000, reach=0.6, leak=0.0, effect=0.2):
    """Half treated, ``reach`` of them reached, ``leak`` of the holdout; only the reached gain."""
    t = np.arange(n) % 2 == 0
    d = (rng.random(n) < np.where(t, reach, leak)).astype(float)
    y = (rng.random(n) < 0.1 + effect * d).astype(float)
    return {"outcome": y, "delivered": d}, np.where(t, TREATMENT, HOLDOUT)


def test_the_lift_of_those_reached_is_two_stage_least_squares():
    """Value and standard error agree with an instrumental variable regression by hand."""
    rng = np.random.default_rng(1)
    measures, arm = units(rng, leak=0.1)
    found = compliance(Moments.of_units(measures, arm))
    assert found is not None
    y, d, z = measures["outcome"], measures["delivered"], (arm == TREATMENT).astype(float)
    itt = y[z == 1].mean() - y[z == 0].mean()
    reach = d[z == 1].mean() - d[z == 0].mean()
    assert found.cace.value == pytest.approx(itt / reach, rel=1e-9)
    # Robust two-stage least squares: residuals of y on d, sandwich with the instrument.
    instruments = np.column_stack([np.ones(len(y)), z])
    regressors = np.column_stack([np.ones(len(y)), d])
    beta = np.linalg.solve(instruments.T @ regressors, instruments.T @ y)
    e = y - regressors @ beta
    bread = np.linalg.inv(instruments.T @ regressors)
    cov = bread @ (instruments.T * e**2 @ instruments) @ bread.T
    assert found.cace.se == pytest.approx(math.sqrt(cov[1, 1]), rel=2e-3)
    assert found.leaking


def test_one_sided_noncompliance_recovers_the_effect():
    """60 % reached, nobody in the holdout: the effect on the reached is inside the interval."""
    measures, arm = units(np.random.default_rng(3), n=40_000)
    found = compliance(Moments.of_units(measures, arm))
    assert found is not None
    assert found.holdout == 0
    assert not found.leaking
    assert found.cace.low < 0.2 < found.cace.high
    assert found.treated == pytest.approx(0.6, abs=0.02)


def test_reach_that_hardly_differs_gives_no_effect_in_figures_or_words(contract):
    """A weak first stage is said; a ratio without bounds is no figure that anybody sees."""
    measures, arm = units(np.random.default_rng(3), n=400, reach=0.31, leak=0.3)
    found = compliance(Moments.of_units(measures, arm))
    assert found is not None
    assert (found.cace.low, found.cace.high) == (-math.inf, math.inf)
    assert math.isnan(found.cace.value)
    assert "hardly differs" in found.cace.method
    leak, hardly = found.words(contract())
    assert "the lift is understated" in leak
    assert "cannot show the lift of those reached" in hardly
    assert jsonable(found)["cace"]["value"] is None


def test_offered_stands_in_where_delivery_is_not_logged():
    """And nothing is computed where neither is, or an arm is empty."""
    measures, arm = units(np.random.default_rng(3))
    offered = {"outcome": measures["outcome"], "offered": measures["delivered"]}
    found = compliance(Moments.of_units(offered, arm))
    assert found is not None
    assert found.measure == "offered"
    cells = Moments.of_units(measures, arm)
    assert compliance(cells.select(cells.arm == TREATMENT)) is None
    assert compliance(Moments.of_units({"outcome": measures["outcome"]}, arm)) is None


def test_a_ratio_metric_has_the_lift_of_those_reached_in_its_own_units(contract):
    """Orders per visit: a lift of .05 where 60 % are reached is .083 among those."""
    rng = np.random.default_rng(2)
    t = np.arange(60_000) % 2 == 0
    d = (rng.random(60_000) < 0.6 * t).astype(float)
    visits = 1 + rng.poisson(2, 60_000)
    orders = rng.binomial(visits, 0.3 + d * 0.05 / 0.6).astype(float)
    measures = {"outcome": orders, "denominator": visits, "delivered": d}
    found = compliance(Moments.of_units(measures, np.where(t, TREATMENT, HOLDOUT)))
    assert found is not None
    assert found.cace.low < 0.05 / 0.6 < found.cace.high
    assert found.cace.high - found.cace.low < 0.03
    (said,) = found.words(contract())
    assert "of the treated were delivered" in said
    down = found.words(contract(direction="decrease", effect="relative"))[0]
    assert "the absolute lift is -" in down


def test_clusters_widen_it_and_without_chance_there_is_none():
    """A design effect of four doubles the error; logged propensities give the reach alone."""
    measures, arm = units(np.random.default_rng(3), leak=0.05)
    cells = Moments.of_units(measures, arm)
    plain, clustered = compliance(cells), compliance(cells, design_effect=4.0)
    assert plain is not None
    assert clustered is not None
    assert clustered.cace.se == pytest.approx(2 * plain.cace.se)
    reach = compliance(cells, by_chance=False)
    assert reach is not None
    assert math.isnan(reach.cace.value)
    assert reach.leaking
