from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from spot_mlflow.lift.promise.uplift_curve import auuc, qini, qini_curve, ranking, uplift_curve


def world(seed, n=400):
    """Scores that know something of who gains from treatment."""
    rng = np.random.default_rng(seed)
    score, treated = rng.random(n), rng.random(n) < 0.5
    y = (rng.random(n) < 0.2 + 0.4 * score * treated).astype(float)
    return score, treated, y


def test_curves_by_hand():
    """Four units, two treated: points after each unit from the top."""
    score = np.array([4.0, 3, 2, 1])
    treated = np.array([True, False, True, False])
    y = np.array([1.0, 0, 1, 1])
    assert uplift_curve(score, treated, y).gain == pytest.approx([0, 1, 2, 3, 2])
    assert qini_curve(score, treated, y).gain == pytest.approx([0, 1, 1, 2, 1])


def test_units_of_one_score_are_one_point():
    """Ties cannot be taken apart: the curve has a point per distinct score."""
    score, treated, y = world(1)
    curve = uplift_curve(np.round(score, 1), treated, y)
    assert len(curve.units) == len(np.unique(np.round(score, 1))) + 1
    assert curve.units[-1] == 400


@settings(max_examples=30)
@given(seed=some.integers(0, 2**31))
def test_areas_are_those_above_chance(seed):
    """A perfect score reaches 1, turning any score around turns the area around."""
    score, treated, y = world(seed)
    t = treated.astype(float)
    assert qini(y * t - y * (1 - t), treated, y) == pytest.approx(1)
    assert qini(-score, treated, y) == pytest.approx(-qini(score, treated, y), abs=0.1)
    assert -1 <= auuc(score, treated, y) <= 1
    constant = np.zeros(len(y))
    assert qini_curve(constant, treated, y).area == pytest.approx(0)


def test_ranking_is_stable_and_reversed():
    """Highest first; among ties the later row first, as scikit-uplift orders them."""
    assert ranking(np.array([1.0, 2, 2, 0])).tolist() == [2, 1, 0, 3]
