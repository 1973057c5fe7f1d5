"""What Great Expectations runs: an outcome log, checked and reduced wherever it lies.

Importing the package costs nothing; Great Expectations is imported by the first check.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from spot_mlflow_checks.action import LogOutcomesAction
    from spot_mlflow_checks.check import check_outcomes
    from spot_mlflow_checks.suites import check_whole, load_suite, outcome_suite

_PLACES: Final = {
    "LogOutcomesAction": "action",
    "check_outcomes": "check",
    "check_whole": "suites",
    "load_suite": "suites",
    "outcome_suite": "suites",
}

__all__ = ["LogOutcomesAction", "check_outcomes", "check_whole", "load_suite", "outcome_suite"]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
