"""Difference in means between treated and holdout, in raw units (treated minus holdout)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from spot_mlflow.errors import InvalidInput

if TYPE_CHECKING:
    from spot_mlflow.lift.arm import Arm


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimate with its interval, in raw units.

    Attributes:
        value: the estimate; NaN where nothing can be estimated.
        low: lower bound, -inf where unbounded.
        high: upper bound, inf where unbounded.
        se: standard error on the scale of ``value``, or None where the method has none.
        df: degrees of freedom of Student's t; inf for the normal distribution.
        p_value: two-sided, against no difference; None where the method gives none.
        method: how it was estimated.
    """

    value: float
    low: float
    high: float
    se: float | None
    df: float = math.inf
    p_value: float | None = None
    method: str = ""

    def improved(self, direction: str) -> Estimate:
        """Returns the estimate in improvement units: the sign changes for ``decrease``."""
        if direction == "increase":
            return self
        return replace(self, value=-self.value, low=-self.high, high=-self.low)


UNKNOWN = Estimate(math.nan, -math.inf, math.inf, None, method="nothing to estimate from yet")


def check_confidence(confidence: float) -> None:
    """Raises InvalidInput unless 0 < confidence < 1."""
    if not 0 < confidence < 1:
        raise InvalidInput(f"confidence == {confidence}, must be above 0 and below 1")


def quantile(confidence: float, df: float = math.inf) -> float:
    """Returns the two-sided critical value of Student's t, of the normal where df is infinite."""
    from scipy.special import ndtri, stdtrit

    check_confidence(confidence)
    tail = (1 + confidence) / 2
    return float(ndtri(tail) if math.isinf(df) else stdtrit(df, tail))


def two_sided_p(statistic: float, df: float = math.inf) -> float:
    """Returns the two-sided p value of a t or z statistic."""
    from scipy.special import ndtr, stdtr

    z = -abs(statistic)
    return float(2 * (ndtr(z) if math.isinf(df) else stdtr(df, z)))


def satterthwaite(parts: list[tuple[float, float]]) -> float:
    """Degrees of freedom of a sum of independent variances (Satterthwaite 1946).

    Args:
        parts: (variance of the mean, its degrees of freedom), one per arm or stratum.
    """
    total = math.fsum(v for v, _ in parts)
    below = math.fsum((v / total) ** 2 / df for v, df in parts if df > 0 and v > 0) if total else 0
    return 1 / below if below > 0 else math.inf


def interval(
    value: float, se: float, *, confidence: float, df: float = math.inf, method: str = ""
) -> Estimate:
    """Returns value +- quantile * se with its p value; an se of 0 gives a point.

    Args:
        value: the estimate.
        se: its standard error.
        confidence: two-sided, between 0 and 1.
        df: degrees of freedom.
        method: how it was estimated.
    """
    if math.isnan(value) or math.isnan(se):
        return replace(UNKNOWN, value=value)
    half = quantile(confidence, df) * se
    p = two_sided_p(value / se, df) if se > 0 else float(value == 0)
    return Estimate(value, value - half, value + half, se, df, p, method)


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
    check_confidence(confidence)
    if treated.n < 2 or holdout.n < 2:  # noqa: PLR2004 - a spread needs two units
        return UNKNOWN
    parts = [(a.var / a.n, a.n - 1.0) for a in (treated, holdout)]
    se = math.sqrt(math.fsum(v for v, _ in parts))
    df = satterthwaite(parts)
    return interval(treated.mean - holdout.mean, se, confidence=confidence, df=df, method="Welch")


def pooled(treated: Arm, holdout: Arm, *, confidence: float = 0.95) -> Estimate:
    """Difference in means with one variance for both arms (Student's t, as OLS gives it).

    Args:
        treated: arm that got the treatment.
        holdout: arm that did not.
        confidence: two-sided, between 0 and 1.

    Raises:
        InvalidInput: where confidence is not between 0 and 1.
    """
    check_confidence(confidence)
    if treated.n < 2 or holdout.n < 2:  # noqa: PLR2004 - a spread needs two units
        return UNKNOWN
    df = treated.n + holdout.n - 2.0
    var = (treated.var * (treated.n - 1) + holdout.var * (holdout.n - 1)) / df
    se = math.sqrt(var * (1 / treated.n + 1 / holdout.n))
    return interval(
        treated.mean - holdout.mean, se, confidence=confidence, df=df, method="pooled variance"
    )
