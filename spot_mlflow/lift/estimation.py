"""Chooses the estimator that a log and its contract call for, and says so.

The order of the choice is fixed by the contract and the columns of the log, never by the outcomes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.arm import arms_of
from spot_mlflow.lift.clusters import (
    FEW_UNEVEN,
    assigned_within,
    clustered_arms,
    clustered_means,
    too_few,
)
from spot_mlflow.lift.cuped import adjusted_outcome, cuped, paired_arms, with_sampled_center
from spot_mlflow.lift.difference import means_of
from spot_mlflow.lift.ratio_metric import ratio_by_cell, ratio_means
from spot_mlflow.lift.reliability import with_reliability
from spot_mlflow.lift.report import Hold
from spot_mlflow.lift.rows import plain_outcome, rows_of
from spot_mlflow.lift.sequence import BURN_IN, events_in
from spot_mlflow.lift.strata import pooled_arms
from spot_mlflow.lift.stratified import Stratum, folded, stratified_means
from spot_mlflow.lift.weighted import overlap_words, weighted_by_cell, weighted_means

if TYPE_CHECKING:
    from spot_mlflow.lift.arm import Arm
    from spot_mlflow.lift.contract import PredictedLift
    from spot_mlflow.lift.cuped import Adjustment
    from spot_mlflow.lift.difference import Means
    from spot_mlflow.lift.moments import ClusterMoments, Moments, OutcomeMoments
    from spot_mlflow.lift.report import Grade
    from spot_mlflow.lift.rows import ByCell, Rows


@dataclass(frozen=True)
class Estimation:
    """What the lift is computed from.

    Attributes:
        means: estimated means of both arms.
        treated: the treated, in the units of ``means``: plain, or linearised for ratios and weights.
        holdout: the holdout, the same way.
        units: what is counted: units of both arms, or clusters.
        events: events (or clusters) of the smaller arm, for the burn-in.
        unit_word: "units" or "clusters".
        binary: whether the score interval for rates applies to a relative lift.
        plain: whether the means are the arms' own, not adjusted or weighted.
        grade: evidence grade.
        caveats: sentences a reader must see.
        flag: why the interval is unreliable, and what would help; None where it holds.
        reliable_from: units (or clusters) from which on it would hold; 0 where it does, inf where
            no number of them can be named.
        hold: why the estimate cannot carry a verdict, however many units it rests on, or None.
    """

    means: Means
    treated: Arm
    holdout: Arm
    units: float
    events: int
    unit_word: str = "units"
    binary: bool = False
    plain: bool = True
    grade: Grade = "A"
    caveats: tuple[str, ...] = ()
    flag: Hold | None = None
    reliable_from: float = 0.0
    hold: Hold | None = None

    @property
    def reliable(self) -> bool:
        """Whether the interval holds."""
        return self.flag is None

    def warned(self, *caveats: str) -> Estimation:
        """Returns the same with more to say."""
        return replace(self, caveats=(*self.caveats, *caveats))

    def flagged(self, flag: Hold, *, units: float = math.inf) -> Estimation:
        """Returns the same with an interval that does not hold; the first reason stays.

        Args:
            flag: why it does not.
            units: from which on it would.
        """
        told = self.warned(f"Interval unreliable: {flag.reason}.")
        return told if self.flag else replace(told, flag=flag, reliable_from=units)

    def held(self, hold: Hold) -> Estimation:
        """Returns the same without the right to a verdict; the first reason stays."""
        return self if self.hold else replace(self, hold=hold)


def estimate_means(
    moments: OutcomeMoments, predicted: PredictedLift, by_segment: Moments | None = None
) -> Estimation:
    """Chooses and runs the estimator.

    Before/after: plain means, grade D. Logged propensities: Hajek, grade B. Else, grade A: clusters
    where they were assigned, ratio of sums where there is a denominator, post-stratified where there
    are segments, CUPED where there is a covariate (within the segments as well), plain means else.

    Args:
        moments: an outcome log, reduced.
        predicted: the contract.
        by_segment: ``moments.cells.collapse("segment", "arm")`` where the caller has it already.

    Raises:
        InvalidInput: where the outcome is not what ``kind`` says, or propensities are missing.
    """
    by_segment = moments.cells.collapse("segment", "arm") if by_segment is None else by_segment
    totals = by_segment.collapse("arm")
    treated, holdout = arms_of(totals)
    _check_kind(treated, holdout, predicted)
    base = Estimation(
        means_of(treated, holdout),
        treated,
        holdout,
        units=treated.n + holdout.n,
        events=min(events_in(a, predicted.kind) for a in (treated, holdout)),
        binary=predicted.kind == "binary",
    )
    chosen = _chosen(base, moments, predicted, totals, by_segment)
    return with_reliability(chosen, predicted, moments.cells.collapse("period", "arm"))


def _check_kind(treated: Arm, holdout: Arm, predicted: PredictedLift) -> None:
    if predicted.kind != "binary":
        return
    largest = max((a.largest for a in (treated, holdout) if a.n), default=0.0)
    if largest > 1:
        raise InvalidInput(
            f"the largest outcome is {largest:g}, must be 0 or 1 for kind: binary",
            where=f"columns.outcome '{predicted.columns.outcome}'",
            fix="Write kind: count or kind: money in the contract.",
        )


def _chosen(
    base: Estimation,
    moments: OutcomeMoments,
    predicted: PredictedLift,
    totals: Moments,
    by_segment: Moments,
) -> Estimation:
    if predicted.design == "logged_propensity":
        return _by_propensity(base, totals, clustered=moments.clusters is not None)
    if predicted.design == "before_after":
        return _before_after(base)
    if min(base.treated.n, base.holdout.n) < 2:  # noqa: PLR2004 - a spread needs two units
        return base
    return _randomized(base, moments, totals, by_segment)


def _randomized(
    base: Estimation, moments: OutcomeMoments, totals: Moments, by_segment: Moments
) -> Estimation:
    if moments.clusters is not None:
        return _by_cluster(base, moments, totals)
    if totals.index("denominator") is not None:
        return linearised(base, ratio_means(totals))
    adjustment = None
    if totals.index("covariate") is not None:
        adjustment = cuped(*paired_arms(totals))
        base = replace(base, means=adjustment.means, plain=False)
        base = base.warned(
            f"Adjusted by the covariate, which removes {adjustment.reduction:.1%} of the variance."
        )
    if len(set(by_segment.segment)) > 1:
        return _by_segment(base, by_segment, adjustment)
    return base


def _by_propensity(base: Estimation, totals: Moments, *, clustered: bool) -> Estimation:
    found = weighted_means(totals)
    said = [overlap_words(*x) for x in (("treated", found.treated), ("holdout", found.holdout))]
    caveat = f"Weighted by logged propensities; {'; '.join(said)}."
    chosen = replace(linearised(base, found.means), grade="B").warned(caveat)
    if found.treated.poor or found.holdout.poor:
        chosen = replace(chosen, grade="D").flagged(
            Hold(
                "overlap",
                "evidence grade D: the arms hardly overlap, what one arm received the other almost "
                "never could",
                "Keep a share of units that is assigned by chance",
            )
        )
    if clustered:
        chosen = chosen.flagged(
            Hold(
                "design",
                "weights by propensity take no account of clusters",
                "Assign units by themselves, or leave columns.propensity out",
            )
        )
    if found.treated.astray or found.holdout.astray:
        chosen = chosen.flagged(
            Hold(
                "data",
                "the weights do not add up to all units",
                "Log as propensity the chance of the arm that was received; those below .01 count "
                "as .01",
            )
        )
    return chosen


def _before_after(base: Estimation) -> Estimation:
    return replace(base, grade="D", means=replace(base.means, method="before/after, Welch")).warned(
        "Compares two times, not two groups: whatever else changed in between is in the number. "
        "Evidence grade D: a number, never a verdict."
    )


def _by_cluster(base: Estimation, moments: OutcomeMoments, totals: Moments) -> Estimation:
    assert moments.clusters is not None  # noqa: S101 - the caller looked
    theta = cuped(*paired_arms(totals)).theta if totals.index("covariate") is not None else 0.0
    treated, holdout = clustered_arms(moments.clusters)
    total = treated.clusters + holdout.clusters
    chosen = replace(
        base,
        means=clustered_means(moments.clusters, theta=theta),
        units=total,
        events=min(treated.clusters, holdout.clusters),
        unit_word="clusters",
        binary=False,
        plain=False,
    )
    return flag_clusters(chosen, moments.clusters)


def flag_clusters(chosen: Estimation, clusters: ClusterMoments) -> Estimation:
    """Flags an interval from few clusters, and says where clusters straddle the arms."""
    if assigned_within(clusters):
        chosen = chosen.warned(
            f"{clusters.straddling:,} clusters have units in more than one arm: units were assigned "
            "within clusters, and the interval errs on the safe side."
        )
    elif clusters.straddling:
        chosen = chosen.warned(f"{clusters.straddling:,} clusters have units in more than one arm.")
    why = too_few(*clustered_arms(clusters))
    if not why:
        return chosen
    return chosen.flagged(
        Hold("units", why, f"Assign more clusters: {FEW_UNEVEN} of one size are enough"),
        units=float(FEW_UNEVEN),
    )


def linearised(base: Estimation, means: Means) -> Estimation:
    """Puts means of another unit than the outcome's (a ratio, a weighted mean) in both arms.

    Args:
        base: the plain comparison.
        means: what is estimated instead; each arm gets the variance n var of a linearised unit.
    """
    t, c = base.treated, base.holdout
    return replace(
        base,
        means=means,
        treated=replace(t, mean=means.treated, var=t.n * means.var_treated),
        holdout=replace(c, mean=means.holdout, var=c.n * means.var_holdout),
        plain=False,
        binary=False,
    )


def _by_segment(base: Estimation, by_segment: Moments, adjustment: Adjustment | None) -> Estimation:
    cells, thin = folded(by_segment)
    outcome = (
        plain_outcome if adjustment is None else partial(adjusted_outcome, adjustment=adjustment)
    )
    rows = rows_of(cells, "segment", outcome)
    rows = rows.select(rows.n_t + rows.n_c > 0)
    if float(np.minimum(rows.n_t, rows.n_c).min(initial=np.inf)) < 2 or len(rows.labels) < 2:  # noqa: PLR2004 - spread
        return base.warned("Not post-stratified: too few units by segment.")
    means = stratified_means(
        Stratum(rows.n_t, rows.mean_t, rows.var_t), Stratum(rows.n_c, rows.mean_c, rows.var_c)
    )
    if adjustment is not None:
        pooled = pooled_arms(cells).collapse("segment", "arm")
        means = with_sampled_center(means, pooled, adjustment)
        means = replace(means, method=f"CUPED, {means.method}")
    if thin:
        base = base.warned(f"{thin:,} segments with fewer than 2 units in an arm are put together.")
    return replace(base, means=means)


def outcome_by_cell(moments: OutcomeMoments, predicted: PredictedLift) -> ByCell:
    """Returns what gives each cell's mean in the units of the headline: plain, ratio or weighted."""
    if predicted.design == "logged_propensity":
        return weighted_by_cell
    randomized = predicted.design == "randomized" and moments.clusters is None
    if randomized and moments.cells.index("denominator") is not None:
        return ratio_by_cell
    return plain_outcome


def design_effect(chosen: Estimation) -> float:
    """What clusters multiply the variance of the difference with; 1 where nothing is clustered."""
    if chosen.unit_word != "clusters":
        return 1.0
    plain = chosen.treated.var / chosen.treated.n + chosen.holdout.var / chosen.holdout.n
    return chosen.means.se**2 / plain if chosen.means.known and plain > 0 else float("nan")


def design_effects(chosen: Estimation) -> tuple[float, float]:
    """What clusters multiply the variance of each arm's mean with: (treated, holdout)."""
    means, nothing = chosen.means, float("nan")
    if not means.known:
        return nothing, nothing
    plain = chosen.treated.var / chosen.treated.n, chosen.holdout.var / chosen.holdout.n
    return (
        means.var_treated / plain[0] if plain[0] > 0 else nothing,
        means.var_holdout / plain[1] if plain[1] > 0 else nothing,
    )


def rows_like(
    chosen: Estimation, moments: OutcomeMoments, predicted: PredictedLift, cells: Moments, key: str
) -> Rows:
    """Both arms by segment or period, in the units of the headline and as sure as its clusters.

    Args:
        chosen: the headline.
        moments: the log, reduced.
        predicted: the contract.
        cells: its cells collapsed to (``key``, "arm").
        key: "segment" or "period".
    """
    rows = rows_of(cells, key, outcome_by_cell(moments, predicted))
    return rows.widened(*design_effects(chosen)) if chosen.unit_word == "clusters" else rows


def hold_of(chosen: Estimation, predicted: PredictedLift) -> Hold | None:
    """Says why nothing can be concluded yet, or None where it can.

    An arm needs two units; a monitored contract needs a burn-in; an interval must hold; grade D never
    concludes; and an estimate may carry a hold of its own.
    """
    for name, arm in (("treated", chosen.treated), ("holdout", chosen.holdout)):
        if arm.n < 2:  # noqa: PLR2004 - a spread needs two units
            return Hold("units", f"too early: {arm.n} {name} units have an outcome, 2 are needed")
    if chosen.hold is not None:
        return chosen.hold
    if predicted.looks_used == "monitored" and chosen.events < BURN_IN:
        word = "clusters" if chosen.unit_word == "clusters" else "events"
        return Hold(
            "units", f"inconclusive, {chosen.events} of {BURN_IN} {word} in the smaller arm"
        )
    if chosen.flag is not None:
        return chosen.flag
    if chosen.grade == "D":
        return Hold("design", "evidence grade D gives a number, never a verdict")
    return None
