"""Is the model ready to be adopted, and did its promised lift come true?

The public functions and values; each is imported when first used, so that ``import spot_mlflow``
costs next to nothing.

    import spot_mlflow as spot
    spot.log_predicted_lift("churn", "lift.yaml")
    spot.check_gate("churn/3", "Production").explain()
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from spot_mlflow.version import __version__

if TYPE_CHECKING:
    from spot_mlflow.adoption import Adoption
    from spot_mlflow.api import (
        answer_concern,
        check_gate,
        confirm_concern,
        confirm_entry,
        get_adoption,
        log_assessment,
        log_involvement,
        log_outcomes,
        log_predicted_lift,
        log_pulse,
        raise_concern,
        reopen_concern,
        sign_off,
        waive,
    )
    from spot_mlflow.api_requests import (
        approve_request,
        break_glass,
        get_requests,
        log_resolution,
        reject_request,
        request_promotion,
        withdraw_request,
    )
    from spot_mlflow.errors import (
        AccessDenied,
        InvalidInput,
        NotFound,
        RecordDamaged,
        Refused,
        SpotError,
        Unavailable,
    )
    from spot_mlflow.evidence import Evidence
    from spot_mlflow.gate.decision import GateDecision
    from spot_mlflow.gate.holdings import History
    from spot_mlflow.gate.promotion import PromotionRequest
    from spot_mlflow.lift.promise.assign import assign_arms
    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow.lift.report import LiftReport
    from spot_mlflow.record.history import get_history
    from spot_mlflow.serving.with_holdout import with_holdout

__all__ = [
    "AccessDenied",
    "Adoption",
    "Evidence",
    "GateDecision",
    "History",
    "InvalidInput",
    "LiftReport",
    "NotFound",
    "PredictedLift",
    "PromotionRequest",
    "RecordDamaged",
    "Refused",
    "SpotError",
    "Unavailable",
    "__version__",
    "answer_concern",
    "approve_request",
    "assign_arms",
    "break_glass",
    "check_gate",
    "confirm_concern",
    "confirm_entry",
    "get_adoption",
    "get_history",
    "get_requests",
    "log_assessment",
    "log_involvement",
    "log_outcomes",
    "log_predicted_lift",
    "log_pulse",
    "log_resolution",
    "raise_concern",
    "reject_request",
    "reopen_concern",
    "request_promotion",
    "sign_off",
    "waive",
    "with_holdout",
    "withdraw_request",
]

_HOME = {
    "Adoption": "adoption",
    "Evidence": "evidence",
    "GateDecision": "gate.decision",
    "History": "gate.holdings",
    "LiftReport": "lift.report",
    "PromotionRequest": "gate.promotion",
    "PredictedLift": "lift.promise.contract",
    "assign_arms": "lift.promise.assign",
    "get_history": "record.history",
    "with_holdout": "serving.with_holdout",
    **dict.fromkeys(
        (
            "approve_request",
            "break_glass",
            "get_requests",
            "log_resolution",
            "reject_request",
            "request_promotion",
            "withdraw_request",
        ),
        "api_requests",
    ),
    **dict.fromkeys(
        (
            "AccessDenied",
            "InvalidInput",
            "NotFound",
            "RecordDamaged",
            "Refused",
            "SpotError",
            "Unavailable",
        ),
        "errors",
    ),
}


def __getattr__(name: str) -> Any:
    """Imports a public name from its home on first use (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME.get(name, 'api')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
