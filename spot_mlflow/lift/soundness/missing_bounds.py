"""The lift whatever the missing outcomes were: Horowitz and Manski's bounds, and what would tip a verdict.

An outcome that is missing in unequal shares may have been anything between its least and greatest
value. The lift is computed twice more, with all of them at the end that lowers it and at the end
that raises it; a verdict on which both agree is not made by who left the log.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from spot_mlflow.lift.estimation.choice import estimate_means
from spot_mlflow.lift.estimation.realized import realize
from spot_mlflow.lift.holds.hold import hold
from spot_mlflow.lift.interval import Interval
from spot_mlflow.lift.moments.labels import HOLDOUT
from spot_mlflow.lift.promise.scale import contract_scale
from spot_mlflow.lift.results import Unseen
from spot_mlflow.lift.soundness.attrition import Tipping
from spot_mlflow.lift.verdict.judge import gap_between

if TYPE_CHECKING:
    from spot_mlflow.lift.moments.cells import Moments
    from spot_mlflow.lift.moments.clusters import ClusterMoments
    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow.lift.results import Basis, GapVerdict, RealizedLift
    from spot_mlflow.lift.soundness.attrition import Attrition


@dataclass(frozen=True, slots=True)
class Range:
    """The least and the greatest outcome that a unit can have, raw units."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class NoBounds:
    """Why the missing outcomes have no bounds.

    Attributes:
        why: what is lacking or broken.
        declared: bound of the contract that the log breaks.
        seen: outcome that breaks it.
    """

    why: Literal["undeclared", "below", "above", "weights", "denominators", "clusters"]
    declared: float = math.nan
    seen: float = math.nan


def range_of(moments: OutcomeMoments, predicted: PredictedLift) -> Range | NoBounds:
    """Returns what an outcome lies between, or why that is not known.

    Binary: 0 and 1. Else 0, or the declared floor, and the declared cap; a bound that the log itself
    breaks is none.
    """
    if predicted.kind == "binary":
        return Range(0.0, 1.0)
    declared = predicted.bounds
    if declared is None or declared.high is None:
        return NoBounds("undeclared")
    low = 0.0 if declared.low is None else declared.low
    if low >= 0 and float(np.nansum(moments.cells.negative)) > 0:
        return NoBounds("below", declared=low)
    i = moments.cells.index("outcome")
    largest = float(moments.cells.largest[:, i].max(initial=-math.inf))
    if largest > declared.high:
        return NoBounds("above", declared=declared.high, seen=largest)
    return Range(low, declared.high)


def unseen_of(
    moments: OutcomeMoments,
    predicted: PredictedLift,
    attrition: Attrition | None,
    *,
    comparisons: int = 1,
) -> Unseen | None:
    """Returns what is left of lift and gap where outcomes are missing by arm; None where chance may do it.

    On an alarm every missing outcome may be anything; where the arms differ surely, but by less than
    half a point, so may those that one arm lacks more than the other (``_of_excess``).

    Source: Horowitz and Manski (2000), JASA 95, 77-84. Each end is widened by its own sampling
    interval at the level of the verdict, which covers the whole range of lifts that the log allows
    (more than Imbens and Manski 2004, Econometrica 72, ask for the lift itself).

    Args:
        moments: the log, reduced.
        predicted: the contract.
        attrition: outcomes missing by arm.
        comparisons: arms that get a verdict each.
    """
    if attrition is None or not (attrition.alarm or attrition.sure):
        return None
    if not attrition.alarm:
        return _of_excess(moments, predicted, attrition, comparisons)
    missing = attrition.by_arm
    found = _why_no_bounds(moments, predicted) or range_of(moments, predicted)
    if isinstance(found, NoBounds):
        return Unseen(hold("outcomes_missing_without_bounds", missing=missing, **asdict(found)))
    least, most = found.low, found.high
    worst, best = (least, most) if predicted.direction == "increase" else (most, least)
    low = _basis(moments, predicted, worst, best, comparisons)
    high = _basis(moments, predicted, best, worst, comparisons)
    viable = Interval(
        (low.viability.lift + high.viability.lift) / 2, low.viability.low, high.viability.high
    )
    ends = [
        gap_between(b.verdict, predicted, monitored=b.monitored, comparisons=comparisons)
        for b in (low, high)
    ]
    gap = Interval((ends[0].lift + ends[1].lift) / 2, ends[0].low, ends[1].high)
    held = low.hold or high.hold
    if held is not None:
        return Unseen(hold("outcomes_missing_and_held", missing=missing, held=held))
    within = _within(viable, predicted)
    return Unseen(hold("outcomes_missing", missing=missing, within=within), viable, gap)


def _within(lift: Interval, predicted: PredictedLift) -> str:
    return contract_scale(predicted, (lift.high - lift.low) / 2).bounds(lift)


def _of_excess(
    moments: OutcomeMoments, predicted: PredictedLift, attrition: Attrition, comparisons: int
) -> Unseen | None:
    """The lift with the outcomes that one arm lacks more at their worst, and at their best.

    Those that both arms lack are taken as alike, as they are where the arms lack the same. None where
    nothing bounds an outcome, or means are not those of units.
    """
    between = range_of(moments, predicted)
    if isinstance(between, NoBounds) or _why_no_bounds(moments, predicted):
        return None
    found = realize(estimate_means(moments, predicted), predicted, comparisons=comparisons)
    basis, r = found.basis, found.realized
    treated = attrition.difference > 0
    mean = r.mean_treatment if treated else r.mean_holdout
    lacking = max(m.share for a, m in attrition.arms.items() if (a != HOLDOUT) is treated)
    excess = abs(attrition.difference)
    part = excess / (1 - lacking + excess)
    ends = part * (between.low - mean), part * (between.high - mean)
    shifts = ends if treated else (-ends[1], -ends[0])
    viable = _moved(basis.viability, predicted, shifts, mean, treated=treated)
    shown = _moved(basis.verdict, predicted, shifts, mean, treated=treated)
    gap = gap_between(shown, predicted, monitored=basis.monitored, comparisons=comparisons)
    blocked = hold(
        "fewer_outcomes_in_an_arm",
        missing=attrition.by_arm,
        arm="treated" if treated else "holdout",
        evidence=attrition.evidence,
        within=_within(viable, predicted),
    )
    return Unseen(blocked, viable, gap)


def _moved(
    lift: Interval,
    predicted: PredictedLift,
    shifts: tuple[float, float],
    mean: float,
    *,
    treated: bool,
) -> Interval:
    """Moves the ends of an interval as far as raw shifts of one arm's mean move the lift.

    Args:
        lift: improvement units.
        predicted: the contract.
        shifts: least and greatest change of (treated - holdout mean), raw.
        mean: of the arm that is moved.
        treated: whether that is the treated.
    """
    sign = 1.0 if predicted.direction == "increase" else -1.0
    low, high = sorted((sign * lift.low, sign * lift.high))
    if predicted.effect == "absolute":
        low, high = low + shifts[0], high + shifts[1]
    elif mean > 0:
        down, up = (1 + s / mean if treated else 1 / (1 - s / mean) for s in shifts)
        low, high = (1 + low) * down - 1, (1 + high) * up - 1
    low, high = sorted((sign * low, sign * high))
    return Interval(lift.lift, low, high)


def _why_no_bounds(moments: OutcomeMoments, predicted: PredictedLift) -> NoBounds | None:
    if predicted.design == "logged_propensity":
        return NoBounds("weights")
    if moments.cells.index("denominator") is not None:
        return NoBounds("denominators")
    if moments.clusters is not None and moments.clusters.missing is None:
        return NoBounds("clusters")
    return None


def _basis(
    moments: OutcomeMoments,
    predicted: PredictedLift,
    treated: float,
    holdout: float,
    comparisons: int,
) -> Basis:
    filled = imputed(moments, treated=treated, holdout=holdout)
    return realize(estimate_means(filled, predicted), predicted, comparisons=comparisons).basis


def imputed(moments: OutcomeMoments, *, treated: float, holdout: float) -> OutcomeMoments:
    """Returns the log with every missing outcome at one value by arm.

    Measures other than the outcome are left out: they were summed over units with an outcome, and
    to adjust by them would bring the loss back in.

    Args:
        moments: the log, reduced.
        treated: outcome of the treated that have none.
        holdout: outcome of the holdout's.
    """
    clusters = moments.clusters
    if clusters is not None and clusters.missing is not None:
        clusters = _filled_clusters(clusters, treated, holdout)
    cells = _filled(moments.cells.only("outcome"), treated, holdout)
    return replace(moments, cells=cells, clusters=clusters)


def _filled(cells: Moments, treated: float, holdout: float) -> Moments:
    held = np.asarray(cells.arm == HOLDOUT, dtype=bool)
    value = np.where(held, holdout, treated)
    gone = cells.matured - cells.n
    z = (value - cells.center[0])[:, None]
    u = gone.astype(np.float64)[:, None]
    largest = np.where(gone > 0, np.maximum(cells.largest[:, 0], value), cells.largest[:, 0])
    return replace(
        cells,
        n=cells.matured.copy(),
        s1=cells.s1 + u * z,
        s2=cells.s2 + (u * z**2)[:, :, None],
        s3=cells.s3 + u * z**3,
        nonzero=cells.nonzero + (gone * (value != 0))[:, None],
        largest=largest[:, None],
        negative=cells.negative + gone * (value < 0),
    )


def _filled_clusters(clusters: ClusterMoments, treated: float, holdout: float) -> ClusterMoments:
    """Fills the sums over clusters; those of the covariate become 0, as nothing is adjusted by it."""
    assert clusters.missing is not None  # noqa: S101 - the caller looked
    held = np.asarray([a == HOLDOUT for a in clusters.arm], dtype=bool)
    z = np.where(held, holdout, treated) - clusters.center[0]
    u, un, uy, _, uu, groups = clusters.missing.T
    s1, s2 = np.zeros_like(clusters.s1), np.zeros_like(clusters.s2)
    s1[:, 0] = clusters.s1[:, 0] + u
    s1[:, 1] = clusters.s1[:, 1] + u * z
    s2[:, 0, 0] = clusters.s2[:, 0, 0] + 2 * un + uu
    s2[:, 0, 1] = s2[:, 1, 0] = clusters.s2[:, 0, 1] + z * un + uy + z * uu
    s2[:, 1, 1] = clusters.s2[:, 1, 1] + 2 * z * uy + z**2 * uu
    return replace(clusters, s1=s1, s2=s2, clusters=groups.astype(np.int64), missing=None)


def tipping_of(
    attrition: Attrition,
    realized: RealizedLift,
    outcome: GapVerdict,
    predicted: PredictedLift,
) -> Tipping | None:
    """Returns how different the missing outcomes would have to be to turn the verdict, about.

    Source: Yan, Lee and Li (2009), Journal of Biopharmaceutical Statistics 19 (tipping-point
    analysis): the missing of one arm are moved, those of the other stay as those seen. The sampling
    error is taken as it is, which it would be but for the few units more.

    Args:
        attrition: outcomes missing, without an alarm.
        realized: the headline.
        outcome: its verdict.
        predicted: the contract.
    """
    distance = _distance(outcome)
    if distance is None or attrition.alarm:
        return None
    treated = [m for a, m in attrition.arms.items() if a != HOLDOUT]
    matured, missing = sum(m.matured for m in treated), sum(m.missing for m in treated)
    holdout = attrition.arms[HOLDOUT]
    of_treated = missing / matured if matured else 0.0
    means = realized.mean_treatment, realized.mean_holdout
    shifts = _shifts(means, distance, predicted)
    if shifts is None or not math.isfinite(sum(shifts)):
        return None
    use = 0 if of_treated >= holdout.share else 1
    share, seen = max(of_treated, holdout.share), means[use]
    unseen = seen + shifts[use] / share
    known = None if predicted.kind != "binary" else Range(0.0, 1.0)
    possible = known is None or known.low <= unseen <= known.high
    return Tipping(("treated", "holdout")[use], seen, unseen if possible else None)


def _distance(outcome: GapVerdict) -> float | None:
    """How far the lift would have to move until the verdict turns; negative downwards."""
    gap, d = outcome.gap, outcome.tolerance
    return {
        "exceeded": d - gap.low,
        "met": -d - gap.low,
        "shortfall": -d - gap.high,
        "inconclusive": None,
    }[outcome.verdict]


def _shifts(
    means: tuple[float, float], distance: float, predicted: PredictedLift
) -> tuple[float, float] | None:
    """Moves of the treated's and of the holdout's mean, each alone, that move the lift so far."""
    raw = distance if predicted.direction == "increase" else -distance
    treated, holdout = means
    if predicted.effect == "absolute":
        return raw, -raw
    ratio = treated / holdout + raw if holdout > 0 else 0.0
    return (raw * holdout, treated / ratio - holdout) if ratio > 0 else None
