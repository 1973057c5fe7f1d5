"""Whole clusters compared within strata of segment and time, where they lie within them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from spot_mlflow.lift.estimators.clusters import clustered_arm
from spot_mlflow.lift.estimators.standardized import Lined, combined, strata_words
from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.labels import HOLDOUT
from spot_mlflow.lift.strata.choice import compare

if TYPE_CHECKING:
    from spot_mlflow.lift.estimators.comparison import Comparison
    from spot_mlflow.lift.estimators.difference import Means
    from spot_mlflow.lift.moments.clusters import ClusterMoments
    from spot_mlflow.lift.promise.contract import PredictedLift


def cluster_strata(clusters: ClusterMoments, predicted: PredictedLift) -> Comparison | None:
    """Puts whole clusters side by side in strata of segment and time, chosen from their counts.

    Returns:
        None where clusters are not shown separately by segment or time, or one stratum holds all.
    """
    if clusters.segment is None and clusters.period is None:
        return None
    found = compare(counted(clusters), predicted)
    return found if len(found) > 1 or found.left_out else None


def counted(clusters: ClusterMoments) -> Moments:
    """Returns a table that counts whole clusters by segment, arm and time, and measures nothing."""
    segment, period = clusters.labels
    rows, none = len(clusters.arm), np.zeros((len(clusters.arm), 0))
    return Moments(
        segment=segment,
        arm=clusters.arm,
        period=period,
        measures=(),
        assigned=clusters.assigned_clusters,
        matured=clusters.assigned_clusters,
        n=clusters.clusters,
        center=np.zeros(0),
        s1=none,
        s2=np.zeros((rows, 0, 0)),
        s3=none,
        nonzero=none.astype(np.int64),
        largest=none,
        missing=none.astype(np.int64),
    )


def stratified_clusters(
    clusters: ClusterMoments, comparison: Comparison, *, theta: float = 0.0
) -> Means:
    """Returns the means of both arms, clusters compared within strata.

    Strata are weighted by their units; each has the ratio of sums and the degrees of freedom of its
    own clusters.

    Args:
        clusters: sums over clusters by segment or time and arm.
        comparison: from ``cluster_strata``; at least one stratum.
        theta: coefficient of the covariate.
    """
    kept = clusters.select(~comparison.uncovered)
    held = np.asarray([a == HOLDOUT for a in kept.arm], dtype=bool)
    sides = []
    for mask in (~held, held):
        arms = [
            clustered_arm(kept, mask & (comparison.stratum == s)) for s in range(len(comparison))
        ]
        n, mean, var, effective, x, var_x, cov = (
            np.array([getattr(a, k) for a in arms])
            for k in ("n", "mean", "var", "effective", "mean_x", "var_x", "cov_x")
        )
        sides.append(
            Lined(0.0, n, mean, n * var, x, n * var_x, n * cov, np.maximum(effective - 1, 1.0))
        )
    n_t, n_c = sides[0].n, sides[1].n
    size = n_t * n_c / (n_t + n_c) if comparison.overlap else n_t + n_c
    found = combined(sides[0], sides[1], size / size.sum(), by_covariate=theta != 0, theta=theta)
    total = int(kept.clusters.sum())
    method = (
        f"ratio of sums over {total:,} clusters, post-stratified over {strata_words(comparison)}"
    )
    return replace(found.means, method=f"{method}, CUPED" if theta else method)
