from __future__ import annotations

import numpy as np
import pytest
import scipy.stats as st

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.promise.history import arm_of_values, checked_history, top_share


def test_an_arm_of_values_is_described_as_scipy_does():
    """Mean, variance, skewness, events and the greatest value; empty and single are not known."""
    x = np.r_[np.zeros(20), np.random.default_rng(1).gamma(1, 50, 30)]
    arm = arm_of_values(x)
    assert (arm.n, arm.events, arm.largest) == (50, 30, x.max())
    assert (arm.mean, arm.var) == pytest.approx((x.mean(), x.var(ddof=1)))
    assert arm.skew == pytest.approx(st.skew(x))
    assert np.isnan(arm_of_values(np.array([])).mean)
    assert np.isnan(arm_of_values(np.array([1.0])).var)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"outcome": [1.0, 0.0]}, r"treated: shape \(4,\), must be \(2,\)"),
        ({"outcome": [1.0, np.nan, 0.0, 1.0]}, "1 values are missing, the first in row 1"),
        ({"score": [0.1, np.nan, 0.2, 0.3]}, "score: 1 values are missing"),
        ({"treated": [1, 1, 1, 1]}, "treated: values '1', must be 0 and 1"),
        (
            {"treated": [0, 1, 2, 1]},
            "treated: values '0', '1', '2', must be 0 and 1 .* one treatment with the holdout at a time",
        ),
        ({"effect": "both"}, "effect == 'both', must be one of absolute, relative"),
        ({"direction": "up"}, "direction == 'up'"),
        ({"confidence": 95}, "confidence == 95"),
    ],
)
def test_what_cannot_be_used_is_named(changed, message):
    """With the argument, what it is and what it must be."""
    given = {
        "score": [0.1, 0.4, 0.2, 0.3],
        "treated": [0, 1, 0, 1],
        "outcome": [1.0, 0.0, 0.0, 1.0],
        "effect": "absolute",
        "direction": "increase",
        "confidence": 0.95,
    }
    with pytest.raises(InvalidInput, match=message):
        checked_history(**{**given, **changed})


def test_the_top_share_is_rounded_down_and_never_empty():
    """A third of ten is three; a thousandth is one; only of those asked."""
    score = np.arange(10.0)
    everyone = np.ones(10, dtype=bool)
    assert np.flatnonzero(top_share(score, 1 / 3, everyone)).tolist() == [7, 8, 9]
    assert top_share(score, 0.001, everyone).sum() == 1
    assert np.flatnonzero(top_share(score, 0.5, score < 4)).tolist() == [2, 3]
