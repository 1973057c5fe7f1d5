from __future__ import annotations

import math

import numpy as np
import pytest

from spot_mlflow.lift.promise.score_bins import score_edges, top_decile_lift


def test_edges_cut_into_equal_bins():
    """Nine cut points make ten bins of a tenth each; a score on an edge belongs above it."""
    score = np.random.default_rng(1).random(1000)
    edges = score_edges(score, 10)
    assert len(edges) == 9
    assert np.bincount(np.searchsorted(edges, score, side="right")).tolist() == [100] * 10


def test_edges_of_few_distinct_scores_are_distinct():
    """Scores of three values cannot make ten bins."""
    assert score_edges([1.0, 2.0, 3.0] * 50, 10) == (1.0, 2.0, 3.0)


def test_top_decile_lift_by_hand():
    """The top tenth answers at 50 %, all at 14 %: 3.6 times as often."""
    score = np.arange(1000.0)
    y = np.zeros(1000)
    y[900:950] = 1
    y[:90] = 1
    found = top_decile_lift(score, y)
    assert found.lift == pytest.approx(0.5 / 0.14)
    assert found.low < found.lift < found.high


def test_its_interval_holds_what_it_says():
    """About 95 % of samples cover the true ratio."""
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(400):
        score = rng.random(600)
        y = (rng.random(600) < 0.1 + 0.3 * score).astype(float)
        found = top_decile_lift(score, y)
        covered += found.low <= (0.1 + 0.3 * 0.95) / 0.25 <= found.high
    assert 0.92 <= covered / 400 <= 0.98


def test_without_outcomes_there_is_no_ratio():
    """Nothing to divide by is said by NaN; nothing in the top leaves the interval open."""
    assert math.isnan(top_decile_lift(np.arange(50.0), np.zeros(50)).lift)
    y = np.zeros(50)
    y[0] = 1
    found = top_decile_lift(np.arange(50.0), y)
    assert (found.lift, found.high) == (0.0, math.inf)
