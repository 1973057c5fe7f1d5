"""The share of treatment: declared by date and segment, tested for being constant."""

from __future__ import annotations

import numpy as np
import pytest
from ramps import DAY, cells, log, promise, ramp

from spot_mlflow.lift.analysis import analyze
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.lift.soundness.sample_ratio import sample_ratio
from spot_mlflow.lift.strata.shares import declared_at, share_varies, variation_of

STEPS = [
    {"from": "2026-01-05", "share": 0.1},
    {"from": "2026-01-12", "share": 0.9},
    {"from": "2026-01-12", "share": 0.5, "segment": "b"},
]


def test_the_latest_step_begun_counts_and_a_segments_own_goes_first():
    """Before the first step nothing is declared; a step that names the segment overrides one for all."""
    steps = promise(treatment_share=STEPS).treatment_share
    assert isinstance(steps, list)
    assert declared_at(steps, "a", np.datetime64("2026-01-01")) is None
    assert declared_at(steps, "a", np.datetime64("2026-01-06")) == 0.1
    assert declared_at(steps, "a", np.datetime64("2026-02-01")) == 0.9
    assert declared_at(steps, "b", np.datetime64("2026-02-01")) == 0.5
    assert promise(treatment_share=STEPS).to_dict()["treatment_share"] == STEPS
    assert PredictedLift.load(promise(treatment_share=STEPS).to_dict()).treatment_share == steps


def test_what_varies_as_declared_is_grade_a_and_what_does_not_alarms():
    """A schedule kept: grade A. A constant share declared, or another schedule: alarm, no verdict."""
    rows = [(0, 1, 1000, 100), (0, 0, 9000, 900), (7, 1, 9000, 1800), (7, 0, 1000, 200)]
    kept = analyze(log(*rows), promise(treatment_share=STEPS[:2]))
    assert (kept.realized.grade, kept.sample_ratio_alarm, kept.variation) == ("A", False, None)
    for share in (0.5, [{"share": 0.5}], [{"share": 0.1}, {"from": "2026-01-12", "share": 0.8}]):
        for looks in ({}, {"planned_units": 20_000}):
            assert analyze(log(*rows), promise(treatment_share=share, **looks)).sample_ratio_alarm


def test_the_share_is_held_against_the_declared_one_by_day():
    """A ramp that averages the declared share is an alarm, though the totals are right."""
    found = sample_ratio(log(*ramp(28)), promise(treatment_share=0.5))
    assert found is not None
    assert found.observed["treatment"] == found.observed["holdout"]
    assert found.alarm


def test_a_variation_says_where_and_how():
    """Lowest and highest share with their days, and the check is asked of assigned units alone."""
    found = variation_of(cells(*ramp(28)), promise())
    assert found is not None
    assert found.alarm
    assert found.lowest == str(DAY)
    assert found.lowest_share == pytest.approx(0.1)
    assert "10 % (2026-01-05) to 90 % (2026-02-01)" in found.words


def test_a_constant_share_seldom_alarms():
    """Of 3,000 logs with a constant share about one in a thousand alarms, at one look and at ten."""
    rng = np.random.default_rng(20270101)
    alarms = 0
    for _ in range(3000):
        n = rng.poisson(30, 40)
        treated = rng.binomial(n, 0.8)
        alarms += share_varies(np.column_stack([n - treated, treated])) < 0.001
    assert alarms <= 11  # 3 expected; more than 11 once in 10,000 times


def test_looks_share_the_error():
    """At look k the level is .001/(k (k + 1)): what alarms at first need not alarm at a late look."""
    rows = [(0, 1, 500, 0), (0, 0, 500, 0), (1, 1, 580, 0), (1, 0, 420, 0)]
    first = variation_of(cells(*rows), promise())
    late = variation_of(cells(*rows), promise(), looks=30)
    assert first is not None
    assert late is not None
    assert first.p_value == late.p_value < 0.001
    assert first.alarm
    assert not late.alarm
