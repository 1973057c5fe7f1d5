"""The two games whose change is divided: the lift, and the net value per eligible unit.

Both are sums over segments of products of the arrays in ``factors.Levels``; a coalition sees
the arrays of its players at their realized level and the others as promised.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from spot_mlflow.lift.causes.delta import STEP
from spot_mlflow.lift.causes.factors import Levels
from spot_mlflow.lift.causes.shapley import coalitions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from spot_mlflow.lift.causes.factors import Factors, Layout

    Numbers = NDArray[Any]

Game = Literal["lift", "money"]


def value_of(layout: Layout, game: Game, x: Numbers, rest: Numbers, scale: Numbers) -> Numbers:
    """Returns (..., R) the game's value per stratum.

    Args:
        layout: which arrays there are.
        game: "lift" or "money".
        x: (..., A, R) arrays.
        rest: (..., R) promised share of contacts that no stage covers.
        scale: (...,) divides the lift.
    """
    at = Levels.of(x)
    reach = np.ones_like(at.mix)
    contact = reach
    for i, stage in enumerate(at.stages):
        reach = reach * stage
        if i + 1 == layout.contact_groups:
            contact = reach
    if game == "lift":
        out: Numbers = at.mix * (reach * at.response + at.untouched) / np.expand_dims(scale, -1)
        return out
    if layout.value == "folded":
        gain = reach * at.response_worth + at.untouched_worth
    else:
        gain = (reach * at.response + at.untouched) * at.value
    net: Numbers = at.mix * (
        gain - contact * rest * (at.contact_cost + at.handling) - at.untouched_cost
    )
    return net


def contributions(
    layout: Layout, game: Game, weights: NDArray[np.float64], factors: Factors
) -> Numbers:
    """Returns (players, R): what each player adds in each stratum; sums to the change.

    Args:
        layout: which arrays there are and who owns them.
        game: "lift" or "money".
        weights: (players, 2**players), Shapley or waterfall.
        factors: both states, without batch dimensions.
    """
    out: Numbers = weights @ value_of(
        layout, game, _seen(layout, factors), factors.rest, factors.scale
    )
    return out


def derivative(
    layout: Layout, game: Game, weights: NDArray[np.float64], factors: Factors
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Differentiates the contributions, summed over strata, by every array and by the scale.

    Returns:
        (players, 2, A, R) by promised and realized arrays, and (players,) by the scale.
    """
    moved = _moved(layout)
    seen = _seen(layout, factors)
    size = seen.shape[-2]
    # An array of one stratum touches that stratum only, so all strata are moved at once.
    steps = (1j * STEP * np.eye(size))[:, None, :, None]
    slope = np.imag(value_of(layout, game, seen + steps, factors.rest, factors.scale)) / STEP
    at_realized = np.where(moved.T[:, :, None], slope, 0.0)  # (A, coalitions, R)
    both = np.stack([weights @ (slope - at_realized), weights @ at_realized])
    scale = np.asarray(factors.scale + 1j * STEP)
    by_scale = np.imag(weights @ value_of(layout, game, seen, factors.rest, scale)) / STEP
    return both.transpose(2, 0, 1, 3), by_scale.sum(axis=-1)


def _moved(layout: Layout) -> NDArray[np.bool_]:
    """Returns (coalitions, A): whether a coalition sees an array at its realized level."""
    inside = coalitions(len(layout.players))
    never = np.zeros(len(inside), dtype=bool)
    return np.column_stack([inside[:, o] if o >= 0 else never for o in layout.owners])


def _seen(layout: Layout, factors: Factors) -> Numbers:
    """Returns (coalitions, A, R) arrays as every coalition sees them."""
    return np.where(_moved(layout)[:, :, None], factors.realized, factors.promised)
