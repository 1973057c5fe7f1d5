"""The means that a reader finds by dividing two sums of the log, beside whatever the headline adjusts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from spot_mlflow.lift.estimators.arm import arms_of
from spot_mlflow.lift.results import PlainMeans

if TYPE_CHECKING:
    from spot_mlflow.lift.moments.cells import Moments


def plain_means(totals: Moments, *, ratio: bool) -> PlainMeans:
    """Returns both arms' means without strata, covariate or weights.

    Args:
        totals: one cell for each arm, of the units that the headline counts.
        ratio: whether the headline is a ratio metric; each mean is then the sum of the outcome over
            that of the denominator.
    """
    treated, holdout = (arm.mean for arm in arms_of(totals))
    if ratio:
        treated, holdout = (
            mean / below.mean if below.mean > 0 else math.nan
            for mean, below in zip((treated, holdout), arms_of(totals, "denominator"), strict=True)
        )
    return PlainMeans(treated, holdout, treated - holdout, "denominator" if ratio else "unit")
