"""The delta method with exact derivatives: the variance of any function of the moments.

Derivatives are taken by the complex step (Squire and Trapp 1998): f(x + ih) has the derivative in
its imaginary part, without subtraction, so exact to rounding for any analytic f.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from spot_mlflow.lift.causes.factors import Point

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from spot_mlflow.lift.causes.segment_means import Strata

    Numbers = NDArray[Any]

STEP: Final = 1e-100  # no subtraction, so no rounding however small it is
_MANY: Final = 64  # segments from which on it pays to try the totals first
_SAME: Final = 1e-9  # relative difference up to which two exact derivatives are the same
_CHUNK: Final = 64  # moments perturbed at once; bounds the memory at many segments


@dataclass(frozen=True, eq=False)
class Gradient:
    """Derivatives of O outputs by every moment.

    Attributes:
        w: (O, S) by the shares of the segments. t: (O, S, m) by the treated means. h: (O, S, m) by
            the holdout means. p: (O,) by the promised lift.
    """

    w: NDArray[np.float64]
    t: NDArray[np.float64]
    h: NDArray[np.float64]
    p: NDArray[np.float64]

    def covariance(self, strata: Strata, promise_se: float) -> NDArray[np.float64]:
        """Returns the (O, O) covariance of the outputs.

        Means of different segments and arms are independent given the shares; the shares are
        multinomial; the promise is independent of the log.
        """
        mix = strata.weight
        centred = self.w - (self.w @ mix)[:, None]
        out: NDArray[np.float64] = (centred * mix) @ centred.T / max(strata.units, 1.0)
        out += np.einsum("asi,sij,bsj->ab", self.t, strata.cov_treated, self.t, optimize=True)
        out += np.einsum("asi,sij,bsj->ab", self.h, strata.cov_holdout, self.h, optimize=True)
        out += np.outer(self.p, self.p) * promise_se**2
        return out


def gradient(f: Callable[[Point], Numbers], at: Point) -> Gradient:
    """Differentiates ``f`` by every moment.

    Args:
        f: takes a point with one leading batch dimension, returns (batch, O); analytic.
        at: the point, without batch dimension.
    """
    quick = _by_totals(f, at) if at.w.size > _MANY else None
    if quick is not None:
        return quick
    sizes = [at.w.size, at.t.size, at.h.size, 1]
    total = sum(sizes)
    columns = [
        np.imag(f(_perturbed(at, np.arange(i, min(i + _CHUNK, total))))) / STEP
        for i in range(0, total, _CHUNK)
    ]
    jacobian = np.concatenate(columns).T  # (O, moments)
    w, t, h, p = np.split(jacobian, np.cumsum(sizes)[:-1], axis=1)
    return Gradient(w, t.reshape(-1, *at.t.shape), h.reshape(-1, *at.h.shape), p[:, 0])


def _perturbed(at: Point, which: NDArray[np.int64]) -> Point:
    """Returns one copy of the point per number in ``which``, that moment moved by i * STEP."""
    parts, start = [], 0
    for x in (at.w, at.t, at.h, np.atleast_1d(at.p)):
        flat = np.zeros((len(which), x.size), dtype=complex) + x.ravel()
        inside = (which >= start) & (which < start + x.size)
        flat[np.flatnonzero(inside), which[inside] - start] += 1j * STEP
        parts.append(flat.reshape(len(which), *x.shape))
        start += x.size
    return Point(parts[0], parts[1], parts[2], parts[3][:, 0])


def _by_totals(f: Callable[[Point], Numbers], at: Point) -> Gradient | None:
    """Differentiates a function that sees the segments only in their weighted totals.

    Such a function of sum w t and sum w h has 2 m derivatives instead of 2 S m. Whether ``f`` is one is
    tried, not assumed: its derivative in two random directions, exact as any here, must be what the
    totals say. A function that is not one almost surely fails.

    Returns:
        None where ``f`` is not of this kind.
    """
    segments, wide = at.t.shape
    directions = [_shift(at, "t", j) for j in range(wide)]
    directions += [_shift(at, "h", j) for j in range(wide)]
    directions.append(
        Point(np.zeros(segments), np.zeros_like(at.t), np.zeros_like(at.h), np.ones(()))
    )
    directions.append(replace(directions[-1], w=np.ones(segments), p=np.zeros(())))
    rng = np.random.default_rng(0)
    scale = [np.abs(x).max(axis=0, keepdims=True) + 1e-300 for x in (at.w, at.t, at.h)]
    for _ in range(2):
        w, t, h = (rng.standard_normal(x.shape) for x in (at.w, at.t, at.h))
        p = np.asarray(rng.standard_normal())
        directions.append(Point(w * scale[0], t * scale[1], h * scale[2], p))
    slopes = _along(f, at, directions)
    total = at.w.sum()
    g_t, g_h = slopes[:wide].T / total, slopes[wide : 2 * wide].T / total
    by_w = g_t @ at.t.T + g_h @ at.h.T
    by_w += ((slopes[2 * wide + 1] - by_w.sum(axis=1)) / segments)[:, None]
    found = Gradient(
        by_w,
        at.w[None, :, None] * g_t[:, None, :],
        at.w[None, :, None] * g_h[:, None, :],
        slopes[2 * wide],
    )
    tried = zip(directions[-2:], slopes[-2:], strict=True)
    return found if all(_agrees(found, v, slope) for v, slope in tried) else None


def _shift(at: Point, arm: str, column: int) -> Point:
    """The direction in which one mean of all segments of an arm moves alike."""
    none = Point(np.zeros(at.w.shape), np.zeros_like(at.t), np.zeros_like(at.h), np.zeros(()))
    moved = np.zeros_like(at.t)
    moved[:, column] = 1.0
    return replace(none, t=moved) if arm == "t" else replace(none, h=moved)


def _along(
    f: Callable[[Point], Numbers], at: Point, directions: list[Point]
) -> NDArray[np.float64]:
    """Derivatives (directions, O) of ``f`` along each direction, in one call."""
    stacked = (np.stack([getattr(v, name) for v in directions]) for name in ("w", "t", "h", "p"))
    base = (at.w, at.t, at.h, at.p)
    moved = (x + 1j * STEP * v for x, v in zip(base, stacked, strict=True))
    out: NDArray[np.float64] = np.imag(f(Point(*moved))) / STEP
    return out


def _agrees(found: Gradient, v: Point, slope: NDArray[np.float64]) -> bool:
    """Whether the gradient says along ``v`` what was measured, to rounding."""
    parts = [
        found.w * v.w,
        (found.t * v.t).sum(axis=2),
        (found.h * v.h).sum(axis=2),
        (found.p * float(v.p))[:, None],
    ]
    said = sum(x.sum(axis=1) for x in parts)
    size = sum(np.abs(x).sum(axis=1) for x in parts)
    return bool((np.abs(said - slope) <= _SAME * size + 1e-300).all())
