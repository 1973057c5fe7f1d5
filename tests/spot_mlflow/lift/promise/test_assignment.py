from __future__ import annotations

import hashlib
import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from spot_mlflow import InvalidInput, PredictedLift
from spot_mlflow.lift.promise.arm_hash import (
    SIZE,
    ArmRule,
    arm_numbers,
    bound_of,
    bound_text,
    numbers,
)
from spot_mlflow.lift.promise.assignment import Assignment, arm_rule

PLAIN = {
    "metric": "stays", "predicted": {"lift": 0.02, "se": 0.004},
    "columns": {"arm": "arm", "outcome": "y", "unit": "id", "treated": "offer", "holdout": "control"},
}  # fmt: skip

KNOWN = ["1d5090c0", "a7057ad7"]


def contract(assignment, **columns):
    """A contract with an assignment."""
    return PredictedLift.load(
        {**PLAIN, "columns": PLAIN["columns"] | columns, "assignment": {"salt": "s", **assignment}}
    )


def rule(assignment, treated=("offer",)):
    """The rule of an assignment without a contract."""
    made = Assignment.model_validate({"salt": "churn/2027-01", **assignment})
    return arm_rule(made, treated=treated, holdout="control", unit="id")


def ids(n, start=0):
    """Sequential ids as text."""
    return [str(i) for i in range(start, start + n)]


def test_the_arm_is_the_written_formula():
    """The first eight hex digits of md5(salt:id) in UTF-8, over 2^32, against the share."""
    units = ["12", "0012", "Ünit-7", "a:b", "9c5b94b1-35ad-49bb-b118-8e8fc24abf80"]
    for share in (0.05, 0.1, 1 / 3, 0.5, 0.9):
        expected = [
            0 if int(hashlib.md5(f"churn/2027-01:{u}".encode(), usedforsecurity=False).hexdigest()[:8], 16) / SIZE < share else 1
            for u in units
        ]  # fmt: skip
        assert arm_numbers(rule({"holdout": share}), units).tolist() == expected


def test_known_answers():
    """Figures that anybody can compute: printf 'churn/2027-01:12' | md5sum."""
    assert [f"{x:08x}" for x in numbers("churn/2027-01", ["12"])[0]] == KNOWN


@given(st.floats(0, 1), st.integers(0, SIZE - 1))
def test_hex_text_compares_as_the_share_does(share, number):
    """Text against a bound, number against a bound and fraction against a share are one answer."""
    said = f"{number:08x}" + "0" * 24
    assert (
        (number / SIZE < share)
        == (number < bound_of(share))
        == (said < bound_text(bound_of(share)))
    )


@given(
    st.lists(st.text(min_size=1), min_size=1, max_size=50),
    st.floats(0.01, 0.98),
    st.floats(1.001, 1.5),
)
def test_a_larger_holdout_keeps_those_who_were_held_out(units, share, times):
    """Nested: nobody leaves the holdout when it grows."""
    try:
        [u.encode() for u in units]
    except UnicodeEncodeError:
        return
    more = min(0.99, share * times)
    small, large = (arm_numbers(rule({"holdout": s}), units) == 0 for s in (share, more))
    assert not (small & ~large).any()


def test_the_treatment_arm_does_not_change_with_the_holdout():
    """A unit that is treated before and after a change of the holdout's share keeps its arm."""
    units, two = ids(20_000), ("mail", "call")
    small, large = (arm_numbers(rule({"holdout": h}, two), units) for h in (0.1, 0.4))
    both = (small > 0) & (large > 0)
    assert (small[both] == large[both]).all()
    shares = np.bincount(small) / len(units)
    assert shares == pytest.approx([0.1, 0.45, 0.45], abs=0.015)


def test_shares_of_several_arms_are_kept():
    """Every arm gets its declared share, and the rest is held out."""
    found = arm_numbers(rule({"shares": {"mail": 0.2, "call": 0.5}}, ("mail", "call")), ids(50_000))
    p = stats.chisquare(np.bincount(found), np.array([0.3, 0.2, 0.5]) * 50_000).pvalue
    assert p > 1e-4


def test_hashes_of_sequential_ids_are_uniform():
    """Chi-square over 1,000 bins for 100 salts: its p values are themselves uniform."""
    units, found = ids(20_000), []
    for salt in range(100):
        drawn = numbers(f"salt-{salt}", units)
        for k in (0, 1):
            bins = np.bincount(
                (drawn[:, k].astype(np.uint64) * 1000 >> 32).astype(int), minlength=1000
            )
            found.append(stats.chisquare(bins).pvalue)
    assert min(found) > 0.05 / len(found) / 10
    assert stats.kstest(found, "uniform").pvalue > 1e-4


def test_two_salts_are_independent_draws():
    """The correlation between the holdouts of any two salts is within 4 / sqrt(n)."""
    units = ids(20_000)
    held = [numbers(f"model-{i}", units)[:, 0] < 0.1 * SIZE for i in range(20)]
    for a, b in itertools.combinations(held, 2):
        assert abs(np.corrcoef(a, b)[0, 1]) < 4 / math.sqrt(len(units))


def test_holdout_and_arm_are_drawn_independently():
    """Which arm a unit gets does not depend on how near it was to the holdout."""
    drawn = numbers("s", ids(50_000)).astype(float)
    assert abs(np.corrcoef(drawn[:, 0], drawn[:, 1])[0, 1]) < 4 / math.sqrt(len(drawn))


def test_the_step_in_force_decides():
    """The latest step begun counts, and one of the segment's own before one for all."""
    steps = [
        {"from": "2027-01-10", "holdout": 0.5},
        {"from": "2027-02-10", "holdout": 0.1},
        {"segment": "north", "holdout": 0.9},
    ]
    found, units = rule({"schedule": steps}), ids(400)
    drawn = numbers("churn/2027-01", units)[:, 0]
    for day, segment, share in (
        ("2027-01-10", "south", 0.5), ("2027-02-09T23:59:59", "south", 0.5), ("2027-02-10", "south", 0.1),
        ("2027-03-01", "north", 0.9), ("2026-12-31", "north", 0.9),
    ):  # fmt: skip
        arms = arm_numbers(
            found, units,
            days=np.full(400, np.datetime64(day, "us")), segments=np.full(400, segment, dtype=object),
        )  # fmt: skip
        assert ((arms == 0) == (drawn < bound_of(share))).all()
    before = arm_numbers(
        found, units, days=np.full(400, np.datetime64("2027-01-09", "us")),
        segments=np.full(400, "south", dtype=object),
    )  # fmt: skip
    assert (before == -1).all()


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ({}, "give one of holdout, shares and schedule"),
        ({"holdout": 0.1, "shares": {"offer": 0.9}}, "give one of holdout, shares and schedule"),
        ({"holdout": 10}, "holdout == 10, must be less than 1"),
        ({"holdout": 0}, "must be greater than 0"),
        ({"shares": {"ofer": 0.9}}, "did you mean 'offer'"),
        ({"shares": {"control": 0.1}}, "names no share for arm 'offer'"),
        ({"shares": {"offer": 1.0}}, "with 0 held out"),
        ({"shares": {"offer": 0.8, "control": 0.1}}, "add up to 0.9"),
        ({"holdout": 0.1, "salt": " s"}, "must not begin or end with a space"),
        ({"holdout": 0.1, "unit": "a", "cluster": "b"}, "give unit or cluster"),
        ({"holdout": 0.1, "cluster": "b"}, "name it in columns.cluster too"),
        ({"schedule": []}, "at least 1 item"),
        ({"schedule": [{"holdout": 0.1}, {"holdout": 0.2}]}, "two steps of the schedule"),
        ({"schedule": [{"from": "2027-01-01"}]}, "give holdout, a share, or shares"),
        ({"schedule": [{"segment": "a", "holdout": 0.1}]}, "columns.segment is missing"),
    ],
)  # fmt: skip
def test_an_assignment_that_cannot_hold_is_refused(assignment, message):
    """Each fault is named in a sentence of its own."""
    with pytest.raises(InvalidInput, match=message):
        contract(assignment)


def test_a_share_is_declared_once():
    """The share of treatment follows from the assignment, so that the two cannot disagree."""
    assert contract({"holdout": 0.1}).declared_share == 0.9
    with pytest.raises(InvalidInput, match="treatment_share follows from assignment"):
        PredictedLift.load(
            {**PLAIN, "treatment_share": 0.9, "assignment": {"salt": "s", "holdout": 0.1}}
        )
    scheduled = contract({"schedule": [{"holdout": 0.5}, {"from": "2027-02-01", "holdout": 0.1}]})
    assert [(s.starts and s.starts.isoformat(), s.share) for s in scheduled.declared_share] == [
        ("2027-02-01", 0.9), (None, 0.5),
    ]  # fmt: skip
    two = contract({"shares": {"mail": 0.5, "call": 0.4}}, treated=["mail", "call"])
    assert two.declared_share == {"mail": 0.5, "call": 0.4}


def test_a_contract_with_an_assignment_survives_yaml(tmp_path):
    """What is written is read back the same, with the same digest."""
    given = contract({"schedule": [{"from": "2027-02-01", "holdout": 0.1}]})
    (tmp_path / "lift.yaml").write_text(given.to_yaml())
    assert PredictedLift.load(tmp_path / "lift.yaml").digest == given.digest


def test_a_contract_without_an_assignment_keeps_its_digest():
    """Records written before there was an assignment are still the same promise."""
    assert "assignment" not in PredictedLift.load(PLAIN).to_dict()


def test_a_rule_survives_json():
    """What a model carries with it is the rule that was declared."""
    steps = [
        {"from": "2027-01-10", "shares": {"mail": 0.2, "call": 0.5}},
        {"segment": "a", "holdout": 0.1},
    ]
    found = rule({"schedule": steps}, ("mail", "call"))
    assert ArmRule.from_dict(json.loads(json.dumps(found.to_dict()))) == found
