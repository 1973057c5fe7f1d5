from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spot_mlflow.lift.causes.shapley import (
    coalitions,
    shapley_weights,
    waterfall_weights,
)


def test_two_factors_of_a_product_have_the_textbook_shares():
    """From 1 x 1 to 2 x 3 the first factor brings (1 + 3) / 2 = 2 and the second 3."""
    value = np.array([1 * 1, 2 * 1, 1 * 3, 2 * 3], dtype=float)
    assert shapley_weights(2) @ value == pytest.approx([2, 3])


def test_coalitions_count_in_binary():
    """Row number 5 of three players holds players 0 and 2."""
    assert coalitions(3)[5].tolist() == [True, False, True]


@settings(max_examples=40)
@given(st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_shares_are_the_average_of_all_orders_and_sum_to_the_change(players, seed):
    """Shapley values average the waterfalls of all orders, and each sums to the whole change."""
    value = np.random.default_rng(seed).normal(size=2**players)
    falls = [waterfall_weights(order) @ value for order in permutations(range(players))]
    assert shapley_weights(players) @ value == pytest.approx(np.mean(falls, axis=0))
    for fall in falls:
        assert fall.sum() == pytest.approx(value[-1] - value[0])


def test_a_factor_without_effect_gets_nothing_and_equal_ones_the_same():
    """A player who changes no coalition gets 0; two who change all alike share equally."""
    inside = coalitions(3)
    value = (inside[:, 0] & inside[:, 1]).astype(float)
    assert shapley_weights(3) @ value == pytest.approx([0.5, 0.5, 0.0])
