from __future__ import annotations

import numpy as np
import pytest
from funnel_logs import FUNNEL, make_contract, make_units

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.causes.factor_levels import levels_at
from spot_mlflow.lift.causes.factors import Model, Point, check_estimable, layout_of
from spot_mlflow.lift.causes.segment_means import strata_of
from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT

UNITS = make_units(5_000)
TIMED = {"offered": 0.95, "delivered": 0.95}  # says nothing of time


def groups(*columns, **changes):
    """The groups of factors that a log with these columns tells apart."""
    contract = make_contract(**changes)
    return layout_of(
        strata_of(UNITS.moments("outcome", *columns), contract), contract, fold_value=False
    ).groups


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ((), [("coverage", "delivery", "timeliness", "response")]),
        (("offered",), [("coverage",), ("delivery", "timeliness", "response")]),
        (("delivered",), [("coverage", "delivery"), ("timeliness", "response")]),
        (("on_time",), [("coverage", "delivery", "timeliness"), ("response",)]),
        (
            ("offered", "delivered"),
            [("coverage",), ("delivery",), ("timeliness", "response")],
        ),
        (
            FUNNEL,
            [("coverage",), ("system",), ("delivery",), ("timeliness",), ("response",)],
        ),
    ],
)
def test_neighbours_without_a_column_between_them_are_folded(columns, expected):
    """What no logged share separates on the way to the customer is one cause."""
    assert list(groups(*columns)) == expected


def test_time_is_no_factor_where_nobody_speaks_of_it():
    """Neither logged nor promised, lateness belongs to the response."""
    assert groups("offered", "delivered", funnel=TIMED)[-1] == ("response",)


def test_system_failures_need_the_offers_they_failed():
    """Without the offered share, failures of the system cannot be a step of their own."""
    assert ("system",) not in groups("system_failure", "delivered")


def test_levels_are_shares_of_those_who_came_that_far():
    """Realized levels are conditional on the stage before; promised ones are the contract's."""
    contract = make_contract(mix=False)
    strata = strata_of(UNITS.moments(segments=False), contract)
    model = Model(strata, contract, layout_of(strata, contract, fold_value=False))
    at = Point(strata.weight, strata.treated, strata.holdout, np.array(0.08))
    told = dict(zip(model.layout.players, levels_at(model, at), strict=True))
    t = UNITS.arm == TREATMENT
    m = {k: v[t].mean() for k, v in UNITS.measures.items()}
    assert told["coverage",] == pytest.approx((0.95, m["offered"]))
    assert told["system",] == pytest.approx((1, 1 - m["system_failure"] / m["offered"]))
    attempted = m["offered"] - m["system_failure"]
    assert told["delivery",] == pytest.approx((0.95, m["delivered"] / attempted))
    assert told["timeliness",] == pytest.approx((0.95, m["on_time"] / m["delivered"]))
    lift = m["outcome"] - UNITS.measures["outcome"][~t].mean()
    assert told["response",] == pytest.approx((0.08 / 0.95**3, lift / m["on_time"]))
    assert told["cost",] == pytest.approx((0.5, m["cost"] / m["delivered"]))


def test_a_relative_lift_needs_a_holdout_with_outcomes():
    """A holdout of zeros is refused for a relative promise and taken for an absolute one."""
    arm = np.repeat([TREATMENT, HOLDOUT], 50)
    cells = Moments.of_units({"outcome": np.r_[np.ones(20), np.zeros(80)]}, arm)
    absolute, relative = (make_contract(mix=False, effect=e) for e in ("absolute", "relative"))
    check_estimable(strata_of(cells, absolute), absolute)
    with pytest.raises(InvalidInput, match="promise an absolute lift"):
        check_estimable(strata_of(cells, relative), relative)
