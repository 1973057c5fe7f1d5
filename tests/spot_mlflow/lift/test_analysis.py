from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from spot_mlflow.lift.analysis import analyze, days_of
from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT
from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.lift.report import LiftReport


def thornton(data) -> OutcomeMoments:
    """The field experiment of Malawi 2004, reduced."""
    import pandas as pd

    frame = pd.read_csv(data / "thornton_hiv.csv").dropna(subset=["any", "got"])
    arm = np.where(frame["any"] == 1, TREATMENT, HOLDOUT)
    return OutcomeMoments(Moments.of_units({"outcome": frame.got}, arm), {}, "2005-01-01")


def test_the_field_experiment_kept_its_promise(shared_data):
    """.3387 -> .7892: a lift of .4506 against .35 promised is met, and viable."""
    contract = PredictedLift.load(
        {
            "metric": "got",
            "predicted": {"lift": 0.35, "se": 0.02},
            "minimum_viable": 0.1,
            "tolerance": 0.12,
            "columns": {"arm": "any", "outcome": "got"},
        }
    )
    found = analyze(thornton(shared_data), contract)
    assert found.realized.mean_holdout == pytest.approx(0.3387, abs=5e-5)
    assert found.realized.mean_treatment == pytest.approx(0.7892, abs=5e-5)
    assert (found.outcome.verdict, found.outcome.viable) == ("met", "viable")
    assert found.realized.grade == "A"


def test_units_that_do_not_exist_yet_are_no_error(contract):
    """An empty log is too early: NaN that is explained, and JSON all the same."""
    nothing = Moments.of_units({"outcome": [1.0, 0.0]}, [TREATMENT, HOLDOUT])
    empty = OutcomeMoments(nothing.select(np.zeros(2, dtype=bool)), {}, "2027-01-01")
    made = contract(treatment_share=0.5, planned_units=100)
    found = analyze(empty, made)
    assert (found.outcome.verdict, found.outcome.viable) == ("inconclusive", "undecided")
    assert math.isnan(found.realized.estimate.lift)
    assert "too early" in found.outcome.reason
    report = LiftReport(made, found, (), empty, "2027-01-01")
    assert json.loads(report.to_json())["realized"]["lift"] is None


@pytest.mark.parametrize("kind", ["binary", "money"])
@pytest.mark.parametrize("effect", ["absolute", "relative"])
@pytest.mark.parametrize("looks", ["once", "monitored"])
def test_extreme_data_never_raise_and_never_give_an_unexplained_nan(contract, kind, effect, looks):
    """One unit, no event, only events, a billion units, money of mean 1e6 and spread 1."""
    rng = np.random.default_rng(0)
    worlds = {
        "one each": ([1.0], [0.0]),
        "no event": ([0.0] * 30, [0.0] * 20),
        "only events": ([1.0] * 30, [1.0] * 20),
        "one event": ([1.0] + [0.0] * 500, [0.0] * 100),
    }
    if kind == "money":
        worlds["far from zero"] = (1e6 + rng.standard_normal(50), 1e6 + rng.standard_normal(30))
        worlds["losses"] = (rng.standard_normal(50), rng.standard_normal(30) - 5)
        worlds["a loss for a gain"] = (rng.standard_normal(50) - 3, rng.standard_normal(30) + 2)
    made = contract(
        kind=kind,
        effect=effect,
        looks=looks,
        planned_units=1000,
        predicted={"lift": 0.05, "se": 0.01},
        treatment_share=0.6,
    )
    for name, (t, c) in worlds.items():
        arm = [TREATMENT] * len(t) + [HOLDOUT] * len(c)
        cells = Moments.of_units({"outcome": np.r_[t, c]}, arm)
        for factor in (1, 10**7):
            scaled = _times(cells, factor)
            found = analyze(OutcomeMoments(scaled, {}, "2027-01-01"), made)
            estimate, gap = found.realized.estimate, found.outcome.gap
            assert not math.isnan(estimate.low), name
            assert not math.isnan(estimate.high), name
            assert not math.isnan(gap.low), name
            if math.isnan(estimate.lift):
                assert found.outcome.verdict == "inconclusive", name
                assert found.realized.method, name
            else:
                assert estimate.low <= estimate.lift <= estimate.high, name
            assert found.outcome.reason


def _times(cells: Moments, factor: int) -> Moments:
    """The same log, every unit ``factor`` times."""
    summed = ("assigned", "matured", "n", "s1", "s2", "s3", "nonzero", "missing")
    return replace(cells, **{k: getattr(cells, k) * factor for k in summed})


def test_two_arms_each_get_a_verdict(log, contract):
    """Bonferroni intervals, Holm p values, the contract's order; the headline takes both."""
    rng = np.random.default_rng(2)
    arm = np.array(["mail", "call", HOLDOUT])[np.arange(9000) % 3]
    rate = np.where(arm == "call", 0.30, np.where(arm == "mail", 0.21, 0.20))
    y = (rng.random(9000) < rate).astype(float)
    made = contract(
        predicted={"lift": 0.1},
        columns={"arm": "g", "outcome": "y", "treated": ["mail", "call"], "holdout": "none"},
        treatment_share={"mail": 1 / 3, "call": 1 / 3},
    )
    found = analyze(log(arm, outcome=y), made)
    assert [a.label for a in found.arms] == ["mail", "call"]
    mail, call = found.arms
    assert (mail.verdict, call.verdict) == ("shortfall", "met")
    one = analyze(log(arm[arm != "mail"], outcome=y[arm != "mail"]), made).realized
    assert call.estimate.lift == pytest.approx(one.estimate.lift)
    assert call.estimate.low < one.estimate.low
    assert call.p_value == pytest.approx(2 * one.p_value, rel=1e-6)
    assert found.realized.n_treatment == 6000
    assert found.sample_ratio_p == pytest.approx(1.0)


def test_rows_by_segment_and_period_add_up(log, contract):
    """Units of all rows are those of the log; periods come by time, segments by size."""
    rng = np.random.default_rng(2)
    n = 3000
    arm = np.where(rng.random(n) < 0.5, TREATMENT, HOLDOUT)
    segment = np.array(["big", "small"])[(rng.random(n) < 0.2).astype(int)]
    day = np.datetime64("2027-01-01") + rng.integers(0, 30, n)
    y = (rng.random(n) < 0.2).astype(float)
    found = analyze(log(arm, segment=segment, period=day, outcome=y), contract())
    for rows in (found.segments, found.periods):
        assert sum(r.n_treatment + r.n_holdout for r in rows) == n
    assert [r.label for r in found.segments] == ["big", "small"]
    labels = [r.label for r in found.periods]
    assert labels == sorted(labels)
    assert len(labels) == 30
    assert found.trend is not None


def test_days_until_decided_follow_the_rate_so_far(log, contract):
    """Ten days of units: the wait is counted at that rate."""
    n = 1000
    day = np.datetime64("2027-01-01") + np.arange(n) // 100
    arm = np.where(np.arange(n) % 2, TREATMENT, HOLDOUT)
    y = (np.random.default_rng(1).random(n) < 0.2).astype(float)
    made = contract(predicted={"lift": 0.01}, tolerance=0.009)
    moments = replace(log(arm, period=day, outcome=y), as_of="2027-01-12")
    found = analyze(moments, made)
    assert found.outcome.verdict == "inconclusive"
    assert found.outcome.more_units is not None
    assert found.outcome.more_days == pytest.approx(found.outcome.more_units / 100)
    assert days_of(log(arm, outcome=y).cells) is None
    # Nothing has come for two months: no number of days brings more.
    ended = analyze(replace(moments, as_of="2027-03-12"), made).outcome
    assert (ended.more_units, ended.more_days) == (found.outcome.more_units, None)
    assert "days at the present rate" not in ended.reason


def test_a_leaking_holdout_and_corrections_are_told(log, contract):
    """What was delivered to the holdout, and cohorts that changed since the last check."""
    rng = np.random.default_rng(4)
    n = 4000
    arm = np.where(np.arange(n) % 2, TREATMENT, HOLDOUT)
    delivered = (rng.random(n) < np.where(arm == TREATMENT, 0.8, 0.1)).astype(float)
    y = (rng.random(n) < 0.1 + 0.2 * delivered).astype(float)
    before = log(arm, outcome=y, delivered=delivered)
    changed = y.copy()
    changed[:50] = 1 - changed[:50]
    found = analyze(log(arm, outcome=changed, delivered=delivered), contract(), previous=before)
    assert found.compliance is not None
    assert any("of the holdout was delivered" in note for note in found.notes)
    assert len(found.restated) == 2
    assert any("was corrected" in note for note in found.notes)


def test_what_was_declared_is_repeated(log, contract):
    """Winsorizing, a tolerance of 0, units still to mature, arms out of proportion."""
    moments = log([TREATMENT] * 90 + [HOLDOUT] * 10, outcome=np.arange(100.0) % 7)
    late = replace(moments.cells, assigned=moments.cells.n * 2)
    made = contract(kind="money", outliers={"winsorize": 0.99}, tolerance=0, treatment_share=0.5)
    notes = " ".join(analyze(replace(moments, cells=late), made).notes)
    assert "0.99 quantile" in notes
    assert "tolerance of 0" in notes
    assert "100 of 200 assigned units have matured" in notes
    assert "out of proportion" in notes
    assert analyze(replace(moments, cells=late), made).sample_ratio_alarm


def test_before_and_after_gives_a_number_and_never_a_verdict(rates, contract):
    """Grade D: the lift is shown, the verdicts stay open however clear it looks."""
    made = contract(design="before_after", minimum_viable=0.01)
    found = analyze(rates(500, 1000, 100, 1000), made)
    assert found.realized.grade == "D"
    assert found.realized.estimate.lift == pytest.approx(0.4)
    assert (found.outcome.verdict, found.outcome.viable) == ("inconclusive", "undecided")
    assert found.outcome.more_units == math.inf
