"""Difference in means where whole clusters (villages, shops, households) were assigned.

The mean of an arm is a ratio of sums over clusters, its variance that of the ratio, with G/(G - 1)
for G clusters and Student's t with Satterthwaite's degrees of freedom. Clusters of very different
size tell less than their number: their effective number decides on the degrees of freedom and on
whether the interval is to be trusted.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from spot_mlflow.lift.difference import Means
from spot_mlflow.lift.moments import HOLDOUT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from spot_mlflow.lift.moments import ClusterMoments

FEW_CLUSTERS: Final = (
    40  # Angrist and Pischke (2009), ch. 8: below it cluster intervals are too short
)
# In simulation 80 clusters of lognormal size, worth some 37 of equal size, were covered 93.5 %.
FEW_UNEVEN: Final = 50
UNEVEN: Final = 0.8  # effective clusters / clusters, below which sizes count as uneven


class ClusteredArm(NamedTuple):
    """Mean of one arm over clusters.

    Attributes:
        clusters: G.
        n: units.
        mean: sum of the outcome / sum of units; NaN without units.
        var: variance of ``mean``; NaN with fewer than two clusters.
        effective: clusters of equal size that would tell as much, (sum n_g)^2 / sum n_g^2.
    """

    clusters: int
    n: float
    mean: float
    var: float
    effective: float


def clustered_arm(
    moments: ClusterMoments, mask: NDArray[np.bool_], *, theta: float = 0.0
) -> ClusteredArm:
    """Adds the arms in ``mask`` (arms,) to one.

    Source: Deng, Lu and Qin (2021), arXiv:2105.14705; Cameron and Miller (2015) for G/(G - 1).

    Args:
        moments: sums over clusters.
        mask: which arms to add.
        theta: coefficient of the covariate (CUPED); the covariate is centred at its constant.
    """
    groups = int(moments.clusters[mask].sum())
    s1, s2 = moments.s1[mask].sum(axis=0), moments.s2[mask].sum(axis=0)
    units = float(s1[0])
    if groups == 0 or units == 0:
        return ClusteredArm(groups, units, math.nan, math.nan, 0.0)
    rate = (s1[1] - theta * s1[2]) / units
    weights = np.array([-rate, 1.0, -theta])  # residual of a cluster: Y - theta X - rate n
    residual = max(0.0, float(weights @ s2 @ weights))
    var = groups / (groups - 1) * residual / units**2 if groups > 1 else math.nan
    effective = units**2 / float(s2[0, 0])
    return ClusteredArm(groups, units, float(rate + moments.center[0]), var, effective)


def clustered_arms(
    moments: ClusterMoments, *, theta: float = 0.0
) -> tuple[ClusteredArm, ClusteredArm]:
    """Returns (treated, holdout); several treatment arms are added together."""
    held = np.asarray([a == HOLDOUT for a in moments.arm], dtype=bool)
    return (
        clustered_arm(moments, ~held, theta=theta),
        clustered_arm(moments, held, theta=theta),
    )


def assigned_within(clusters: ClusterMoments) -> bool:
    """Whether units were assigned within clusters: at least half of the clusters have both arms.

    Then clusters are no units of assignment; they only make outcomes alike. The variances of the
    arms, each from its own clusters, leave out that both share the clusters, which errs on the safe
    side.
    """
    distinct = int(clusters.assigned_clusters.sum()) - clusters.straddling
    return clusters.straddling > 0 and 2 * clusters.straddling >= distinct


def too_few(treated: ClusteredArm, holdout: ClusteredArm) -> str:
    """Says why the interval is unreliable, or "": fewer than 40 clusters, or uneven ones worth < 50."""
    total = treated.clusters + holdout.clusters
    effective = treated.effective + holdout.effective
    if total < FEW_CLUSTERS:
        return f"{total} clusters, fewer than {FEW_CLUSTERS}"
    if effective < UNEVEN * total and effective < FEW_UNEVEN:
        return f"{total} clusters of uneven size tell as much as {effective:.0f} of equal size"
    return ""


def clustered_means(moments: ClusterMoments, *, theta: float = 0.0) -> Means:
    """Returns the means of both arms with clusters as the units of assignment.

    Args:
        moments: sums over clusters.
        theta: coefficient of the covariate (CUPED).

    Returns:
        Means in units of the outcome. Degrees of freedom are those of the effective clusters less 1
        (Carter, Schnepel and Steigerwald 2017), which for clusters of one size is G - 1; variances
        are NaN with fewer than two clusters in an arm.
    """
    treated, holdout = clustered_arms(moments, theta=theta)
    total = treated.clusters + holdout.clusters
    return Means(
        treated.mean,
        holdout.mean,
        treated.var,
        holdout.var,
        max(1.0, treated.effective - 1),
        max(1.0, holdout.effective - 1),
        method=f"ratio of sums over {total:,} clusters, Satterthwaite t",
    )
