"""Historical randomized data, checked: scores, who was treated by chance, and what came of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.arm import Arm
from spot_mlflow.lift.difference import check_confidence, means_of, welch
from spot_mlflow.lift.relative import log_delta
from spot_mlflow.lift.report import Interval
from spot_mlflow.lift.uplift_curve import ranking

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from spot_mlflow.lift.difference import Estimate

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class History:
    """Checked arrays of units; outcome as recorded, gain with larger = better."""

    scores: Mapping[str, Floats]
    treated: Mask
    outcome: Floats
    effect: str
    direction: str
    confidence: float

    @property
    def gain(self) -> Floats:
        """Outcome turned so that larger is better; a rate stays a rate."""
        if self.direction == "increase":
            return self.outcome
        return 1 - self.outcome if self.binary else -self.outcome

    @property
    def binary(self) -> bool:
        """Whether every outcome is 0 or 1."""
        return bool(((self.outcome == 0) | (self.outcome == 1)).all())

    def arms(self, mask: Mask) -> tuple[Arm, Arm]:
        """Treated and untreated among the units in ``mask`` (units,)."""
        return (
            arm_of_values(self.outcome[mask & self.treated]),
            arm_of_values(self.outcome[mask & ~self.treated]),
        )

    def lift(self, mask: Mask) -> Interval:
        """Lift among the units in ``mask``, improvement units."""
        found = self._estimate(*self.arms(mask)).improved(self.direction)
        return Interval(found.value, found.low, found.high, found.se)

    def _estimate(self, treated: Arm, holdout: Arm) -> Estimate:
        if self.effect == "relative":
            return log_delta(means_of(treated, holdout), confidence=self.confidence)
        return welch(treated, holdout, confidence=self.confidence)


def arm_of_values(values: Floats) -> Arm:
    """Returns the arm of units' outcomes, (units,); NaN where there are too few."""
    n = len(values)
    mean = float(values.mean()) if n else math.nan
    off = values - mean
    squares = float(off @ off)
    third = float((off**2) @ off)
    return Arm(
        n=n,
        mean=mean,
        var=squares / (n - 1) if n > 1 else math.nan,
        skew=third / n / (squares / n) ** 1.5 if squares > 0 else 0.0,
        events=int(np.count_nonzero(values)),
        largest=float(values.max()) if n else -math.inf,
    )


def checked_history(  # noqa: PLR0917 - what ``backtest`` was given
    score: ArrayLike | Mapping[str, ArrayLike],
    treated: ArrayLike,
    outcome: ArrayLike,
    effect: str,
    direction: str,
    confidence: float,
) -> History:
    """Checks what ``backtest`` was given.

    Raises:
        InvalidInput: where lengths differ, values are missing or the treatment is not 0 and 1.
    """
    from spot_mlflow.validation import check_choice

    check_confidence(confidence)
    check_choice("effect", effect, ("absolute", "relative"))
    check_choice("direction", direction, ("increase", "decrease"))
    named = score if isinstance(score, Mapping) else {"score": score}
    y = np.asarray(outcome, dtype=np.float64)
    scores = {str(k): np.asarray(v, dtype=np.float64) for k, v in named.items()}
    t = np.asarray(treated)
    for what, values in (("treated", t), ("outcome", y), *scores.items()):
        if values.shape != (len(y),):
            raise InvalidInput(
                f"shape {values.shape}, must be ({len(y)},), one value per unit", where=what
            )
        bad = np.flatnonzero(np.isnan(values.astype(np.float64)))
        if len(bad):
            raise InvalidInput(
                f"{len(bad)} values are missing, the first in row {bad[0]}; none may be", where=what
            )
    known = set(np.unique(t).tolist())
    if known != {0, 1}:
        raise InvalidInput(
            f"values {sorted(known)}, must be 0 and 1, both present", where="treated"
        )
    return History(scores, t.astype(bool), y, effect, direction, confidence)


def top_share(score: Floats, share: float, among: Mask) -> Mask:
    """Marks the top ``share`` of the units in ``among`` (units,), rounded down, at least one."""
    rows = np.flatnonzero(among)
    count = max(1, int(len(rows) * share))
    out = np.zeros(len(score), dtype=bool)
    out[rows[ranking(score[rows])[:count]]] = True
    return out
