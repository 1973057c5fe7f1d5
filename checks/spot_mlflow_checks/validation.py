"""Runs the Expectations over moments, and reads their answers back as checks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from spot_mlflow.lift.report import CheckResult

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite

    from spot_mlflow.lift.contract import PredictedLift
    from spot_mlflow.lift.moments import OutcomeMoments

_ORDER = {"critical": 0, "warning": 1, "info": 2}


def outcome_suite(
    predicted: PredictedLift,
    *,
    name: str = "outcome_log",
    as_of: str | None = None,
    model_version: str | None = None,
    previous_looks: int = 0,
) -> ExpectationSuite:
    """Returns a suite with every Expectation, for a Great Expectations context of one's own.

    Args:
        predicted: the contract.
        name: of the suite.
        as_of: ISO time at which maturity is judged; now where None.
        model_version: rows of other versions do not count.
        previous_looks: checks of this contract that came before.
    """
    import great_expectations as gx

    from spot_mlflow_checks.expectations import EXPECTATIONS

    settings: dict[str, Any] = {"contract": predicted.to_dict(), "previous_looks": previous_looks}
    settings |= {k: v for k, v in (("as_of", as_of), ("model_version", model_version)) if v is not None}
    return gx.ExpectationSuite(name=name, expectations=[e(**settings) for e in EXPECTATIONS])


def validate(
    moments: OutcomeMoments, predicted: PredictedLift, *, previous_looks: int = 0
) -> tuple[tuple[CheckResult, ...], dict[str, Any]]:
    """Validates moments; returns the checks that could be asked, and GX's own result as JSON."""
    import great_expectations as gx

    from spot_mlflow_checks.metric import reduced_batch

    suite = outcome_suite(predicted, as_of=moments.as_of, previous_looks=previous_looks)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    with reduced_batch(moments) as frame:
        asset = context.data_sources.add_pandas("moments").add_dataframe_asset("outcome_log")
        batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
        result = batch.validate(suite)
    return tuple(sorted(_checks(result), key=lambda c: (c.success, _ORDER[c.severity]))), json.loads(json.dumps(result.to_json_dict()))


def _checks(result: Any) -> list[CheckResult]:
    from spot_mlflow_checks.expectations import EXPECTATIONS

    names = {e.expectation_type: e.check for e in EXPECTATIONS}
    out = []
    for r in result.results:
        trouble = r.exception_info or {}
        if trouble.get("raised_exception") or "details" not in (r.result or {}):
            raise RuntimeError(f"{r.expectation_config.type}: {trouble}")
        details = r.result["details"]
        if details["asked"]:
            name = names[r.expectation_config.type]
            observed = r.result["observed_value"]
            out.append(CheckResult(name, details["severity"], bool(r.success), observed, details["message"]))
    return out
