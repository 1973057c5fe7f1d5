"""A verdict that a fault of the data could have made is taken back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from spot_mlflow.lift.holds.hold import hold
from spot_mlflow.lift.verdict.words import held_words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spot_mlflow.lift.report import LiftAnalysis
    from spot_mlflow.verdicts import Doubt, Severity


class Judged(Protocol):
    """What a check found, as far as it matters here."""

    @property
    def success(self) -> bool:
        """Whether the check passed."""

    @property
    def severity(self) -> Severity:
        """How bad it is if it did not."""

    @property
    def message(self) -> str:
        """What it found."""

    @property
    def doubt(self) -> Doubt:
        """What the log lacks for a verdict where it failed."""


def withhold(analysis: LiftAnalysis, checks: Iterable[Judged]) -> LiftAnalysis:
    """Returns the analysis without verdicts where a critical check failed.

    The estimate stays, so that a reader sees what was computed; verdict (of each
    arm and guardrail, too) and viability become "inconclusive" and "undecided", and ``withheld`` says so.
    """
    failed = [c for c in checks if not c.success and c.severity == "critical"]
    if not failed:
        return analysis
    # Arms that are not those of the design come first: what else is wrong may come of it.
    design = any(c.doubt == "design" for c in failed)
    failed.sort(key=lambda c: c.doubt != "design")
    blocked = hold("wrong_arms" if design else "faulty_log", faults=[c.message for c in failed])
    outcome = replace(
        analysis.outcome,
        verdict="inconclusive",
        viable="undecided",
        reason=held_words(blocked),
        more_units=None,
        more_days=None,
        doubt=blocked.doubt,
        withheld=True,
        never_because=None,
        blocked_by=blocked,
    )
    arms = tuple(replace(a, verdict=a.verdict and "inconclusive") for a in analysis.arms)
    lost = analysis.attrition
    lost = None if lost is None else replace(lost, tipping=None)  # there is no verdict to turn
    guardrails = tuple(
        replace(g, verdict="undecided", reason=outcome.reason, inconclusive="data")
        for g in analysis.guardrails
    )
    return replace(analysis, outcome=outcome, arms=arms, attrition=lost, guardrails=guardrails)
