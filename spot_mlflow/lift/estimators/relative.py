"""Relative lift: treated mean / holdout mean - 1, by four methods.

Binary outcomes take the skew-corrected score interval, numeric ones log-delta. Plain delta is there
on request only: it doubles false shortfalls on small holdouts. Fieller may be unbounded, and says so.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from spot_mlflow.lift.estimators.difference import difference
from spot_mlflow.lift.estimators.score_difference import rate_tables
from spot_mlflow.lift.interval import UNKNOWN, Estimate, check_confidence, quantile, satterthwaite

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

    from spot_mlflow.lift.estimators.difference import Means

    Floats = NDArray[np.float64]

_WIDEST: Final = 45.0  # log of the greatest ratio looked at; e^45 exceeds any ratio of rates
_HALVINGS: Final = 56  # 90 / 2^56 is about 1e-15


def relative_se(means: Means) -> float:
    """Standard error of treated / holdout by the delta method (first order).

    Source: Deng, Knoblich and Lu (2018), arXiv:1803.06336, section 2; with the covariance that what
    both arms share brings.

    Args:
        means: two means; the holdout's must not be 0.
    """
    ratio = means.treated / means.holdout
    var = means.total_treated - 2 * ratio * means.cov + ratio**2 * means.total_holdout
    return math.sqrt(max(0.0, var)) / abs(means.holdout)


def undefined(means: Means) -> Estimate | None:
    """Returns an open estimate that says why there is no ratio, or None where there is one."""
    if means.known and means.holdout > 0:
        return None
    value = means.treated / means.holdout - 1 if means.holdout > 0 else math.nan
    why = "relative lift needs a positive holdout mean" if means.holdout <= 0 else UNKNOWN.method
    return Estimate(value, -math.inf, math.inf, None, method=why)


def delta(means: Means, *, confidence: float = 0.95) -> Estimate:
    """Relative lift by the plain delta method with normal quantiles; never the default.

    Source: Deng, Knoblich and Lu (2018), arXiv:1803.06336, section 2.

    Args:
        means: two means; the holdout's must be positive, else nothing is estimated.
        confidence: two-sided, between 0 and 1.

    Raises:
        InvalidInput: where confidence is not between 0 and 1.
    """
    z = quantile(confidence)
    unknown = undefined(means)
    if unknown:
        return unknown
    value, se = means.treated / means.holdout - 1, relative_se(means)
    p = difference(means, confidence=confidence).p_value
    method = f"{means.method}, relative by delta"
    return Estimate(value, value - z * se, value + z * se, se, p_value=p, method=method)


def log_delta(means: Means, *, confidence: float = 0.95) -> Estimate:
    """Relative lift by the delta method on the log ratio, Student's t.

    Degrees of freedom by Satterthwaite on the log scale; the p value is that of the difference.
    Falls back to Fieller where the treated mean is not positive.

    Args:
        means: two means; the holdout's must be positive, else nothing is estimated.
        confidence: two-sided, between 0 and 1.

    Raises:
        InvalidInput: where confidence is not between 0 and 1.
    """
    check_confidence(confidence)
    unknown = undefined(means)
    if unknown:
        return unknown
    if means.treated <= 0:
        return fieller(means, confidence=confidence)
    ratio = means.treated / means.holdout
    v_t, v_c = means.var_treated / means.treated**2, means.var_holdout / means.holdout**2
    var = (
        means.total_treated / means.treated**2
        + means.total_holdout / means.holdout**2
        - 2 * means.cov / (means.treated * means.holdout)
    )
    df = satterthwaite([(v_t, means.df_treated), (v_c, means.df_holdout)])
    half = quantile(confidence, df) * math.sqrt(max(0.0, var))
    return Estimate(
        value=ratio - 1,
        low=ratio * math.exp(-half) - 1,
        high=ratio * math.exp(half) - 1 if half < 700 else math.inf,  # noqa: PLR2004 - overflow
        se=relative_se(means),
        df=df,
        p_value=difference(means, confidence=confidence).p_value,
        method=f"{means.method}, relative by log-delta",
    )


def fieller(means: Means, *, confidence: float = 0.95) -> Estimate:
    """Relative lift by Fieller's theorem with normal quantiles.

    Source: Fieller (1954), JRSS B 16, 175-185. Where the holdout mean does not differ from 0 at
    this confidence the set is unbounded: both bounds are infinite and the method says so.

    Args:
        means: two means; the holdout's must be positive, else nothing is estimated.
        confidence: two-sided, between 0 and 1.

    Raises:
        InvalidInput: where confidence is not between 0 and 1.
    """
    z2 = quantile(confidence) ** 2
    unknown = undefined(means)
    if unknown:
        return unknown
    ratio, c = means.treated / means.holdout, means.holdout
    p = difference(means, confidence=confidence).p_value
    a = c**2 - z2 * means.total_holdout
    if a <= 0:
        method = f"{means.method}, relative by Fieller, unbounded: the holdout mean may be 0"
        return Estimate(ratio - 1, -math.inf, math.inf, None, p_value=p, method=method)
    b = means.treated * c - z2 * means.cov
    inside = b**2 - a * (means.treated**2 - z2 * means.total_treated)
    root = math.sqrt(max(0.0, inside))
    method = f"{means.method}, relative by Fieller"
    low, high = (b - root) / a - 1, (b + root) / a - 1
    return Estimate(ratio - 1, low, high, relative_se(means), p_value=p, method=method)


def score_ratio(
    x_t: float, n_t: float, x_c: float, n_c: float, *, confidence: float = 0.95, skew: bool = True
) -> Estimate:
    """Relative lift of a rate by the score interval, corrected for skewness.

    Source: Koopman (1984) and Miettinen and Nurminen (1985) for the score, Gart and Nam (1988),
    Biometrics 44, 323-338, for the correction of skewness.

    Args:
        x_t: events among the treated; may be fractional (effective counts of strata).
        n_t: units treated.
        x_c: events in the holdout.
        n_c: units in the holdout.
        confidence: two-sided, between 0 and 1.
        skew: with Gart and Nam's correction; without it Miettinen and Nurminen's interval.

    Returns:
        Ratio of rates minus 1. Without an event in the holdout the upper bound is infinite, and the
        value NaN where neither arm has one; without one among the treated the lower bound is -1.

    Raises:
        InvalidInput: where confidence is not between 0 and 1.
    """
    low, high = score_ratio_bounds(x_t, n_t, x_c, n_c, confidence=confidence, skew=skew)
    nothing = math.inf if x_t > 0 else math.nan
    value = x_t / n_t / (x_c / n_c) - 1 if x_c > 0 else nothing
    method = "skew-corrected score (Gart-Nam)" if skew else "score (Miettinen-Nurminen)"
    bounds = float(low) - 1, float(high) - 1
    if math.isfinite(value):  # rounding must not put the estimate outside its own interval
        bounds = min(bounds[0], value), max(bounds[1], value)
    return Estimate(value, *bounds, None, method=method)


def score_ratio_bounds(
    x_t: ArrayLike,
    n_t: ArrayLike,
    x_c: ArrayLike,
    n_c: ArrayLike,
    *,
    confidence: float | ArrayLike = 0.95,
    skew: bool = True,
) -> tuple[Floats, Floats]:
    """Bounds of the ratio of two rates for arrays of tables at once.

    Args:
        x_t: events among the treated; all arguments broadcast to one shape.
        n_t: units treated.
        x_c: events in the holdout.
        n_c: units in the holdout.
        confidence: two-sided, between 0 and 1.
        skew: with Gart and Nam's correction for skewness.

    Returns:
        (low, high) of the ratio, not of the lift; 0 and inf where the data set no bound.

    Raises:
        InvalidInput: where confidence is not between 0 and 1.
    """
    tables, z = rate_tables(x_t, n_t, x_c, n_c, confidence)

    low, high = _bounds(tables, z, skew=skew)
    return np.where(tables[0] > 0, low, 0.0), np.where(tables[2] > 0, high, np.inf)


def _bounds(tables: Sequence[Floats], z: Floats, *, skew: bool) -> Floats:
    """Ratios at which the score falls to z and to -z: (2, ...), lower bounds first.

    In tables of a few units the correction for skewness can be greater than what it corrects: the
    corrected score then crosses on the wrong side of the estimate, or never. There the uncorrected
    bound stands.
    """
    side = np.array([1.0, -1.0]).reshape(2, *(1,) * z.ndim)
    x_t, n_t, x_c, n_c = both = [np.broadcast_to(t, (2, *z.shape)) for t in tables]
    critical = np.broadcast_to(z, (2, *z.shape))

    def above(log_ratio: Floats) -> Floats:
        return score(np.exp(log_ratio), *both, z=critical, skew=skew) - side * critical

    far = np.full(critical.shape, _WIDEST)
    if not skew:
        return np.exp(_crossing(above, -far, far))
    with np.errstate(all="ignore"):  # tables without an event in an arm are among the unusable
        estimate = np.log(x_t / n_t) - np.log(x_c / n_c)
        start = np.where(np.isfinite(estimate), estimate, 0.0)
        left, right = np.where(side > 0, -far, start), np.where(side > 0, start, far)
        usable = np.isfinite(estimate) & (above(left) > 0) & (above(right) <= 0)
    found = np.exp(_crossing(above, left, right))
    if usable.all():
        return found
    return np.where(usable, found, _bounds(tables, z, skew=False))


def _crossing(falling: Callable[[Floats], Floats], low: Floats, high: Floats) -> Floats:
    """Finds where a falling function crosses 0, for all tables at once.

    Bisection: it cannot leave its bracket, and runs over whole arrays, which ``brentq`` does not.
    """
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        above = falling(middle) > 0
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.asarray((low + high) / 2)


def score(
    ratio: Floats,
    x_t: Floats,
    n_t: Floats,
    x_c: Floats,
    n_c: Floats,
    *,
    z: Floats,
    skew: bool = True,
) -> Floats:
    """Score statistic of H0: rate of the treated = ratio * rate of the holdout; falls in ``ratio``.

    Args:
        ratio: ratios under the hypothesis, > 0.
        x_t: events among the treated.
        n_t: units treated.
        x_c: events in the holdout.
        n_c: units in the holdout.
        z: critical value that the statistic is to be compared with.
        skew: with Gart and Nam's correction; otherwise with Miettinen and Nurminen's N/(N - 1).
    """
    p_t, p_c, q_t, q_c = restricted_rates(ratio, x_t, n_t, x_c, n_c)
    with np.errstate(all="ignore"):  # rates of exactly 0 or 1 are mended below
        u = q_t / (n_t * p_t) + q_c / (n_c * p_c)
        statistic = (x_t / n_t - ratio * x_c / n_c) / (p_t * np.sqrt(u))
        if skew:
            third = q_t * (q_t - p_t) / (n_t * p_t) ** 2 - q_c * (q_c - p_c) / (n_c * p_c) ** 2
            statistic = statistic - third / u**1.5 * (z**2 - 1) / 6
        else:
            total = n_t + n_c
            statistic = statistic * np.sqrt((total - 1) / total)
    observed = np.sign(x_t / n_t - ratio * x_c / n_c)
    with np.errstate(invalid="ignore"):
        out: Floats = np.where(np.isfinite(statistic), statistic, observed * np.inf)
    return out


def restricted_rates(
    ratio: Floats, x_t: Floats, n_t: Floats, x_c: Floats, n_c: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Maximum likelihood rates under treated = ratio * holdout.

    Source: Miettinen and Nurminen (1985), Statistics in Medicine 4, 213-226, equation 10: the
    smaller root of N R p^2 - (n_t R + x_t + n_c + x_c R) p + x_t + x_c = 0, in the form without
    cancellation.

    Args:
        ratio: ratios under the hypothesis, > 0; all arguments of one shape.
        x_t: events among the treated.
        n_t: units treated.
        x_c: events in the holdout.
        n_c: units in the holdout.

    Returns:
        Rates of treated and holdout, and their complements.
    """
    a = (n_t + n_c) * ratio
    b = n_t * ratio + x_t + n_c + x_c * ratio
    c = x_t + x_c
    root = np.sqrt(np.maximum(b * b - 4 * a * c, 0.0))
    p_c = np.minimum(2 * c / (b + root), np.minimum(1.0, 1 / ratio))
    p_t = np.minimum(ratio * p_c, 1.0)
    return p_t, p_c, 1 - p_t, 1 - p_c
