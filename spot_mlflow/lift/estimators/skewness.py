"""Means of skewed outcomes: how skewed the comparison is, and the interval corrected for it.

What bends an interval is the skewness of the difference of the means, which cancels where the arms have
one size. It is taken from the sizes and one skewness for both arms: an arm's own variance and skewness
go up and down with its mean, and a correction from them would spoil what it mends (measured).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from spot_mlflow.lift.estimators.relative import relative_se, undefined
from spot_mlflow.lift.interval import UNKNOWN, Estimate, quantile, satterthwaite, two_sided_p

if TYPE_CHECKING:
    from spot_mlflow.lift.estimators.arm import Arm
    from spot_mlflow.lift.estimators.difference import Means

MARKED: Final = 0.1  # skewness of the difference, from which on the interval is corrected for it
# Beyond these the corrected interval leaves 94 to 96 % (docs/simulations/reliability.md).
WIDEST: Final = 0.5  # skewness of the difference
STEEPEST: Final = 0.25  # skewness of a unit over sqrt(n); 1 where one unit decides everything


@dataclass(frozen=True, slots=True)
class Skew:
    """How skewed a comparison of two means is.

    Attributes:
        unit: moment coefficient of skewness of a unit, one for both arms.
        difference: that of the difference of the means, positive where its tail is to the right.
        steepness: ``unit`` over the root of all units; a sample cannot show more than 1.
    """

    unit: float
    difference: float
    steepness: float

    @property
    def marked(self) -> bool:
        """Whether Student's interval is to be corrected."""
        return max(abs(self.difference), self.steepness) > MARKED

    @property
    def beyond(self) -> bool:
        """Whether the corrected interval does not hold either."""
        return abs(self.difference) > WIDEST or self.steepness > STEEPEST


def skew_of(treated: Arm, holdout: Arm, *, at_least: float = 0.0) -> Skew:
    """Returns the skewness of a comparison; none where an arm is empty.

    Args:
        treated: arm that got the treatment.
        holdout: arm that did not.
        at_least: skewness of a unit that earlier looks have shown; the steeper one counts.
    """
    n_t, n_c = treated.n, holdout.n
    if min(n_t, n_c) < 1:
        return Skew(0.0, 0.0, 0.0)
    unit = (n_t * treated.skew + n_c * holdout.skew) / (n_t + n_c)
    if at_least > abs(unit):
        unit = math.copysign(at_least, unit)
    lever = (1 / n_t**2 - 1 / n_c**2) / (1 / n_t + 1 / n_c) ** 1.5
    return Skew(unit, unit * lever, abs(unit) / math.sqrt(n_t + n_c))


def units_for(skew: Skew, treated: Arm, holdout: Arm) -> float:
    """Units of both arms together from which on such a skew would be within the limits.

    The skewness of the difference and its steepness both fall with the root of the units.
    """
    times = max(abs(skew.difference) / WIDEST, skew.steepness / STEEPEST) ** 2
    return math.ceil((treated.n + holdout.n) * max(times, 1.0))


def critical(skewness: float, df: float, confidence: float) -> tuple[float, float]:
    """Lower and upper critical value of a t statistic whose estimate has this skewness.

    Source: Hall (1992), JRSS B 54, 221-228, after Johnson (1978), JASA 73, 536-544; for two samples
    Zhou and Dinh (2005), Biostatistics 6, 187-200: g(T) = T + a T^2 + a^2 T^3/3 + a/2 with
    a = skewness/3 is nearly normal, and its inverse is a cube root.

    Args:
        skewness: of the estimate.
        df: degrees of freedom.
        confidence: two-sided, between 0 and 1.
    """
    t = quantile(confidence, df)
    a = skewness / 3
    if abs(a) < _NONE:
        return -t, t
    low, high = ((float(np.cbrt(1 + 3 * a * (x - a / 2))) - 1) / a for x in (-t, t))
    return low, high


def _normal(t: float, skewness: float) -> float:
    """Hall's g: the statistic brought back to that of an estimate without skewness."""
    a = skewness / 3
    return t + a * t**2 + a**2 * t**3 / 3 + a / 2


def corrected_difference(means: Means, skewness: float, *, confidence: float) -> Estimate:
    """Treated minus holdout with Student's interval corrected for skewness.

    Args:
        means: the two means.
        skewness: of their difference.
        confidence: two-sided, between 0 and 1.
    """
    if not means.known or means.se == 0:
        return replace(UNKNOWN, value=means.treated - means.holdout)
    df = _freedom(means, 1.0)
    low, high = critical(skewness, df, confidence)
    value, se = means.treated - means.holdout, means.se
    return Estimate(
        value,
        value - high * se,
        value - low * se,
        se,
        df,
        two_sided_p(_normal(value / se, skewness), df),
        f"{means.method}, corrected for skewness (Hall)",
    )


def corrected_ratio(means: Means, skewness: float, *, confidence: float) -> Estimate:
    """Relative lift by Fieller's theorem, with critical values corrected for skewness.

    Every ratio R at which (treated - R holdout) over its error lies between the critical values. The
    skewness of that difference is the same at the true ratio where treatment multiplies outcomes.

    Args:
        means: two means; the holdout's must be positive.
        skewness: of the difference of the means.
        confidence: two-sided, between 0 and 1.

    Returns:
        A bound is infinite where no ratio is ruled out on its side.
    """
    unknown = undefined(means)
    if unknown:
        return unknown
    ratio = means.treated / means.holdout
    low, high = critical(skewness, _freedom(means, ratio), confidence)
    plain = corrected_difference(means, skewness, confidence=confidence)
    return Estimate(
        ratio - 1,
        _root(means, high, -1.0) - 1,
        _root(means, low, 1.0) - 1,
        relative_se(means),
        p_value=plain.p_value,
        method=f"{means.method}, relative by Fieller, corrected for skewness (Hall)",
    )


def _root(means: Means, t: float, side: float) -> float:
    """The ratio on one side (-1 below, 1 above) of the estimate whose statistic is ``t``."""
    a = means.holdout**2 - t**2 * means.total_holdout
    if a <= 0:
        return side * math.inf
    b = means.treated * means.holdout - t**2 * means.cov
    inside = b**2 - a * (means.treated**2 - t**2 * means.total_treated)
    return (b + side * math.sqrt(max(0.0, inside))) / a


def _freedom(means: Means, ratio: float) -> float:
    """Satterthwaite's degrees of freedom of (treated - ratio * holdout)."""
    return satterthwaite(
        [
            (means.var_treated, means.df_treated),
            (ratio**2 * means.var_holdout, means.df_holdout),
        ]
    )


_NONE: Final = 1e-9  # of a correction
