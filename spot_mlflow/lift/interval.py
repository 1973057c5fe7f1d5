"""An estimate with its interval, and the few functions that every interval is made of."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from spot_mlflow.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable


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
    """Returns the two-sided critical value of Student's t, of the normal where df is infinite.

    Args:
        confidence: two-sided, between 0 and 1.
        df: degrees of freedom.

    Raises:
        InvalidInput: where confidence is not between 0 and 1.
    """
    from scipy.special import ndtri, stdtrit

    check_confidence(confidence)
    tail = (1 + confidence) / 2
    return float(ndtri(tail) if math.isinf(df) else stdtrit(df, tail))


def two_sided_p(statistic: float, df: float = math.inf) -> float:
    """Returns the two-sided p value of a t or z statistic.

    Args:
        statistic: an estimate over its standard error.
        df: degrees of freedom; inf for the normal distribution.
    """
    from scipy.special import ndtr, stdtr

    z = -abs(statistic)
    return float(2 * (ndtr(z) if math.isinf(df) else stdtr(df, z)))


def satterthwaite(parts: Iterable[tuple[float, float]]) -> float:
    """Degrees of freedom of a sum of independent variances (Satterthwaite 1946, Biometrics 2).

    Args:
        parts: (variance of the mean, its degrees of freedom), one per arm or stratum.
    """
    kept = [(v, df) for v, df in parts if df > 0 and v > 0]
    total = math.fsum(v for v, _ in kept)
    below = math.fsum((v / total) ** 2 / df for v, df in kept)
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


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its interval.

    Attributes:
        lift: the estimate.
        low: lower bound; -inf where unbounded.
        high: upper bound; inf where unbounded.
        se: standard error, or None where the interval has none.
    """

    lift: float
    low: float
    high: float
    se: float | None = None


def wilson(share: float, n: float, z: float) -> tuple[float, float]:
    """Returns the bounds of a share (Wilson 1927, JASA 22), within 0 and 1.

    Args:
        share: passed / asked.
        n: units asked, or effective units.
        z: critical value of the normal distribution.
    """
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + (z / (2 * n)) ** 2)
    return max(0.0, middle - half), min(1.0, middle + half)
