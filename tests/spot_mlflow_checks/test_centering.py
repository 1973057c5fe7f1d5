"""Moments about other constants are those that the units themselves would give."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow_checks.centering import on_round_centers, recentered

values = st.lists(st.floats(-1e4, 1e4), min_size=4, max_size=30)
# With as many digits as amounts have: what is smaller is lost beside the others in any sum of squares.
amounts = st.lists(st.floats(-1e4, 1e4).map(lambda x: round(x, 4)), min_size=4, max_size=30)


def table(x: np.ndarray, y: np.ndarray) -> Moments:
    """Two measures over two arms."""
    arm = np.where(np.arange(len(x)) % 2 == 0, "holdout", "treatment")
    return Moments.of_units({"outcome": x, "covariate": y}, arm)


def begun_with(x: np.ndarray, center: np.ndarray) -> Moments:
    """The same column twice, summed about constants from the beginning, as an engine does."""
    z = x[:, None] - center
    arms = [z[np.arange(len(x)) % 2 == k] for k in (0, 1)]
    return replace(
        table(x, x),
        center=center,
        s1=np.array([a.sum(axis=0) for a in arms]),
        s2=np.array([a.T @ a for a in arms]),
        s3=np.array([(a**3).sum(axis=0) for a in arms]),
    )


@settings(max_examples=60)
@given(values, st.floats(-1e4, 1e4), st.floats(-1e4, 1e4))
def test_moving_the_centre_equals_summing_about_it(x: list[float], a: float, b: float) -> None:
    """s1, s2 and s3 about new constants are those of the units minus the constants."""
    u = np.array(x)
    v = u[::-1].copy()
    moved = recentered(table(u, v), np.array([a, b]))
    z = np.column_stack([u - a, v - b])
    scale = 1 + np.abs(z).max()
    for cell, odd in ((0, False), (1, True)):
        part = z[np.arange(len(u)) % 2 == int(odd)]
        assert np.allclose(moved.s1[cell], part.sum(axis=0), rtol=1e-9, atol=1e-9 * scale * len(u))
        assert np.allclose(moved.s2[cell], part.T @ part, rtol=1e-9, atol=1e-9 * scale**2 * len(u))
        assert np.allclose(
            moved.s3[cell], (part**3).sum(axis=0), rtol=1e-8, atol=1e-8 * scale**3 * len(u)
        )


@settings(max_examples=30)
@given(amounts, st.floats(-1e3, 1e3))
@example([0.0, 0.0, 0.0, 1.0] * 3, 256.1)  # equal values seem to differ, far from a constant
def test_the_chosen_centre_does_not_depend_on_the_one_before(x: list[float], a: float) -> None:
    """Whatever constant an engine began with, the stored one is the same to rounding."""
    u = np.array(x)
    free = np.array([True, True])
    one = on_round_centers(table(u, u), free)
    two = on_round_centers(begun_with(u, np.array([a, -a])), free)
    scale = 1 + np.abs(u).max()
    assert np.allclose(one.center, two.center, rtol=2e-3, atol=1e-9 * scale)
    assert np.allclose(
        one.s1 + one.n[:, None] * one.center,
        two.s1 + two.n[:, None] * two.center,
        atol=1e-9 * scale * len(u),
    )
