"""Not everyone assigned is reached: the lift of those who were (CACE), and a leaking holdout."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from spot_mlflow.figures import contract_scale
from spot_mlflow.lift.arm import cells_of
from spot_mlflow.lift.difference import Estimate, interval, quantile
from spot_mlflow.lift.moments import HOLDOUT
from spot_mlflow.lift.ratio_metric import outcome_line
from spot_mlflow.lift.standard import standardized_pair

if TYPE_CHECKING:
    from spot_mlflow.lift.balance import Comparison
    from spot_mlflow.lift.contract import PredictedLift
    from spot_mlflow.lift.moments import Moments

LEAKING: Final = (
    0.01  # share of the holdout reached, or of the treated missed, above which it is said
)
WEAK: Final = 10.0  # Staiger and Stock (1997): first-stage F below it makes the ratio unreliable

HARDLY: Final = "unbounded: reach hardly differs between the arms"

UNASSIGNED: Final = Estimate(
    math.nan,
    -math.inf,
    math.inf,
    None,
    method="CACE is not estimated: units were not assigned by chance",
)


@dataclass(frozen=True, slots=True)
class Compliance:
    """Who was reached, and the lift among them.

    Attributes:
        measure: what counts as reached: "delivered", or "offered" where delivery is not logged.
        treated: share of the treated that was reached.
        holdout: share of the holdout that was reached; 0 in a clean one-sided design.
        cace: lift per unit reached because of the assignment, raw units, for one look; NaN without
            bounds where reach hardly differs between the arms, or units were not assigned by chance.
    """

    measure: str
    treated: float
    holdout: float
    cace: Estimate

    @property
    def leaking(self) -> bool:
        """Whether the holdout was reached too often to be ignored."""
        return self.holdout > LEAKING

    def words(self, predicted: PredictedLift) -> tuple[str, ...]:
        """Sentences for a reader, the lift in improvement units; none where all went as assigned."""
        said = []
        if self.leaking:
            said.append(
                f"{self.holdout:.1%} of the holdout was {self.measure}: the lift is understated."
            )
        bounded = math.isfinite(self.cace.value) and math.isfinite(self.cace.low)
        if bounded and (self.leaking or self.treated < 1 - LEAKING):
            cace = self.cace.improved(predicted.direction)
            half = (cace.high - cace.low) / 2
            scale = contract_scale(predicted.model_copy(update={"effect": "absolute"}), half)
            bounds = f" ({scale.number(cace.low)} to {scale.number(cace.high)})"
            lift = "lift" if predicted.effect == "absolute" else "absolute lift"
            said.append(
                f"{self.treated:.1%} of the treated were {self.measure}: among those reached because "
                f"of the assignment the {lift} is {scale.amount(cace.value)}{bounds}, at one look."
            )
        elif self.cace.method.endswith(HARDLY):
            said.append(
                f"{self.treated:.1%} of the treated were {self.measure}, hardly more than of the "
                "holdout: this log cannot show the lift of those reached."
            )
        return tuple(said)


def compliance(
    moments: Moments,
    *,
    confidence: float = 0.95,
    design_effect: float = 1.0,
    by_chance: bool = True,
    comparison: Comparison | None = None,
) -> Compliance | None:
    """Complier average causal effect: ITT / (reach of the treated - reach of the holdout).

    Source: Imbens and Angrist (1994), Econometrica 62; Bloom (1984) for the one-sided case.
    Variance by the delta method with the covariance of outcome and reach in each arm. It assumes
    that an assignment which reaches nobody changes nothing. A ratio metric is linearised first.

    Args:
        moments: cells that carry "delivered" or "offered".
        confidence: two-sided, between 0 and 1; of one look.
        design_effect: what clusters multiply the variance with.
        by_chance: whether units were assigned by chance; if not, the reach alone is told.
        comparison: strata that both arms are compared within; the cells as they are where None.

    Returns:
        None where neither is logged, an arm has fewer than two units or there is no estimate.

    Raises:
        InvalidInput: where confidence is not between 0 and 1.
    """
    measure = next((m for m in ("delivered", "offered") if m in moments.measures), None)
    held = moments.arm == HOLDOUT
    treated, holdout = (moments.select(mask).collapse() for mask in (~held, held))
    if measure is None or min((*treated.n, 0)[0], (*holdout.n, 0)[0]) < 2:  # noqa: PLR2004 - spread
        return None
    means, covs = [], []
    for i, arm in enumerate((treated, holdout)):
        if comparison is not None and len(comparison) > 1:
            mean, cov = standardized_pair(comparison, i, measure)
        else:
            level, line = outcome_line(arm)
            both = np.vstack([line, np.arange(len(arm.measures)) == arm.measures.index(measure)])
            cells = cells_of(arm)
            mean = np.array([level, cells.mean[0] @ both[1]])
            cov = both @ cells.cov[0] @ both.T / arm.n[0]
        means.append(mean)
        covs.append(cov * design_effect)
    if not np.isfinite([*means, *np.diagonal(covs, axis1=1, axis2=2)]).all():
        return None
    itt, reach = means[0] - means[1]
    cov = covs[0] + covs[1]
    found = _wald(float(itt), float(reach), cov, confidence=confidence) if by_chance else UNASSIGNED
    return Compliance(measure, float(means[0][1]), float(means[1][1]), found)


def _wald(
    itt: float,
    reach: float,
    cov: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    *,
    confidence: float,
) -> Estimate:
    """Ratio of two differences with a delta-method interval; no value for a weak first stage.

    A ratio without bounds can be any number: it would be read as a lift.
    """
    method = f"CACE, the lift of those reached ({reach:.1%} more than in the holdout)"
    if reach <= 0 or reach**2 < WEAK * cov[1, 1]:
        quantile(confidence)  # refuses what is no confidence
        return Estimate(math.nan, -math.inf, math.inf, None, method=f"{method}, {HARDLY}")
    value = itt / reach
    line = np.array([1.0, -value])
    se = math.sqrt(max(0.0, float(line @ cov @ line))) / reach
    return interval(value, se, confidence=confidence, method=method)
