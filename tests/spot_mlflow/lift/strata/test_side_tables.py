"""Score bins, teams, offers and weeks under a share of treatment that varies: no lift that is not there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ramps import DAY, promise

from spot_mlflow.lift.analysis import analyze
from spot_mlflow.lift.causes.findings import findings_of
from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.cut import Cut
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT
from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
from spot_mlflow.lift.strata.choice import compare
from spot_mlflow.lift.strata.side_tables import LEFT_OUT, segments_differ, side_tables

PROMISE = promise(
    predicted={"lift": 0.05, "baseline": 0.2},
    score_edges=[0.5],
    economics={"value": 10, "offer_cost": 0.1},
)
DAYS = 56


def log(segments, per, *, share, rate, seed=5):
    """A log without any lift; a label of two values comes in 70 % of the even segments, else in 30 %."""
    rng = np.random.default_rng(seed)
    segment = np.repeat(np.arange(segments), per * DAYS)
    day = np.tile(np.repeat(np.arange(DAYS), per), segments)
    size = len(day)
    treated = rng.random(size) < share(day, segment)
    y = (rng.random(size) < rate(day, segment)).astype(float)
    label = (rng.random(size) < np.where(segment % 2, 0.3, 0.7)).astype(int)

    def by(values):
        arm = np.where(treated, TREATMENT, HOLDOUT)
        return Moments.of_units({"outcome": y}, arm, segment=values.astype(str), period=DAY + day)

    bins = by(label)
    return OutcomeMoments(by(segment), {}, "2027-06-01", score_bins=bins, offers=bins, teams=bins)


def ramping(day, _):
    """The treated share rises from 10 to 90 %."""
    return 0.1 + 0.8 * day / (DAYS - 1)


def season(day, _):
    """The rate rises from 10 to 40 %."""
    return 0.1 + 0.3 * day / (DAYS - 1)


def test_small_segments_show_no_lift_under_a_ramp():
    """Of 100 segments with 4 units a day few rows leave 0 out, and none has a decision that pays."""
    found = analyze(log(100, 4, share=ramping, rate=season), PROMISE)
    outside = [s for s in found.segments if s.estimate.low > 0 or s.estimate.high < 0]
    assert len(outside) <= 10  # of 100 at 95 %
    decisions = [d for d in found.economics.decisions if d.offer == "treatment"]
    z = np.array([d.lift.lift / d.lift.se for d in decisions])
    assert abs(z.mean()) < 0.4  # pooled over the ramp: 1.3
    assert not any(d.sure and d.action == "act" for d in found.economics.decisions)


def test_labels_are_not_compared_across_segments_of_different_share():
    """Treated 80 % of one segment and 20 % of the other: bins, offers and teams show no lift, and say so."""

    def share(_, segment):
        return np.where(segment % 2, 0.2, 0.8)

    def rate(_, segment):
        return np.where(segment % 2, 0.1, 0.4)

    moments = log(2, 100, share=share, rate=rate)
    found = analyze(moments, PROMISE)
    assert f"{LEFT_OUT}." in found.notes
    assert found.economics.curve is None
    assert found.calibration == ()
    named = [d for d in found.economics.decisions if d.offer != "treatment"]
    assert {d.action for d in named} <= {"not known"}
    beside = side_tables(moments, PROMISE)
    tested = findings_of(beside.moments, PROMISE, comparable=beside.comparable)
    assert {f.dimension for f in tested if f.factor == "lift"} == {"segment"}


@pytest.mark.parametrize("rises", [True, False])
def test_shares_that_cross_over_time_differ_at_one_time(rises):
    """One segment's share rises while the other's falls: equal over all, not within days."""

    def share(day, segment):
        up = ramping(day, segment)
        return np.where(segment % 2, 1 - up, up) if rises else up

    cells = log(2, 100, share=share, rate=season).cells
    assert segments_differ(cells, Cut("day")) is rises


def test_equal_shares_are_rarely_called_different():
    """Over 400 logs of 5 segments with one ramp at most 3 are; .001 of them are to be expected."""
    rng = np.random.default_rng(3)
    days, segments = 20, 5
    segment = np.repeat([f"s{i}" for i in range(segments)], 2 * days).astype(object)
    period = np.tile(np.repeat(DAY + np.arange(days), 2), segments)
    arm = np.tile([TREATMENT, HOLDOUT], days * segments).astype(object)
    blank = Moments.of_units({"outcome": np.zeros(len(arm))}, arm, segment=segment, period=period)
    total = 0
    for _ in range(400):
        treated = rng.binomial(60, np.linspace(0.1, 0.9, days), (segments, days))
        units = np.stack([60 - treated, treated], axis=2).ravel()  # holdout first, as sorted
        order = np.lexsort((blank.period, blank.arm, blank.segment))
        assert list(order) == list(np.arange(len(order)))
        assigned = units.reshape(segments, days, 2).transpose(0, 2, 1).ravel()
        total += segments_differ(replace(blank, assigned=assigned), Cut("day"))
    assert total <= 3


def test_a_team_is_compared_within_days():
    """Treated on weekdays, when the rate is low: within weeks a team would show a loss, within days none."""

    def weekend(day, _):
        return np.where(day % 7 >= 5, 0.2, 0.8)

    def rate(day, _):
        return np.where(day % 7 >= 5, 0.4, 0.1)

    beside = side_tables(log(1, 400, share=weekend, rate=rate), PROMISE)
    tested = findings_of(beside.moments, PROMISE, comparable=beside.comparable)
    lifts = [f.level for f in tested if f.factor == "lift"]
    assert {f.dimension for f in tested if f.factor == "lift"} == {"team", "offer", "week"}
    assert all(abs(x.lift) < 4 * x.se for x in lifts)
    assert max(x.se for x in lifts) < 0.03


def test_side_tables_take_the_calendar_of_the_headline():
    """Their own counts may be too thin for days; units that are compared must be of one time all the same."""
    moments = log(1, 40, share=ramping, rate=season)
    cut = compare(moments.cells, PROMISE).cut
    assert cut == Cut("day")
    assert side_tables(moments, PROMISE).moments.score_bins.cut == cut
