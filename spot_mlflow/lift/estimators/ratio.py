"""Ratio metrics: money per visit, errors per case; the unit of assignment is not the denominator."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from spot_mlflow.lift.estimators.cuped import Paired, cuped
from spot_mlflow.lift.estimators.difference import Means
from spot_mlflow.lift.moments.labels import HOLDOUT
from spot_mlflow.lift.moments.spread import cells_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from spot_mlflow.lift.moments.cells import Moments
    from spot_mlflow.lift.moments.spread import Cells

    Floats = NDArray[np.float64]


def ratio_by_cell(moments: Moments) -> tuple[Floats, Floats]:
    """Sum of the outcome over sum of the denominator, and the variance of a linearised unit.

    Source: Deng, Knoblich and Lu (2018), arXiv:1803.06336, section 3: the variance is that of
    (y - R d) / mean(d) over units.

    Args:
        moments: cells that carry outcome and denominator.

    Returns:
        (cells,) each; NaN where the denominator adds up to 0 or less, or a cell has one unit only.
    """
    cells = cells_of(moments)
    ratio, line = _linearised(moments, cells)
    return ratio, np.einsum("ci,cij,cj->c", line, cells.cov, line).clip(min=0)


def _linearised(moments: Moments, cells: Cells) -> tuple[Floats, Floats]:
    """Ratio (cells,) and the weights (cells, measures) that turn a unit into (y - R d) / mean(d)."""
    y, d = moments.measures.index("outcome"), moments.measures.index("denominator")
    size = np.where((cells.mean[:, d] > 0) & (moments.n > 1), cells.mean[:, d], np.nan)
    ratio = cells.mean[:, y] / size
    line = np.zeros(cells.mean.shape)
    line[:, y], line[:, d] = 1 / size, -ratio / size
    return ratio, line


def outcome_line(arm: Moments) -> tuple[float, Floats]:
    """Mean of an arm's outcome, and the (measures,) weights that make it of a unit.

    Args:
        arm: one cell; with a denominator the outcome is the linearised ratio.
    """
    if "denominator" in arm.measures:
        (ratio,), (line,) = _linearised(arm, cells_of(arm))
        return float(ratio), line
    line = (np.array(arm.measures) == "outcome").astype(np.float64)
    return float(cells_of(arm).mean[0] @ line), line


def ratio_means(moments: Moments) -> Means:
    """Returns both arms' ratios, with n - 1 degrees of freedom each; adjusted by a covariate.

    The covariate, where there is one, is taken off the linearised outcome (CUPED).

    Args:
        moments: cells that carry outcome and denominator.
    """
    pairs = [_paired(arm) for arm in _arms(moments)]
    if "covariate" in moments.measures and min(p.n for p in pairs) > 1:
        return replace(cuped(*pairs).means, method="ratio of sums, delta method, CUPED")
    (r_t, v_t, n_t), (r_c, v_c, n_c) = ((p.mean, p.var, p.n) for p in pairs)
    return Means(
        r_t,
        r_c,
        v_t / n_t if n_t else math.nan,
        v_c / n_c if n_c else math.nan,
        n_t - 1.0,
        n_c - 1.0,
        method="ratio of sums, delta method",
    )


def _arms(moments: Moments) -> tuple[Moments, Moments]:
    held = moments.arm == HOLDOUT
    return moments.select(~held).collapse(), moments.select(held).collapse()


def _paired(total: Moments) -> Paired:
    """One arm's linearised outcome beside its covariate, 0 where there is none."""
    if len(total) == 0:
        return Paired(0, *([math.nan] * 5))
    cells = cells_of(total)
    (ratio,), (line,) = _linearised(total, cells)
    cov, n = cells.cov[0], int(total.n[0])
    var = max(0.0, float(line @ cov @ line)) if math.isfinite(ratio) else math.nan
    x = total.index("covariate")
    if x is None:
        return Paired(n, float(ratio), var, 0.0, 0.0, 0.0)
    by_x = (float(cells.mean[0, x]), float(cov[x, x]), float(line @ cov[:, x]))
    return Paired(n, float(ratio), var, *by_x)
