"""Runs the Expectations over moments, and reads their answers back as checks."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.results import CheckResult

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
    from spot_mlflow.lift.promise.contract import PredictedLift

# A context of Great Expectations is the process's own: of two threads each would use the other's.
_ONE_AT_A_TIME: Final = threading.Lock()
_ORDER = {"critical": 0, "warning": 1, "info": 2}


def validate(
    moments: OutcomeMoments, predicted: PredictedLift, *, previous_looks: int = 0
) -> tuple[tuple[CheckResult, ...], dict[str, Any]]:
    """Validates moments; returns the checks that could be asked, and GX's own result as JSON."""
    import great_expectations as gx

    from spot_mlflow_checks.metric import reduced_batch
    from spot_mlflow_checks.suites import outcome_suite

    suite = outcome_suite(predicted, as_of=moments.as_of, previous_looks=previous_looks)
    with _ONE_AT_A_TIME, reduced_batch(moments) as frame:
        # A context of its own: what the caller set up in the process is left alone.
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False, "metric_calculations": False}
        asset = context.data_sources.add_pandas("moments").add_dataframe_asset("outcome_log")
        batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
        result = batch.validate(suite)
    return checks_of(result.results), json.loads(json.dumps(result.to_json_dict()))


def checks_of(results: Iterable[Any]) -> tuple[CheckResult, ...]:
    """Reads validation results back as checks, blocking ones first.

    Raises:
        InvalidInput: where an Expectation could not be computed, with its reason.
    """
    from spot_mlflow_checks.expectations import EXPECTATIONS

    names = {e.expectation_type: e.check for e in EXPECTATIONS}
    out = []
    for r in results:
        details = (r.result or {}).get("details")
        if details is None:
            raise InvalidInput(_trouble(r.exception_info), where=r.expectation_config.type)
        if details["asked"]:
            name, observed = names[r.expectation_config.type], r.result["observed_value"]
            guardrail = (r.expectation_config.kwargs or {}).get("guardrail")
            name = f"{name}:{guardrail}" if guardrail else name
            said = (details[k] for k in ("message", "brief"))
            out.append(CheckResult(name, details["severity"], bool(r.success), observed, *said))
    return tuple(sorted(out, key=lambda c: (c.success, _ORDER[c.severity])))


def _trouble(info: Any) -> str:
    """The message in Great Expectations' exception information, flat or by metric."""
    found = info or {}
    if "exception_message" not in found:
        found = next((v for v in found.values() if isinstance(v, dict)), {})
    return str(found.get("exception_message") or "could not be computed")
