"""The delta method with exact derivatives: the variance of any function of the moments.

Derivatives are taken by the complex step (Squire and Trapp 1998): f(x + ih) has the derivative in
its imaginary part, without subtraction, so exact to rounding for any analytic f.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from spot_mlflow.lift.factors import Point

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from spot_mlflow.lift.strata import Strata

    Numbers = NDArray[Any]

STEP: Final = 1e-100  # no subtraction, so no rounding however small it is
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
