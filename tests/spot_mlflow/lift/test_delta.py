from __future__ import annotations

import numpy as np
import pytest
from funnel_logs import make_contract, make_units

from spot_mlflow.lift.delta import gradient
from spot_mlflow.lift.factors import Point
from spot_mlflow.lift.strata import strata_of


@pytest.fixture(scope="module")
def strata():
    """Two segments with every column."""
    return strata_of(make_units(4_000).moments(), make_contract())


def point_of(strata):
    """The moments as a point."""
    return Point(strata.weight, strata.treated, strata.holdout, np.array(0.08))


def test_derivatives_are_those_of_calculus(strata):
    """The gradient of t^2 h / w + 3 p is what calculus says, to rounding."""
    at = point_of(strata)
    found = gradient(
        lambda x: (x.t[..., 0, 0] ** 2 * x.h[..., 0, 0] / x.w[..., 1] + 3 * x.p)[..., None], at
    )
    t, h, w = at.t[0, 0], at.h[0, 0], at.w[1]
    assert found.t[0, 0, 0] == pytest.approx(2 * t * h / w, rel=1e-14)
    assert found.h[0, 0, 0] == pytest.approx(t * t / w, rel=1e-14)
    assert found.w[0].tolist() == pytest.approx([0, -(t**2) * h / w**2], rel=1e-14)
    assert found.p[0] == pytest.approx(3)


def test_the_variance_of_a_difference_of_means_is_welchs(strata):
    """For one segment's lift the delta method gives the sum of the two squared errors."""
    found = gradient(lambda x: (x.t[..., 0, 0] - x.h[..., 0, 0])[..., None], point_of(strata))
    welch = strata.cov_treated[0, 0, 0] + strata.cov_holdout[0, 0, 0]
    assert found.covariance(strata, 0.0)[0, 0] == pytest.approx(welch)


def test_the_shares_scatter_like_a_multinomial(strata):
    """The variance of one segment's share is w (1 - w) / n."""
    found = gradient(lambda x: x.w[..., :1], point_of(strata))
    w = strata.weight[0]
    assert found.covariance(strata, 0.0)[0, 0] == pytest.approx(w * (1 - w) / strata.units)


def test_the_promise_adds_its_own_variance(strata):
    """An output that is the promise has the promise's variance and no other."""
    found = gradient(lambda x: x.p[..., None], point_of(strata))
    assert found.covariance(strata, 0.25)[0, 0] == pytest.approx(0.0625)
