from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from ramps import DAY, promise
from ramps import log as log_of
from scipy.special import betaln
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


# Two days at .1, two at .9 (in segment b at .5), and one day before anything was declared.
STEPS = [
    {"from": "2026-01-05", "share": 0.1},
    {"from": "2026-01-12", "share": 0.9},
    {"from": "2026-01-12", "share": 0.5, "segment": "b"},
]
COUNTS = {  # segment, day -> treated, held out
    ("a", -1): (300, 200),
    ("a", 0): (110, 890),
    ("b", 0): (20, 180),
    ("a", 1): (85, 915),
    ("a", 7): (930, 70),
    ("b", 7): (270, 230),
    ("b", 8): (240, 260),
}
BY_SHARE = [  # share, then its days
    (0.1, [(130, 1070), (85, 915)]),
    (0.9, [(930, 70)]),
    (0.5, [(270, 230), (240, 260)]),
]


def _scheduled(counts=COUNTS):
    rows = [
        (day, arm, n[1 - arm], 0, segment)
        for (segment, day), n in counts.items()
        for arm in (1, 0)
        if n[1 - arm]
    ]
    return log_of(*rows)


def test_a_schedule_is_held_against_each_days_own_share():
    """Chi-square of all units and of the days, summed over the declared shares; the rest is left out."""
    found = sample_ratio(_scheduled(), promise(treatment_share=STEPS))
    assert found is not None
    days = [chisquare(x, [sum(x) * s, sum(x) * (1 - s)]).statistic for s, d in BY_SHARE for x in d]
    totals = [(s, np.sum(d, axis=0)) for s, d in BY_SHARE]
    whole = [chisquare(x, [x.sum() * s, x.sum() * (1 - s)]).statistic for s, x in totals]
    known = 2 * min(chi2.sf(sum(days), 5), chi2.sf(sum(whole), 3))
    assert found.p_value == pytest.approx(known, rel=1e-9)
    units = sum(x.sum() for _, x in totals)
    treated = sum(s * x.sum() for s, x in totals) / units
    assert found.observed == {TREATMENT: 1655, HOLDOUT: 2545}
    assert found.designed == pytest.approx({TREATMENT: treated, HOLDOUT: 1 - treated})
    assert (found.e_value, found.alarm) == (None, known < 0.001)


def test_a_schedule_looked_at_daily_multiplies_the_e_values_of_its_shares():
    """The greatest product over the days, each share's units added up to that day."""
    found = sample_ratio(_scheduled(), promise(treatment_share=STEPS, planned_units=5000))
    assert found is not None

    def log_e(share: float, treated: int, held: int) -> float:
        a, b = 1000 * share, 1000 * (1 - share)
        against = treated * math.log(share) + held * math.log(1 - share)
        return float(betaln(a + treated, b + held) - betaln(a, b) - against)

    upto = [
        log_e(0.1, 130, 1070),
        log_e(0.1, 215, 1985),
        log_e(0.1, 215, 1985) + log_e(0.9, 930, 70) + log_e(0.5, 270, 230),
        log_e(0.1, 215, 1985) + log_e(0.9, 930, 70) + log_e(0.5, 510, 490),
    ]
    assert found.e_value == pytest.approx(math.exp(max(0.0, *upto)), rel=1e-9)
    assert found.p_value == pytest.approx(1 / found.e_value)
    assert found.alarm is (found.e_value >= 40)


def test_nothing_declared_of_any_unit_is_nothing_to_compare():
    """A schedule that begins after the last unit says nothing of the log."""
    assert sample_ratio(_scheduled(), promise(treatment_share=[STEPS[1]])) is not None
    late = promise(treatment_share=[{"from": "2027-01-01", "share": 0.5}])
    assert sample_ratio(_scheduled(), late) is None


def test_a_monitored_p_value_is_no_more_than_one_and_its_e_value_finite():
    """The best of fits gives 1, and counts that are out of all proportion a number that prints."""
    fits = sample_ratio(
        log_of((0, 1, 500, 0), (0, 0, 500, 0)), promise(treatment_share=0.5, planned_units=5000)
    )
    assert fits is not None
    assert fits.p_value == 1
    assert fits.e_value is not None
    assert fits.e_value < 1
    assert not fits.alarm
    astray = sample_ratio(
        log_of((0, 1, 4000, 0), (0, 0, 10, 0)), promise(treatment_share=0.5, planned_units=5000)
    )
    assert astray is not None
    assert astray.alarm
    assert astray.e_value == math.exp(700)
    assert 0 <= astray.p_value < 1e-300


@pytest.mark.parametrize("share", [0.5, [{"share": 0.5}]])
def test_assigned_clusters_are_counted_all_at_once(share):
    """Villages come as they come: their days are not held against the share, their sum is."""
    rows = [
        (DAY, TREATMENT, 40),
        (DAY, HOLDOUT, 10),
        (DAY + 1, TREATMENT, 12),
        (DAY + 1, HOLDOUT, 38),
    ]
    n = np.array([c for *_, c in rows])
    clusters = ClusterMoments(
        arm=np.array([a for _, a, _ in rows], dtype=object),
        clusters=n,
        assigned_clusters=n,
        center=np.zeros(2),
        s1=np.zeros((4, 3)),
        s2=np.zeros((4, 3, 3)),
        events=n,
        straddling=0,
        period=np.array([d for d, *_ in rows]),
    )
    moments = replace(log_of((0, 1, 450, 0), (0, 0, 450, 0)), clusters=clusters)
    found = sample_ratio(moments, promise(treatment_share=share))
    assert found is not None
    assert found.observed == {TREATMENT: 52, HOLDOUT: 48}
    assert found.p_value == pytest.approx(chisquare([52, 48]).pvalue)


def test_an_arm_without_a_share_counts_once_it_has_units(log, contract):
    """Declared 0 and empty it is left out; a single unit in it is an alarm."""
    columns = {"arm": "g", "outcome": "y", "treated": ["a", "b"], "holdout": HOLDOUT}
    made = contract(treatment_share=[{"share": {"a": 0.5, "b": 0.0}}], columns=columns)
    arm = ["a"] * 52 + [HOLDOUT] * 48
    two = sample_ratio(log([*arm, "b"], outcome=np.zeros(101)), made)
    assert two is not None
    assert two.alarm
    assert two.observed == {"a": 52, "b": 1, HOLDOUT: 48}
    known = log([*arm, "b"], outcome=np.zeros(101))
    none = replace(known.cells, assigned=known.cells.assigned * (known.cells.arm != "b"))
    one = sample_ratio(replace(known, cells=none), made)
    assert one is not None
    assert one.observed == {"a": 52, HOLDOUT: 48}
    assert one.p_value == pytest.approx(chisquare([52, 48]).pvalue)


def test_a_share_belongs_to_the_only_arm_by_any_name(contract):
    """One arm and one number: no name can be wrong. With more of either, names count."""

    def shares(said, arms):
        columns = {"arm": "g", "outcome": "y", "treated": ["a", "b"], "holdout": "none"}
        return designed_shares(contract(treatment_share=said, columns=columns), arms)

    for said in ({"any": 0.7}, {"any": 0.7, "none": 0.3}, {"any": 0.7, HOLDOUT: 0.3}):
        assert shares(said, ["a"]) == pytest.approx({"a": 0.7, HOLDOUT: 0.3})
    assert shares({"a": 0.2, "b": 0.3, HOLDOUT: 0.5}, ["a", "b"])[HOLDOUT] == 0.5
    for said, arms in (({"any": 0.7}, ["a", "b"]), ({"any": 0.4, "other": 0.3}, ["a"])):
        with pytest.raises(InvalidInput, match="no share for arm 'a'") as e:
            shares(said, arms)
        assert e.value.where == "treatment_share"
    for said in (
        {"a": 1.0},
        {"a": 0.5, "none": 0.4},
        {"a": 0.5, "none": 0.6},
        {"a": 0.999, "none": 0.0},
    ):
        with pytest.raises(InvalidInput, match="must add up to 1 and leave") as e:
            shares(said, ["a"])
        assert e.value.where == "treatment_share"
    assert shares({"a": 0.3333333, "none": 0.6666666}, ["a"])["a"] == 0.3333333


def test_without_a_share_for_each_arm_chi_square_says_nothing():
    """Nothing can be expected of an arm that nobody was to get: the p value is 1, for any counts."""
    assert chi_square_p([5, 5], [1, 0]) == 1
    assert chi_square_p([0, 0], [0.5, 0.5]) == 1


def test_three_arms_have_two_degrees_of_freedom_a_day():
    """Of several arms each day tells of all but one of them; a perfect fit has the p value 1."""
    shares = np.array([0.5, 0.3, 0.2])
    days = np.array([[530.0, 280.0, 190.0], [505.0, 300.0, 195.0], [480.0, 320.0, 200.0]])
    statistic = sum(chisquare(x, 1000 * shares).statistic for x in days)
    whole = chisquare(days.sum(axis=0), 3000 * shares).pvalue
    known = 2 * min(whole, chi2.sf(statistic, 6))
    assert _p_value([_Declared(shares, days)]) == pytest.approx(known)
    assert _p_value([_Declared(shares, np.tile(1000 * shares, (3, 1)))]) == 1
