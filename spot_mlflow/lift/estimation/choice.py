"""Chooses the estimator that a log and its contract call for, and says so.

The order of the choice is fixed by the contract and the columns of the log, never by the outcomes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.estimation.caveats import caveat
from spot_mlflow.lift.estimation.chosen import Estimation
from spot_mlflow.lift.estimation.covariate_balance import covariate_hold
from spot_mlflow.lift.estimation.plain import plain_means
from spot_mlflow.lift.estimation.reliability import with_reliability
from spot_mlflow.lift.estimation.rows import plain_outcome
from spot_mlflow.lift.estimation.standard_rows import standard_rows
from spot_mlflow.lift.estimators.arm import arms_of
from spot_mlflow.lift.estimators.clusters import (
    FEW_UNEVEN,
    clustered_arms,
    clustered_means,
    too_few,
)
from spot_mlflow.lift.estimators.cuped import cuped, paired_arms
from spot_mlflow.lift.estimators.difference import means_of
from spot_mlflow.lift.estimators.ratio import ratio_by_cell, ratio_means
from spot_mlflow.lift.estimators.sequence import events_in
from spot_mlflow.lift.estimators.standardized import (
    COSTLY,
    cost_of_weights,
    standardized,
    standardized_weighted,
    strata_words,
)
from spot_mlflow.lift.estimators.weighted import weighted_by_cell, weighted_means
from spot_mlflow.lift.holds.hold import hold
from spot_mlflow.lift.moments.clusters import assigned_within
from spot_mlflow.lift.strata.choice import compare
from spot_mlflow.lift.strata.clusters import cluster_strata, stratified_clusters
from spot_mlflow.lift.strata.shares import cluster_effect, varying

if TYPE_CHECKING:
    from spot_mlflow.lift.estimation.rows import ByCell, Rows
    from spot_mlflow.lift.estimation.standard_rows import Key
    from spot_mlflow.lift.estimators.arm import Arm
    from spot_mlflow.lift.estimators.comparison import Comparison
    from spot_mlflow.lift.estimators.difference import Means
    from spot_mlflow.lift.moments.cells import Moments
    from spot_mlflow.lift.moments.clusters import ClusterMoments
    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow.lift.strata.shares import Variation


FEW_LEFT_OUT: Final = 0.05  # of the units without a counterpart: up to here a note
MOST_LEFT_OUT: Final = 0.3  # up to here a verdict for the others


def estimate_means(moments: OutcomeMoments, predicted: PredictedLift) -> Estimation:
    """Chooses and runs the estimator.

    Before/after: plain means, grade D. Logged propensities: Hajek, grade B. Else, grade A: clusters
    where they were assigned, ratio of sums where there is a denominator, CUPED where there is a
    covariate, plain means else. All but the first compare within the strata of ``strata.choice``.

    Args:
        moments: an outcome log, reduced.
        predicted: the contract.

    Raises:
        InvalidInput: where the outcome is not what ``kind`` says, or propensities are missing.
    """
    comparison = compare(moments.cells, predicted)
    compared = comparison.cells if len(comparison) else moments.cells
    totals = compared.collapse("segment", "arm").collapse("arm")
    treated, holdout = arms_of(totals)
    _check_kind(treated, holdout, predicted)
    base = Estimation(
        means_of(treated, holdout),
        treated,
        holdout,
        units=treated.n + holdout.n,
        events=min(events_in(a, predicted.kind) for a in (treated, holdout)),
        binary=predicted.kind == "binary",
        unadjusted=plain_means(totals, ratio=_is_ratio(moments, predicted)),
    )
    chosen = _chosen(base, moments, predicted, totals, comparison)
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
    comparison: Comparison,
) -> Estimation:
    if predicted.design == "before_after":
        return _before_after(base)
    if min(base.treated.n, base.holdout.n) < 2:  # noqa: PLR2004 - a spread needs two units
        if predicted.design == "logged_propensity":
            return _by_propensity(base, totals, comparison, clustered=moments.clusters is not None)
        return base
    if not len(comparison):
        return _never_side_by_side(base)
    if predicted.design == "logged_propensity":
        chosen = _by_propensity(base, totals, comparison, clustered=moments.clusters is not None)
    else:
        chosen = _randomized(base, moments, totals, comparison, predicted)
        differs = covariate_hold(comparison, predicted, moments.clusters)
        chosen = chosen if differs is None else chosen.held(differs)
    return chosen if moments.clusters is not None else with_overlap(chosen, comparison)


def _randomized(
    base: Estimation,
    moments: OutcomeMoments,
    totals: Moments,
    comparison: Comparison,
    predicted: PredictedLift,
) -> Estimation:
    if moments.clusters is not None:
        return _by_cluster(base, moments, totals, comparison, predicted)
    if comparison.cut.calendar == "whole" and comparison.together:
        base = base.warned(
            caveat("not_stratified")
            if len(comparison) == 1
            else caveat("strata_together", segments=comparison.together)
        )
    if len(comparison) > 1:
        return _by_stratum(base, comparison)
    if totals.index("denominator") is not None:
        return linearised(base, ratio_means(totals))
    if totals.index("covariate") is not None:
        adjustment = cuped(*paired_arms(totals))
        base = replace(base, means=adjustment.means, plain=False)
        return base.warned(caveat("adjusted", reduction=adjustment.reduction))
    return base


def _by_stratum(base: Estimation, comparison: Comparison) -> Estimation:
    """Compares within strata of segment and time, and puts the strata together by their weights."""
    found = standardized(comparison)
    ratio = comparison.treated.index("denominator") is not None
    adjusted = comparison.treated.index("covariate") is not None
    method = f"post-stratified over {strata_words(comparison)}"
    if ratio:
        method = f"ratio of sums, delta method, {method}"
    if adjusted:
        method = f"CUPED, {method}"
    if comparison.overlap:
        method = f"{method}, overlap weights"
    means = replace(found.means, method=method)
    if ratio:
        return linearised(base, means)
    chosen = replace(base, means=means)
    if adjusted:
        chosen = replace(chosen, plain=False).warned(caveat("adjusted", reduction=found.reduction))
    return chosen


def _never_side_by_side(base: Estimation) -> Estimation:
    """No segment and time has units of both arms: a comparison of times, whatever it is called."""
    means = replace(base.means, method="before/after, Welch")
    return replace(base, grade="D", means=means).held(hold("never_side_by_side"))


def with_overlap(chosen: Estimation, comparison: Comparison) -> Estimation:
    """Says first which units have no counterpart; above 30 % of them no verdict can speak for all."""
    if comparison.overlap:
        chosen = chosen.warned(caveat("overlap_weights"))
    elif len(comparison) > 1 and (cost := cost_of_weights(comparison)) > COSTLY:
        chosen = chosen.warned(caveat("costly_weights", times=cost))
    if not comparison.left_out:
        return chosen
    left_out = {"units": comparison.units, "left_out": comparison.left_out}
    if comparison.left > MOST_LEFT_OUT:
        return chosen.held(hold("no_counterpart", **left_out))
    first = caveat("no_counterpart", **left_out, many=comparison.left > FEW_LEFT_OUT)
    return replace(chosen, caveats=(first, *chosen.caveats))


def at_most_b(chosen: Estimation, variation: Variation | None) -> Estimation:
    """Grades an estimate B where the share of treatment varied and nobody had declared it."""
    if variation is None or not variation.alarm or chosen.grade != "A":
        return chosen
    return replace(chosen, grade="B").warned(caveat("share_varies", variation=variation))


def _by_propensity(
    base: Estimation, totals: Moments, comparison: Comparison, *, clustered: bool
) -> Estimation:
    found = weighted_means(totals)
    means = found.means
    if len(comparison) > 1:
        within = standardized_weighted(comparison)
        means = replace(
            within,
            df_treated=means.df_treated,
            df_holdout=means.df_holdout,
            method=f"{means.method}, post-stratified over {strata_words(comparison)}",
        )
    chosen = replace(linearised(base, means), grade="B").warned(
        caveat("weighted", treated=found.treated, holdout=found.holdout)
    )
    if found.treated.poor or found.holdout.poor:
        chosen = replace(chosen, grade="D").flagged(hold("arms_hardly_overlap"))
    if clustered:
        chosen = chosen.flagged(hold("weights_of_clusters"))
    if found.treated.astray or found.holdout.astray:
        chosen = chosen.flagged(hold("weights_astray"))
    return chosen


def _before_after(base: Estimation) -> Estimation:
    return replace(base, grade="D", means=replace(base.means, method="before/after, Welch")).warned(
        caveat("two_times")
    )


def _by_cluster(
    base: Estimation,
    moments: OutcomeMoments,
    totals: Moments,
    comparison: Comparison,
    predicted: PredictedLift,
) -> Estimation:
    assert moments.clusters is not None  # noqa: S101 - the caller looked
    theta = 0.0
    if totals.index("covariate") is not None:
        several = len(comparison) > 1
        theta = standardized(comparison).theta if several else cuped(*paired_arms(totals)).theta
    strata = cluster_strata(moments.clusters, predicted)
    clusters = moments.clusters
    if strata is not None and len(strata):
        clusters = clusters.select(~strata.uncovered)
        means = stratified_clusters(moments.clusters, strata, theta=theta)
    else:
        means = clustered_means(clusters, theta=theta)
    treated, holdout = clustered_arms(clusters)
    chosen = replace(
        base,
        means=means,
        units=treated.clusters + holdout.clusters,
        events=min(treated.clusters, holdout.clusters),
        unit_word="clusters",
        binary=False,
        plain=False,
    )
    return flag_clusters(_comparable(chosen, moments, strata), clusters)


def _comparable(
    chosen: Estimation,
    moments: OutcomeMoments,
    strata: Comparison | None,
) -> Estimation:
    """Holds the verdict where clusters lie across segments or times whose shares differ."""
    clusters = moments.clusters
    assert clusters is not None  # noqa: S101 - the caller looked
    if strata is not None and not len(strata):
        return _never_side_by_side(chosen)
    ways = [
        k
        for k, there in (("segment", clusters.segment), ("period", clusters.period))
        if there is None
    ]
    if assigned_within(clusters):
        differs = [] if len(ways) < 2 else varying(moments.cells, ways)  # noqa: PLR2004 - neither
    else:
        differs = varying(moments.cells, ways, effect=cluster_effect(clusters))
    if not differs:
        return chosen if strata is None else with_overlap(chosen, strata)
    # What differs between segments or times is in the number too: a season, in a staggered roll-out.
    return replace(chosen, grade="D").held(hold("clusters_across", across=tuple(differs)))


def flag_clusters(chosen: Estimation, clusters: ClusterMoments) -> Estimation:
    """Flags an interval from few clusters, and says where clusters straddle the arms."""
    within = assigned_within(clusters)
    if within or clusters.straddling:
        chosen = chosen.warned(
            caveat("clusters_straddle", clusters=clusters.straddling, within=within)
        )
    few = too_few(*clustered_arms(clusters))
    return chosen if few is None else chosen.flagged(few, units=float(FEW_UNEVEN))


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


def outcome_by_cell(moments: OutcomeMoments, predicted: PredictedLift) -> ByCell:
    """Returns what gives each cell's mean in the units of the headline: plain, ratio or weighted."""
    if predicted.design == "logged_propensity":
        return weighted_by_cell
    return ratio_by_cell if _is_ratio(moments, predicted) else plain_outcome


def _is_ratio(moments: OutcomeMoments, predicted: PredictedLift) -> bool:
    """Whether the headline is a sum of the outcome over one of a denominator."""
    randomized = predicted.design == "randomized" and moments.clusters is None
    return randomized and moments.cells.index("denominator") is not None


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
    chosen: Estimation, moments: OutcomeMoments, predicted: PredictedLift, key: Key
) -> Rows:
    """Both arms by segment or period, in the units of the headline and as sure as its clusters.

    Rows are compared within the strata of the headline, too.

    Args:
        chosen: the headline.
        moments: the log, reduced.
        predicted: the contract.
        key: "segment" or "period".
    """
    outcome = outcome_by_cell(moments, predicted)
    rows = standard_rows(moments.cells, predicted, key, outcome)
    return rows.widened(*design_effects(chosen)) if chosen.unit_word == "clusters" else rows
