from __future__ import annotations

import numpy as np
import pytest
from funnel_logs import make_contract, make_units

from spot_mlflow.lift.causes.segment_means import strata_of
from spot_mlflow.lift.moments.cells import Moments, pooled_arms
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT

UNITS = make_units(6_000)


def rows(arm, segment):
    """Units of one cell."""
    return (UNITS.arm == arm) & (UNITS.segment == segment)


def test_means_and_covariances_are_those_of_the_units():
    """Per segment and arm, means and covariance of the means equal numpy's on the raw units."""
    strata = strata_of(UNITS.moments(), make_contract())
    x = np.column_stack([UNITS.measures[m] for m in ("outcome", "value", "delivered")])
    at = [strata.names.index(m) for m in ("lift", "value", "delivered")]
    for i, label in enumerate(strata.labels):
        part = x[rows(TREATMENT, label)]
        assert strata.treated[i, at] == pytest.approx(part.mean(axis=0))
        expected = np.cov(part.T) / len(part)
        assert strata.cov_treated[i][np.ix_(at, at)] == pytest.approx(expected)


def test_attempted_is_offered_without_system_failures():
    """The share attempted is the offered share minus the share that failed in the system."""
    strata = strata_of(UNITS.moments(), make_contract())
    column = dict(zip(strata.names, strata.treated.T, strict=True))
    failed = [
        UNITS.measures["system_failure"][rows(TREATMENT, label)].mean() for label in strata.labels
    ]
    assert column["attempted"] == pytest.approx(column["offered"] - failed)


def test_a_decrease_is_told_in_improvement_units():
    """Where less is better the lift column is minus the outcome, and the rest stays."""
    up = strata_of(UNITS.moments(), make_contract())
    down = strata_of(UNITS.moments(), make_contract(direction="decrease"))
    assert down.treated[:, 0] == pytest.approx(-up.treated[:, 0])
    assert down.treated[:, 1:] == pytest.approx(up.treated[:, 1:])


def test_a_promised_segment_that_never_came_has_no_units():
    """A segment of the promise without rows keeps a place, with weight 0."""
    parts = {s: {"share": 1 / 3} for s in ("gold", "plain", "silver")}
    strata = strata_of(UNITS.moments(), make_contract(segments=parts))
    assert strata.labels == ("gold", "plain", "silver")
    assert strata.weight[2] == 0
    assert not strata.estimable[2]


def test_a_covariate_takes_its_share_out_of_the_outcome():
    """The adjusted lift and its error equal those of y - theta (x - mean) on the raw units."""
    rng = np.random.default_rng(1)
    y = UNITS.measures["outcome"]
    x = y + rng.normal(size=len(y)) + 3
    cells = Moments.of_units({"outcome": y, "covariate": x}, UNITS.arm)
    strata = strata_of(cells, make_contract(mix=False))
    theta = np.cov(y, x)[0, 1] / np.var(x, ddof=1)
    z = y - theta * (x - x.mean())
    t = z[UNITS.arm == TREATMENT]
    assert strata.treated[0, 0] == pytest.approx(t.mean())
    assert strata.cov_treated[0, 0, 0] == pytest.approx(t.var(ddof=1) / len(t))


@pytest.mark.parametrize("direction", ["increase", "decrease"])
def test_the_share_paid_is_counted_with_its_covariances(direction):
    """The share that got the incentive, and how it varies with the rest, equal the raw units'."""
    contract = make_contract(
        mix=False, direction=direction, economics={"value": 40, "incentive": 3, "offer_cost": 0.4}
    )
    names = ("offered", "delivered", "on_time", "system_failure")
    strata = strata_of(UNITS.moments(*names, segments=False), contract)
    good = UNITS.measures["outcome"] if direction == "increase" else 1 - UNITS.measures["outcome"]
    rows = UNITS.arm == TREATMENT
    paid = (good * UNITS.measures["delivered"])[rows]
    at = strata.names.index("paid")
    assert strata.treated[strata.labels.index(""), at] == pytest.approx(paid.mean())
    sign = 1 if direction == "increase" else -1
    for name in ("delivered", "on_time", "offered"):
        expected = np.cov(paid, UNITS.measures[name][rows], bias=True)[0, 1] / (rows.sum() - 1)
        found = strata.cov_treated[strata.labels.index(""), at, strata.names.index(name)]
        assert found == pytest.approx(expected, rel=1e-9)
    expected = np.cov(paid, sign * UNITS.measures["outcome"][rows], bias=True)[0, 1]
    assert strata.cov_treated[strata.labels.index(""), at, 0] == pytest.approx(
        expected / (rows.sum() - 1), rel=1e-9
    )


def test_several_treatment_arms_count_as_one():
    """Arms with their own labels are taken together against the holdout."""
    arm = np.where(UNITS.arm == HOLDOUT, HOLDOUT, np.where(UNITS.score > 0.5, "mail", "call"))
    cells = Moments.of_units({"outcome": UNITS.measures["outcome"]}, arm)
    assert set(pooled_arms(cells).arm) == {HOLDOUT, TREATMENT}
    found = strata_of(cells, make_contract(mix=False))
    assert found.n_treated.sum() == (UNITS.arm == TREATMENT).sum()
