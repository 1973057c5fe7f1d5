from __future__ import annotations

from datetime import timedelta

import pytest

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.promise.contract import PredictedLift

PLAIN = {"metric": "got", "predicted": 0.35, "columns": {"arm": "any", "outcome": "got"}}


def load(**keys) -> PredictedLift:
    """The smallest contract, with keys added or replaced."""
    return PredictedLift.load({**PLAIN, **keys})


def test_four_keys_are_enough():
    """A bare number is a commitment; all else has its default."""
    made = load()
    assert (made.predicted.lift, made.predicted.standard_error) == (0.35, 0.0)
    assert (made.kind, made.effect, made.direction, made.design) == (
        "binary",
        "absolute",
        "increase",
        "randomized",
    )
    assert made.looks_used == "once"
    assert made.minimum is None


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"minimum_viable": 0.4}, "minimum_viable == 0.4 is above the predicted lift 0.35"),
        ({"minimum_viabel": 0.1}, "unknown key 'minimum_viabel'; did you mean 'minimum_viable'"),
        ({"predicted": {"lift": 0.3, "se": 0.1, "low": 0.2, "high": 0.4}}, "not both"),
        ({"predicted": {"lift": 0.3, "low": 0.2}}, "both low and high"),
        ({"predicted": {"lift": 0.5, "low": 0.2, "high": 0.4}}, "low <= lift <= high"),
        ({"predicted": {"lift": float("nan")}}, "finite"),
        ({"looks": "monitored"}, "needs planned_units"),
        ({"columns": {"arm": "a", "outcome": "y", "treated": 1, "holdout": 1}}, "must differ"),
        ({"segments": {"a": {"share": 0.4}, "b": {"share": 0.4}}}, "sum to 0.8"),
        ({"window": "soon"}, "not a duration"),
        ({"tolerance": -1}, "tolerance == -1"),
        ({"outliers": {"winsorize": 0.4}}, "winsorize == 0.4"),
        ({"kind": "rate"}, "kind == 'rate'"),
    ],
)
def test_a_contract_that_cannot_hold_is_refused(keys, message):
    """With the key, what was written and what must be."""
    with pytest.raises(InvalidInput, match=message):
        load(**keys)


def test_bounds_are_a_standard_error():
    """(high - low) / (2 * 1.96)."""
    made = load(predicted={"lift": 0.35, "low": 0.25, "high": 0.45})
    assert made.predicted.standard_error == pytest.approx(0.2 / (2 * 1.959963984540054))


def test_the_tolerance_by_default():
    """Half way from the minimum to the promise, a fifth of the promise without a minimum."""
    assert load(minimum_viable=0.15).tolerance_used == pytest.approx(0.1)
    assert load().tolerance_used == pytest.approx(0.07)
    assert load(minimum_viable=0.35).tolerance_used == pytest.approx(0.07)
    assert load(tolerance=0).tolerance_used == 0


def test_the_minimum_follows_from_the_money():
    """Cost .15 against 10 earned: break-even at 1.5 %; an incentive is paid to all who accept."""
    money = {"value": 10, "offer_cost": 0.10, "handling_cost": 0.05}
    assert load(economics=money).minimum == pytest.approx(0.015)
    paid = load(economics={**money, "incentive": 2}, predicted={"lift": 0.35, "baseline": 0.05})
    assert paid.minimum == pytest.approx((0.15 + 2 * 0.05) / 8)
    assert load(economics=money, effect="relative").minimum is None
    with pytest.raises(InvalidInput, match="would not be worth having"):
        load(economics=money, predicted=0.01)


def test_monitored_where_units_are_planned():
    """Left out, looks follow from planned_units."""
    assert load(planned_units=4000).looks_used == "monitored"
    assert load(planned_units=4000, looks="once").looks_used == "once"


def test_a_contract_survives_yaml(tmp_path):
    """Written and read again it promises the same, by digest."""
    made = load(
        window="90d",
        planned_units=4000,
        treatment_share={"1": 0.5},
        segments={"a": {"share": 0.4, "response": 0.1}, "b": {"share": 0.6}},
        score_edges=[0.1, 0.5],
    )
    path = tmp_path / "lift.yaml"
    path.write_text(made.to_yaml())
    again = PredictedLift.load(path)
    assert again == made
    assert again.digest == made.digest
    assert again.window == timedelta(days=90)
    assert load().digest != made.digest
    with pytest.raises(InvalidInput, match="no such file"):
        PredictedLift.load(tmp_path / "absent.yaml")


def test_what_is_written_out_at_its_default_promises_the_same():
    """Spelling a default out does not change the digest."""
    assert load(kind="binary", confidence=0.95).digest == load().digest


def test_what_no_outcome_means_changes_the_digest_only_when_it_is_declared():
    """Contracts from before keep their digest; a declared meaning, or a cap, is part of the promise."""
    base = {
        "metric": "m",
        "predicted": 1.0,
        "kind": "money",
        "columns": {"arm": "a", "outcome": "y"},
    }
    plain = PredictedLift.load(base)
    assert "missing" not in plain.to_dict()
    assert "bounds" not in plain.to_dict()
    assert PredictedLift.load(base | {"missing": "unknown"}).digest == plain.digest
    for more in ({"missing": "zero"}, {"bounds": {"high": 500}}):
        changed = PredictedLift.load(base | more)
        assert changed.digest != plain.digest
        assert PredictedLift.load(changed.to_dict()) == changed


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"bounds": {"low": 5, "high": 5}}, "greater than low"),
        ({"bounds": {"high": -1}}, "greater than low"),
        ({"bounds": {"high": 1}, "kind": "binary", "predicted": 0.1}, "0 or 1"),
        ({"missing": "none"}, "missing"),
    ],
)
def test_bounds_that_bound_nothing_are_refused(change, word):
    """An empty range, a cap on a binary outcome and another word for missing are slips."""
    from spot_mlflow.errors import InvalidInput

    base = {
        "metric": "m",
        "predicted": 1.0,
        "kind": "money",
        "columns": {"arm": "a", "outcome": "y"},
    }
    with pytest.raises(InvalidInput, match=word):
        PredictedLift.load(base | change)
