"""Whether the covariate is alike in both arms, as one from before the decision must be.

Assignment by chance cannot move what was measured before it. Where the arms' covariates differ beyond
chance, either the covariate was measured after the decision, and adjusting by it takes the effect off,
or the arms were not drawn by chance. The log cannot say which, and in neither case can the lift be
believed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from spot_mlflow.lift.estimators.clusters import clustered_arms
from spot_mlflow.lift.holds.hold import hold

if TYPE_CHECKING:
    from spot_mlflow.lift.estimators.comparison import Comparison
    from spot_mlflow.lift.holds.hold import Hold
    from spot_mlflow.lift.moments.clusters import ClusterMoments
    from spot_mlflow.lift.promise.contract import PredictedLift

FEWEST: Final = 30  # units of an arm (or clusters), from which a mean is normal enough
ONCE: Final = 3.290526731491926  # standard errors: p < .001
# At every look of a monitored log: 5 standard errors, p = 5.7e-7. Looks add up: a year of daily looks
# raises a false alarm in at most 2 logs of 10,000 (Bonferroni).
EACH_LOOK: Final = 5.0


def covariate_difference(
    comparison: Comparison, clusters: ClusterMoments | None = None
) -> tuple[float, float]:
    """Difference of the covariate's means, treated less holdout, and its standard error.

    Within strata, each weighted by n_t n_c / (n_t + n_c), which is what tells a difference best where
    it is the same in all of them (Cochran 1954). The standard error is the larger one of Student's and
    Welch's: where the covariate is skewed and the arms uneven, the small arm's mean goes with its own
    variance, and either alone sees differences in up to 1.8 % of sound logs.

    Args:
        comparison: strata with at least two units in each arm.
        clusters: sums over clusters where they were assigned; they widen the standard error.

    Returns:
        In units of the covariate; NaN where there is none, or an arm has too few units.
    """
    at = comparison.treated.index("covariate")
    if at is None or not len(comparison):
        return math.nan, math.nan
    n = [np.asarray(arm.n, dtype=np.float64) for arm in (comparison.treated, comparison.holdout)]
    least = min(x.sum() for x in n)
    inflation = 1.0
    if clusters is not None:
        arms = [a.paired for a in clustered_arms(clusters)]
        least = min(a.n for a in arms)
        inflation = sum(a.var_x / a.n for a in arms) if least >= FEWEST else math.nan
    if least < FEWEST:
        return math.nan, math.nan
    mean = [cells.mean[:, at] for cells in comparison.sides]
    var = [cells.cov[:, at, at] for cells in comparison.sides]
    weight = n[0] * n[1] / (n[0] + n[1])
    weight = weight / weight.sum()
    difference = float((weight * (mean[0] - mean[1])).sum())
    welch = var[0] / n[0] + var[1] / n[1]
    common = ((n[0] - 1) * var[0] + (n[1] - 1) * var[1]) / np.maximum(n[0] + n[1] - 2, 1)
    student = common * (1 / n[0] + 1 / n[1])
    variance = max(float((weight**2 * v).sum()) for v in (welch, student))
    if clusters is not None:
        variance *= max(1.0, inflation / _plain(mean, var, n))
    return difference, math.sqrt(variance)


def _plain(mean: list[np.ndarray], var: list[np.ndarray], n: list[np.ndarray]) -> float:
    """Variance of the difference of the covariate's means if units were assigned by themselves."""
    total = 0.0
    for m, v, k in zip(mean, var, n, strict=True):
        whole = k.sum()
        around = (k * m).sum() / whole
        total += float(((k - 1) * v + k * (m - around) ** 2).sum() / (whole - 1) / whole)
    return total


def covariate_hold(
    comparison: Comparison, predicted: PredictedLift, clusters: ClusterMoments | None = None
) -> Hold | None:
    """Why no verdict can rest on a comparison whose covariates differ; None where they do not.

    Args:
        comparison: strata with at least two units in each arm.
        predicted: the contract; monitored logs are held to a stricter limit at each look.
        clusters: sums over clusters where they were assigned.
    """
    difference, error = covariate_difference(comparison, clusters)
    limit = EACH_LOOK if predicted.looks_used == "monitored" else ONCE
    if not error > 0 or abs(difference) <= limit * error:
        return None
    return hold(
        "covariate_differs",
        column=predicted.columns.covariate,
        difference=difference,
        standard_errors=abs(difference) / error,
    )
