"""The result of a check: value objects only; ``analysis`` fills them, ``reporting`` shows them."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.lift.attrition import Attrition
    from spot_mlflow.lift.compliance import Compliance
    from spot_mlflow.lift.contract import PredictedLift
    from spot_mlflow.lift.guardrails import GuardrailLift
    from spot_mlflow.lift.moments import OutcomeMoments
    from spot_mlflow.lift.novelty import Trend
    from spot_mlflow.lift.restated import Restated
    from spot_mlflow.lift.sample_ratio import SampleRatio
    from spot_mlflow.lift.shares import Variation

Verdict = Literal["exceeded", "met", "shortfall", "inconclusive"]
Viability = Literal["viable", "not viable", "undecided"]
Grade = Literal["A", "B", "C", "D"]
Severity = Literal["critical", "warning", "info"]

# What a verdict lacks where it is inconclusive: more units, a sound log, a design that can tell, or
# units of both arms side by side.
Doubt = Literal["units", "data", "design", "overlap"]

ESTIMATORS: Final = "2"  # of the figures: raised where the same moments give others

WITHHELD: Final = "data: "  # how the reason begins where a fault of the data leaves no verdict


@dataclass(frozen=True, slots=True)
class Hold:
    """Why no verdict can be given.

    Attributes:
        doubt: what is lacking.
        reason: one sentence without its full stop.
        remedy: the one column or declaration that lifts it, as a request ("Log observed_at"), or "".
    """

    doubt: Doubt
    reason: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its interval.

    Attributes:
        lift: the estimate.
        low: lower bound; -inf where unbounded.
        high: upper bound; inf where unbounded.
        se: standard error, or None where the interval has none.
    """

    lift: float
    low: float
    high: float
    se: float | None = None


@dataclass(frozen=True, slots=True)
class RealizedLift:
    """What the outcome log shows, in improvement units.

    Attributes:
        estimate: the lift with its interval, at the contract's confidence.
        n_treatment: treated units analysed.
        n_holdout: holdout units analysed.
        mean_treatment: mean outcome of the treated as the headline has it: at the common mix of the
            strata (``LiftAnalysis.comparison``) where it compares within them, adjusted or weighted as it is.
        mean_holdout: mean outcome of the holdout, likewise.
        raw_difference: these two subtracted, before the direction is applied; not a pooled difference.
        p_value: two-sided, against no lift, valid as often as the interval is: for one look, or at
            every look; None where the method gives none.
        method: how it was estimated ("Welch", "ratio of sums over 60 clusters, Satterthwaite t").
        grade: evidence grade.
        reliable: False where the interval is flagged "interval unreliable".
        caveats: sentences a reader must see.
        always_valid: the interval that holds under daily looking, where there is one.
    """

    estimate: Interval
    n_treatment: int
    n_holdout: int
    mean_treatment: float
    mean_holdout: float
    raw_difference: float
    p_value: float | None
    method: str
    grade: Grade
    reliable: bool = True
    caveats: tuple[str, ...] = ()
    always_valid: Interval | None = None


@dataclass(frozen=True, slots=True)
class GapVerdict:
    """Realized minus predicted, and what it means.

    Attributes:
        gap: realized minus predicted with its interval.
        verdict: against the promise, within the tolerance.
        viable: against the minimum viable lift.
        reason: one sentence: why this verdict.
        tolerance: d, in units of the lift.
        minimum: m, or None where the contract has none.
        more_units: units still needed to decide, None where decided, inf for never.
        more_days: days until then at the present rate, None where unknown or decided.
        doubt: what an inconclusive verdict lacks; None where it is decided.
        remedy: the column or declaration that would lift it, or "".
        withheld: whether a fault of the log took the verdict back.
    """

    gap: Interval
    verdict: Verdict
    viable: Viability
    reason: str
    tolerance: float
    minimum: float | None
    more_units: float | None = None
    more_days: float | None = None
    doubt: Doubt | None = None
    remedy: str = ""
    withheld: bool = False


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check on the log or the lift, as a person reads it."""

    name: str
    severity: Severity
    success: bool
    observed: Any
    message: str


@dataclass(frozen=True, slots=True)
class SegmentLift:
    """Realized lift of one segment, arm, or period.

    Attributes:
        label: the segment, the arm, or the period's first day.
        estimate: lift in improvement units. Each segment and period has its own interval; those of
            several arms hold together (Bonferroni).
        n_treatment: treated units analysed.
        n_holdout: holdout units analysed.
        share: of all units analysed.
        predicted: lift per eligible unit promised of it, where the contract says so.
        p_value: against no lift, corrected for the number of rows (Holm).
        verdict: of an arm, where there are several.
    """

    label: str
    estimate: Interval
    n_treatment: int
    n_holdout: int
    share: float
    predicted: float | None = None
    p_value: float | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """What the headline is compared within.

    Attributes:
        within: "day", "week", "month" or "whole": how long a stratum is; segments always apart.
        strata: how many there are.
        weights: "population" or "overlap".
        units: units analysed.
        left_out: those of them in strata with one arm only, which leave the comparison.
    """

    within: str
    strata: int
    weights: str
    units: int
    left_out: int


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
        course: lift of all units up to each period, valid at any look (``spot_mlflow.lift.course``).
        attribution: the bridge from predicted to realized (``spot_mlflow.lift.attribution``).
        economics: money (``spot_mlflow.lift.economics``).
        adoption: what was acted on (``spot_mlflow.lift.adoption_curve``).
        diagnosis: where the lift was lost, in words (``spot_mlflow.lift.diagnosis``).
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
    attribution: Any = None
    economics: Any = None
    adoption: Any = None
    diagnosis: Any = None
    calibration: tuple[Any, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class LiftReport:
    """The answer of ``check_outcomes``: contract, analysis and checks; nothing is logged yet.

    Attributes:
        predicted: the contract.
        analysis: the statistics; None where the log has blocking faults before any lift.
        checks: every check, blocking ones first.
        moments: what the engine gave, for the record and for incremental checks.
        created: ISO time of the check, UTC.
        validation: Great Expectations' own result, JSON values.
        previous_looks: how many checks of this contract came before.
    """

    predicted: PredictedLift
    analysis: LiftAnalysis
    checks: tuple[CheckResult, ...]
    moments: OutcomeMoments
    created: str
    validation: Mapping[str, Any] = field(default_factory=dict)
    previous_looks: int = 0

    @property
    def verdict(self) -> Verdict:
        """Against the promise: exceeded, met, shortfall or inconclusive."""
        return self.analysis.outcome.verdict

    @property
    def viable(self) -> Viability:
        """Against the minimum viable lift: viable, not viable or undecided."""
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
        half = 1.959963984540054 * p.standard_error
        low = p.low if p.low is not None else p.lift - half
        high = p.high if p.high is not None else p.lift + half
        return {
            "metric": self.predicted.metric,
            "verdict": self.verdict,
            "viable": self.viable,
            "evidence": r.grade,
            "reason": a.outcome.reason,
            "inconclusive": a.outcome.doubt,
            "remedy": a.outcome.remedy,
            "withheld": a.outcome.withheld,
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
            "guardrails": jsonable(a.guardrails),
            "compliance": jsonable(a.compliance),
            "assignment": jsonable(a.variation),
            "comparison": jsonable(a.comparison),
            "trend": jsonable(a.trend),
            "restated": jsonable(a.restated),
            "arms": jsonable(a.arms),
            "segments": jsonable(a.segments),
            "periods": jsonable(a.periods),
            "course": jsonable(a.course),
            "attribution": jsonable(a.attribution),
            "economics": jsonable(a.economics),
            "adoption": jsonable(a.adoption),
            "diagnosis": jsonable(a.diagnosis),
            "calibration": jsonable(a.calibration),
            "checks": jsonable(self.checks),
            "notes": list(a.notes),
            "passes": list(self.moments.passes),
            "source": self.moments.source,
            "rows": self.moments.rows,
            "left_out": jsonable(self.moments.left_out),
            "as_of": self.moments.as_of,
            "days_since_deployment": self.days_since_deployment,
            "created": self.created,
            "contract": self.predicted.to_dict(),
            "contract_digest": self.predicted.digest,
            "previous_looks": self.previous_looks,
        }

    def to_json(self) -> str:
        """Writes ``to_dict`` as indented JSON."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)


def is_withheld(body: Mapping[str, Any]) -> bool:
    """Tells of a stored report whether a fault of the log took the verdict back.

    Reports from before the key ``withheld`` say it by how their reason begins.
    """
    found = body.get("withheld")
    return str(body.get("reason") or "").startswith(WITHHELD) if found is None else bool(found)


_REALIZED = (
    "mean_treatment",
    "mean_holdout",
    "raw_difference",
    "p_value",
    "method",
    "reliable",
    "caveats",
    "always_valid",
)


def jsonable(value: Any) -> Any:
    """Turns value objects into JSON values; infinity and NaN become None (JSON knows neither)."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: jsonable(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(k): jsonable(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(v) for v in value]
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, int | float) else str(value)
