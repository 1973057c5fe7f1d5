"""What an estimate comes to: value objects of the headline, the rows, the gap and its verdicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.lift.holds.hold import Hold
    from spot_mlflow.lift.interval import Interval
    from spot_mlflow.verdicts import Doubt, Grade, Severity, Verdict, Viability


# Why no number of units would decide: the promise itself is too uncertain, or the gap lies on the border.
Never = Literal["promise", "border"]


@dataclass(frozen=True, slots=True)
class PlainMeans:
    """What dividing two sums of the log gives, without strata, covariate or weights.

    Attributes:
        treatment: mean of the treated units that the headline counts, all treatment arms together.
        holdout: mean of the holdout units that it counts.
        difference: treatment less holdout, before the direction is applied.
        per: "unit", or "denominator" where both are the sum of the outcome over that of the denominator.
    """

    treatment: float
    holdout: float
    difference: float
    per: Literal["unit", "denominator"] = "unit"


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
        caveat_kinds: what sort each is (``estimation.caveats.Kind``).
        always_valid: the interval that holds under daily looking, where there is one.
        plain: the means of the same units without any adjustment.
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
    caveat_kinds: tuple[str, ...] = ()
    always_valid: Interval | None = None
    plain: PlainMeans | None = None


@dataclass(frozen=True, slots=True)
class GapVerdict:
    """Realized minus predicted, and what it means.

    Attributes:
        gap: realized minus predicted with its interval.
        verdict: against the promise, within the tolerance.
        viable: against the minimum worthwhile lift.
        reason: one sentence: why this verdict.
        tolerance: d, in units of the lift.
        minimum: m, or None where the contract has none.
        more_units: units still needed to decide, None where decided, inf for never.
        more_days: days until then at the present rate, None where unknown or decided.
        doubt: what an inconclusive verdict lacks; None where it is decided.
        remedy: the column or declaration that would lift it, or "".
        withheld: whether a fault of the log took the verdict back.
        never_because: why no number of units would decide; None where some would, or it is decided.
        blocked_by: what holds the verdict back; None where nothing does.
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
    never_because: Never | None = None
    blocked_by: Hold | None = None


# What a failed critical check leaves in doubt, where it is not the data.
DOUBT_OF: Final[Mapping[str, Doubt]] = {"arms_as_assigned": "design"}


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check on the log or the lift, as a person reads it.

    Attributes:
        name: its key.
        severity: how bad it is if it fails.
        success: whether it passed.
        observed: JSON value: a share, a p value, a verdict.
        message: what was found, with examples and what helps.
        brief: what was found and nothing else; "" where the message is that already.
    """

    name: str
    severity: Severity
    success: bool
    observed: Any
    message: str
    brief: str = ""

    @property
    def doubt(self) -> Doubt:
        """What the log lacks for a verdict, where the check is critical and failed."""
        return DOUBT_OF.get(self.name, "data")


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
class Unseen:
    """What is left of lift and gap whatever the outcomes were that are missing by arm.

    Attributes:
        hold: why the log alone carries no verdict.
        lift: from the least to the greatest lift, each with its own interval; None where not known.
        gap: the same of the gap, at the level of the verdict.
    """

    hold: Hold
    lift: Interval | None = None
    gap: Interval | None = None


@dataclass(frozen=True, slots=True)
class Basis:
    """What the verdicts are reached from.

    Attributes:
        viability: realized lift at the contract's confidence.
        verdict: realized lift at the confidence the verdict needs: the same for one look; with half
            the error where the prediction's interval takes the other half (monitored).
        units: units (or clusters) analysed, both arms.
        days: days that these units took to come, or None where not logged.
        monitored: whether the interval holds under daily looking.
        comparisons: verdicts among which the error is split (Bonferroni).
        hold: why no verdict can be given yet, or None.
        at_least: units still needed before a verdict may be given at all.
        unit_word: "units" or "clusters".
        unseen: what is left where outcomes are missing by arm; None where they are not.
    """

    viability: Interval
    verdict: Interval
    units: float
    days: float | None = None
    monitored: bool = False
    comparisons: int = 1
    hold: Hold | None = None
    at_least: float = 0.0
    unit_word: str = "units"
    unseen: Unseen | None = None
