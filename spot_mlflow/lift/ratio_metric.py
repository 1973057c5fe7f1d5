"""Ratio metrics: money per visit, errors per case; the unit of assignment is not the denominator."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from spot_mlflow.lift.arm import cells_of
from spot_mlflow.lift.difference import Means
from spot_mlflow.lift.moments import HOLDOUT

if TYPE_CHECKING:
    from spot_mlflow.lift.moments import Moments


def ratio_mean(moments: Moments, *, theta: float = 0.0) -> tuple[float, float, int]:
    """Sum of the outcome over sum of the denominator, in one arm.

    Source: Deng, Knoblich and Lu (2018), arXiv:1803.06336, section 3: the variance is that of
    (y - R d) / mean(d) over units.

    Args:
        moments: cells of one arm that carry outcome and denominator.
        theta: coefficient of the covariate on the linearised outcome (CUPED); 0 for none.

    Returns:
        (ratio, its variance, units); NaN where the denominator adds up to 0 or less.
    """
    total = moments.collapse()
    n = int(total.n[0]) if len(total) else 0
    if n < 2:  # noqa: PLR2004 - a spread needs two units
        return math.nan, math.nan, n
    cells = cells_of(total)
    y, d = total.measures.index("outcome"), total.measures.index("denominator")
    size = float(cells.mean[0, d])
    if not size > 0:
        return math.nan, math.nan, n
    ratio = float(cells.mean[0, y]) / size
    weights = np.zeros(len(total.measures))
    weights[y], weights[d] = 1 / size, -ratio / size
    if theta:
        weights[total.measures.index("covariate")] = -theta
    return ratio, max(0.0, float(weights @ cells.cov[0] @ weights)) / n, n


def ratio_means(moments: Moments) -> Means:
    """Returns both arms' ratios, with n - 1 degrees of freedom each."""
    held = moments.arm == HOLDOUT
    r_t, v_t, n_t = ratio_mean(moments.select(~held))
    r_c, v_c, n_c = ratio_mean(moments.select(held))
    return Means(r_t, r_c, v_t, v_c, n_t - 1.0, n_c - 1.0, method="ratio of sums, delta method")
