"""One of several treatment arms against the one holdout, on the strata that both have."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from spot_mlflow.lift.moments.labels import HOLDOUT

if TYPE_CHECKING:
    from spot_mlflow.lift.moments.cells import Moments
    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
    from spot_mlflow.lift.promise.contract import PredictedLift


def arms_in_order(cells: Moments, predicted: PredictedLift) -> list[str]:
    """Returns the treatment arms of a log in the order of the contract's columns."""
    order = [str(x) for x in predicted.columns.treated_labels]
    return sorted(cells.arms(), key=lambda a: order.index(a) if a in order else len(order))


def against_holdout(moments: OutcomeMoments, arm: str) -> OutcomeMoments:
    """Returns the log with one treatment arm and the holdout only."""
    cells = moments.cells.select(np.isin(moments.cells.arm.astype(str), [arm, HOLDOUT]))
    clusters = moments.clusters
    if clusters is not None:
        clusters = clusters.select(np.isin(clusters.arm.astype(str), [arm, HOLDOUT]))
    return replace(moments, cells=cells, clusters=clusters)
