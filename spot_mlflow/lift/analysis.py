"""From the moments of an outcome log to everything that is said of its lift."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from spot_mlflow.lift.causes.segment_promise import segment_promises
from spot_mlflow.lift.estimation.choice import at_most_b, design_effect, estimate_means, rows_like
from spot_mlflow.lift.estimation.course import course_of
from spot_mlflow.lift.estimation.realized import realize
from spot_mlflow.lift.estimation.rows import segment_lifts
from spot_mlflow.lift.estimators.simultaneous import holm
from spot_mlflow.lift.explanation import explained
from spot_mlflow.lift.moments.unknown_steps import known_steps
from spot_mlflow.lift.notes import notes_of
from spot_mlflow.lift.report import LiftAnalysis
from spot_mlflow.lift.results import Compared, SegmentLift
from spot_mlflow.lift.soundness.attrition import attrition_of
from spot_mlflow.lift.soundness.compliance import compliance
from spot_mlflow.lift.soundness.guardrails import guardrails_of
from spot_mlflow.lift.soundness.missing_bounds import tipping_of, unseen_of
from spot_mlflow.lift.soundness.novelty import trend_of
from spot_mlflow.lift.soundness.sample_ratio import sample_ratio
from spot_mlflow.lift.stored.kept_units import side_by_side
from spot_mlflow.lift.stored.restated import restated_cohorts
from spot_mlflow.lift.strata.choice import compare
from spot_mlflow.lift.strata.one_arm import against_holdout, arms_in_order
from spot_mlflow.lift.strata.shares import variation_of
from spot_mlflow.lift.verdict.judge import judge

if TYPE_CHECKING:
    from spot_mlflow.lift.estimation.chosen import Estimation
    from spot_mlflow.lift.moments.cells import Moments
    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow.lift.results import GapVerdict, RealizedLift, Unseen
    from spot_mlflow.lift.soundness.attrition import Attrition
    from spot_mlflow.lift.stored.restated import Restated

_LATELY = 7  # days without a decision after which none is expected


def analyze(
    moments: OutcomeMoments,
    predicted: PredictedLift,
    *,
    previous_looks: int = 0,
    previous: OutcomeMoments | None = None,
) -> LiftAnalysis:
    """Computes everything that one outcome log says about one contract.

    Args:
        moments: the log, reduced.
        predicted: the contract.
        previous_looks: checks of this contract before this one.
        previous: moments of the check before, to show corrected cohorts; None without one.

    Returns:
        Lift in improvement units, verdicts, rows, bridge and money; NaN with infinite bounds, and a
        reason that says so, where nothing can be estimated yet.

    Raises:
        InvalidInput: where the outcome is not what ``kind`` says, designed shares do not add up, or
            logged propensities are missing.
    """
    # Causes and money stand on the lift, so they come late.

    found = measured(moments, predicted, previous_looks=previous_looks, previous=previous)
    return explained(found, moments, predicted)


def measured(
    moments: OutcomeMoments,
    predicted: PredictedLift,
    *,
    previous_looks: int = 0,
    previous: OutcomeMoments | None = None,
) -> LiftAnalysis:
    """Computes the statistics alone: lift, verdicts, rows, checks of the design; see ``analyze``."""
    raw, moments = moments.cells, known_steps(moments)
    cells = moments.cells
    by_segment = cells.collapse("segment", "arm")
    days = days_of(cells) if still_arriving(moments) else None
    chosen = estimate_means(moments, predicted)
    ratio = sample_ratio(moments, predicted)
    variation = variation_of(cells, predicted, looks=previous_looks, clusters=moments.clusters)
    chosen = at_most_b(chosen, variation)
    found = realize(chosen, predicted, days=days, previous_looks=previous_looks)
    lost = attrition_of(moments, predicted)
    unseen = unseen_of(moments, predicted, lost)
    outcome = judge(replace(found.basis, unseen=unseen), predicted)
    reached = compliance(
        raw,
        confidence=predicted.confidence,
        design_effect=design_effect(chosen),
        by_chance=predicted.design == "randomized",
        comparison=lambda table: compare(table, predicted),
    )
    periods = rows_like(chosen, moments, predicted, "period")
    logged = periods.select(np.array([x != "NaT" for x in periods.labels], dtype=bool))
    trend = trend_of(logged, predicted)
    comparable = previous is not None and previous.contract in {"", moments.contract}
    corrected: tuple[Restated, ...] = ()
    if previous is not None and comparable:
        corrected = restated_cohorts(*side_by_side(moments, previous, whole=True), predicted.period)
    if moments.left_out is not None:  # cohorts that are gone are told there
        corrected = tuple(c for c in corrected if c.n_now)
    return LiftAnalysis(
        realized=found.realized,
        outcome=outcome,
        guardrails=guardrails_of(moments, predicted),
        attrition=_told(lost, unseen, found.realized, outcome, predicted),
        assigned=int(cells.assigned.sum()),
        matured=int(cells.matured.sum()),
        sample_ratio_p=None if ratio is None else ratio.p_value,
        sample_ratio_alarm=ratio is not None and ratio.alarm,
        sample_ratio=ratio,
        compliance=reached,
        variation=variation,
        comparison=_compared(cells, predicted),
        trend=trend,
        restated=corrected,
        arms=arm_lifts(moments, predicted, days=days, previous_looks=previous_looks),
        segments=_segments(chosen, moments, predicted, by_segment),
        periods=segment_lifts(logged, predicted, by_size=False),
        course=course_of(moments, predicted),
        notes=notes_of(moments, predicted, ratio, reached, trend, corrected),
    )


def _told(
    lost: Attrition | None,
    unseen: Unseen | None,
    realized: RealizedLift,
    outcome: GapVerdict,
    predicted: PredictedLift,
) -> Attrition | None:
    """Adds to the missing outcomes what they may have done, or would have to be, to the verdict."""
    if lost is None:
        return None
    bounds = None if unseen is None else unseen.lift
    return replace(lost, bounds=bounds, tipping=tipping_of(lost, realized, outcome, predicted))


def _compared(cells: Moments, predicted: PredictedLift) -> Compared | None:
    found = compare(cells, predicted)
    if predicted.design == "before_after":
        return None
    return Compared(found.cut.calendar, len(found), predicted.weights, found.units, found.left_out)


def _segments(
    chosen: Estimation, moments: OutcomeMoments, predicted: PredictedLift, by_segment: Moments
) -> tuple[SegmentLift, ...]:
    if len(set(by_segment.segment)) <= 1:
        return ()
    promises = segment_promises(by_segment, predicted)
    found = {k: p.in_units(predicted) for k, p in promises.items()}
    promised = {k: x for k, x in found.items() if np.isfinite(x)}
    rows = rows_like(chosen, moments, predicted, "segment")
    return segment_lifts(rows, predicted, promised)


def arm_lifts(
    moments: OutcomeMoments,
    predicted: PredictedLift,
    *,
    days: float | None = None,
    previous_looks: int = 0,
) -> tuple[SegmentLift, ...]:
    """Each of several treatment arms against the one holdout.

    Intervals and verdicts at 1 - (1 - confidence) / arms (Bonferroni), so that all hold together; p
    values by Holm.

    Args:
        moments: the log, reduced.
        predicted: the contract; every arm is held to the same promise.
        days: days that the units took to come.
        previous_looks: checks of this contract before.

    Returns:
        One row per arm in the order of the contract's columns; empty with fewer than two arms.
    """
    arms = arms_in_order(moments.cells, predicted)
    if len(arms) < 2:  # noqa: PLR2004 - one arm is the headline itself
        return ()
    total = max(1, int(moments.cells.n.sum()))
    found = []
    for arm in arms:
        alone = against_holdout(moments, arm)
        made = realize(
            estimate_means(alone, predicted),
            predicted,
            days=days,
            previous_looks=previous_looks,
            comparisons=len(arms),
        )
        unseen = unseen_of(alone, predicted, attrition_of(alone, predicted), comparisons=len(arms))
        found.append(replace(made, basis=replace(made.basis, unseen=unseen)))
    unknown = float("nan")
    p = holm([unknown if f.realized.p_value is None else f.realized.p_value for f in found])
    return tuple(
        SegmentLift(
            label=arm,
            estimate=f.realized.estimate,
            n_treatment=f.realized.n_treatment,
            n_holdout=f.realized.n_holdout,
            share=f.realized.n_treatment / total,
            predicted=predicted.predicted.lift,
            p_value=float(q) if np.isfinite(q) else None,
            verdict=judge(f.basis, predicted).verdict,
        )
        for arm, f, q in zip(arms, found, p, strict=True)
    )


def still_arriving(moments: OutcomeMoments) -> bool:
    """Whether more units can be expected: some have not matured, or decisions went on until lately.

    "Lately" is a tenth of the time that units came in, a week at least. What came to an end brings no
    more units, and no number of days would decide.
    """
    cells = moments.cells
    if (cells.matured < cells.assigned).any():
        return True
    dated = cells.period[(cells.assigned > 0) & ~np.isnat(cells.period)]
    if len(dated) == 0:
        return False
    since = np.datetime64(moments.as_of[:10], "D") - dated.max()
    return bool(since <= max((dated.max() - dated.min()) / 10, np.timedelta64(_LATELY, "D")))


def days_of(cells: Moments) -> float | None:
    """Days from the first with analysed units to the last, both included."""
    logged = cells.period[(cells.n > 0) & ~np.isnat(cells.period)]
    if len(logged) == 0:
        return None
    return float((logged.max() - logged.min()) / np.timedelta64(1, "D")) + 1
