from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats as st

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.promise.history import History
from spot_mlflow.lift.promise.score_bins import decile_table, score_edges, top_decile_lift


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


@pytest.mark.parametrize("kind", [int, float, str])
def test_scores_and_outcomes_may_be_written_in_any_way(kind):
    """Whole numbers, decimals or text: the same edges and the same lift."""
    score, y = np.arange(200.0), np.arange(200.0) % 7
    told = [kind(x) for x in score.astype(int)], [kind(x) for x in y.astype(int)]
    assert score_edges(told[0], 4) == score_edges(score, 4) == (50.0, 100.0, 150.0)
    assert top_decile_lift(*told) == top_decile_lift(score, y)


def test_an_edge_is_a_score_that_occurs():
    """Between two scores the upper one is the edge, so that it opens the bin above."""
    assert score_edges([1.0, 2.0, 3.0, 10.0], 2) == (3.0,)


@pytest.mark.parametrize(("share", "confidence"), [(0.1, 0.95), (0.25, 0.8)])
def test_its_interval_is_the_delta_method_on_the_log_ratio(share, confidence):
    """By difference quotients of log(top / all), for units of the top and of the rest."""
    rng = np.random.default_rng(5)
    score = rng.random(400)
    y = rng.gamma(2, 1 + score)
    found = top_decile_lift(score, y, share=share, confidence=confidence)
    count = round(400 * share)
    order = np.argsort(-score)
    top, rest = y[order[:count]], y[order[count:]]

    def log_ratio(a: float, b: float) -> float:
        return math.log(a) - math.log(share * a + (1 - share) * b)

    a, b, h = top.mean(), rest.mean(), 1e-5
    by_top = (log_ratio(a + h, b) - log_ratio(a - h, b)) / (2 * h)
    by_rest = (log_ratio(a, b + h) - log_ratio(a, b - h)) / (2 * h)
    se = math.hypot(by_top * st.sem(top), by_rest * st.sem(rest))
    half = st.norm.ppf((1 + confidence) / 2) * se
    assert found.lift == pytest.approx(a / y.mean())
    assert found.low == pytest.approx(a / y.mean() * math.exp(-half), rel=1e-6)
    assert found.high == pytest.approx(a / y.mean() * math.exp(half), rel=1e-6)
    assert found.se == pytest.approx(a / y.mean() * se, rel=1e-6)


def test_a_single_unit_on_top_has_a_ratio_and_no_interval():
    """Two are the least that a spread can be seen in."""
    score = np.arange(20.0)
    one = top_decile_lift(score, score, share=0.05)
    assert (one.lift, one.low, one.high, one.se) == (2.0, 0.0, math.inf, None)
    assert top_decile_lift(score, score, share=0.1).high < math.inf
    empty = top_decile_lift(np.zeros(20), np.zeros(20))
    assert (empty.low, empty.high) == (0.0, math.inf)


def _history(direction: str = "increase") -> History:
    rng = np.random.default_rng(11)
    score = rng.random(500)
    treated = rng.random(500) < 0.5
    outcome = rng.normal(1, 0.5, 500) + treated * score
    return History({"m": score}, treated, outcome, "absolute", direction, 0.9)


@pytest.mark.parametrize("direction", ["increase", "decrease"])
def test_each_bin_is_a_comparison_of_its_own(direction):
    """From the highest scores down; scipy's interval from the units of each bin."""
    history = _history(direction)
    score, treated, outcome = history.scores["m"], history.treated, history.outcome
    table = decile_table(history, "m", 10, uplift_scores=True)
    order = np.argsort(-score)
    sign = 1 if direction == "increase" else -1
    assert len(table) == 10
    for row, units in zip(table, np.split(order, 10), strict=True):
        a, b = outcome[units][treated[units]], outcome[units][~treated[units]]
        known = st.ttest_ind(a, b, equal_var=False)
        ends = sorted(sign * x for x in known.confidence_interval(0.9))
        assert (row.low, row.high) == (score[units].min(), score[units].max())
        assert (row.n_treatment, row.n_holdout) == (len(a), len(b))
        assert (row.mean_treatment, row.mean_holdout) == pytest.approx((a.mean(), b.mean()))
        assert row.actual.lift == pytest.approx(sign * (a.mean() - b.mean()))
        assert [row.actual.low, row.actual.high] == pytest.approx(ends)
        assert row.predicted == pytest.approx(score[units].mean())


def test_bins_are_as_even_as_they_can_be_and_two_at_least():
    """Five hundred units in seven bins: of 72 and 71. Where a score is no lift none is predicted."""
    history = _history()
    table = decile_table(history, "m", 7)
    assert [r.n_treatment + r.n_holdout for r in table] == [72, 72, 72, 71, 71, 71, 71]
    assert all(r.predicted is None for r in table)
    assert len(decile_table(history, "m", 2)) == 2
    assert len(decile_table(history, "m", 500)) == 500
    for bins in (1, 501):
        with pytest.raises(InvalidInput, match=f"bins == {bins}, must be 2 to 500"):
            decile_table(history, "m", bins)
