"""The id of the unit or cluster is hashed, in the one form in which everybody hashes it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import spot_mlflow as spot
from spot_mlflow_checks import check_outcomes

N = 2_000
AS_OF = "2027-03-01"
DRAW = {"salt": "churn/2027", "holdout": 0.5}


def promise(arms, assignment=DRAW, *, decisions=None, **sources):
    """A contract over raw tables."""
    return {
        "metric": "buys", "kind": "binary", "predicted": {"lift": 0.1, "se": 0.02}, "window": "5d",
        **({"assignment": assignment} if assignment else {}),
        "sources": {
            "decisions": {"unit": "unit", "at": "at", **(decisions or {})},
            "arms": arms,
            "events": {"unit": "unit", "at": "at", "complete_until": "now"},
            "outcome": "any", **sources,
        },
    }  # fmt: skip


GIVEN = {"column": "arm", "treated": "offer", "holdout": "control"}


def nightly(nights=2):
    """Units with the arms of the assignment, decided on several nights; a tenth more of the treated buy."""
    units = pd.DataFrame({"unit": [f"c{i}" for i in range(N)]})
    ready = {"metric": "buys", "predicted": {"lift": 0.1, "se": 0.02}, "assignment": DRAW}
    columns = {"arm": "arm", "treated": "offer", "holdout": "control", "outcome": "y", "unit": "unit"}  # fmt: skip
    arm = spot.assign_arms(units, ready | {"columns": columns})["arm"]
    buys = np.random.default_rng(1).random(N) < np.where(arm == "offer", 0.3, 0.2)
    days = [units.assign(arm=arm, at=f"2027-01-{4 + 7 * i:02d} 08:00") for i in range(nights)]
    events = pd.DataFrame({"unit": units.unit[buys], "at": "2027-01-05 08:00"})
    return pd.concat(days, ignore_index=True), events


def arms_check(tables, contract):
    """The check on arms, and the report."""
    report = check_outcomes(tables, contract, as_of=AS_OF)
    return next(c for c in report.checks if c.name == "arms_as_assigned"), report


@pytest.mark.parametrize("arms", ["assigned", GIVEN], ids=["assigned", "column"])
def test_the_unit_is_hashed_where_every_decision_counts(arms):
    """The rows of the log are decisions then, and none of them has an arm of its own."""
    decisions, events = nightly()
    check, _ = arms_check(
        {"decisions": decisions, "events": events},
        promise(arms, repeats={"each": "offers are made every week"}),
    )
    assert check.success, check.message


def test_moved_units_are_found_where_every_decision_counts():
    """Units moved by hand are counted with each of their decisions."""
    decisions, events = nightly()
    moved = decisions["unit"].isin([f"c{i}" for i in range(100)])
    other = decisions["arm"].map({"offer": "control", "control": "offer"})
    check, report = arms_check(
        {"decisions": decisions.assign(arm=decisions["arm"].mask(moved, other)), "events": events},
        promise(GIVEN, repeats={"each": "offers are made every week"}),
    )
    assert not check.success
    assert report.to_dict()["arms_recomputed"]["differ"] == 200
    assert report.verdict == "inconclusive"
