"""The chance of each verdict before launch, from the arms that are to be expected."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from spot_mlflow.lift.arm import Arm
from spot_mlflow.lift.difference import means_of
from spot_mlflow.lift.estimation import Estimation
from spot_mlflow.lift.realized import realize
from spot_mlflow.lift.relative import relative_se
from spot_mlflow.lift.verdict import gap_between

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.lift.contract import PredictedLift

Truth = Literal["true", "half true", "false"]
TRUTHS: Final[Mapping[Truth, float]] = {"true": 1.0, "half true": 0.5, "false": 0.0}


@dataclass(frozen=True, slots=True)
class Chances:
    """Chance of each verdict; they add up to 1."""

    exceeded: float
    met: float
    shortfall: float
    inconclusive: float


@dataclass(frozen=True)
class Expected:
    """What is assumed of the units.

    Attributes:
        predicted: the contract.
        baseline: mean outcome without treatment.
        sd: standard deviation of one unit's outcome; None for a rate, where it follows.
        design_effect: what clusters multiply the variance with.
        cluster_size: units in a cluster.
    """

    predicted: PredictedLift
    baseline: float
    sd: float | None
    design_effect: float
    cluster_size: float

    def treated_mean(self, truth: Truth) -> float:
        """Mean outcome of the treated if the prediction is so true."""
        sign = 1 if self.predicted.direction == "increase" else -1
        lift = sign * TRUTHS[truth] * self.predicted.predicted.lift
        if self.predicted.effect == "relative":
            return self.baseline * (1 + lift)
        return self.baseline + lift

    def arm(self, n: float, mean: float) -> Arm:
        """The arm of ``n`` units that is to be expected at this mean."""
        var = mean * (1 - mean) if self.sd is None else self.sd**2
        units = max(2, round(n))
        # A mean that cannot be (a rate below 0) is asked of no arm; see ``plan_lift``.
        return Arm(units, mean, var * self.design_effect, events=round(mean * units))

    def chances(self, truth: Truth, holdout: float, units: float) -> tuple[Chances, float]:
        """Returns the chances and the standard error of the realized lift."""
        held = self.arm(units * holdout, self.baseline)
        treated = self.arm(units * (1 - holdout), self.treated_mean(truth))
        means = means_of(treated, held)
        chosen = Estimation(
            means,
            treated,
            held,
            units=units / self.cluster_size,
            events=self.events(treated, held),
            binary=self.predicted.kind == "binary" and self.design_effect == 1,
        )
        basis = realize(chosen, self.predicted).basis
        se = relative_se(means) if self.predicted.effect == "relative" else means.se
        if basis.blocked:
            return Chances(0.0, 0.0, 0.0, 1.0), se
        gap = gap_between(basis.verdict, self.predicted, monitored=basis.monitored)
        return chances_of(
            gap.lift, gap.lift - gap.low, gap.high - gap.lift, se, self.predicted.tolerance_used
        ), se

    def events(self, treated: Arm, held: Arm) -> int:
        """Events in the smaller arm; unknown for money and counts, where every unit may be one."""
        if self.predicted.columns.cluster is not None:
            return int(min(treated.n, held.n) / self.cluster_size)
        if self.predicted.kind != "binary":
            return min(treated.n, held.n)
        return min(min(a.events, a.n - a.events) for a in (treated, held))


def chances_of(gap: float, below: float, above: float, se: float, tolerance: float) -> Chances:
    """Chance of each verdict when the estimated gap is normal around ``gap``.

    Args:
        gap: true gap.
        below: how far the interval reaches below the estimate.
        above: how far it reaches above.
        se: standard error of the realized lift; the promise itself does not vary any more.
        tolerance: d.
    """
    from scipy.special import ndtr

    if not (math.isfinite(below) and math.isfinite(above) and se > 0):
        return Chances(0.0, 0.0, 0.0, 1.0)
    exceeded = float(ndtr((gap - tolerance - below) / se))
    shortfall = float(ndtr((-tolerance - above - gap) / se))
    kept = float(ndtr((gap + tolerance - below) / se))
    met = max(0.0, kept - exceeded)
    return Chances(exceeded, met, shortfall, max(0.0, 1 - exceeded - met - shortfall))
