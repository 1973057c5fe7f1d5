"""What a holdout costs, and what it is worth: so that the business owner can decide on it.

Held-out units forgo what was promised of a treated one, pi = V tau - k - i (p0 + tau): the value V of one more good
outcome, net of the cost to serve, the promised lift tau, the cost k of an offer with its handling, the incentive
i paid to every acceptor, and the rate p0 without treatment. What the holdout is worth is what would be paid,
year after year, for a model that does nothing: k + i p0 for each unit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spot_mlflow.lift.promise.contract import PredictedLift


@dataclass(frozen=True, slots=True)
class PromisedValue:
    """The money of the promise.

    Attributes:
        per_unit: net value promised of one treated unit.
        wasted_per_unit: what is paid for one treated unit even if the model does nothing.
        wasted_a_year: the same for a year at full rollout; None where the contract does not say how many.
        unit: label of the money.
    """

    per_unit: float
    wasted_per_unit: float
    wasted_a_year: float | None
    unit: str

    def forgone(self, units: float) -> float | None:
        """The value promised of units that are held out; None where they are never enough."""
        return units * self.per_unit if math.isfinite(units) else None


def promised_value(predicted: PredictedLift, baseline: float) -> PromisedValue | None:
    """Returns the money of the promise; None where the contract does not say what an outcome is worth.

    Args:
        predicted: the contract. An outcome of money is worth itself where it states no value.
        baseline: mean outcome without treatment.
    """
    e = predicted.economics
    if e is None or (e.value is None and predicted.kind != "money"):
        return None
    value = (1.0 if e.value is None else e.value) - e.cost_to_serve
    promise = predicted.predicted.lift
    lift = promise * abs(baseline) if predicted.effect == "relative" else promise
    contact = e.offer_cost + e.handling_cost
    wasted = contact + e.incentive * baseline
    return PromisedValue(
        per_unit=value * lift - contact - e.incentive * (baseline + lift),
        wasted_per_unit=wasted,
        wasted_a_year=None if e.population is None else wasted * e.population,
        unit=e.unit,
    )
