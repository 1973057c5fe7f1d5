from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from funnel_logs import make_contract, make_units
from scipy.special import ndtri
from statsmodels.stats.proportion import proportions_ztest

from spot_mlflow.lift.causes.findings import findings_of, steps_of
from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT
from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments

LATE = make_units(12_000, late_team="West")
EVEN = make_units(12_000)


def found(units, **more):
    """Findings of a log with teams."""
    return findings_of(
        replace(units.log(periods=True), teams=units.teams(), **more), make_contract()
    )


def within_weeks(units, team, measure):
    """Means of a team's treated and holdout, each week weighing what both arms have in it; variances."""
    y, mine = units.measures[measure], units.team == team
    means, variances = np.zeros(2), np.zeros(2)
    week = (units.day.astype("datetime64[D]").astype(int) + 3) // 7  # from Mondays
    for w in np.unique(week[mine]):
        here = mine & (week == w)
        part = here.sum() / mine.sum()
        for i, arm in enumerate((TREATMENT, HOLDOUT)):
            some = y[here & (units.arm == arm)]
            means[i] += part * some.mean()
            variances[i] += part**2 * some.var(ddof=1) / len(some)
    return means, variances


def test_the_team_that_did_not_deliver_stands_out():
    """The worst shown finding is the team's delivery, with its part of all that was lost."""
    first = found(LATE)[0]
    assert (first.dimension, first.label, first.factor) == ("team", "West", "delivery")
    assert first.shown
    assert first.worse
    t = LATE.arm == TREATMENT
    attempted = t & (LATE.measures["offered"] == 1) & (LATE.measures["system_failure"] == 0)
    lost = attempted & (LATE.measures["delivered"] == 0)
    west = LATE.team == "West"
    assert first.level.lift == pytest.approx(lost[west].sum() / attempted[west].sum())
    assert first.part == pytest.approx(lost[west].sum() / lost.sum())
    assert first.others == pytest.approx(lost[~west].sum() / attempted[~west].sum())


def test_p_values_are_those_of_statsmodels():
    """Each step's p value is the pooled two-sample test of shares."""
    f = next(x for x in found(EVEN) if (x.label, x.factor) == ("West", "delivery"))
    t = EVEN.arm == TREATMENT
    attempted = t & (EVEN.measures["offered"] == 1) & (EVEN.measures["system_failure"] == 0)
    lost = attempted & (EVEN.measures["delivered"] == 0)
    west = EVEN.team == "West"
    counts = [lost[west].sum(), lost[~west].sum()]
    sizes = [attempted[west].sum(), attempted[~west].sum()]
    assert f.p_value == pytest.approx(proportions_ztest(counts, sizes)[1])


def test_noise_is_not_read():
    """In 40 logs where all teams and weeks are alike, hardly any has a finding."""
    told = 0
    for seed in range(40):
        units = make_units(3_000, seed=100 + seed, response=(0.08, 0.08))
        rows = [f for f in found(units) if f.dimension in {"team", "week"}]
        told += any(f.shown for f in rows)
    assert told <= 8  # 5 % in each of two dimensions; more than 8 of 40 has chance 0.01


def test_every_step_counts_those_who_reached_it():
    """A missing column folds its step into the next one."""
    cells = LATE.moments("delivered", "on_time", segments=False)
    treated = cells.select(cells.arm == TREATMENT)
    steps = {name: (reached.sum(), passed.sum()) for name, reached, passed in steps_of(treated)}
    t = LATE.arm == TREATMENT
    delivered = LATE.measures["delivered"][t].sum()
    assert steps == {
        "coverage+delivery": pytest.approx((t.sum(), delivered)),
        "timeliness": pytest.approx((delivered, LATE.measures["on_time"][t].sum())),
    }


def test_segments_without_a_promise_are_held_against_each_other():
    """The segment with half the response has a lower lift than the other, and it is shown."""
    log = make_units(60_000).log(periods=True)
    rows = [f for f in findings_of(log, make_contract(mix=False)) if f.factor == "lift"]
    plain = next(f for f in rows if f.label == "plain")
    assert plain.worse
    assert plain.shown
    assert plain.expected == plain.others > plain.level.lift


def test_a_segment_that_keeps_its_lower_promise_is_no_finding():
    """Segments are held to their own promise: half the response, as promised, is nothing to tell."""
    kept = {"offered": 0.95, "system": 1.0, "delivered": 0.95, "on_time": 0.95, "share": 0.5}
    promise = make_contract(predicted={"lift": 0.95**3 * 0.09})
    rows = findings_of(make_units(100_000, **kept, seed=2).log(), promise)
    assert {f.factor for f in rows} >= {"delivery", "response", "lift"}
    assert not any(f.shown for f in rows)
    worse = make_units(100_000, **kept, response=(0.06, 0.06), seed=2).log()
    told = [f for f in findings_of(worse, promise) if f.shown and f.worse]
    assert {(f.label, f.factor) for f in told} == {("gold", "lift"), ("gold", "response")}


def test_a_step_promised_lower_in_one_segment_is_expected_there():
    """Delivery .5 where .5 was promised is no finding; .5 where .95 was promised is one."""
    rng = np.random.default_rng(6)
    n = 20_000
    segment, arm = rng.choice(["gold", "plain"], n), np.repeat([TREATMENT, HOLDOUT], n // 2)
    through = (arm == TREATMENT) & (rng.random(n) < np.where(segment == "gold", 0.95, 0.5))
    cells = Moments.of_units(
        {"outcome": (rng.random(n) < 0.1).astype(float), "delivered": through}, arm, segment=segment
    )
    log = OutcomeMoments(cells, {}, as_of="")
    own = {"gold": {"share": 0.5}, "plain": {"share": 0.5, "delivered": 0.5}}
    promised = make_contract(segments=own, funnel={"delivered": 0.95})
    steps = [f for f in findings_of(log, promised) if f.factor == "coverage+delivery"]
    assert len(steps) == 2
    assert not any(f.shown for f in steps)
    same = make_contract(segments={k: {"share": 0.5} for k in own}, funnel={"delivered": 0.95})
    first = findings_of(log, same)[0]
    assert (first.label, first.factor, first.worse) == ("plain", "coverage+delivery", True)


def test_who_was_not_reached_did_not_answer_less():
    """West delivers a fifth: its lift per unit is lower, its lift per unit reached is not."""
    rows = {f.factor: f for f in found(make_units(60_000, late_team="West")) if f.label == "West"}
    assert rows["lift"].shown
    assert rows["lift"].worse
    assert not rows["response"].shown
    units = make_units(60_000, late_team="West")
    (mean_t, mean_h), _ = within_weeks(units, "West", "outcome")
    (reached, _), _ = within_weeks(units, "West", "on_time")
    assert rows["response"].level.lift == pytest.approx((mean_t - mean_h) / reached)


def test_relative_lifts_are_compared_in_their_own_units():
    """With a relative promise the level of a team is its lift over its own holdout's mean, both within weeks."""
    rows = findings_of(
        replace(LATE.log(periods=True), teams=LATE.teams()), make_contract(effect="relative")
    )
    f = next(x for x in rows if (x.label, x.factor) == ("West", "lift"))
    (mean_t, mean_h), (var_t, var_h) = within_weeks(LATE, "West", "outcome")
    assert f.level.lift == pytest.approx(mean_t / mean_h - 1)
    assert f.level.se == pytest.approx(np.sqrt(var_t + (mean_t / mean_h) ** 2 * var_h) / mean_h)


def test_clusters_and_daily_looks_make_findings_rarer():
    """A design effect divides the squared statistic; a sequence asks for more than one look does."""
    log = replace(EVEN.log(periods=True), teams=EVEN.teams())
    once = findings_of(log, make_contract())
    daily = findings_of(log, make_contract(looks="monitored", planned_units=24_000))

    def by_group(rows):
        return {(f.dimension, f.label, f.factor): f for f in rows}

    wide = by_group(findings_of(log, make_contract(), widening=4.0))
    monitored = by_group(daily)
    for key, f in by_group(once).items():
        assert ndtri(wide[key].p_value / 2) == pytest.approx(ndtri(f.p_value / 2) / 2, abs=1e-9)
        assert monitored[key].p_value >= f.p_value
        assert monitored[key].level.high >= f.level.high


def test_offers_are_compared_where_the_holdout_names_them_too():
    """By offer, the offer that does nothing stands out."""
    rng = np.random.default_rng(4)
    n = 20_000
    offer = rng.choice(["discount", "letter"], n)
    arm = np.where(rng.random(n) < 0.5, TREATMENT, HOLDOUT)
    good = rng.random(n) < 0.1 + 0.1 * ((arm == TREATMENT) & (offer == "discount"))
    offers = Moments.of_units({"outcome": good.astype(float)}, arm, segment=offer)
    log = OutcomeMoments(offers.collapse("arm"), {}, as_of="", offers=offers)
    rows = [f for f in findings_of(log, make_contract()) if f.shown and f.worse]
    assert [(f.dimension, f.label) for f in rows] == [("offer", "letter")]
