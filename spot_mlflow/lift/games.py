"""The two games whose change is divided: the lift, and the net value per eligible unit.

Both are sums over segments of products of the arrays in ``factors.Layout.arrays``; a coalition sees
the arrays of its players at their realized level and the others as promised.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from spot_mlflow.lift.delta import STEP
from spot_mlflow.lift.shapley import coalitions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from spot_mlflow.lift.factors import Factors, Layout

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
    at = {name: x[..., i, :] for i, name in enumerate(layout.arrays)}
    reach = np.ones_like(at["w"])
    contact = reach
    for i in range(len(layout.groups) - 1):
        reach = reach * at[f"stage{i}"]
        if i + 1 == layout.contact_groups:
            contact = reach
    if game == "lift":
        out: Numbers = at["w"] * (reach * at["r"] + at["e"]) / np.expand_dims(scale, -1)
        return out
    if layout.value == "folded":
        gain = reach * at["rv"] + at["ev"]
    else:
        gain = (reach * at["r"] + at["e"]) * at["v"]
    net: Numbers = at["w"] * (gain - contact * rest * (at["k"] + at["h"]) - at["ek"])
    return net


def contributions(
    layout: Layout, game: Game, weights: NDArray[np.float64], factors: Factors
) -> Numbers:
    """Returns (..., players, R): what each player adds in each stratum; sums to the change.

    Args:
        layout: which arrays there are and who owns them.
        game: "lift" or "money".
        weights: (players, 2**players), Shapley or waterfall.
        factors: both states, with any leading batch dimensions.
    """
    inside = coalitions(len(layout.players))
    moved = np.column_stack(
        [inside[:, o] if o >= 0 else np.zeros(len(inside), dtype=bool) for o in layout.owners]
    )
    x = np.where(
        moved[:, :, None], factors.realized[..., None, :, :], factors.promised[..., None, :, :]
    )
    value = value_of(layout, game, x, factors.rest[..., None, :], np.expand_dims(factors.scale, -1))
    out: Numbers = weights @ value
    return out


def derivative(
    layout: Layout, game: Game, weights: NDArray[np.float64], factors: Factors
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Differentiates the contributions, summed over strata, by every array and by the scale.

    Returns:
        (players, 2, A, R) by promised and realized arrays, and (players,) by the scale.
    """
    from dataclasses import replace

    size, strata = factors.promised.shape[-2:]
    eye = 1j * STEP * np.eye(2 * size)
    steps = eye.reshape(2 * size, 2, size, 1)
    batched = replace(
        factors,
        promised=factors.promised + steps[:, 0],
        realized=factors.realized + steps[:, 1],
        rest=np.broadcast_to(factors.rest, (2 * size, strata)),
        scale=np.broadcast_to(factors.scale, (2 * size,)),
    )
    # An array of one stratum touches that stratum only, so all strata are moved at once.
    by_array = np.imag(contributions(layout, game, weights, batched)) / STEP
    moved = replace(factors, scale=factors.scale + 1j * STEP)
    by_scale = np.imag(contributions(layout, game, weights, moved)).sum(axis=-1) / STEP
    players = by_array.shape[1]
    return by_array.transpose(1, 0, 2).reshape(players, 2, size, strata), by_scale
