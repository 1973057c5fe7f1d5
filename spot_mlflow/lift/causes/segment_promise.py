"""What the contract promises of each segment, at the levels the bridge reckons with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from spot_mlflow.lift.causes.factor_levels import funnel_level, promised_levels
from spot_mlflow.lift.causes.factors import Model, layout_of, vanishes
from spot_mlflow.lift.causes.headline_fit import point_of
from spot_mlflow.lift.causes.segment_means import strata_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spot_mlflow.lift.moments.cells import Moments
    from spot_mlflow.lift.promise.contract import PredictedLift


@dataclass(frozen=True, slots=True)
class PromisedLevels:
    """The promise of one segment.

    Attributes:
        lift: per eligible unit, absolute.
        relative: the same over the holdout's mean in the segment; NaN where that is 0.
        passed: factor -> promised share of those who reach the step that get past it.
    """

    lift: float
    relative: float
    passed: Mapping[str, float]

    def in_units(self, predicted: PredictedLift) -> float:
        """Returns the lift in the contract's units."""
        return self.relative if predicted.effect == "relative" else self.lift

    def reach(self, steps: Sequence[str]) -> float:
        """Returns the promised share that gets past these steps."""
        return float(np.prod([self.passed[f] for f in steps]))


def segment_promises(cells: Moments, predicted: PredictedLift) -> dict[str, PromisedLevels]:
    """Returns the promise of every segment that the contract names; empty where it names none.

    Responses that do not add up to the promised lift are scaled, and those not stated share what is
    left, as in the bridge.
    """
    if not predicted.segments:
        return {}
    strata = strata_of(cells, predicted)
    model = Model(strata, predicted, layout_of(strata, predicted, fold_value=True))
    at = point_of(strata, predicted)
    base = model.baseline(at)
    levels = promised_levels(model, at, base, model.scale(at)).levels
    lift = np.prod(levels.stages, axis=0) * levels.response + levels.untouched
    nobody = vanishes(base, strata)
    relative = np.where(nobody, np.nan, lift / np.where(nobody, 1.0, base))
    factors = ("coverage", "system", "delivery", "timeliness")
    passed = {f: funnel_level(model, f) for f in factors}
    return {
        label: PromisedLevels(
            float(lift[i]), float(relative[i]), {f: float(passed[f][i]) for f in factors}
        )
        for i, label in enumerate(strata.labels)
        if label in predicted.segments
    }
