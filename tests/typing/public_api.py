"""Calls of the public API as a training script makes them; type-checked, never run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import assert_type

import spot_mlflow as spot
from spot_mlflow_checks import check_outcomes

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.models.model import ModelInfo


def training_script(info: ModelInfo, version: ModelVersion, log: pd.DataFrame) -> None:
    """Uses every public function with what a script holds."""
    promise = spot.PredictedLift.load("lift.yaml")
    assert_type(promise, spot.PredictedLift)
    assert_type(promise.minimum, float | None)
    assert_type(spot.log_predicted_lift(info, promise), spot.Evidence)
    spot.log_predicted_lift("churn/3", {"metric": "stays", "predicted": 0.02})
    spot.log_predicted_lift(version, "lift.yaml")
    spot.log_assessment("churn", {"S1": 3, "O3": "don't know"}, person="Kim", role="business")
    spot.log_involvement(
        "churn", phase="review", kind="contributed", person="Kim", role="frontline"
    )
    concern = spot.raise_concern(
        "churn", person="Kim", role="frontline", what="Too many calls", severity="blocking"
    )
    assert_type(concern, str)
    spot.answer_concern("churn", concern, person="Bo", role="business", what="A cap")
    spot.confirm_concern("churn", concern, person="Kim", role="frontline")
    spot.reopen_concern("churn", concern, person="Kim", role="frontline", what="Again")
    spot.log_pulse("churn", person="Kim", role="frontline", useful=4, would_use=3)
    request = spot.request_promotion("churn/3", target="@champion", why="better", person="Bo")
    assert_type(request, str)
    spot.approve_request("churn", request, person="Kim", role="business")
    spot.reject_request("churn", request, person="Kim", role="business", reason="too early")
    spot.withdraw_request("churn", request, person="Bo")
    assert_type(spot.get_requests("churn"), tuple[spot.PromotionRequest, ...])
    assert_type(spot.get_history("churn", "@champion"), spot.History)
    wrapped = spot.with_holdout(info, promise, withhold=True)
    spot.log_predicted_lift(wrapped, promise)
    spot.assign_arms(log, "lift.yaml", at="2027-01-31")
    report = check_outcomes(log, promise, as_of="2027-04-15")
    assert_type(report, spot.LiftReport)
    assert_type(report.success, bool)
    spot.log_outcomes("models:/churn@champion", report)
    spot.log_resolution("churn/3", choice="keep", why="It pays", person="Ann", role="executive")
    spot.sign_off("churn/3", target="Production", person="Bo", role="business")
    spot.waive(
        "churn/3",
        target="@champion",
        requirement="assessment_people",
        reason="A small team",
        approver="Bo",
    )
    adoption = spot.get_adoption("churn")
    assert_type(adoption, spot.Adoption)
    assert_type(adoption.readiness.overall, int | None)
    decision = spot.check_gate("churn/3", "Production")
    assert_type(decision.allowed, bool)
    assert_type(decision.explain(), str)
