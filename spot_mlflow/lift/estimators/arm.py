"""One arm of a comparison: its count, mean, spread and skew, taken from moments.

Units: means and variances are in units of the measure; a variance is the unbiased one (n - 1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spot_mlflow.lift.moments.labels import HOLDOUT
from spot_mlflow.lift.moments.spread import cells_of

if TYPE_CHECKING:
    from spot_mlflow.lift.moments.cells import Moments


@dataclass(frozen=True, slots=True)
class Arm:
    """Sufficient statistics of one arm for one measure.

    Attributes:
        n: units analysed.
        mean: sample mean; NaN where n = 0.
        var: unbiased sample variance; NaN where n < 2.
        skew: moment coefficient of skewness (population form); 0 where the arm does not vary.
        events: units with a non-zero value.
        largest: greatest value.
        negative: units with a value below 0; None where that was not counted.
    """

    n: int
    mean: float
    var: float
    skew: float = 0.0
    events: int = 0
    largest: float = math.inf
    negative: int | None = None

    @property
    def total(self) -> float:
        """Sum of the measure."""
        return self.n * self.mean

    @property
    def second(self) -> float:
        """Mean of the square."""
        return self.var * (self.n - 1) / self.n + self.mean**2 if self.n > 1 else self.mean**2

    @property
    def never_negative(self) -> bool:
        """Whether no value is below 0; by the sign of the mean where values were not counted."""
        return self.mean >= 0 if self.negative is None else self.negative == 0

    @classmethod
    def binary(cls, events: float, n: int) -> Arm:
        """Returns the arm of a rate.

        Args:
            events: successes, 0 to ``n``.
            n: units.
        """
        p = events / n if n else math.nan
        var = p * (1 - p) * n / (n - 1) if n > 1 else math.nan
        spread = p * (1 - p)
        skew = (1 - 2 * p) / math.sqrt(spread) if n and spread > 0 else 0.0
        return cls(
            n=n,
            mean=p,
            var=var,
            skew=skew,
            events=round(events),
            largest=float(events > 0),
            negative=0,
        )


def arm_of(moments: Moments, measure: str = "outcome") -> Arm:
    """Adds all cells to one arm; an empty table is an arm without units.

    Args:
        moments: cells of one arm, or of several that are to be pooled.
        measure: which measure.
    """
    total = moments.collapse()
    i = moments.measures.index(measure)
    if len(total) == 0 or total.n[0] == 0:
        return Arm(n=0, mean=math.nan, var=math.nan)
    cells = cells_of(total)
    below = float(total.negative[0])
    counted = measure == "outcome" and not math.isnan(below)
    return Arm(
        n=int(total.n[0]),
        mean=float(cells.mean[0, i]),
        var=float(cells.cov[0, i, i]),
        skew=float(cells.skew[0, i]),
        events=int(total.nonzero[0, i]),
        largest=float(total.largest[0, i]),
        negative=int(below) if counted else None,
    )


def arms_of(moments: Moments, measure: str = "outcome") -> tuple[Arm, Arm]:
    """Returns (treated, holdout); several treatment arms are pooled."""
    held = moments.arm == HOLDOUT
    return arm_of(moments.select(~held), measure), arm_of(moments.select(held), measure)
