from __future__ import annotations

import numpy as np
import pytest
from funnel_logs import make_contract, make_units

from spot_mlflow.lift.causes import delta
from spot_mlflow.lift.causes.delta import gradient
from spot_mlflow.lift.causes.factors import Point
from spot_mlflow.lift.causes.segment_means import strata_of


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


def many(segments=90):
    """A point of many segments with three means each."""
    rng = np.random.default_rng(2)
    w = rng.random(segments)
    t, h = rng.random((segments, 3)), rng.random((segments, 3))
    return Point(w / w.sum(), t, h, np.array(0.3))


def totals(x):
    """Two outputs that see the segments only in their weighted totals."""
    t = (x.w[..., None] * x.t).sum(axis=-2)
    h = (x.w[..., None] * x.h).sum(axis=-2)
    return np.stack([t[..., 0] * t[..., 1] / h[..., 2] - x.p, t[..., 2] - h[..., 0]], axis=-1)


def apart(x):
    """An output in which every segment counts by itself."""
    return (x.w * x.t[..., 0] * x.t[..., 1] / x.h[..., 0]).sum(axis=-1)[..., None]


def test_totals_of_many_segments_give_the_same_derivatives(monkeypatch):
    """The quick way is taken and agrees with one segment at a time, shares up to a constant."""
    at = many()
    assert delta._by_totals(totals, at) is not None
    quick = gradient(totals, at)
    monkeypatch.setattr(delta, "_MANY", 10**9)
    slow = gradient(totals, at)
    assert quick.t == pytest.approx(slow.t, rel=1e-10, abs=1e-15)
    assert quick.h == pytest.approx(slow.h, rel=1e-10, abs=1e-15)
    assert quick.p == pytest.approx(slow.p)
    apart_by = (quick.w - slow.w) - (quick.w - slow.w)[:, :1]
    assert apart_by == pytest.approx(np.zeros_like(apart_by), abs=1e-12)


def test_segments_that_count_by_themselves_are_taken_one_by_one():
    """The quick way finds that it does not hold, and the exact derivatives come out."""
    at = many()
    assert delta._by_totals(apart, at) is None
    found = gradient(apart, at)
    assert found.t[0, :, 0] == pytest.approx(at.w * at.t[:, 1] / at.h[:, 0], rel=1e-12)
