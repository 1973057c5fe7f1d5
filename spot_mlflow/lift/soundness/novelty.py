"""Does the lift wear off? Lift by period since deployment, with a test of its trend."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from spot_mlflow.figures import p_value
from spot_mlflow.lift.interval import two_sided_p

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from spot_mlflow.figures import LiftScale
    from spot_mlflow.lift.estimation.rows import Rows
    from spot_mlflow.lift.promise.contract import PredictedLift

    Floats = NDArray[np.float64]

FEWEST_PERIODS: Final = 3
CLEAR: Final = 0.01  # p value below which a trend is said to be there


@dataclass(frozen=True, slots=True)
class Trend:
    """A straight line through the lift by period.

    Attributes:
        per_day: change of the absolute lift a day, improvement units.
        se: its standard error.
        p_value: two-sided, against no change.
        first: fitted lift of the first period.
        last: fitted lift of the last period.
        days: days between them.
    """

    per_day: float
    se: float
    p_value: float
    first: float
    last: float
    days: float

    @property
    def half_width(self) -> float:
        """Half the 95 % interval of the change from the first period to the last."""
        return 1.96 * self.se * self.days

    @property
    def fading(self) -> bool:
        """Whether the lift clearly gets smaller."""
        return self.per_day < 0 and self.p_value < CLEAR

    @property
    def growing(self) -> bool:
        """Whether the lift clearly gets larger."""
        return self.per_day > 0 and self.p_value < CLEAR

    def words(self, scale: LiftScale) -> str:
        """One sentence for a reader, empty where no trend is clear."""
        if not (self.fading or self.growing):
            return ""
        way = "wears off" if self.fading else "grows"
        return (
            f"The lift {way}: {scale.amount(self.first)} in the first period, "
            f"{scale.amount(self.last)} in the last, {self.days:.0f} days later "
            f"({p_value(self.p_value)})."
        )


def trend_of(rows: Rows, predicted: PredictedLift) -> Trend | None:
    """Weighted least squares of the difference in means on time.

    Each period is weighted by its units, with one variance per arm over all periods: weights from a
    period's own spread would favour periods without events.

    Args:
        rows: both arms by period; labels are ISO dates.
        predicted: the contract, for the direction.

    Returns:
        None with fewer than three periods that have both arms, or without spread.
    """
    usable = (
        (rows.n_t > 0) & (rows.n_c > 0) & np.array([x != "NaT" for x in rows.labels], dtype=bool)
    )
    kept = rows.select(usable)
    if len(kept.labels) < FEWEST_PERIODS:
        return None
    day = np.array(kept.labels, dtype="datetime64[D]").astype(np.float64)
    x = day - day[0]
    var_t = _pooled(kept.n_t, kept.mean_t, kept.var_t)
    var_c = _pooled(kept.n_c, kept.mean_c, kept.var_c)
    variance = var_t / kept.n_t + var_c / kept.n_c
    if not (np.isfinite(variance) & (variance > 0)).all():
        return None
    sign = 1.0 if predicted.direction == "increase" else -1.0
    y, w = sign * (kept.mean_t - kept.mean_c), 1 / variance
    center = (w * x).sum() / w.sum()
    spread = float((w * (x - center) ** 2).sum())
    slope = float((w * (x - center) * y).sum()) / spread
    level = float((w * y).sum() / w.sum())
    se = 1 / math.sqrt(spread)
    return Trend(
        per_day=slope,
        se=se,
        p_value=two_sided_p(slope / se),
        first=level + slope * float(x[0] - center),
        last=level + slope * float(x[-1] - center),
        days=float(x[-1]),
    )


def _pooled(n: Floats, mean: Floats, var: Floats) -> float:
    """Variance of a unit of one arm over all periods, (periods,) each."""
    total = n.sum()
    overall = (n * mean).sum() / total
    within = (np.where(n > 1, np.nan_to_num(var), 0.0) * (n - 1)).sum()
    return float((within + (n * (mean - overall) ** 2).sum()) / max(1.0, total - 1))
