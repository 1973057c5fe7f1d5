"""A verdict that a fault of the data could have made is taken back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spot_mlflow.lift.report import CheckResult, LiftAnalysis


def withhold(analysis: LiftAnalysis, checks: Iterable[CheckResult]) -> LiftAnalysis:
    """Returns the analysis without verdicts where a critical check failed.

    The estimate stays, so that a reader sees what was computed; verdict and viability become
    "inconclusive" and "undecided", with a reason that begins with "data:".
    """
    faults = [c.message for c in checks if not c.success and c.severity == "critical"]
    if not faults:
        return analysis
    outcome = replace(
        analysis.outcome,
        verdict="inconclusive",
        viable="undecided",
        reason="data: " + "; ".join(faults),
        more_units=None,
        more_days=None,
    )
    return replace(analysis, outcome=outcome)
