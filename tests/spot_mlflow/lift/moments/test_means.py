"""Means by arm of what reports show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.means import shown_means
from spot_mlflow.lift.moments.measures import BY_KEY

SHOWN = {**BY_KEY, "cost": replace(BY_KEY["cost"], shown=True)}


def test_means_by_arm_are_those_of_the_units():
    """Each arm has the plain mean of its units, whatever segments they are in; the holdout comes last."""
    rng = np.random.default_rng(7)
    arm = rng.choice(["holdout", "a", "b"], size=300)
    cost = rng.gamma(2.0, 3.0, size=300)
    cells = Moments.of_units(
        {"outcome": rng.integers(0, 2, 300), "cost": cost, "value": cost},
        arm,
        segment=rng.choice(["north", "south"], size=300),
    )
    (found,) = shown_means(cells, SHOWN)
    assert (found.measure, found.label) == ("cost", "cost")
    assert list(found.arms) == ["a", "b", "holdout"]
    assert found.arms == pytest.approx({x: cost[arm == x].mean() for x in found.arms})


def test_nothing_is_shown_that_the_table_does_not_show():
    """A measure that is not marked is not shown."""
    cells = Moments.of_units({"outcome": [0, 1], "cost": [1.0, 2.0]}, ["holdout", "a"])
    assert shown_means(cells, BY_KEY) == ()
