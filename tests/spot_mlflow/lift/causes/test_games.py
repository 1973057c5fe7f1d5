from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from funnel_logs import make_contract, make_units

from spot_mlflow.lift.causes.factor_levels import factors_at
from spot_mlflow.lift.causes.factors import Model, Point, layout_of
from spot_mlflow.lift.causes.games import contributions, derivative, value_of
from spot_mlflow.lift.causes.segment_means import strata_of
from spot_mlflow.lift.causes.shapley import shapley_weights


@pytest.fixture(scope="module", params=[False, True], ids=["valued", "folded"])
def made(request):
    """Layout and factors of a log with every column; value apart, and folded into the response."""
    contract = make_contract()
    strata = strata_of(make_units(4_000).moments(), contract)
    layout = layout_of(strata, contract, fold_value=request.param)
    at = Point(strata.weight, strata.treated, strata.holdout, np.array(0.08))
    return layout, factors_at(Model(strata, contract, layout), at), strata


def test_the_realized_money_is_value_minus_cost(made):
    """With every array realized, the money game is incremental value minus incremental cost."""
    layout, f, strata = made
    found = value_of(layout, "money", f.realized, f.rest, f.scale)
    names = strata.names
    d = strata.treated - strata.holdout
    net = d[:, names.index("value")] - d[:, names.index("cost")]
    assert found.sum() == pytest.approx((strata.weight * net).sum())


@pytest.mark.parametrize("game", ["lift", "money"])
def test_derivatives_agree_with_small_steps(made, game):
    """The exact derivative by each array is that of finite differences."""
    layout, f, _ = made
    weights = shapley_weights(len(layout.players))
    exact, _ = derivative(layout, game, weights, f)
    step = 1e-6
    for state, name in enumerate(("promised", "realized")):
        for a in range(f.promised.shape[0]):
            moved = getattr(f, name).copy()
            moved[a, 1] += step
            up = contributions(layout, game, weights, replace(f, **{name: moved})).sum(axis=-1)
            moved = getattr(f, name).copy()
            moved[a, 1] -= step
            down = contributions(layout, game, weights, replace(f, **{name: moved})).sum(axis=-1)
            assert exact[:, state, a, 1] == pytest.approx((up - down) / (2 * step), abs=1e-5)


def test_players_own_their_arrays(made):
    """Contributions are 0 for a player whose arrays do not move."""
    layout, f, _ = made
    still = layout.players.index(("delivery",))
    kept = f.realized.copy()
    for a, owner in enumerate(layout.owners):
        if owner == still:
            kept[a] = f.promised[a]
    parts = contributions(
        layout, "money", shapley_weights(len(layout.players)), replace(f, realized=kept)
    )
    assert parts[still] == pytest.approx(0, abs=1e-14)
