"""Difference in means where whole clusters (villages, shops, households) were assigned.

The mean of an arm is a ratio of sums over clusters, its variance that of the ratio, with G/(G - 1)
for G clusters and Student's t with Satterthwaite's degrees of freedom.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from spot_mlflow.lift.difference import UNKNOWN, Estimate, interval, satterthwaite
from spot_mlflow.lift.moments import HOLDOUT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from spot_mlflow.lift.moments import ClusterMoments

FEW_CLUSTERS: Final = (
    40  # Angrist and Pischke (2009), ch. 8: below it cluster intervals are too short
)


@dataclass(frozen=True, slots=True)
class ClusteredArm:
    """Mean of one arm over clusters.

    Attributes:
        clusters: G.
        n: units.
        mean: sum of the outcome / sum of units; NaN without units.
        var: variance of ``mean``; NaN with fewer than two clusters.
    """

    clusters: int
    n: float
    mean: float
    var: float


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
        return ClusteredArm(groups, units, math.nan, math.nan)
    rate = (s1[1] - theta * s1[2]) / units
    weights = np.array([-rate, 1.0, -theta])  # residual of a cluster: Y - theta X - rate n
    residual = max(0.0, float(weights @ s2 @ weights))
    var = groups / (groups - 1) * residual / units**2 if groups > 1 else math.nan
    return ClusteredArm(groups, units, float(rate + moments.center[0]), var)


def clustered_arms(
    moments: ClusterMoments, *, theta: float = 0.0
) -> tuple[ClusteredArm, ClusteredArm]:
    """Returns (treated, holdout); several treatment arms are added together."""
    held = np.asarray([a == HOLDOUT for a in moments.arm], dtype=bool)
    return (
        clustered_arm(moments, ~held, theta=theta),
        clustered_arm(moments, held, theta=theta),
    )


def clustered_difference(
    treated: ClusteredArm, holdout: ClusteredArm, *, confidence: float = 0.95
) -> Estimate:
    """Difference in means with clusters as the units of assignment.

    Args:
        treated: clusters that got the treatment.
        holdout: clusters that did not.
        confidence: two-sided, between 0 and 1.

    Returns:
        Treated minus holdout, in units of the outcome; ``UNKNOWN`` with fewer than two clusters in
        an arm.

    Raises:
        InvalidInput: where confidence is not between 0 and 1.
    """
    if min(treated.clusters, holdout.clusters) < 2:  # noqa: PLR2004 - a spread needs two
        return UNKNOWN
    df = satterthwaite([(treated.var, treated.clusters - 1), (holdout.var, holdout.clusters - 1)])
    total = treated.clusters + holdout.clusters
    return interval(
        treated.mean - holdout.mean,
        math.sqrt(treated.var + holdout.var),
        confidence=confidence,
        df=df,
        method=f"ratio of sums over {total} clusters, Satterthwaite t",
    )
