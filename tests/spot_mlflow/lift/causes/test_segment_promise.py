from __future__ import annotations

import pytest
from funnel_logs import make_contract, make_units

from spot_mlflow.lift.analysis import analyze
from spot_mlflow.lift.causes.segment_promise import segment_promises
from spot_mlflow.lift.moments.labels import HOLDOUT

UNITS = make_units()


def test_a_promise_per_unit_is_the_response_times_the_way_to_the_customer():
    """Response .12 of those reached in time, .5 x .8 x .9 of the units reached: .0432 a unit."""
    own = {"gold": {"share": 0.5, "response": 0.12, "offered": 0.5}, "plain": {"share": 0.5}}
    lift = 0.05
    promise = make_contract(
        segments=own, predicted={"lift": lift}, funnel={"delivered": 0.8, "on_time": 0.9}
    )
    for columns in ((), ("offered", "delivered"), ("offered", "delivered", "on_time")):
        found = segment_promises(UNITS.moments(*columns), promise)
        assert found["gold"].lift == pytest.approx(0.12 * 0.5 * 0.8 * 0.9)
        assert (found["gold"].lift + found["plain"].lift) / 2 == pytest.approx(lift)
        assert found["gold"].reach(["coverage", "delivery"]) == pytest.approx(0.4)


def test_a_relative_promise_stands_over_the_segments_own_holdout():
    """What was promised in relative terms is compared with a lift over the same mean."""
    promise = make_contract(effect="relative", predicted={"lift": 0.5})
    cells = UNITS.moments("outcome")
    found = segment_promises(cells, promise)
    held = UNITS.arm == HOLDOUT
    mean = {s: UNITS.measures["outcome"][held & (UNITS.segment == s)].mean() for s in found}
    for s, p in found.items():
        assert p.in_units(promise) == pytest.approx(p.lift / mean[s])


def test_segments_without_a_promise_have_none():
    """A contract that names no segments promises nothing of them."""
    assert segment_promises(UNITS.moments(), make_contract(mix=False)) == {}


def test_rows_by_segment_show_the_promise_per_unit_beside_the_lift():
    """Weighted by the promised shares, the promises of the rows are the promised lift."""
    rows = {r.label: r for r in analyze(UNITS.log(), make_contract()).segments}
    assert (rows["gold"].predicted + rows["plain"].predicted) / 2 == pytest.approx(0.08)
    assert rows["gold"].predicted == pytest.approx(2 * rows["plain"].predicted)
