"""Not everyone assigned is reached: the lift of those who were (CACE), and a leaking holdout."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from spot_mlflow.lift.arm import cells_of
from spot_mlflow.lift.difference import Estimate, interval, quantile
from spot_mlflow.lift.moments import HOLDOUT

if TYPE_CHECKING:
    from spot_mlflow.lift.moments import Moments

LEAKING: Final = 0.01  # share of the holdout that was reached, above which it is said
WEAK: Final = 10.0  # Staiger and Stock (1997): first-stage F below it makes the ratio unreliable


@dataclass(frozen=True, slots=True)
class Compliance:
    """Who was reached, and the lift among them.

    Attributes:
        measure: what counts as reached: "delivered", or "offered" where delivery is not logged.
        treated: share of the treated that was reached.
        holdout: share of the holdout that was reached; 0 in a clean one-sided design.
        cace: lift per unit reached because of the assignment, raw units; unbounded where reach
            hardly differs between the arms.
    """

    measure: str
    treated: float
    holdout: float
    cace: Estimate

    @property
    def leaking(self) -> bool:
        """Whether the holdout was reached too often to be ignored."""
        return self.holdout > LEAKING


def compliance(moments: Moments, *, confidence: float = 0.95) -> Compliance | None:
    """Complier average causal effect: ITT / (reach of the treated - reach of the holdout).

    Source: Imbens and Angrist (1994), Econometrica 62; Bloom (1984) for the one-sided case.
    Variance by the delta method with the covariance of outcome and reach in each arm. It assumes
    that an assignment which reaches nobody changes nothing.

    Args:
        moments: cells that carry "delivered" or "offered".
        confidence: two-sided, between 0 and 1.

    Returns:
        None where neither is logged or an arm has fewer than two units.

    Raises:
        InvalidInput: where confidence is not between 0 and 1.
    """
    measure = next((m for m in ("delivered", "offered") if m in moments.measures), None)
    held = moments.arm == HOLDOUT
    treated, holdout = (moments.select(mask).collapse() for mask in (~held, held))
    if measure is None or min((*treated.n, 0)[0], (*holdout.n, 0)[0]) < 2:  # noqa: PLR2004 - spread
        return None
    pick = [moments.measures.index("outcome"), moments.measures.index(measure)]
    means, covs = [], []
    for arm in (treated, holdout):
        cells = cells_of(arm)
        means.append(cells.mean[0, pick])
        covs.append(cells.cov[0][np.ix_(pick, pick)] / arm.n[0])
    itt, reach = means[0] - means[1]
    cov = covs[0] + covs[1]
    found = _wald(float(itt), float(reach), cov, confidence=confidence)
    return Compliance(measure, float(means[0][1]), float(means[1][1]), found)


def _wald(
    itt: float,
    reach: float,
    cov: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    *,
    confidence: float,
) -> Estimate:
    """Ratio of two differences with a delta-method interval; unbounded for a weak first stage."""
    method = f"CACE, the lift of those reached ({reach:.1%} more than in the holdout)"
    if reach <= 0 or reach**2 < WEAK * cov[1, 1]:
        value = itt / reach if reach > 0 else math.nan
        weak = f"{method}, unbounded: reach hardly differs between the arms"
        quantile(confidence)
        return Estimate(value, -math.inf, math.inf, None, method=weak)
    value = itt / reach
    line = np.array([1.0, -value])
    se = math.sqrt(max(0.0, float(line @ cov @ line))) / reach
    return interval(value, se, confidence=confidence, method=method)
