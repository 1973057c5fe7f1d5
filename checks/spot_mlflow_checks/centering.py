"""Moves the constants that moments are centred on; exact algebra, no rows needed.

With d = c - c', every z' = z + d, so sums of powers and products follow from the old ones.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from spot_mlflow.lift.moments.cells import Moments


_DROWNS: Final = 1e4
_ROUNDING: Final = 1e-12  # of the squares about a constant: what is left of equal values
_UNITS: Final = 20  # fewer may differ so much by chance
_ALONE: Final = 0.9
_GIANT: Final = 1e4  # times the usual size


def recentered(cells: Moments, center: NDArray[np.float64]) -> Moments:
    """Returns the same moments about another constant per measure, shape (measures,)."""
    d = cells.center - center
    n = cells.n[:, None].astype(np.float64)
    s1 = cells.s1 + n * d
    cross = cells.s1[:, :, None] * d + d[:, None] * cells.s1[:, None, :]
    s2 = cells.s2 + cross + n[:, :, None] * d[:, None] * d
    squares = np.einsum("cii->ci", cells.s2)
    s3 = cells.s3 + 3 * d * squares + 3 * d**2 * cells.s1 + n * d**3
    return replace(cells, center=center, s1=s1, s2=s2, s3=s3)


def filled_with_mean(cells: Moments, beside_missing: NDArray[np.float64]) -> Moments:
    """Moves missing covariates from the provisional centre to the mean of the known ones.

    The constant must not depend on the order in which an engine reads rows; afterwards the centre of
    the covariate is that mean.

    Args:
        cells: moments in which a missing covariate counts as its centre.
        beside_missing: (cells, measures) sum of z over the units that have no covariate.
    """
    i = cells.index("covariate")
    if i is None:
        return cells
    missing = cells.missing[:, i].astype(np.float64)
    known = float(cells.n.sum() - missing.sum())
    shift = float(cells.s1[:, i].sum()) / known if known else 0.0
    s1, s2, s3 = cells.s1.copy(), cells.s2.copy(), cells.s3.copy()
    s2[:, i, :] += shift * beside_missing
    s2[:, :, i] += shift * beside_missing
    s2[:, i, i] += missing * shift**2
    s1[:, i] += missing * shift
    s3[:, i] += missing * shift**3
    largest = cells.largest.copy()
    mean = float(cells.center[i]) + shift
    largest[:, i] = np.where(missing > 0, np.maximum(largest[:, i], mean), largest[:, i])
    center = cells.center.copy()
    center[i] = mean
    moved = replace(cells, s1=s1, s2=s2, s3=s3, largest=largest)
    return recentered(moved, center)


def on_round_centers(cells: Moments, free: NDArray[np.bool_]) -> Moments:
    """Centres every free measure on its pooled mean, so that engines agree whatever they read first.

    Args:
        cells: moments about any constants.
        free: (measures,) False for indicators, which stay at 0. A cell with a giant value in it does
            not take part where the others would lose their digits. Means are rounded to three digits;
            that of the covariate is not, since a missing one counts as it.
    """
    mean = np.array([_usual_mean(cells, i) for i in range(len(cells.measures))])
    center = np.array(
        [
            x if m == "covariate" else float(f"{x:.3g}")
            for m, x in zip(cells.measures, mean, strict=True)
        ]
    )
    center[~free] = cells.center[~free]
    return recentered(cells, center)


def _usual_mean(cells: Moments, i: int) -> float:
    """Mean of a measure over all cells, or over those whose spread would drown at that distance.

    About a constant that is 1e4 spreads away a sum of squares loses 8 of its 16 digits.
    """
    n, c = cells.n.astype(np.float64), float(cells.center[i])
    pooled: float = c + float(cells.s1[:, i].sum()) / max(n.sum(), 1.0)
    if cells.measures[i] == "covariate":  # a missing one counts as the mean of all
        return pooled
    known = n > 0
    mean = cells.s1[known, i] / n[known]
    square = cells.s2[known, i, i] / n[known]
    variance = square - mean**2
    spread = np.sqrt(np.where(variance > _ROUNDING * square, variance, 0.0))
    far = np.abs(mean + c - pooled) > _DROWNS * np.maximum(spread, np.abs(mean + c))
    if not (far & (spread > 0)).any():
        return pooled
    usual: float = c + float(cells.s1[known, i][far].sum()) / float(n[known][far].sum())
    return usual


def lone_giants(cells: Moments) -> dict[str, float]:
    """Returns arm -> the one outcome that outweighs all others of the arm together, where there is one.

    With a single deviation d, the sums of squares and cubes about the mean are d^2 and d^3.
    """
    i, out = cells.index("outcome"), {}
    if i is None:
        return {}
    for arm in sorted(set(cells.arm.tolist())):
        at = cells.arm == arm
        n = float(cells.n[at].sum())
        if n < _UNITS:
            continue
        whole = replace(cells.select(at), center=cells.center)
        mean = cells.center.copy()
        mean[i] += float(whole.s1[:, i].sum()) / n
        about = recentered(whole, mean)
        s2, s3 = float(about.s2[:, i, i].sum()), float(about.s3[:, i].sum())
        if (
            s2 > 0
            and abs(s3) > _ALONE * s2**1.5
            and abs(s3 / s2) > _GIANT * (1 + abs(float(cells.center[i])))
        ):
            out[str(arm)] = float(mean[i]) + s3 / s2 * n / (n - 1)
    return out
