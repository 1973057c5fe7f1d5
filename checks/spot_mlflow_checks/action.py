"""A Checkpoint action: what Great Expectations validated is logged to MLflow as an outcome check."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Literal

from great_expectations.checkpoint.actions import ActionContext, ValidationAction
from great_expectations.checkpoint.checkpoint import CheckpointResult  # noqa: TC002 - read by pydantic

from spot_mlflow.errors import RecordDamaged
from spot_mlflow.evidence import jsonable
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.lift.report import LiftReport
from spot_mlflow_checks import handover
from spot_mlflow_checks.analyses import analysis_of
from spot_mlflow_checks.expectations import EXPECTATIONS
from spot_mlflow_checks.suites import META
from spot_mlflow_checks.validation import checks_of

_TYPES = {e.expectation_type for e in EXPECTATIONS}


class LogOutcomesAction(ValidationAction):
    """Logs each validated outcome log as an outcome check of a model version.

    Args:
        name: of the action.
        model: "churn/3", or any way of naming a version; its promise must be on record.
        person: who checks, where known.
    """

    type: Literal["log_outcomes_to_mlflow"] = "log_outcomes_to_mlflow"
    name: str = "log_outcomes_to_mlflow"
    model: str
    person: str | None = None

    def run(
        self,
        checkpoint_result: CheckpointResult,
        action_context: ActionContext | None = None,  # noqa: ARG002 - GX's signature
    ) -> dict[str, Any]:
        """Logs, and returns the id of each entry.

        Raises:
            RecordDamaged: where a suite lost Expectations on its way, or the moments are gone.
        """
        from spot_mlflow import log_outcomes

        # All reports first: where one cannot be made, none is logged.
        reports = [report_of(r) for r in checkpoint_result.run_results.values()]
        entries = [log_outcomes(self.model, r, person=self.person) for r in reports]
        return {"entries": [e.id for e in entries]}


def _suite_size(result: Any) -> int:
    return int((result.expectation_config.meta or {}).get(META, {}).get("expectations", 1))


def report_of(result: Any) -> LiftReport:
    """Makes a report of a suite's validation result, of the same process.

    Raises:
        RecordDamaged: where Expectations of the suite are missing, or its moments are gone.
    """
    ours = [r for r in result.results if r.expectation_config.type in _TYPES]
    saved = max((_suite_size(r) for r in ours), default=1)
    if len(ours) < saved:
        raise RecordDamaged(
            f"{saved - len(ours)} of {saved} Expectations were lost",
            where=f"suite {result.suite_name!r}",
            fix="Load the suite with spot_mlflow_checks.load_suite.",
        )
    checks = checks_of(ours)
    kwargs = ours[0].expectation_config.kwargs
    moments = handover.fetch(ours[0].result["details"]["moments"])
    if moments is None:
        raise RecordDamaged("the moments of this result are of another process, or long gone")
    predicted, looks = PredictedLift.load(kwargs["contract"]), int(kwargs.get("previous_looks", 0))
    return LiftReport(
        predicted=predicted,
        analysis=analysis_of(moments, predicted, looks),
        checks=checks,
        moments=moments,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        validation=jsonable(result.to_json_dict()),
        previous_looks=looks,
    )
