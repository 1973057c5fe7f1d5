from __future__ import annotations

import numpy as np
import pytest

from spot_mlflow.lift.analysis import analyze
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT
from spot_mlflow.lift.money.promised_money import money_doubt, money_matches

ECONOMICS = {"unit": "EUR", "value": 60.0, "offer_cost": 0.3, "handling_cost": 0.1}


def sample(n: int = 4000, rate: float = 0.1):
    """Arms and outcomes, half of the units treated."""
    y = (np.random.default_rng(3).random(n) < rate).astype(float)
    return np.where(np.arange(n) % 2 == 0, HOLDOUT, TREATMENT), y


@pytest.mark.parametrize(
    ("times", "far"), [(1, False), (3, False), (100, True), (0.001, True), (0, True)]
)
@pytest.mark.parametrize("direction", ["increase", "decrease"])
def test_values_in_another_unit_are_found(log, contract, times, far, direction):
    """Cents or thousands per good outcome, NULL counting as 0; three times as much is a price."""
    arm, y = sample()
    good = y if direction == "increase" else 1 - y
    made = contract(economics=ECONOMICS, direction=direction)
    cells = log(arm, outcome=y, value=60.0 * times * good).cells
    (found,) = money_matches(cells, made)
    assert found.key == "value"
    assert found.factor == pytest.approx(times)
    assert found.far is far
    assert ("value" in money_doubt(cells, made)) is far


@pytest.mark.parametrize(("times", "far"), [(1, False), (2, False), (100, True), (0.01, True)])
def test_costs_in_another_unit_are_found(log, contract, times, far):
    """Per contact that was delivered, the incentive allowed for."""
    arm, y = sample()
    delivered = ((arm == TREATMENT) & (np.arange(len(arm)) % 4 == 1)).astype(float)
    made = contract(economics={**ECONOMICS, "incentive": 5.0})
    moments = log(arm, outcome=y, cost=0.4 * times * delivered, delivered=delivered)
    assert ("cost" in money_doubt(moments.cells, made)) is far
    paid = log(arm, outcome=y, cost=(0.4 + 5 * y) * delivered, delivered=delivered)
    assert money_doubt(paid.cells, made) == ""


def test_what_neither_speaks_of_is_not_compared(log, contract):
    """No economics, no value in it, or no column: nothing to ask."""
    arm, y = sample()
    priced = log(arm, outcome=y, value=60 * y)
    assert money_matches(priced.cells, contract()) == ()
    assert money_matches(priced.cells, contract(economics={"offer_cost": 1.0})) == ()
    assert money_matches(log(arm, outcome=y).cells, contract(economics=ECONOMICS)) == ()


def test_segments_with_prices_of_their_own_span_a_range(log, contract):
    """Between the lowest and the highest price stated all is as promised."""
    arm, y = sample()
    segments = {
        "a": {"share": 0.5, "value": 10.0},
        "b": {"share": 0.5, "value": 900.0},
    }
    made = contract(economics=ECONOMICS, segments=segments)
    assert money_doubt(log(arm, outcome=y, value=400 * y).cells, made) == ""
    assert money_doubt(log(arm, outcome=y, value=90_000 * y).cells, made)


def test_doubted_money_does_not_say_whether_acting_pays(log, contract):
    """The figures stay, with the reason; the lift has its verdict as before."""
    arm, y = sample(20_000)
    made = contract(economics=ECONOMICS, predicted=0.05)
    found = analyze(log(arm, outcome=y, value=6000.0 * y), made)
    assert found.economics.worth == "not clear"
    assert "6,000 EUR per good outcome, the contract says 60" in found.economics.words
    assert found.outcome.verdict == analyze(log(arm, outcome=y), made).outcome.verdict
