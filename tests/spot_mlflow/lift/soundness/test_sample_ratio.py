from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import chi2, chisquare

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.moments.clusters import ClusterMoments
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT
from spot_mlflow.lift.soundness.sample_ratio import (
    _Declared,
    _p_value,
    chi_square_p,
    designed_shares,
    log_e_values,
    sample_ratio,
)


def test_chi_square_agrees_with_the_reference_figures(reference, samples):
    """P values of arm counts: an even split, two to one for the two mailings, else as it fell."""
    for key, sample in samples.items():
        known = reference[key]
        counts = [len(sample.of(TREATMENT)), len(sample.of(HOLDOUT))]
        assert counts == [known["n_t"], known["n_c"]], key
        fell = known["srm_p_chi2"] == 1
        designed = 2 / 3 if "/any/" in key else 0.5
        share = counts[0] / sum(counts) if fell else designed
        p = chi_square_p(counts, [share, 1 - share])
        assert p == pytest.approx(known["srm_p_chi2"], rel=1e-6), key


def test_chi_square_agrees_with_scipy():
    """Three arms, extreme counts."""
    for counts, share in (((900, 80, 20), (0.9, 0.08, 0.02)), ((10**9, 10**9 + 99999), (0.5, 0.5))):
        n = sum(counts)
        known = chisquare(counts, [n * s for s in share]).pvalue
        assert chi_square_p(counts, share) == pytest.approx(known, rel=1e-9)


def test_an_e_value_is_one_on_average():
    """Over all outcomes of a small design its expectation is 1: a fair bet against the design."""
    from scipy.stats import binom

    x = np.arange(61)
    e = np.exp(log_e_values(np.stack([x, 60 - x], axis=-1), [0.9, 0.1], concentration=20))
    assert float((binom.pmf(x, 60, 0.9) * e).sum()) == pytest.approx(1, rel=1e-9)


def test_false_alarms_and_detection_over_many_days():
    """At most 2.5 % false alarms in 90 days; 90 -> 91 % is found in 28 days in 98 % of runs."""
    rng = np.random.default_rng(3)

    def alarms(share: float, days: int) -> float:
        t = rng.binomial(1000, share, (2000, days)).cumsum(axis=1)
        n = 1000 * np.arange(1, days + 1)
        e = log_e_values(np.stack([t, n - t], axis=-1), [0.9, 0.1])
        return float((e >= math.log(40)).any(axis=1).mean())

    assert alarms(0.9, 90) <= 0.025
    assert alarms(0.91, 28) >= 0.98


def test_all_assigned_units_are_counted(log, contract):
    """Units that have not matured are assigned all the same."""
    moments = log([TREATMENT] * 50 + [HOLDOUT] * 50, outcome=np.zeros(100))
    late = replace(moments.cells, assigned=moments.cells.n * np.array([1, 9]))
    order = list(late.arm)
    found = sample_ratio(replace(moments, cells=late), contract(treatment_share=0.5))
    assert found is not None
    assert found.observed == {a: 50 * (1 if order.index(a) == 0 else 9) for a in order}
    assert found.alarm
    assert found.p_value < 1e-6
    assert found.e_value is None


def test_monitored_remembers_the_worst_day(log, contract):
    """An alarm that once was raised stays, even when the counts even out later; one look sees days."""
    day = np.datetime64("2027-01-01") + np.repeat([0, 1], 2000)
    arm = np.r_[np.full(2000, TREATMENT), np.full(2000, HOLDOUT)]
    moments = log(arm, outcome=np.zeros(4000), period=day)
    once = sample_ratio(moments, contract(treatment_share=0.5))
    monitored = sample_ratio(moments, contract(treatment_share=0.5, planned_units=5000))
    assert once is not None
    assert monitored is not None
    assert once.alarm
    assert once.observed == {TREATMENT: 2000, HOLDOUT: 2000}
    assert monitored.alarm
    assert monitored.e_value is not None
    assert monitored.e_value >= 40


def test_shares_by_arm(contract):
    """One number is split evenly; a mapping leaves the rest to the holdout."""
    assert designed_shares(contract(treatment_share=0.8), ["a", "b"]) == pytest.approx(
        {"a": 0.4, "b": 0.4, HOLDOUT: 0.2}
    )
    columns = {"arm": "g", "outcome": "y", "treated": ["a", "b"], "holdout": "none"}
    named = contract(treatment_share={"a": 0.5, "b": 0.3}, columns=columns)
    assert designed_shares(named, ["a", "b"]) == pytest.approx({"a": 0.5, "b": 0.3, HOLDOUT: 0.2})
    full = contract(treatment_share={"a": 0.5, "b": 0.3, "none": 0.2}, columns=columns)
    assert designed_shares(full, ["a", "b"])[HOLDOUT] == pytest.approx(0.2)
    assert designed_shares(contract(), ["a"]) is None


def test_shares_that_do_not_add_up_are_refused(contract):
    """With the sum, or the arm that has none and the nearest known one."""
    columns = {"arm": "g", "outcome": "y", "treated": ["mens", "womens"], "holdout": "none"}
    with pytest.raises(InvalidInput, match="add up to 1"):
        designed_shares(
            contract(treatment_share={"mens": 0.7, "womens": 0.3}, columns=columns),
            ["mens", "womens"],
        )
    with pytest.raises(InvalidInput, match="no share for arm 'womens'; did you mean 'women'"):
        designed_shares(
            contract(treatment_share={"mens": 0.7, "women": 0.1}, columns=columns),
            ["mens", "womens"],
        )


def test_nothing_to_compare_is_nothing(log, contract):
    """No designed share, or no randomized design: no sample ratio."""
    moments = log([TREATMENT, HOLDOUT], outcome=[0.0, 1.0])
    assert sample_ratio(moments, contract()) is None
    assert sample_ratio(moments, contract(treatment_share=0.5, design="before_after")) is None


@pytest.mark.parametrize(("straddling", "counted"), [(0, 60), (3, 60), (40, 900)])
def test_clusters_are_counted_where_clusters_were_assigned(log, contract, straddling, counted):
    """Sixty villages, or their 900 people where both arms live in the same villages."""
    moments = log([TREATMENT] * 450 + [HOLDOUT] * 450, outcome=np.zeros(900))
    clusters = ClusterMoments(
        arm=np.array([HOLDOUT, TREATMENT], dtype=object),
        clusters=np.array([30, 30]),
        assigned_clusters=np.array([30, 30]),
        center=np.zeros(2),
        s1=np.zeros((2, 3)),
        s2=np.zeros((2, 3, 3)),
        events=np.array([30, 30]),
        straddling=straddling,
    )
    found = sample_ratio(replace(moments, clusters=clusters), contract(treatment_share=0.5))
    assert found is not None
    assert sum(found.observed.values()) == counted
    assert not found.alarm


@pytest.mark.parametrize("lucky", [0, 60])
def test_the_days_of_each_declared_share_agree_with_scipy(lucky):
    """Two shares in turn, two days each: the lesser p of all units and of the days, doubled."""
    declared = [
        _Declared(
            share=np.array([0.5, 0.5]),
            counts=np.array([[510.0 + lucky, 490.0 - lucky], [480.0 - lucky, 520.0 + lucky]]),
        ),
        _Declared(share=np.array([0.9, 0.1]), counts=np.array([[880.0, 120.0], [905.0, 95.0]])),
    ]
    days = [chisquare(x, x.sum() * d.share).statistic for d in declared for x in d.counts]
    whole = [chisquare(x := d.counts.sum(axis=0), x.sum() * d.share).statistic for d in declared]
    known = 2 * min(chi2.sf(sum(days), 4), chi2.sf(sum(whole), 2))
    assert _p_value(declared) == pytest.approx(min(1.0, known), rel=1e-9)
