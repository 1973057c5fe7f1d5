"""Means and covariances of all measures, cell by cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from spot_mlflow.lift.moments.cells import Moments


@dataclass(frozen=True, eq=False)
class Cells:
    """Means and covariances of all measures, per cell.

    Attributes:
        n: (cells,) units analysed.
        mean: (cells, measures); NaN where n = 0.
        cov: (cells, measures, measures) unbiased; NaN where n < 2.
        skew: (cells, measures).
    """

    n: NDArray[np.int64]
    mean: NDArray[np.float64]
    cov: NDArray[np.float64]
    skew: NDArray[np.float64]


def cells_of(moments: Moments) -> Cells:
    """Turns sums into means, covariances and skewness, cell by cell; no cell raises."""
    n = moments.n.astype(np.float64)
    with np.errstate(all="ignore"):  # empty cells become NaN, as documented
        shift = moments.s1 / n[:, None]
        raw = moments.s2 / n[:, None, None]
        central = raw - shift[:, :, None] * shift[:, None, :]
        spread = np.diagonal(central, axis1=1, axis2=2)
        # What is left of a constant after rounding is no spread.
        floor = 1e-14 * np.diagonal(raw, axis1=1, axis2=2)
        spread = np.where(spread > floor, spread, 0.0)
        third = moments.s3 / n[:, None] - 3 * shift * np.diagonal(raw, axis1=1, axis2=2)
        third = third + 2 * shift**3
        skew = np.where(spread > 0, third / spread**1.5, 0.0)
        cov = central * (n / (n - 1))[:, None, None]
        index = np.arange(len(moments.measures))
        cov[:, index, index] = spread * (n / (n - 1))[:, None]
    cov[moments.n < 2] = np.nan  # noqa: PLR2004 - a spread needs two units
    # Nothing adds up to nothing, whatever rounding leaves of centred sums.
    empty = (moments.nonzero == 0) & (moments.n > 0)[:, None]
    mean = np.where(empty, 0.0, shift + moments.center)
    return Cells(n=moments.n, mean=mean, cov=cov, skew=skew)
