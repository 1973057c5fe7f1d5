from __future__ import annotations

import pytest

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.lift.promise.meaning import meaning_of
from spot_mlflow.lift.promise.slips import slip_of

PLAIN = {"metric": "m", "columns": {"arm": "a", "outcome": "y"}}


def load(**keys) -> PredictedLift:
    """A contract of a rate, absolute unless said."""
    return PredictedLift.load({**PLAIN, **keys})


@pytest.mark.parametrize(
    ("keys", "hint"),
    [
        ({"predicted": 2.3}, "lift == 2.3 .* did you mean 0.023?"),
        ({"predicted": {"lift": 2.3, "se": 0.4}}, "did you mean 0.023?"),
        ({"predicted": {"lift": 2.3, "baseline": 0.063}}, "did you mean 0.023?"),
        ({"predicted": 1}, "did you mean 0.01?"),
        ({"predicted": {"lift": 0.023, "se": 0.4}}, "did you mean 0.004?"),
        ({"predicted": {"lift": 0.023, "low": 0.015, "high": 3.1}}, "did you mean 0.031?"),
        ({"predicted": {"lift": 0.023, "low": -1.5, "high": 0.03}}, "did you mean -0.015?"),
        ({"predicted": 0.023, "minimum_viable": 1.1}, "did you mean 0.011?"),
        ({"predicted": 0.023, "tolerance": 0.5}, "did you mean 0.005?"),
        ({"predicted": 0.023, "tolerance": 1}, "did you mean 0.01?"),
        ({"predicted": {"lift": 0.023, "baseline": 6.3}}, "did you mean 0.063?"),
        ({"predicted": {"lift": 0.3, "baseline": 6}, "effect": "relative"}, "did you mean 0.06?"),
        ({"predicted": {"lift": 0.2, "baseline": 0.9}}, "0.9 \\+ 0.2 = 1.1"),
        ({"predicted": {"lift": 0.1, "baseline": 0.05}, "direction": "decrease"}, "0.05 - 0.1"),
        ({"predicted": {"lift": 12, "baseline": 0.1}, "effect": "relative"}, "did you mean .*0.12"),
        ({"predicted": 12, "effect": "relative", "direction": "decrease"}, "did you mean 0.12?"),
        (
            {"predicted": 0.02, "segments": {"a": {"share": 1, "response": 3}}},
            "segments.a.response == 3 .* did you mean 0.03?",
        ),
        (
            {"predicted": -0.02, "direction": "decrease"},
            "the outcome rises by 0.02; a fall of 0.02 is written lift: 0.02",
        ),
        (
            {"predicted": 0.02, "columns": {**PLAIN["columns"], "propensity": "p"}},
            "write design: logged_propensity",
        ),
        (
            {
                "predicted": 0.02,
                "columns": {**PLAIN["columns"], "denominator": "d", "cluster": "c"},
            },
            "Sum outcome and denominator by cluster",
        ),
        (
            {
                "predicted": 0.02,
                "design": "logged_propensity",
                "columns": {**PLAIN["columns"], "denominator": "d", "propensity": "p"},
            },
            "not of the ratio",
        ),
    ],
)
def test_a_slip_is_refused_with_what_was_meant(keys, hint):
    """Percent for points, a fall with a minus, columns that nothing would use: each with its remedy."""
    with pytest.raises(InvalidInput, match=hint):
        load(**keys)


@pytest.mark.parametrize(
    "keys",
    [
        {"predicted": 2.3, "effect": "relative"},
        {"predicted": {"lift": 2.3, "se": 0.4, "baseline": 10}, "kind": "money"},
        {"predicted": {"lift": 2.3, "baseline": 4}, "kind": "count"},
        {"predicted": 2.3, "columns": {"arm": "a", "outcome": "y", "denominator": "d"}},
        {"predicted": {"lift": 0.1, "baseline": 0.9}},
        {"predicted": {"lift": 0.05, "baseline": 0.05}, "direction": "decrease"},
        {"predicted": {"lift": 0.001, "se": 0.02}},
        {"predicted": 1.5, "effect": "relative", "direction": "decrease", "kind": "money"},
    ],
)
def test_what_can_be_meant_is_accepted(keys):
    """Money, counts, ratio metrics and relative lifts may exceed 1, and a rate may reach its end."""
    assert slip_of(load(**keys)) == ""


@pytest.mark.parametrize("effect", ["absolute", "relative"])
@pytest.mark.parametrize("direction", ["increase", "decrease"])
@pytest.mark.parametrize("tolerance", [0.02, 0.03, 10])
def test_a_tolerance_as_large_as_the_promise_is_refused(effect, direction, tolerance):
    """No lift at all would count as a promise kept, so the message names the tolerance."""
    with pytest.raises(InvalidInput, match="tolerance"):
        load(predicted=0.02, tolerance=tolerance, effect=effect, direction=direction)
    assert load(predicted=0.02, tolerance=0.0199, effect=effect, direction=direction)


def test_a_record_stays_readable_but_its_slip_is_not_checked_again():
    """A stored promise loads as it was written; a check or a new promise of it is refused."""
    old = {**PLAIN, "predicted": {"lift": 0.02}, "tolerance": 0.05}
    kept = PredictedLift.stored(old)
    assert kept.tolerance == 0.05
    with pytest.raises(InvalidInput, match=r"tolerance == 0\.05, must be below the promise 0.02"):
        PredictedLift.load(kept)


def test_a_promise_of_nothing_or_of_a_loss_says_what_it_means():
    """Zero is a no-harm promise, a negative one a loss; both may have any tolerance."""
    assert "no-harm promise" in meaning_of(load(predicted=0.0, tolerance=0.01))
    loss = meaning_of(load(predicted=-0.01, tolerance=0.02))
    assert "a loss of 1 point" in loss
    assert "at most 3 points is lost" in loss
    assert meaning_of(load(predicted=0.02)) == ""
