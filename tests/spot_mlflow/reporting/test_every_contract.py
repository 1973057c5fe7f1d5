"""Whatever the contract says and the log holds, every surface has an answer."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
from reports import make_adoption

from spot_mlflow.lift.analysis import analyze
from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.lift.report import LiftReport
from spot_mlflow.reporting.message.headline import headline_of
from spot_mlflow.reporting.message.summary import description_block, summary_tags
from spot_mlflow.reporting.pages import lift_report
from spot_mlflow.reporting.words.lift_view import lift_view

BROKEN = re.compile(r"\b(nan|inf|None)\b|too early: too early")
MONEY = {"unit": "EUR", "value": 50, "offer_cost": 1, "incentive": 2}
CONTRACTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "commitment": {"predicted": 0.05},
    "relative": {"effect": "relative", "predicted": {"lift": 0.3, "low": 0.2, "high": 0.4}},
    "money": {
        "kind": "money",
        "predicted": 5.0,
        "minimum_viable": 1.0,
        "economics": {"unit": "EUR"},
    },
    "money, relative": {
        "kind": "money",
        "effect": "relative",
        "predicted": 0.1,
        "minimum_viable": None,
    },
    "count": {"kind": "count", "predicted": 0.05},
    "decrease": {"direction": "decrease", "predicted": 0.02, "minimum_viable": None},
    "monitored": {"planned_units": 5000},
    "before and after": {"design": "before_after"},
    "no minimum, no tolerance": {"minimum_viable": None, "tolerance": 0},
    "incentive": {"economics": MONEY, "minimum_viable": None},
    "one sided confidence": {"confidence": 0.9},
}


def report(
    contract: dict[str, Any], *, n: int = 3_000, arms: int = 1, rate: float = 0.2
) -> LiftReport:
    """A small log, judged against a contract."""
    predicted = PredictedLift.load(
        {
            "metric": "m",
            "predicted": {"lift": 0.05, "se": 0.01},
            "minimum_viable": 0.01,
            "columns": {
                "arm": "a",
                "outcome": "y",
                "treated": [f"t{i}" for i in range(arms)],
                "holdout": "h",
            },
            **contract,
        }
    )
    rng = np.random.default_rng(1)
    labels = ["treatment"] if arms == 1 else [f"t{i}" for i in range(arms)]
    arm = rng.choice([*labels, "holdout"], n)
    y = (rng.random(n) < rate + 0.05 * (arm != "holdout") * (rate > 0)).astype(float)
    if predicted.kind == "money":
        y *= rng.lognormal(4, 0.5, n)
    cells = Moments.of_units(
        {"outcome": y}, arm, period=np.datetime64("2027-01-04") + rng.integers(0, 20, n)
    )
    moments = OutcomeMoments(cells, {}, "2027-06-01T00:00:00+00:00", columns=("arm", "outcome"))
    return LiftReport(
        predicted, analyze(moments, predicted), (), moments, "2027-06-01T00:00:00+00:00"
    )


def say_it_all(made: LiftReport) -> str:
    """What every surface but HTML says of a check."""
    recorded = json.loads(made.to_json())
    adoption = make_adoption(check=made)
    assert headline_of(recorded) == headline_of(made)
    parts = [
        lift_report.markdown(made, adoption),
        *summary_tags(adoption).values(),
        description_block(adoption),
    ]
    return "\n".join(parts)


@pytest.mark.parametrize("name", CONTRACTS)
def test_every_contract_is_told(name: str) -> None:
    """No kind of contract leaves a gap, an infinity or a NaN on any surface."""
    said = say_it_all(report(CONTRACTS[name]))
    assert "Promised" in said
    assert not BROKEN.search(said)


@pytest.mark.parametrize(("n", "rate"), [(4, 0.2), (40, 0.0), (400, 0.0), (60, 1.0)])
@pytest.mark.parametrize("name", ["plain", "relative", "monitored"])
def test_too_little_to_say_is_said(name: str, n: int, rate: float) -> None:
    """A handful of units, no event at all, or nothing but events: an answer in words, no crash."""
    made = report(CONTRACTS[name], n=n, rate=rate)
    said = say_it_all(made)
    assert "Promised" in said
    assert not BROKEN.search(said)
    assert lift_view(made).scale.with_interval(lift_view(made).realized)


def test_several_arms_have_a_picture_of_their_own() -> None:
    """With three offers each arm is a row beside the holdout."""
    html = lift_report.html(report({}, arms=3))
    assert 'id="arms-title"' in html
    assert all(f">t{i}<" in html for i in range(3))


def test_before_and_after_is_called_what_it_is() -> None:
    """Evidence D is told as before and after only."""
    said = lift_report.markdown(report(CONTRACTS["before and after"]))
    assert "Evidence D: before and after only" in said
