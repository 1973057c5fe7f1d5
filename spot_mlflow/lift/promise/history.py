"""Historical randomized data, checked: scores, who was treated by chance, and what came of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.estimators.arm import Arm
from spot_mlflow.lift.estimators.difference import means_of, welch
from spot_mlflow.lift.estimators.relative import log_delta
from spot_mlflow.lift.interval import Interval, check_confidence
from spot_mlflow.lift.promise.unit_values import aligned, assignment, numbers
from spot_mlflow.lift.promise.uplift_curve import ranking
from spot_mlflow.validation import check_choice

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from spot_mlflow.lift.interval import Estimate

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
        InvalidInput: where lengths or indexes differ, values are missing, infinite or no numbers, or
            the treatment is neither 0 and 1 nor two arms of which one is named a holdout.
    """
    check_confidence(confidence)
    check_choice("effect", effect, ("absolute", "relative"))
    check_choice("direction", direction, ("increase", "decrease"))
    named = score if isinstance(score, Mapping) else {"score": score}
    if not named:
        raise InvalidInput("there are no scores; at least one is needed", where="score")
    scores_given = {
        f"score {k}" if isinstance(score, Mapping) else "score": v for k, v in named.items()
    }
    given = aligned({**scores_given, "treated": treated, "outcome": outcome})
    y, t = numbers(given["outcome"], "outcome"), assignment(given["treated"])
    scores = {
        str(k): numbers(given[what], what) for k, what in zip(named, scores_given, strict=True)
    }
    for what, values in (("treated", t), *scores.items()):
        if values.shape != (len(y),):
            raise InvalidInput(
                f"shape {values.shape}, must be ({len(y)},), one value per unit", where=what
            )
    return History(scores, t, y, effect, direction, confidence)


def top_share(score: Floats, share: float, among: Mask) -> Mask:
    """Marks the top ``share`` of the units in ``among`` (units,), rounded down, at least one."""
    rows = np.flatnonzero(among)
    count = max(1, int(len(rows) * share))
    out = np.zeros(len(score), dtype=bool)
    out[rows[ranking(score[rows])[:count]]] = True
    return out
