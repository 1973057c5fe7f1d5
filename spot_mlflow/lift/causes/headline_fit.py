"""How the plain post-stratified lift is brought to the headline's level and width.

Bridge, money and findings are computed from sums per segment and arm. Where the headline is adjusted
for a covariate, weighted or clustered, they end at its level and are no narrower than it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from spot_mlflow.lift.causes.delta import gradient
from spot_mlflow.lift.causes.factors import Model, Point, layout_of

if TYPE_CHECKING:
    from spot_mlflow.lift.causes.factors import Numbers
    from spot_mlflow.lift.causes.segment_means import Strata
    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow.lift.results import RealizedLift


@dataclass(frozen=True, slots=True)
class HeadlineFit:
    """The plain lift beside the headline.

    Attributes:
        lift: post-stratified difference in means, in the contract's units. se: its standard error.
        shift: added to the lift of every segment, absolute, to end at the headline.
        widening: of every variance, 1 or more: the design effect of clusters, or of weights.
    """

    lift: float
    se: float
    shift: float = 0.0
    widening: float = 1.0


def point_of(strata: Strata, predicted: PredictedLift) -> Point:
    """Returns the moments at which everything is evaluated."""
    return Point(strata.weight, strata.treated, strata.holdout, np.array(predicted.predicted.lift))


def headline_fit(
    strata: Strata, predicted: PredictedLift, realized: RealizedLift | None
) -> HeadlineFit:
    """Compares the plain lift with the headline.

    Args:
        strata: means of the log; at least one segment has units in both arms.
        predicted: the contract.
        realized: the headline, or None where the plain lift is all there is.
    """
    point = point_of(strata, predicted)
    model = Model(strata, predicted, layout_of(strata, predicted, fold_value=True))
    lift = float(_lift(model, point))
    slope = gradient(lambda at: _lift(model, at)[..., None], point)
    se = float(np.sqrt(max(float(slope.covariance(strata, 0.0)[0, 0]), 0.0)))
    if realized is None:
        return HeadlineFit(lift, se)
    headline = realized.estimate
    shift = (headline.lift - lift) * float(model.scale(point))
    widening = (headline.se / se) ** 2 if headline.se is not None and se > 0 else 1.0
    return HeadlineFit(lift, se, shift, max(1.0, widening))


def _lift(model: Model, at: Point) -> Numbers:
    out: Numbers = (at.w * model.effect(at)).sum(axis=-1) / model.scale(at)
    return out
