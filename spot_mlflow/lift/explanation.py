"""Adds to an analysis what follows from its lift: bridge, diagnosis, money, adoption, calibration."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from spot_mlflow.lift.adoption.curve import adoption_of
from spot_mlflow.lift.causes.attribution import attribute
from spot_mlflow.lift.causes.diagnosis import diagnose
from spot_mlflow.lift.causes.folding import separable
from spot_mlflow.lift.causes.headline_fit import headline_fit
from spot_mlflow.lift.causes.segment_means import strata_of
from spot_mlflow.lift.money.economics import economics_of
from spot_mlflow.lift.money.profit_curve import calibration
from spot_mlflow.lift.strata.side_tables import side_tables

if TYPE_CHECKING:
    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow.lift.report import LiftAnalysis


def explained(
    analysis: LiftAnalysis, moments: OutcomeMoments, predicted: PredictedLift
) -> LiftAnalysis:
    """Returns the analysis with all that the log allows to be said of causes and money.

    Adoption needs no lift and is always told; the rest needs a lift that could be estimated.
    """
    analysis = replace(analysis, adoption=adoption_of(moments, predicted))
    strata = strata_of(moments.cells, predicted)
    if not strata.estimable.any() or not math.isfinite(analysis.realized.estimate.lift):
        return analysis
    parts = separable(moments, predicted, analysis.realized)
    beside = side_tables(parts.moments, predicted)
    moments = beside.moments
    strata = strata_of(moments.cells, predicted)
    widening = headline_fit(strata, predicted, analysis.realized).widening
    bridge = parts.told(attribute(moments, predicted, analysis.realized))
    bins = moments.score_bins
    return replace(
        analysis,
        notes=(*analysis.notes, *beside.notes),
        attribution=bridge,
        diagnosis=diagnose(
            bridge, moments, predicted, widening=widening, comparable=beside.comparable
        ),
        economics=economics_of(moments, predicted, analysis.realized),
        calibration=() if bins is None else calibration(bins, predicted, widen=widening),
    )
