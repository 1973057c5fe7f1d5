"""Two means and what is estimated from them: difference and ratio, with intervals.

Every estimator (Welch, clusters, strata, CUPED, ratio metrics, weights) gives ``Means``; from there
on one path leads to the lift. Raw units: treated minus holdout, or treated / holdout - 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from spot_mlflow.lift.interval import UNKNOWN, Estimate, check_confidence, interval, satterthwaite

if TYPE_CHECKING:
    from spot_mlflow.lift.estimators.arm import Arm


@dataclass(frozen=True, slots=True)
class Means:
    """Two estimated means with their variances.

    Attributes:
        treated: mean of the treated; NaN where unknown.
        holdout: mean of the holdout; NaN where unknown.
        var_treated: variance of ``treated`` (not of a unit) from its own arm.
        var_holdout: variance of ``holdout`` from its own arm.
        df_treated: degrees of freedom of ``var_treated``.
        df_holdout: degrees of freedom of ``var_holdout``.
        common_treated: what is added to the variance of ``treated`` by something both arms share
            (the centre of a covariate, the mix of segments).
        common_holdout: the same for ``holdout``.
        cov: covariance of the two means by what they share.
        method: how they were estimated.
    """

    treated: float
    holdout: float
    var_treated: float
    var_holdout: float
    df_treated: float = math.inf
    df_holdout: float = math.inf
    common_treated: float = 0.0
    common_holdout: float = 0.0
    cov: float = 0.0
    method: str = ""

    @property
    def known(self) -> bool:
        """Whether both means and their variances are known."""
        return all(
            math.isfinite(x)
            for x in (self.treated, self.holdout, self.var_treated, self.var_holdout)
        )

    @property
    def total_treated(self) -> float:
        """Variance of ``treated``, shared part included."""
        return self.var_treated + self.common_treated

    @property
    def total_holdout(self) -> float:
        """Variance of ``holdout``, shared part included."""
        return self.var_holdout + self.common_holdout

    @property
    def se(self) -> float:
        """Standard error of the difference; what is shared by both in full cancels."""
        shared = self.common_treated + self.common_holdout - 2 * self.cov
        return math.sqrt(max(0.0, self.var_treated + self.var_holdout + shared))


def means_of(treated: Arm, holdout: Arm) -> Means:
    """Returns the plain means of two arms; each variance from its own arm (Welch).

    Args:
        treated: arm that got the treatment.
        holdout: arm that did not.

    Returns:
        Means in units of the measure; variances are NaN with fewer than two units in an arm.
    """
    if treated.n < 2 or holdout.n < 2:  # noqa: PLR2004 - a spread needs two units
        return Means(treated.mean, holdout.mean, math.nan, math.nan, method="Welch")
    return Means(
        treated.mean,
        holdout.mean,
        treated.var / treated.n,
        holdout.var / holdout.n,
        treated.n - 1.0,
        holdout.n - 1.0,
        method="Welch",
    )


def difference(means: Means, *, confidence: float = 0.95) -> Estimate:
    """Treated minus holdout with Student's t interval, Satterthwaite's degrees of freedom.

    Args:
        means: the two means.
        confidence: two-sided, between 0 and 1.

    Returns:
        In units of the measure; ``UNKNOWN`` where a mean or a variance is.

    Raises:
        InvalidInput: where confidence is not between 0 and 1.
    """
    check_confidence(confidence)
    if not means.known:
        return replace(UNKNOWN, value=means.treated - means.holdout)
    df = satterthwaite(
        [(means.var_treated, means.df_treated), (means.var_holdout, means.df_holdout)]
    )
    value = means.treated - means.holdout
    return interval(value, means.se, confidence=confidence, df=df, method=means.method)


def welch(treated: Arm, holdout: Arm, *, confidence: float = 0.95) -> Estimate:
    """Difference in means with Welch's interval.

    Source: Welch (1947), Biometrika 34; Satterthwaite (1946) for the degrees of freedom.

    Args:
        treated: arm that got the treatment.
        holdout: arm that did not.
        confidence: two-sided, between 0 and 1.

    Returns:
        Treated minus holdout, in units of the measure. ``UNKNOWN`` with fewer than two units in an
        arm.

    Raises:
        InvalidInput: where confidence is not between 0 and 1.
    """
    return difference(means_of(treated, holdout), confidence=confidence)


def pooled_variance(treated: Arm, holdout: Arm) -> float:
    """Returns the variance of a unit, assumed the same in both arms: that within the arms, pooled.

    Args:
        treated: arm of at least two units.
        holdout: arm of at least two units.
    """
    squares = treated.var * (treated.n - 1) + holdout.var * (holdout.n - 1)
    return squares / (treated.n + holdout.n - 2)
