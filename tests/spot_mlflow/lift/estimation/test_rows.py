from __future__ import annotations

import math

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from spot_mlflow.lift.analysis import measured
from spot_mlflow.lift.estimation.rows import rows_of, segment_lifts
from spot_mlflow.lift.estimators.arm import arms_of
from spot_mlflow.lift.estimators.difference import means_of, welch
from spot_mlflow.lift.estimators.relative import log_delta, score_ratio
from spot_mlflow.lift.estimators.score_difference import score_difference
from spot_mlflow.lift.estimators.simultaneous import holm
from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT


def cells(rng, *, binary=True):
    """Three segments, 900 units, rates or money."""
    segment = np.array(["a", "b", "c"])[np.arange(900) % 3]
    arm = np.where(rng.random(900) < 0.3, HOLDOUT, TREATMENT)
    y = (rng.random(900) < 0.3).astype(float) if binary else rng.gamma(2, 10, 900)
    return Moments.of_units({"outcome": y}, arm, segment=segment)


@pytest.mark.parametrize("effect", ["absolute", "relative"])
@pytest.mark.parametrize("binary", [True, False])
def test_each_row_is_the_interval_of_its_own_units(contract, effect, binary):
    """All rows at once give what one at a time gives."""
    table = cells(np.random.default_rng(2), binary=binary)
    made = contract(effect=effect, kind="binary" if binary else "money")
    rows = {r.label: r for r in segment_lifts(rows_of(table, "segment"), made)}
    for label, row in rows.items():
        t, c = arms_of(table.select(table.segment == label))
        if effect == "absolute":
            known = score_difference(t.events, t.n, c.events, c.n) if binary else welch(t, c)
        elif binary:
            known = score_ratio(t.events, t.n, c.events, c.n)
        else:
            known = log_delta(means_of(t, c))
        found = row.estimate
        assert (found.lift, found.low, found.high) == pytest.approx(
            (known.value, known.low, known.high), rel=1e-9
        )
        assert (row.n_treatment, row.n_holdout) == (t.n, c.n)
    assert sum(r.share for r in rows.values()) == pytest.approx(1)
    assert [r.n_treatment + r.n_holdout for r in rows.values()] == [300, 300, 300]


def test_p_values_are_corrected_for_their_number(contract):
    """Holm over the rows, as statsmodels does it; NaN is no test."""
    p = np.array([0.01, 0.04, math.nan, 0.03, 0.2])
    known = multipletests(p[~np.isnan(p)], method="holm")[1]
    assert holm(p)[~np.isnan(p)] == pytest.approx(known)
    assert np.isnan(holm(p)[2])
    table = cells(np.random.default_rng(2))
    raw = [welch(*arms_of(table.select(table.segment == s))).p_value for s in "abc"]
    rows = sorted(segment_lifts(rows_of(table, "segment"), contract()), key=lambda r: r.label)
    assert [r.p_value for r in rows] == pytest.approx(list(holm(raw)))


def test_a_row_without_a_pair_is_open(contract):
    """A segment without holdout has neither lift nor bounds, and does not raise."""
    table = Moments.of_units(
        {"outcome": np.array([1.0, 0, 1, 0, 1])},
        [TREATMENT, TREATMENT, HOLDOUT, HOLDOUT, TREATMENT],
        segment=["a", "a", "a", "a", "b"],
    )
    rows = {r.label: r for r in segment_lifts(rows_of(table, "segment"), contract())}
    assert math.isnan(rows["b"].estimate.lift)
    assert (rows["b"].estimate.low, rows["b"].estimate.high) == (-math.inf, math.inf)
    assert rows["b"].n_holdout == 0


def test_several_treatment_arms_are_taken_together():
    """The units of all treatment arms stand against the holdout of the row."""
    table = Moments.of_units(
        {"outcome": np.arange(6.0)}, ["x", "y", HOLDOUT] * 2, segment=["a"] * 3 + ["b"] * 3
    )
    rows = rows_of(table, "segment")
    assert rows.n_t.tolist() == [2, 2]
    assert rows.mean_t.tolist() == [0.5, 3.5]


def test_decrease_and_promises_by_segment(contract):
    """Lift is in improvement units; what a segment was promised stands beside it."""
    table = cells(np.random.default_rng(2))
    made = contract(direction="decrease")
    rows = segment_lifts(rows_of(table, "segment"), made, {"a": 0.04})
    down = {r.label: r for r in rows}
    up = {r.label: r for r in segment_lifts(rows_of(table, "segment"), contract())}
    assert down["a"].estimate.lift == -up["a"].estimate.lift
    assert down["a"].estimate.low == -up["a"].estimate.high
    assert (down["a"].predicted, down["b"].predicted) == (0.04, None)


def test_rows_are_in_the_units_and_the_weights_of_the_headline(log, contract):
    """By segment and by day, a ratio metric is a ratio and a weighted log is weighted."""
    rng = np.random.default_rng(7)
    n = 40_000
    x = rng.random(n)
    p = 0.2 + 0.6 * x
    t = rng.random(n) < p
    y = (rng.random(n) < 0.1 + 0.3 * x + 0.05 * t).astype(float)
    visits = 1 + rng.poisson(2, n)
    orders = rng.binomial(visits, np.where(t, 0.35, 0.3)).astype(float)
    weight = 1 / np.where(t, p, 1 - p)
    keys = {
        "segment": np.array(["a", "b"])[np.arange(n) % 2],
        "period": np.datetime64("2027-01-01") + np.arange(n) % 5,
    }
    arm = np.where(t, TREATMENT, HOLDOUT)
    weighted = log(arm, outcome=y, weight=weight, weighted_outcome=weight * y, **keys)
    ratio = log(arm, outcome=orders, denominator=visits, **keys)
    for moments, made in (
        (weighted, contract(design="logged_propensity")),
        (ratio, contract(kind="count")),
    ):
        found = measured(moments, made)
        for row in (*found.segments, *found.periods):
            assert row.estimate.low < 0.05 < row.estimate.high
        assert found.trend is not None
        assert found.trend.first == pytest.approx(0.05, abs=0.02)


def test_a_row_alone_in_its_arm_does_not_change_the_others(contract):
    """A segment without holdout leaves the score intervals of the rest as they are."""
    table = cells(np.random.default_rng(2))
    made = contract(effect="relative")
    whole = {r.label: r.estimate for r in segment_lifts(rows_of(table, "segment"), made)}
    lonely = table.select((table.segment != "c") | (table.arm == TREATMENT))
    left = {r.label: r.estimate for r in segment_lifts(rows_of(lonely, "segment"), made)}
    assert (left["a"], left["b"]) == (whole["a"], whole["b"])
    assert (left["c"].low, left["c"].high) == (-math.inf, math.inf)


def test_clusters_widen_the_rows(contract):
    """A design effect of four doubles every interval; a rate is then no count of events."""
    rows = rows_of(cells(np.random.default_rng(2)), "segment")
    money = contract(kind="money")
    plain, wide = segment_lifts(rows, money), segment_lifts(rows.widened(4.0, 4.0), money)
    for a, b in zip(plain, wide, strict=True):
        assert b.estimate.high - b.estimate.low == pytest.approx(
            2 * (a.estimate.high - a.estimate.low), rel=1e-3
        )
    assert not rows.widened(4.0, 4.0).plain
    unknown = segment_lifts(rows.widened(math.nan, math.nan), contract(effect="relative"))
    assert unknown[0].estimate.high == math.inf
