"""CUPED: the outcome adjusted by a covariate measured before the decision.

One theta for both arms, so that the adjustment cannot move the lift by itself; the covariate is
centred at its mean over both arms, so that adjusted means stay in units people know.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spot_mlflow.lift.estimators.difference import Means
from spot_mlflow.lift.moments.labels import HOLDOUT
from spot_mlflow.lift.moments.spread import cells_of

if TYPE_CHECKING:
    from spot_mlflow.lift.moments.cells import Moments


@dataclass(frozen=True, slots=True)
class Paired:
    """One arm with outcome and covariate.

    Attributes:
        n: units.
        mean: of the outcome.
        var: unbiased, of the outcome.
        mean_x: of the covariate.
        var_x: unbiased, of the covariate.
        cov: unbiased, of outcome and covariate.
    """

    n: int
    mean: float
    var: float
    mean_x: float
    var_x: float
    cov: float


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What the covariate is worth.

    Attributes:
        theta: coefficient of the covariate.
        center: mean of the covariate over both arms.
        reduction: share of the variance of the difference that the adjustment removes.
        means: adjusted means, with the covariance that the common centre brings.
    """

    theta: float
    center: float
    reduction: float
    means: Means


def cuped_theta(treated: Paired, holdout: Paired) -> float:
    """Coefficient cov(x, y) / var(x) over both arms taken as one sample; 0 where x is constant.

    Source: Deng, Xu, Kohavi and Walker (2013), WSDM, equation 4.

    Args:
        treated: arm that got the treatment.
        holdout: arm that did not.

    Returns:
        In units of the outcome per unit of the covariate.
    """
    n = treated.n + holdout.n
    between = treated.n * holdout.n / n
    dx, dy = treated.mean_x - holdout.mean_x, treated.mean - holdout.mean
    cov = (treated.n - 1) * treated.cov + (holdout.n - 1) * holdout.cov + between * dx * dy
    var = (treated.n - 1) * treated.var_x + (holdout.n - 1) * holdout.var_x + between * dx * dx
    return cov / var if var > 0 else 0.0


def cuped(treated: Paired, holdout: Paired, *, theta: float | None = None) -> Adjustment:
    """Adjusted means.

    Source: Deng et al. (2013). The variance of each adjusted mean and their covariance hold the
    sampling of the common centre, which cancels in the difference but not in a ratio.

    Args:
        treated: arm that got the treatment; at least two units.
        holdout: arm that did not; at least two units.
        theta: coefficient; ``cuped_theta`` where None.
    """
    b = cuped_theta(treated, holdout) if theta is None else theta
    n = treated.n + holdout.n
    center = (treated.n * treated.mean_x + holdout.n * holdout.mean_x) / n
    var_center = (treated.n * treated.var_x + holdout.n * holdout.var_x) / n**2
    residual = [a.var - 2 * b * a.cov + b * b * a.var_x for a in (treated, holdout)]
    own = [max(0.0, r) / a.n for r, a in zip(residual, (treated, holdout), strict=True)]
    shared = [b * (a.cov - b * a.var_x) / n for a in (treated, holdout)]
    means = Means(
        treated.mean - b * (treated.mean_x - center),
        holdout.mean - b * (holdout.mean_x - center),
        own[0],
        own[1],
        treated.n - 1.0,
        holdout.n - 1.0,
        common_treated=b * b * var_center + 2 * shared[0],
        common_holdout=b * b * var_center + 2 * shared[1],
        cov=b * b * var_center + sum(shared),
        method="CUPED",
    )
    plain = treated.var / treated.n + holdout.var / holdout.n
    reduction = 1 - sum(own) / plain if plain > 0 else 0.0
    return Adjustment(b, center, reduction, means)


def paired_arms(moments: Moments) -> tuple[Paired, Paired]:
    """Returns (treated, holdout) from cells that carry outcome and covariate."""
    held = moments.arm == HOLDOUT
    return _paired(moments.select(~held)), _paired(moments.select(held))


def _paired(moments: Moments) -> Paired:
    total = moments.collapse()
    y, x = total.measures.index("outcome"), total.measures.index("covariate")
    if len(total) == 0 or total.n[0] < 2:  # noqa: PLR2004 - a spread needs two units
        return Paired(0, *([math.nan] * 5))
    cells = cells_of(total)
    mean, cov = cells.mean[0], cells.cov[0]
    return Paired(
        int(total.n[0]),
        float(mean[y]),
        float(cov[y, y]),
        float(mean[x]),
        float(cov[x, x]),
        float(cov[x, y]),
    )
