"""Strata: chosen from counts, kept, joined where thin; what has no counterpart leaves the comparison."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from ramps import DAY, cells, log, promise, ramp

from spot_mlflow.lift.analysis import analyze
from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.cut import Cut
from spot_mlflow.lift.moments.labels import HOLDOUT
from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
from spot_mlflow.lift.strata.choice import block_starts, choose, compare, with_cut


@pytest.mark.parametrize("effect", ["absolute", "relative"])
@pytest.mark.parametrize("period", [None, "7d", "30d"])
def test_a_ramp_is_no_lift_whatever_is_shown(effect, period):
    """Where no day differs the lift is 0, grade B, and neither rows nor course nor bridge say otherwise."""
    made = promise(effect=effect, period=period, predicted=0.05)
    found = analyze(log(*ramp(28)), made)
    assert found.realized.estimate.low < 0 < found.realized.estimate.high
    assert abs(found.realized.estimate.lift) < 0.005
    assert found.realized.grade == "B"
    assert found.outcome.verdict != "exceeded"
    assert all(p.estimate.low < 0 < p.estimate.high for p in found.periods)
    assert abs(found.course[-1].estimate.lift) < 0.005
    total = sum(c.lift.lift for c in found.attribution.contributions)
    assert total == pytest.approx(found.outcome.gap.lift, abs=1e-12)


def test_a_share_that_differs_by_segment_is_no_lift():
    """The same with segments instead of days, and each segment's row is its own comparison."""
    rows = [
        (0, 1, 9000, 900, "a"),
        (0, 0, 1000, 100, "a"),
        (0, 1, 1000, 300, "b"),
        (0, 0, 9000, 2700, "b"),
    ]
    found = analyze(log(*rows), promise())
    assert found.realized.estimate.lift == pytest.approx(0, abs=1e-12)
    assert found.variation is not None
    assert found.variation.dimension == "segment"
    assert "90 % (a)" in found.variation.words


def test_segments_hide_no_ramp_within_them():
    """A segment's row compares within days, too."""
    rows = [(d, a, n, x, s) for s in "ab" for d, a, n, x in ramp(14)]
    found = analyze(log(*rows), promise())
    assert [abs(s.estimate.lift) < 0.01 for s in found.segments] == [True, True]


def test_the_shortest_calendar_that_is_thick_enough_is_chosen():
    """Ten units a day in the smaller arm: days; two: weeks; two a week: the whole, if shares are equal."""

    def of(n):
        return cells(*[(d, a, n, 0) for d in range(56) for a in (0, 1)])

    assert choose(of(10)) == Cut("day")
    assert choose(of(2)) == Cut("week")
    weekly = cells(*[(7 * w, a, 3, 0) for w in range(8) for a in (0, 1)])
    assert choose(weekly).calendar == "month"
    sparse = cells(*[(30 * w, a, 3, 0) for w in range(3) for a in (0, 1)])
    assert choose(sparse) == Cut("whole")


def test_many_small_segments_are_compared_day_by_day_together():
    """Where segments are too small for days and the share changes from day to day, days go first."""
    rng = np.random.default_rng(1)
    rows = []
    for d, a, n, _ in ramp(28, per=400):
        each = rng.multinomial(n, [1 / 200] * 200)
        rows += [(d, a, int(k), 0, f"s{i}") for i, k in enumerate(each) if k]
    assert choose(cells(*rows)) == Cut("day", pooled=True)


def test_the_choice_is_stored_and_kept():
    """Later checks keep the first choice; one of the whole time is made again once days are enough."""
    first = with_cut(log(*[(d, a, 2, 0) for d in range(14) for a in (0, 1)]), promise())
    assert first.cells.cut == Cut("week")
    read = OutcomeMoments.from_dict(first.to_dict())
    assert read.cells.cut == Cut("week")
    later = with_cut(log(*[(d, a, 50, 0) for d in range(14) for a in (0, 1)]), promise(), read)
    assert later.cells.cut == Cut("week")
    small = dataclasses.replace(first, cells=dataclasses.replace(first.cells, cut=Cut("whole")))
    again = with_cut(log(*[(d, a, 50, 0) for d in range(14) for a in (0, 1)]), promise(), small)
    assert again.cells.cut == Cut("day")


def test_thin_days_join_neighbours_of_the_same_share_only():
    """Sundays of three units join a neighbour; a day whose share is another stays apart."""
    thin = [(d, a, 3 if d % 7 == 6 else 40, 0) for d in range(14) for a in (0, 1)]
    found = compare(cells(*thin), promise())
    assert len(found) == 12
    assert found.left_out == 0
    other = [*[(d, a, 40, 0) for d in range(6) for a in (0, 1)], (6, 1, 200, 0), (6, 0, 5, 0)]
    apart = compare(cells(*other), promise())
    assert len(apart) == 7
    declared = [{"share": 0.5}, {"from": str(DAY + 6), "share": 0.97}]
    assert len(compare(cells(*other), promise(treatment_share=declared))) == 7


def test_units_without_a_counterpart_leave_the_comparison():
    """To 5 % a note, to 30 % a verdict for the others and said first, above none, and none left: grade D."""
    both = [(d, a, 1000, 100 + 50 * a) for d in range(10) for a in (0, 1)]

    def alone(n):
        return analyze(log(*both, (20, 1, n, n)), promise())

    few, some, many = alone(800), alone(6000), alone(12_000)
    for found in (few, some, many):
        assert found.realized.estimate.lift == pytest.approx(0.05, abs=1e-9)
        assert found.comparison.left_out in {800, 6000, 12_000}
        assert "one arm only" in found.realized.caveats[0] + found.outcome.reason
    assert few.outcome.verdict == some.outcome.verdict == "exceeded"
    assert "verdict and money are of the others" in some.realized.caveats[0]
    assert (many.outcome.verdict, many.outcome.doubt) == ("inconclusive", "overlap")
    assert many.outcome.remedy
    never = analyze(log((0, 0, 9000, 900), (7, 1, 9000, 1800)), promise())
    assert never.realized.grade == "D"
    assert (never.outcome.verdict, never.outcome.doubt) == ("inconclusive", "overlap")


def test_each_arm_is_compared_where_it_and_the_holdout_are():
    """Two arms with ramps against each other: each has its own lift of 0, whatever the season does."""
    y, arm, day = [], [], []
    for d in range(20):
        for label, n in (("A", 60 + 20 * d), ("B", 440 - 20 * d), (HOLDOUT, 300)):
            x = round(n * (0.1 + 0.02 * d))
            y += [1.0] * x + [0.0] * (n - x)
            arm += [label] * n
            day += [DAY + d] * n
    moments = OutcomeMoments(
        Moments.of_units({"outcome": y}, arm, period=np.array(day, dtype="datetime64[D]")),
        {},
        "2026-12-01",
    )
    columns = {"arm": "a", "outcome": "y", "treated": ["A", "B"], "holdout": "H"}
    found = analyze(moments, promise(columns=columns))
    assert [abs(a.estimate.lift) < 0.005 for a in found.arms] == [True, True]


def test_overlap_weights_are_named_as_another_estimand():
    """Weights by what both arms have: narrower under a ramp, and said to be of other customers."""
    plain, overlap = (
        analyze(log(*ramp(28)), promise(weights=w)) for w in ("population", "overlap")
    )
    assert overlap.realized.estimate.se < plain.realized.estimate.se
    assert any("could have been in either arm" in c for c in overlap.realized.caveats)
    assert promise(weights="population").digest == promise().digest
    assert promise(weights="overlap").digest != promise().digest


def test_blocks_begin_on_mondays_and_first_days_of_months():
    """A day's week begins on Monday, its month on the first; a day that is not known stays unknown."""
    days = np.array(["2026-01-11", "2026-01-12", "2026-02-28", "NaT"], dtype="datetime64[D]")
    assert block_starts(days, "week").astype(str).tolist() == [
        "2026-01-05",
        "2026-01-12",
        "2026-02-23",
        "NaT",
    ]
    assert block_starts(days, "month").astype(str).tolist() == [
        "2026-01-01",
        "2026-01-01",
        "2026-02-01",
        "NaT",
    ]


def test_without_dates_the_reader_learns_what_cannot_be_seen():
    """A log that does not date decisions cannot show a ramp; a note names the column."""
    undated = cells((0, 1, 1000, 120), (0, 0, 1000, 100)).collapse("arm")
    found = analyze(OutcomeMoments(undated, {}, "2026-12-01"), promise())
    assert any("decided_at" in n for n in found.notes)
