"""Difference in means where whole clusters (villages, shops, households) were assigned.

The mean of an arm is a ratio of sums over clusters, its variance that of the ratio, with G/(G - 1)
for G clusters and Student's t with Satterthwaite's degrees of freedom. Clusters of very different
size tell less than their number: their effective number decides on the degrees of freedom and on
whether the interval is to be trusted.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from spot_mlflow.lift.estimators.cuped import Paired, cuped
from spot_mlflow.lift.estimators.difference import Means
from spot_mlflow.lift.holds.hold import hold
from spot_mlflow.lift.moments.labels import HOLDOUT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from spot_mlflow.lift.holds.hold import Hold
    from spot_mlflow.lift.moments.clusters import ClusterMoments

FEW_CLUSTERS: Final = (
    40  # Angrist and Pischke (2009), ch. 8: below it cluster intervals are too short
)
FEW_IN_ARM: Final = 6  # in simulation 60 : 3 clusters were covered 92 %, 45 : 6 94.5 %
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
        mean_x: mean of the covariate, from its constant; 0 where there is none.
        var_x: variance of ``mean_x``.
        cov_x: covariance of ``mean`` and ``mean_x``.
    """

    clusters: int
    n: float
    mean: float
    var: float
    effective: float
    mean_x: float = 0.0
    var_x: float = 0.0
    cov_x: float = 0.0

    @property
    def paired(self) -> Paired:
        """The arm as so many simple units, whose means are as sure as these."""
        n = int(self.n)
        return Paired(n, self.mean, n * self.var, self.mean_x, n * self.var_x, n * self.cov_x)


def clustered_arm(moments: ClusterMoments, mask: NDArray[np.bool_]) -> ClusteredArm:
    """Adds the arms in ``mask`` (arms,) to one.

    Source: Deng, Lu and Qin (2021), arXiv:2105.14705; Cameron and Miller (2015) for G/(G - 1).

    Args:
        moments: sums over clusters.
        mask: which arms to add.
    """
    groups = int(moments.clusters[mask].sum())
    s1, s2 = moments.s1[mask].sum(axis=0), moments.s2[mask].sum(axis=0)
    units = float(s1[0])
    if groups == 0 or units == 0:
        return ClusteredArm(groups, units, math.nan, math.nan, 0.0)
    mean, mean_x = s1[1:] / units
    lines = np.array([[-mean, 1.0, 0.0], [-mean_x, 0.0, 1.0]])  # residuals Y - mean n, X - mean n
    factor = groups / (groups - 1) / units**2 if groups > 1 else math.nan
    (var, cov_x), (_, var_x) = factor * (lines @ s2 @ lines.T)
    return ClusteredArm(
        groups,
        units,
        mean=float(mean + moments.center[0]),
        var=max(0.0, float(var)) if groups > 1 else math.nan,
        effective=units**2 / float(s2[0, 0]),
        mean_x=float(mean_x),
        var_x=max(0.0, float(var_x)),
        cov_x=float(cov_x),
    )


def clustered_arms(moments: ClusterMoments) -> tuple[ClusteredArm, ClusteredArm]:
    """Returns (treated, holdout); several treatment arms are added together."""
    held = np.asarray([a == HOLDOUT for a in moments.arm], dtype=bool)
    return clustered_arm(moments, ~held), clustered_arm(moments, held)


def too_few(treated: ClusteredArm, holdout: ClusteredArm) -> Hold | None:
    """Returns why the interval is unreliable, or None.

    Fewer than 40 clusters in all or 6 in an arm, or uneven ones worth less than 50 of one size.
    """
    total = treated.clusters + holdout.clusters
    effective = treated.effective + holdout.effective
    if total < FEW_CLUSTERS:
        return hold("few_clusters", clusters=total, fewest=FEW_CLUSTERS, enough=FEW_UNEVEN)
    fewest = min(treated.clusters, holdout.clusters)
    if fewest < FEW_IN_ARM:
        return hold("few_clusters_in_an_arm", clusters=fewest, fewest=FEW_IN_ARM, enough=FEW_UNEVEN)
    if effective < UNEVEN * total and effective < FEW_UNEVEN:
        return hold(
            "uneven_clusters", clusters=total, effective=float(effective), enough=FEW_UNEVEN
        )
    return None


def clustered_means(moments: ClusterMoments, *, theta: float = 0.0) -> Means:
    """Returns the means of both arms with clusters as the units of assignment.

    Args:
        moments: sums over clusters.
        theta: coefficient of the covariate (CUPED), which is centred at its mean over both arms.

    Returns:
        Means in units of the outcome. Degrees of freedom are those of the effective clusters less 1
        (Carter, Schnepel and Steigerwald 2017), which for clusters of one size is G - 1; variances
        are NaN with fewer than two clusters in an arm.
    """
    treated, holdout = clustered_arms(moments)
    total = treated.clusters + holdout.clusters
    method = f"ratio of sums over {total:,} clusters, Satterthwaite t"
    freedom = {
        "df_treated": max(1.0, treated.effective - 1),
        "df_holdout": max(1.0, holdout.effective - 1),
    }
    if theta and min(treated.clusters, holdout.clusters) > 1:
        adjusted = cuped(treated.paired, holdout.paired, theta=theta).means
        return replace(adjusted, method=f"{method}, CUPED", **freedom)
    return Means(treated.mean, holdout.mean, treated.var, holdout.var, method=method, **freedom)
