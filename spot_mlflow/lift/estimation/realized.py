"""The realized lift at the levels that the verdicts need."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from spot_mlflow.lift.estimation.caveats import caveat
from spot_mlflow.lift.estimation.chosen import hold_of
from spot_mlflow.lift.estimation.reliability import skew_in
from spot_mlflow.lift.estimators.difference import difference
from spot_mlflow.lift.estimators.relative import log_delta, score_ratio
from spot_mlflow.lift.estimators.score_difference import score_difference
from spot_mlflow.lift.estimators.sequence import BURN_IN, confidence_sequence
from spot_mlflow.lift.estimators.skewness import corrected_difference, corrected_ratio
from spot_mlflow.lift.interval import UNKNOWN, Estimate, Interval
from spot_mlflow.lift.promise.scale import contract_scale
from spot_mlflow.lift.results import Basis, RealizedLift

if TYPE_CHECKING:
    from spot_mlflow.lift.estimation.caveats import Caveat
    from spot_mlflow.lift.estimation.chosen import Estimation
    from spot_mlflow.lift.estimators.arm import Arm
    from spot_mlflow.lift.promise.contract import PredictedLift


def one_look(chosen: Estimation, predicted: PredictedLift, confidence: float) -> Estimate:
    """Lift for one look, raw units.

    Rates: the score interval, skew-corrected for a relative lift. Means: Student's t, log-delta for
    a relative lift; both corrected where the comparison is skewed.

    Args:
        chosen: what the lift is computed from.
        predicted: the contract.
        confidence: two-sided, between 0 and 1.
    """
    if chosen.binary and chosen.plain and chosen.means.known:
        by_score = _score_ratio if predicted.effect == "relative" else _score_difference
        return by_score(chosen, confidence)
    means, skew = chosen.means, skew_in(chosen)
    if predicted.effect == "relative":
        if skew.marked and means.known:
            return corrected_ratio(means, skew.difference, confidence=confidence)
        return log_delta(means, confidence=confidence)
    if means.known and min(means.var_treated, means.var_holdout) <= 0:
        gap = means.treated - means.holdout
        return replace(UNKNOWN, value=gap, method=f"{means.method}, no spread in an arm")
    if skew.marked:
        return corrected_difference(means, skew.difference, confidence=confidence)
    return difference(means, confidence=confidence)


def _score_difference(chosen: Estimation, confidence: float) -> Estimate:
    """Score interval of the difference; what both arms share is split as their own variances are."""
    means = chosen.means
    own = means.var_treated + means.var_holdout
    widen = means.se**2 / own if own > 0 else 1.0
    counts = [
        *effective_counts(means.treated, means.var_treated * widen, chosen.treated),
        *effective_counts(means.holdout, means.var_holdout * widen, chosen.holdout),
    ]
    found = score_difference(*counts, confidence=confidence)
    method = found.method if means.method == "Welch" else f"{means.method}, {found.method}"
    value = means.treated - means.holdout
    return replace(found, value=value, se=means.se or None, method=method)


def _score_ratio(chosen: Estimation, confidence: float) -> Estimate:
    means = chosen.means
    counts = [
        *effective_counts(means.treated, means.total_treated, chosen.treated),
        *effective_counts(means.holdout, means.total_holdout, chosen.holdout),
    ]
    found = score_ratio(*counts, confidence=confidence)
    p = difference(means, confidence=confidence).p_value
    value = means.treated / means.holdout - 1 if means.holdout > 0 else found.value
    method = found.method if means.method == "Welch" else f"{means.method}, {found.method}"
    return replace(found, value=value, p_value=p, method=method)


def effective_counts(rate: float, variance: float, arm: Arm) -> tuple[float, float]:
    """Events and units of the simple sample that would have this rate and variance.

    Source: Rao and Scott (1992), Biometrics 48, 577-585. For plain rates they are the arm's own
    counts up to the factor (n - 1)/n of the unbiased variance, which is taken back.

    Args:
        rate: estimated rate, 0 to 1.
        variance: variance of the rate.
        arm: the arm itself; its counts are used where the rate has no variance.
    """
    plain = rate * (1 - rate) / (arm.n - 1)
    n = arm.n * plain / variance if variance > 0 and plain > 0 else float(arm.n)
    return rate * n, n


def always_valid(chosen: Estimation, predicted: PredictedLift, confidence: float) -> Estimate:
    """Lift with an interval that holds at every look, raw units.

    N* is the contract's ``planned_units``, or the units so far where it has none.

    Args:
        chosen: what the lift is computed from.
        predicted: the contract.
        confidence: over all looks, between 0 and 1.
    """
    if not chosen.means.known or chosen.units < 2:  # noqa: PLR2004 - a spread needs two units
        return replace(UNKNOWN, value=one_look(chosen, predicted, confidence).value)
    return confidence_sequence(
        chosen.treated,
        chosen.holdout,
        alpha=1 - confidence,
        planned=predicted.planned_units or chosen.units,
        effect=predicted.effect,
        means=chosen.means,
        units=chosen.units,
    )


def _interval(estimate: Estimate, direction: str) -> Interval:
    e = estimate.improved(direction)
    return Interval(e.value, e.low, e.high, e.se)


def verdict_interval(
    chosen: Estimation, predicted: PredictedLift, *, comparisons: int = 1
) -> Interval:
    """The realized lift at the confidence that the verdict needs, improvement units.

    Monitored, the prediction's interval takes half of the error; a commitment has none and takes
    none.

    Args:
        chosen: what the lift is computed from.
        predicted: the contract.
        comparisons: arms that get a verdict each; the error is split among them (Bonferroni).
    """
    error = (1 - predicted.confidence) / comparisons
    if predicted.looks_used == "once":
        return _interval(one_look(chosen, predicted, 1 - error), predicted.direction)
    share = 0.5 if predicted.predicted.standard_error > 0 else 1.0
    return _interval(always_valid(chosen, predicted, 1 - share * error), predicted.direction)


@dataclass(frozen=True)
class Realization:
    """The realized lift, and what the verdicts are reached from."""

    realized: RealizedLift
    basis: Basis


def realize(
    chosen: Estimation,
    predicted: PredictedLift,
    *,
    days: float | None = None,
    previous_looks: int = 0,
    comparisons: int = 1,
) -> Realization:
    """Turns means into the realized lift in improvement units.

    Args:
        chosen: what the lift is computed from.
        predicted: the contract.
        days: days that the units took to come.
        previous_looks: checks of this contract before.
        comparisons: arms that get a verdict each; the error is split among them (Bonferroni).
    """
    monitored = predicted.looks_used == "monitored"
    error = (1 - predicted.confidence) / comparisons
    single = one_look(chosen, predicted, 1 - error)
    sequence = None
    if monitored or previous_looks:
        sequence = always_valid(chosen, predicted, 1 - error)
    shown = sequence if monitored and sequence is not None else single
    estimate = _interval(shown, predicted.direction)
    halved = monitored and predicted.predicted.standard_error > 0
    for_verdict = estimate
    if halved:
        for_verdict = verdict_interval(chosen, predicted, comparisons=comparisons)
    repeated = not monitored and previous_looks > 0
    if repeated:
        assert sequence is not None  # noqa: S101 - made above for repeated looks
        chosen = chosen.warned(
            _second_look(previous_looks, sequence.improved(predicted.direction), predicted)
        )
    band = None if sequence is None else _interval(sequence, predicted.direction)
    realized = _realized(chosen, shown, estimate, band)
    basis = Basis(
        viability=estimate,
        verdict=for_verdict,
        units=chosen.units,
        days=days,
        monitored=monitored,
        comparisons=comparisons,
        hold=hold_of(chosen, predicted),
        at_least=_left_at_least(chosen, monitored=monitored),
        unit_word=chosen.unit_word,
    )
    return Realization(realized, basis)


def _realized(
    chosen: Estimation,
    shown: Estimate,
    estimate: Interval,
    band: Interval | None,
) -> RealizedLift:
    unbounded = math.isinf(estimate.low) or math.isinf(estimate.high)
    nothing = math.isinf(estimate.low) and math.isinf(estimate.high)
    enough = min(chosen.treated.n, chosen.holdout.n) > 1
    caveats = chosen.caveats
    if unbounded and enough:
        caveats = (*caveats, caveat("open", method=shown.method))
    return RealizedLift(
        estimate=estimate,
        n_treatment=chosen.treated.n,
        n_holdout=chosen.holdout.n,
        mean_treatment=chosen.means.treated,
        mean_holdout=chosen.means.holdout,
        raw_difference=chosen.means.treated - chosen.means.holdout,
        p_value=shown.p_value,
        method=shown.method,
        grade=chosen.grade,
        reliable=chosen.reliable and enough and not nothing,
        caveats=tuple(c.words for c in caveats),
        caveat_kinds=tuple(c.kind for c in caveats),
        always_valid=band,
        plain=chosen.unadjusted,
    )


def _second_look(previous: int, sequence: Estimate, predicted: PredictedLift) -> Caveat:
    shown = Interval((sequence.low + sequence.high) / 2, sequence.low, sequence.high)
    scale = contract_scale(predicted, (shown.high - shown.low) / 2)
    return caveat("later_look", look=previous + 1, bounds=scale.bounds(shown))


def _left_at_least(chosen: Estimation, *, monitored: bool) -> float:
    """Units until a verdict may be given: a reliable interval, the burn-in at the rate so far."""
    unreliable = max(0.0, chosen.reliable_from - chosen.units)
    if not monitored or chosen.events >= BURN_IN:
        return unreliable
    return max(unreliable, math.ceil(chosen.units * (BURN_IN / max(chosen.events, 0.5) - 1)))
