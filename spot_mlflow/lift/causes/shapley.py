"""Divides a change of a function of several factors among the factors, exactly.

The function is given by its value on every coalition: factors in the coalition at their realized
level, the others at the promised one. Shapley (1953) values average over all orders in which the
factors could have changed; the waterfall takes one order. Both sum to the whole change.
"""

from __future__ import annotations

from functools import lru_cache
from math import factorial
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@lru_cache(maxsize=32)
def coalitions(players: int) -> NDArray[np.bool_]:
    """Returns (2**players, players): the row number in binary tells who is in."""
    rows = np.arange(2**players)
    out: NDArray[np.bool_] = (rows[:, None] >> np.arange(players)) & 1 == 1
    return out


@lru_cache(maxsize=32)
def shapley_weights(players: int) -> NDArray[np.float64]:
    """Returns (players, 2**players) weights W: contributions are W @ values of the coalitions.

    A coalition of size s counts (s - 1)! (n - s)! / n! for those in it and
    -s! (n - s - 1)! / n! for those outside (Shapley 1953).
    """
    inside = coalitions(players)
    size = inside.sum(axis=1)
    n = players
    plus = np.array([factorial(max(s - 1, 0)) * factorial(n - s) / factorial(n) for s in size])
    minus = np.array([factorial(s) * factorial(max(n - s - 1, 0)) / factorial(n) for s in size])
    out: NDArray[np.float64] = np.where(inside, plus[:, None], -minus[:, None]).T
    return out


def waterfall_weights(order: tuple[int, ...]) -> NDArray[np.float64]:
    """Returns (players, 2**players) weights of the ordered waterfall.

    Args:
        order: player numbers, the one that changes first first.
    """
    out = np.zeros((len(order), 2 ** len(order)))
    before = 0
    for player in order:
        out[player, before] = -1.0
        before |= 1 << player
        out[player, before] = 1.0
    return out
