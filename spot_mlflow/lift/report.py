"""The result of a check: value objects only; ``analysis`` fills them, ``reporting`` shows them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.evidence import jsonable
from spot_mlflow.lift.estimation.months import by_month
from spot_mlflow.lift.moments.means import shown_means
from spot_mlflow.lift.promise.scale import contract_scale
from spot_mlflow.lift.results import CheckResult, Compared, GapVerdict, RealizedLift, SegmentLift
from spot_mlflow.shown import Shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.lift.adoption.result import AdoptionResult
    from spot_mlflow.lift.causes.bridge import Bridge
    from spot_mlflow.lift.causes.diagnosis import Diagnosis
    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
    from spot_mlflow.lift.money.economics import EconomicsResult
    from spot_mlflow.lift.money.profit_curve import DecileRow
    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow.lift.soundness.attrition import Attrition
    from spot_mlflow.lift.soundness.compliance import Compliance
    from spot_mlflow.lift.soundness.guardrails import GuardrailLift
    from spot_mlflow.lift.soundness.novelty import Trend
    from spot_mlflow.lift.soundness.sample_ratio import SampleRatio
    from spot_mlflow.lift.stored.restated import Restated
    from spot_mlflow.lift.strata.shares import Variation
    from spot_mlflow.verdicts import Verdict, Viability


__all__ = [
    "ESTIMATORS",
    "CheckResult",
    "Compared",
    "GapVerdict",
    "LiftAnalysis",
    "LiftReport",
    "RealizedLift",
    "SegmentLift",
    "jsonable",
]

ESTIMATORS: Final = "2"  # of the figures: raised where the same moments give others


@dataclass(frozen=True, slots=True)
class LiftAnalysis:
    """Everything computed from the moments of one log against one contract.

    Attributes:
        realized: the headline estimate.
        outcome: gap and verdicts.
        assigned: units assigned; matured: whose window has passed.
        sample_ratio_p: p value of the sample-ratio test, or None where no share was designed.
        sample_ratio_alarm: whether the arms are out of proportion.
        sample_ratio: counts and designed shares behind it.
        attrition: outcomes missing by arm; None where none is.
        guardrails: further metrics, and whether they were harmed; in the contract's order.
        compliance: who was reached, the lift among them, and whether the holdout leaks.
        variation: whether the share of treatment varies over days or segments, undeclared.
        comparison: what the headline is compared within, and which units have no counterpart.
        trend: whether the lift wears off or grows since deployment.
        restated: cohorts whose outcomes were corrected since the previous check.
        arms: one row per treatment arm, where there are several.
        segments: one row per segment, largest first.
        periods: one row per period, by time.
        course: lift of all units up to each period, valid at any look (``spot_mlflow.lift.estimation.course``).
        attribution: the bridge from predicted to realized (``spot_mlflow.lift.causes.attribution``).
        economics: money (``spot_mlflow.lift.money.economics``).
        adoption: what was acted on (``spot_mlflow.lift.adoption.curve``).
        diagnosis: where the lift was lost, in words (``spot_mlflow.lift.causes.diagnosis``).
        calibration: predicted against realized lift by score bin (``profit_curve.DecileRow``).
        notes: what a reader must know.
    """

    realized: RealizedLift
    outcome: GapVerdict
    assigned: int
    matured: int
    sample_ratio_p: float | None = None
    sample_ratio_alarm: bool = False
    sample_ratio: SampleRatio | None = None
    attrition: Attrition | None = None
    guardrails: tuple[GuardrailLift, ...] = ()
    compliance: Compliance | None = None
    variation: Variation | None = None
    comparison: Compared | None = None
    trend: Trend | None = None
    restated: tuple[Restated, ...] = ()
    arms: tuple[SegmentLift, ...] = ()
    segments: tuple[SegmentLift, ...] = ()
    periods: tuple[SegmentLift, ...] = ()
    course: tuple[SegmentLift, ...] = ()
    attribution: Bridge | None = None
    economics: EconomicsResult | None = None
    adoption: AdoptionResult | None = None
    diagnosis: Diagnosis | None = None
    calibration: tuple[DecileRow, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, repr=False)
class LiftReport(Shown):
    """The answer of ``check_outcomes``: contract, analysis and checks; nothing is logged yet.

    Attributes:
        predicted: the contract.
        analysis: the statistics; None where the log has blocking faults before any lift.
        checks: every check, blocking ones first.
        moments: the sums that the engine returned, for the record and for incremental checks.
        created: ISO time of the check, UTC.
        validation: Great Expectations' own result, JSON values.
        previous_looks: how many checks of this contract came before.
        promise_changed: keys of the contract that changed after the first check, where its notes
            say so.
    """

    predicted: PredictedLift
    analysis: LiftAnalysis
    checks: tuple[CheckResult, ...]
    moments: OutcomeMoments
    created: str
    validation: Mapping[str, Any] = field(default_factory=dict)
    previous_looks: int = 0
    promise_changed: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Returns metric, verdict and lift on one line."""
        lift = self.analysis.realized.estimate
        scale = contract_scale(self.predicted, (lift.high - lift.low) / 2)
        said = "withheld" if self.analysis.outcome.withheld else scale.with_interval(lift)
        promised = scale.amount(self.predicted.predicted.lift)
        return f"<LiftReport of {self.predicted.metric!r}: {self.verdict}, {said} of {promised} promised>"

    @property
    def verdict(self) -> Verdict:
        """Against the promise: exceeded, met, shortfall or inconclusive."""
        return self.analysis.outcome.verdict

    @property
    def viable(self) -> Viability:
        """Against the minimum worthwhile lift: viable, not viable or undecided."""
        return self.analysis.outcome.viable

    @property
    def success(self) -> bool:
        """Whether every critical check passed."""
        return all(c.success for c in self.checks if c.severity == "critical")

    @property
    def days_since_deployment(self) -> int | None:
        """Whole days from the first decision in the log to ``as_of``; None without dates."""
        import numpy as np

        known = self.moments.cells.period[~np.isnat(self.moments.cells.period)]
        if not len(known):
            return None
        last = np.datetime64(self.moments.as_of[:10], "D")
        return int((last - known.min().astype("datetime64[D]")).astype(int))

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values under the documented keys (``docs/json.md``); no moments."""
        a = self.analysis
        r = a.realized
        p = self.predicted.predicted
        low, high = p.bounds
        return {
            "metric": self.predicted.metric,
            "verdict": self.verdict,
            "viable": self.viable,
            "evidence": r.grade,
            "reason": a.outcome.reason,
            "inconclusive": a.outcome.doubt,
            "remedy": a.outcome.remedy,
            "withheld": a.outcome.withheld,
            "never_because": a.outcome.never_because,
            "blocked_by": jsonable(a.outcome.blocked_by and a.outcome.blocked_by.to_dict()),
            "predicted": {"lift": p.lift, "low": low, "high": high},
            "realized": {
                **jsonable(r.estimate),
                "n_treatment": r.n_treatment,
                "n_holdout": r.n_holdout,
                **{k: jsonable(getattr(r, k)) for k in _REALIZED},
            },
            "gap": jsonable(a.outcome.gap),
            "tolerance": a.outcome.tolerance,
            "minimum_viable": a.outcome.minimum,
            "more_units": jsonable(a.outcome.more_units),
            "more_days": jsonable(a.outcome.more_days),
            "assigned": a.assigned,
            "matured": a.matured,
            "sample_ratio_p": a.sample_ratio_p,
            "sample_ratio": jsonable(a.sample_ratio),
            "attrition": jsonable(a.attrition),
            "arms_recomputed": jsonable(self.moments.arms_recomputed),
            "guardrails": jsonable(a.guardrails),
            "compliance": jsonable(a.compliance),
            "assignment": jsonable(a.variation),
            "comparison": jsonable(a.comparison),
            "trend": jsonable(a.trend),
            "restated": jsonable(a.restated),
            "arms": jsonable(a.arms),
            "segments": jsonable(a.segments),
            "periods": jsonable(a.periods),
            "months": jsonable(by_month(a.periods)),
            "course": jsonable(a.course),
            "attribution": jsonable(a.attribution),
            "economics": jsonable(a.economics),
            "adoption": jsonable(a.adoption),
            "diagnosis": jsonable(a.diagnosis),
            "calibration": jsonable(a.calibration),
            "means": jsonable(shown_means(self.moments.cells)),
            "checks": jsonable(self.checks),
            "notes": list(a.notes),
            "passes": list(self.moments.passes),
            "source": self.moments.source,
            "rows": self.moments.rows,
            "left_out": jsonable(self.moments.left_out),
            "joined": self.moments.joined and self.moments.joined.to_dict(),
            "as_of": self.moments.as_of,
            "days_since_deployment": self.days_since_deployment,
            "created": self.created,
            "contract": self.predicted.to_dict(),
            "contract_digest": self.predicted.digest,
            "previous_looks": self.previous_looks,
            "promise_changed": list(self.promise_changed),
        }

    def to_json(self) -> str:
        """Writes ``to_dict`` as indented JSON."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)


_REALIZED = (
    "mean_treatment",
    "mean_holdout",
    "raw_difference",
    "p_value",
    "method",
    "reliable",
    "caveats",
    "caveat_kinds",
    "always_valid",
    "plain",
)
