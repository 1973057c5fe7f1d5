from __future__ import annotations

import json

import numpy as np
import pytest

from spot_mlflow.evidence import jsonable
from spot_mlflow.lift.analysis import analyze
from spot_mlflow.lift.interval import Interval
from spot_mlflow.lift.report import LiftReport
from spot_mlflow.lift.results import CheckResult

REALIZED = {"lift", "low", "high", "se", "n_treatment", "n_holdout"}


def test_the_documented_keys_are_there(rates, contract):
    """Verdicts, the three intervals, evidence and checks; what was promised as bounds too."""
    made = contract(predicted={"lift": 0.05, "se": 0.01}, treatment_share=0.7)
    moments = rates(300, 2000, 80, 800)
    check = CheckResult("sample ratio", "critical", success=True, observed=0.4, message="fine")
    report = LiftReport(made, analyze(moments, made), (check,), moments, "2027-06-01")
    data = json.loads(report.to_json())
    assert data["verdict"] == report.verdict
    assert data["viable"] == report.viable == "undecided"
    assert data["evidence"] == "A"
    assert set(data["realized"]) >= REALIZED
    assert set(data["predicted"]) >= {"lift", "low", "high"}
    assert data["predicted"]["high"] == pytest.approx(0.05 + 1.959963984540054 * 0.01)
    assert data["gap"]["low"] < data["gap"]["lift"] < data["gap"]["high"]
    assert data["contract_digest"] == made.digest
    assert data["checks"][0]["name"] == "sample ratio"
    assert data["sample_ratio"]["observed"] == {"treatment": 2000, "holdout": 800}
    assert report.success


def test_a_failed_critical_check_is_no_success(rates, contract):
    """A warning may fail, a critical check may not."""
    moments = rates(300, 2000, 80, 800)
    found = analyze(moments, contract())
    warning = CheckResult("late", "warning", success=False, observed=1, message="")
    critical = CheckResult("units", "critical", success=False, observed=1, message="")
    assert LiftReport(contract(), found, (warning,), moments, "now").success
    assert not LiftReport(contract(), found, (warning, critical), moments, "now").success


def test_json_knows_neither_infinity_nor_numpy():
    """Infinite and NaN become null; numpy numbers plain ones; nested values too."""
    value = {"a": Interval(float("nan"), float("-inf"), np.float64(1.5)), "b": (np.int64(2), True)}
    assert jsonable(value) == {
        "a": {"lift": None, "low": None, "high": 1.5, "se": None},
        "b": [2, True],
    }
