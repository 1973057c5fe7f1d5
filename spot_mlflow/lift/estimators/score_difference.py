"""Difference of two rates by the score interval, which holds for rare events and small arms.

Student's interval of a rare rate is too short on the side of the small arm; the score interval takes
the variance under each hypothesis that it tests, as the one for ratios does (``relative``).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from spot_mlflow.lift.interval import UNKNOWN, Estimate, check_confidence, two_sided_p

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

_NEAR: Final = 4e-16  # width of a bracket that is closed
_STEPS: Final = 120  # at most; a dozen are usual


def score_difference(
    x_t: float, n_t: float, x_c: float, n_c: float, *, confidence: float = 0.95
) -> Estimate:
    """Difference of two rates with its score interval.

    Source: Miettinen and Nurminen (1985), Statistics in Medicine 4, 213-226, with N/(N - 1).

    Args:
        x_t: events among the treated; may be fractional (effective counts of strata).
        n_t: units treated.
        x_c: events in the holdout.
        n_c: units in the holdout.
        confidence: two-sided, between 0 and 1.

    Returns:
        Treated minus holdout, with the p value of the same test; no standard error.

    Raises:
        InvalidInput: where confidence is not between 0 and 1.
    """
    if min(n_t, n_c) <= 0:
        return UNKNOWN
    low, high = score_difference_bounds(x_t, n_t, x_c, n_c, confidence=confidence)
    value = x_t / n_t - x_c / n_c
    tables = [np.asarray(x, dtype=np.float64) for x in (x_t, n_t, x_c, n_c)]
    p = two_sided_p(float(score_of_difference(np.zeros(()), *tables))) if value else 1.0
    # Rounding must not put the estimate outside its own interval.
    bounds = min(float(low), value), max(float(high), value)
    return Estimate(value, *bounds, None, p_value=p, method="score (Miettinen-Nurminen)")


def rate_tables(
    x_t: ArrayLike, n_t: ArrayLike, x_c: ArrayLike, n_c: ArrayLike, confidence: ArrayLike
) -> tuple[Sequence[Floats], Floats]:
    """Returns events and units of both arms in one shape, and the critical values of the levels.

    Raises:
        InvalidInput: where confidence is not between 0 and 1.
    """
    from scipy.special import ndtri

    level = np.asarray(confidence, dtype=np.float64)
    for c in (level.min(), level.max()):
        check_confidence(float(c))
    tables = np.broadcast_arrays(*(np.asarray(a, dtype=np.float64) for a in (x_t, n_t, x_c, n_c)))
    z = np.broadcast_to(ndtri((1 + level) / 2), tables[0].shape)
    return tables, z


def score_difference_bounds(
    x_t: ArrayLike,
    n_t: ArrayLike,
    x_c: ArrayLike,
    n_c: ArrayLike,
    *,
    confidence: float | ArrayLike = 0.95,
) -> tuple[Floats, Floats]:
    """Bounds of the difference of two rates for arrays of tables at once.

    Args:
        x_t: events among the treated; all arguments broadcast to one shape.
        n_t: units treated.
        x_c: events in the holdout.
        n_c: units in the holdout.
        confidence: two-sided, between 0 and 1.

    Returns:
        (low, high), from -1 to 1.

    Raises:
        InvalidInput: where confidence is not between 0 and 1.
    """
    tables, z = rate_tables(x_t, n_t, x_c, n_c, confidence)
    estimate = tables[0] / tables[1] - tables[2] / tables[3]
    # Both bounds are found at once: (2, ...), the lower one first.
    outside = np.stack([np.full(estimate.shape, side) for side in (-1.0, 1.0)])
    low, high = _ends(np.stack([estimate, estimate]), outside, tables, z)
    return low, high


def _ends(inside: Floats, outside: Floats, tables: Sequence[Floats], z: Floats) -> Floats:
    """The differences nearest to ``inside`` that the test does not keep, from ``outside`` on.

    Source: Chandrupatla (1997), Advances in Engineering Software 28, 145-149: inverse quadratic
    interpolation where it is safe, else halving; all tables at once.
    """
    a, b = outside, inside
    f_a, f_b = (np.abs(score_of_difference(x, *tables)) - z for x in (a, b))
    step = np.full(inside.shape, 0.5)
    for _ in range(_STEPS):
        wide = np.abs(b - a) > _NEAR
        if not wide.any():
            break
        x = np.where(wide, a + step * (b - a), a)
        f = np.where(wide, np.abs(score_of_difference(x, *tables)) - z, f_a)
        same = (f > 0) == (f_a > 0)
        c, f_c = np.where(same, a, b), np.where(same, f_a, f_b)
        b, f_b = np.where(same, b, a), np.where(same, f_b, f_a)
        a, f_a = x, f
        with np.errstate(all="ignore"):  # what cannot be interpolated is halved
            xi, phi = (a - b) / (c - b), (f_a - f_b) / (f_c - f_b)
            safe = (phi**2 < xi) & ((1 - phi) ** 2 < 1 - xi)
            first = f_a / (f_b - f_a) * f_c / (f_b - f_c)
            second = (c - a) / (b - a) * f_a / (f_c - f_a) * f_b / (f_c - f_b)
            least = np.minimum(0.5 * _NEAR / np.abs(b - a), 0.5)
            step = np.clip(np.where(safe, first + second, 0.5), least, 1 - least)
        step = np.where(np.isfinite(step), step, 0.5)
    return np.where(f_a > 0, a, b)


def score_of_difference(gap: Floats, x_t: Floats, n_t: Floats, x_c: Floats, n_c: Floats) -> Floats:
    """Score statistic of H0: rate of the treated - rate of the holdout = gap.

    Args:
        gap: differences under the hypothesis, -1 to 1; the other arguments broadcast to it.
        x_t: events among the treated.
        n_t: units treated.
        x_c: events in the holdout.
        n_c: units in the holdout.
    """
    total = n_t + n_c
    p_c = _restricted_rate(gap, x_t, n_t, x_c, n_c)
    p_t = np.clip(p_c + gap, 0.0, 1.0)
    var = (p_t * (1 - p_t) / n_t + p_c * (1 - p_c) / n_c) * total / (total - 1)
    off = x_t / n_t - x_c / n_c - gap
    with np.errstate(all="ignore"):  # a hypothesis without spread is kept only by its own estimate
        out: Floats = np.where(off == 0, 0.0, off / np.sqrt(var))
    return out


def _restricted_rate(gap: Floats, x_t: Floats, n_t: Floats, x_c: Floats, n_c: Floats) -> Floats:
    """Most likely holdout rate where the rates differ by ``gap``.

    Source: Miettinen and Nurminen (1985), appendix: the root of a cubic, in its trigonometric form.
    """
    total, events = n_t + n_c, x_t + x_c
    square = ((n_t + 2 * n_c) * gap - total - events) / (3 * total)
    linear = ((n_c * gap - total - 2 * x_c) * gap + events) / (3 * total)
    constant = x_c * gap * (1 - gap) / (2 * total)
    q = square**3 - 1.5 * square * linear + constant
    p = np.where(q >= 0, 1.0, -1.0) * np.sqrt(np.maximum(square**2 - linear, 0.0))
    with np.errstate(all="ignore"):  # a triple root has p = 0
        cosine = np.where(p == 0, 0.0, q / p**3)
    angle = (math.pi + np.arccos(np.clip(cosine, -1.0, 1.0))) / 3
    rate = 2 * p * np.cos(angle) - square
    out: Floats = np.clip(rate, np.maximum(0.0, -gap), np.minimum(1.0, 1 - gap))
    return out
