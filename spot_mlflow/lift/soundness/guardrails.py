"""Guardrails: further metrics that must not get worse by more than a margin.

Each is an outcome of its own over the same units, estimated as the headline is (strata, clusters,
weights, missing values, looks) and judged against a promise of no change with the margin as its
tolerance. Verdicts are Holm's, so that a harm is called or excluded wrongly anywhere in at most 1 -
confidence of logs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.figures import LiftScale, scale_of
from spot_mlflow.lift.estimation.choice import estimate_means
from spot_mlflow.lift.estimation.realized import realize
from spot_mlflow.lift.interval import Interval
from spot_mlflow.lift.promise.terms import Prediction
from spot_mlflow.lift.soundness.attrition import attrition_of
from spot_mlflow.lift.soundness.missing_bounds import unseen_of
from spot_mlflow.lift.strata.one_arm import against_holdout, arms_in_order
from spot_mlflow.lift.verdict.judge import judge
from spot_mlflow.verdicts import HARMS, VERDICTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spot_mlflow.lift.estimation.chosen import Estimation
    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow.lift.promise.terms import Guardrail
    from spot_mlflow.lift.results import GapVerdict
    from spot_mlflow.verdicts import Doubt, Harm

_NOTHING: Final = Interval(float("nan"), float("-inf"), float("inf"))


@dataclass(frozen=True, slots=True)
class GuardrailLift:
    """What the log shows of one guardrail; lifts in improvement units, in units of its metric.

    Attributes:
        name: of the guardrail. column: where it stands in the log.
        kind: binary, count or money.
        direction: which way is better.
        margin: how much worse still counts as harmless.
        verdict: harmless, harmful, or undecided.
        reason: one sentence without its full stop.
        estimate: change for the better with its interval, at the level of its verdict (Holm).
        confidence: that level.
        n_treatment: treated units with a value.
        n_holdout: holdout units with a value.
        mean_treatment: mean of the treated; None without units.
        mean_holdout: mean of the holdout.
        missing: mature units without a readable value; they count as nothing.
        inconclusive: what an undecided one lacks. remedy: what would lift it, or "".
        arm: of several treatment arms the one that these figures are of: the one that decides; else "".
        arms: every one of several arms against the holdout; empty with one.
    """

    name: str
    column: str
    kind: str
    direction: str
    margin: float
    verdict: Harm
    reason: str
    estimate: Interval = _NOTHING
    confidence: float = 0.95
    n_treatment: int = 0
    n_holdout: int = 0
    mean_treatment: float | None = None
    mean_holdout: float | None = None
    missing: int = 0
    inconclusive: Doubt | None = None
    remedy: str = ""
    arm: str = ""
    arms: tuple[GuardrailLift, ...] = ()


def as_promise(guardrail: Guardrail, predicted: PredictedLift) -> PredictedLift:
    """Returns the contract of a guardrail: no change is promised, with the margin as tolerance.

    Design, looks, confidence, window and shares are those of the headline; covariate, denominator,
    winsorizing and the time of observation belong to its outcome alone.
    """
    columns = predicted.columns.model_copy(
        update={
            "outcome": guardrail.column,
            "denominator": None,
            "covariate": None,
            "observed_at": None,
        }
    )
    own: dict[str, Any] = {
        "metric": guardrail.name,
        "kind": guardrail.kind,
        "direction": guardrail.direction,
        "missing": guardrail.missing,
        "bounds": guardrail.bounds,
        "tolerance": guardrail.margin,
        "predicted": Prediction(lift=0.0),
        "columns": columns,
        "effect": "absolute",
        "guardrails": [],
        "segments": {},
    }
    dropped = dict.fromkeys(("minimum_viable", "outliers", "economics"))
    return predicted.model_copy(update=own | dropped)


def guardrails_of(moments: OutcomeMoments, predicted: PredictedLift) -> tuple[GuardrailLift, ...]:
    """Estimates and judges every guardrail of the contract, each treatment arm against the holdout.

    Source: Holm (1979), Scandinavian Journal of Statistics 6: all undecided ones are judged at the
    error divided by their number, again and again as long as one is decided; one is a metric in an arm.
    Intervals of a sequence may be treated so at every look.

    Args:
        moments: an outcome log, reduced.
        predicted: the contract.

    Returns:
        One result per guardrail, in the contract's order: harmful where any arm is, harmless where
        all are.
    """
    arms = arms_in_order(moments.cells, predicted)
    tested = arms if len(arms) > 1 else [""]
    begun = {
        (g.name, arm): _Begun.of(g, moments, predicted, arm)
        for g in predicted.guardrails
        for arm in tested
    }
    found: dict[tuple[str, str], GuardrailLift] = {}
    while len(found) < len(begun):
        left = [key for key in begun if key not in found]
        judged = {key: begun[key].judged(len(left)) for key in left}
        decided = {k: v for k, v in judged.items() if v.verdict != "undecided"}
        found |= decided or judged
    return tuple(_over_arms([found[g.name, arm] for arm in tested]) for g in predicted.guardrails)


_WORST: Final = tuple(HARMS)


def _over_arms(arms: Sequence[GuardrailLift]) -> GuardrailLift:
    """The arm that decides over a guardrail: of those with the worst verdict the one that may be worst."""
    if len(arms) == 1:
        return arms[0]
    worst = min(arms, key=lambda g: (_WORST.index(g.verdict), g.estimate.low))
    return replace(worst, reason=f"{worst.arm}: {worst.reason}", arms=tuple(arms))


@dataclass(frozen=True)
class _Begun:
    """One guardrail in one arm, estimated; the level of its interval is yet open."""

    guardrail: Guardrail
    promise: PredictedLift
    log: OutcomeMoments | None
    chosen: Estimation | None
    arm: str = ""

    @classmethod
    def of(
        cls, guardrail: Guardrail, moments: OutcomeMoments, predicted: PredictedLift, arm: str
    ) -> _Begun:
        promise = as_promise(guardrail, predicted)
        own = moments.guardrails.get(guardrail.name)
        if own is None:
            return cls(guardrail, promise, None, None, arm)
        cells = replace(own.cells, cut=moments.cells.cut)  # strata are those of the headline
        log = replace(moments, cells=cells, clusters=own.clusters, guardrails={})
        log = against_holdout(log, arm) if arm else log
        return cls(guardrail, promise, log, estimate_means(log, promise), arm)

    def judged(self, comparisons: int) -> GuardrailLift:
        """Judges it as one of so many."""
        g = self.guardrail
        blank = GuardrailLift(
            g.name, g.column, g.kind, g.direction, g.margin, "undecided", "", arm=self.arm
        )
        if self.log is None or self.chosen is None:
            reason = f"the log has no column {g.column!r}"
            return replace(blank, reason=reason, inconclusive="data", remedy=f"Log {g.column}")
        found = realize(self.chosen, self.promise, comparisons=comparisons)
        lost = attrition_of(self.log, self.promise)
        unseen = unseen_of(self.log, self.promise, lost, comparisons=comparisons)
        outcome = judge(replace(found.basis, unseen=unseen), self.promise)
        r, cells = found.realized, self.log.cells
        verdict = VERDICTS[outcome.verdict].harm
        return replace(
            blank,
            verdict=verdict,
            reason=_reason(verdict, r.estimate, outcome, _scale(self.promise, r.estimate)),
            estimate=r.estimate,
            confidence=1 - (1 - self.promise.confidence) / comparisons,
            n_treatment=r.n_treatment,
            n_holdout=r.n_holdout,
            mean_treatment=r.mean_treatment,
            mean_holdout=r.mean_holdout,
            missing=int(cells.matured.sum() - cells.n.sum()),
            inconclusive=outcome.doubt,
            remedy=outcome.remedy,
        )


def _scale(promise: PredictedLift, estimate: Interval) -> LiftScale:
    """How its figures are written: the margin with all its digits."""
    margin = promise.tolerance_used
    half = (estimate.high - estimate.low) / 2
    return scale_of(kind=promise.kind, effect=promise.effect, half_width=half, exact=(margin,))


def _reason(verdict: Harm, estimate: Interval, outcome: GapVerdict, scale: LiftScale) -> str:
    margin = f"the margin of {scale.amount(outcome.tolerance)}"
    if verdict == "harmless":
        if estimate.low >= 0:
            return f"better by at least {scale.amount(estimate.low)}"
        return f"worse by at most {scale.amount(-estimate.low)}, within {margin}"
    if verdict == "harmful":
        return f"worse by at least {scale.amount(-estimate.high)}, beyond {margin}"
    return outcome.reason
