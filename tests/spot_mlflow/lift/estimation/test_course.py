from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from spot_mlflow.lift.estimation.choice import estimate_means
from spot_mlflow.lift.estimation.course import MOST_POINTS, course_of
from spot_mlflow.lift.estimation.realized import realize
from spot_mlflow.lift.estimators.arm import arms_of
from spot_mlflow.lift.estimators.sequence import confidence_sequence
from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.clusters import ClusterMoments
from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
from spot_mlflow.lift.promise.contract import PredictedLift

DAY = np.datetime64("2027-01-04")


def log(days: int, n: int = 4_000, seed: int = 3) -> OutcomeMoments:
    """Units decided over some days, half of them treated."""
    rng = np.random.default_rng(seed)
    treated = rng.random(n) < 0.5
    y = (rng.random(n) < 0.2 + 0.05 * treated).astype(float)
    cells = Moments.of_units(
        {"outcome": y},
        np.where(treated, "treatment", "holdout"),
        period=DAY + rng.integers(0, days, n),
    )
    return OutcomeMoments(cells, {}, "2027-06-01T00:00:00+00:00")


def contract(**more: object) -> PredictedLift:
    """A promise of five points."""
    base = {"metric": "m", "predicted": 0.05, "columns": {"arm": "a", "outcome": "y"}}
    return PredictedLift.load({**base, **more})


def test_every_point_is_the_sequence_of_the_units_so_far() -> None:
    """A point of the course is the headline's sequence of a log that ends there, to 1 %."""
    moments = log(5)
    for row in course_of(moments, contract(planned_units=6_000)):
        cells = moments.cells.select(moments.cells.period <= np.datetime64(row.label))
        plain = confidence_sequence(*arms_of(cells), alpha=0.05, planned=6_000)
        made = contract(planned_units=6_000)
        ends = dataclasses.replace(moments, cells=cells)
        found = realize(estimate_means(ends, made), made).realized.always_valid
        assert found is not None
        assert row.estimate.lift == pytest.approx(found.lift, rel=1e-9)
        assert found.high - found.low == pytest.approx(plain.high - plain.low, rel=0.01)
        assert (row.estimate.low, row.estimate.high) == pytest.approx(
            (found.low, found.high), abs=0.01 * (found.high - found.low)
        )
        assert row.n_treatment + row.n_holdout == int(cells.n.sum())


def test_the_last_point_is_the_whole_log() -> None:
    """However many periods there are, at most forty points are given and the last is all of it."""
    rows = course_of(log(120), contract())
    assert len(rows) <= MOST_POINTS
    assert rows[-1].share == 1
    assert rows[-1].label == str(DAY + 119)
    assert [r.share for r in rows] == sorted(r.share for r in rows)


def test_direction_turns_the_course() -> None:
    """A metric that shall decrease has the course of the raw difference with the sign changed."""
    moments = log(3)
    up, down = (course_of(moments, contract(direction=d))[-1] for d in ("increase", "decrease"))
    assert down.estimate.lift == pytest.approx(-up.estimate.lift)
    assert down.estimate.low == pytest.approx(-up.estimate.high)


def test_no_course_where_it_would_mislead() -> None:
    """Without dates and for clusters there is none."""
    moments = log(4)
    undated = dataclasses.replace(moments, cells=moments.cells.collapse("arm"))
    assert course_of(undated, contract()) == ()
    clusters = ClusterMoments(
        arm=np.array(["holdout", "treatment"], dtype=object),
        clusters=np.array([2, 2]),
        assigned_clusters=np.array([2, 2]),
        center=np.zeros(2),
        s1=np.zeros((2, 3)),
        s2=np.zeros((2, 3, 3)),
        events=np.array([2, 2]),
    )
    assert course_of(dataclasses.replace(moments, clusters=clusters), contract()) == ()


def test_the_course_is_in_the_units_of_the_headline() -> None:
    """A ratio metric's course ends at the headline's always-valid band, and so does a weighted one."""
    rng = np.random.default_rng(6)
    n = 6_000
    treated = rng.random(n) < 0.5
    visits = 1 + rng.poisson(2, n)
    orders = rng.binomial(visits, np.where(treated, 0.35, 0.3)).astype(float)
    weight = np.where(treated, 1.5, 3.0)
    arm = np.where(treated, "treatment", "holdout")
    period = DAY + rng.integers(0, 9, n)
    for measures, more in (
        ({"outcome": orders, "denominator": visits}, {"kind": "count"}),
        (
            {"outcome": orders, "weight": weight, "weighted_outcome": weight * orders},
            {"kind": "count", "design": "logged_propensity"},
        ),
    ):
        cells = Moments.of_units(measures, arm, period=period)
        moments = OutcomeMoments(cells, {}, "2027-06-01T00:00:00+00:00")
        made = contract(planned_units=6_000, **more)
        last = course_of(moments, made)[-1].estimate
        headline = realize(estimate_means(moments, made), made).realized.always_valid
        assert headline is not None
        assert last.lift == pytest.approx(headline.lift, rel=1e-9)
        assert (last.low, last.high) == pytest.approx(
            (headline.low, headline.high), abs=0.01 * (headline.high - headline.low)
        )


def test_an_arm_that_begins_late_has_no_point_before() -> None:
    """Days without a holdout have nothing to be compared with: neither shown nor counted."""
    moments = log(6)
    cells = moments.cells
    late = cells.select((cells.arm != "holdout") | (cells.period >= DAY + 3))
    rows = course_of(dataclasses.replace(moments, cells=late), contract())
    assert [r.label for r in rows] == [str(DAY + k) for k in (3, 4, 5)]
    side_by_side = (late.arm == "treatment") & (late.period >= DAY + 3)
    assert rows[-1].n_treatment == int(late.n[side_by_side].sum())
