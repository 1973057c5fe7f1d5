from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import pytest

from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.reporting.words.lift_view import lift_view, promise_scale

if TYPE_CHECKING:
    from spot_mlflow.lift.report import LiftReport


def test_fresh_and_recorded_are_one_view(full_report: LiftReport) -> None:
    """A report and its JSON from the record read the same."""
    recorded = lift_view(json.loads(full_report.to_json()))
    fresh = lift_view(full_report)
    for name in ("predicted", "realized", "gap", "segments", "periods", "course", "scale"):
        assert getattr(recorded, name) == getattr(fresh, name), name


def test_a_missing_bound_is_an_open_one(short_report: LiftReport) -> None:
    """JSON knows no infinity: a bound that is none means unbounded, a lift that is none unknown."""
    data = short_report.to_dict()
    data["realized"] |= {"low": None, "lift": None}
    view = lift_view(data)
    assert view.realized.low == -math.inf
    assert math.isnan(view.realized.lift)


def test_minimum_and_tolerance_come_from_the_check(short_report: LiftReport) -> None:
    """Both are those that the verdict was reached with."""
    view = lift_view(short_report)
    assert view.minimum == 0.005
    assert view.tolerance == short_report.analysis.outcome.tolerance


@pytest.mark.parametrize(
    ("severity", "viable", "fault"),
    [
        ("critical", "undecided", True),
        ("warning", "undecided", False),
        ("critical", "viable", False),
    ],
)
def test_only_a_withheld_verdict_is_a_data_fault(
    short_report: LiftReport, severity: str, viable: str, *, fault: bool
) -> None:
    """A failed critical check counts where the verdicts were taken back for it."""
    check = {"name": "x", "severity": severity, "success": False, "observed": 1, "message": "x"}
    data = short_report.to_dict() | {"verdict": "inconclusive", "viable": viable, "checks": [check]}
    assert lift_view(data).data_fault is fault


def test_a_verdict_taken_back_is_told_whatever_a_suite_tolerates(short_report: LiftReport) -> None:
    """The report alone says it: no check needs to have failed in a suite that tolerates more."""
    assert lift_view(short_report.to_dict() | {"withheld": True, "checks": []}).data_fault


def test_an_older_record_says_by_its_reason_that_a_verdict_was_taken_back(
    short_report: LiftReport,
) -> None:
    """Reports from before the key are read by how their reason begins."""
    old = short_report.to_dict() | {"reason": "data: 9 of 9 units appear twice", "checks": []}
    del old["withheld"]
    assert lift_view(old).data_fault


def test_a_promise_is_written_by_its_own_uncertainty() -> None:
    """Before any outcome the promise's interval decides on the digits."""
    contract = {"metric": "m", "columns": {"arm": "a", "outcome": "y"}}
    vague = PredictedLift.load({**contract, "predicted": {"lift": 0.0234, "se": 0.01}})
    sharp = PredictedLift.load({**contract, "predicted": {"lift": 0.0234, "se": 0.0005}})
    assert promise_scale(vague).amount(0.0234) == "2.34 points"
    assert promise_scale(sharp).amount(0.0234) == "2.34 points"
    assert promise_scale(vague).amount(0.02) == "2.00 points"
