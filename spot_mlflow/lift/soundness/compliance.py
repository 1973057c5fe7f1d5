"""Not everyone assigned is reached: the lift of those who were (CACE), and a leaking holdout."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from spot_mlflow import figures
from spot_mlflow.lift.estimators.ratio import outcome_line
from spot_mlflow.lift.estimators.standardized import standardized_pair
from spot_mlflow.lift.interval import Estimate, interval, quantile
from spot_mlflow.lift.moments.labels import HOLDOUT
from spot_mlflow.lift.moments.spread import cells_of
from spot_mlflow.lift.moments.unknown_steps import over_known, unknown_steps
from spot_mlflow.lift.promise.scale import contract_scale

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from spot_mlflow.lift.estimators.comparison import Comparison
    from spot_mlflow.lift.moments.cells import Moments
    from spot_mlflow.lift.moments.unknown_steps import Guess
    from spot_mlflow.lift.promise.contract import PredictedLift

LEAKING: Final = (
    0.01  # share of the holdout reached, or of the treated missed, above which it is said
)
WEAK: Final = 10.0  # Staiger and Stock (1997): first-stage F below it makes the ratio unreliable

HARDLY: Final = "unbounded: reach hardly differs between the arms"
_REACHES: Final = (
    "delivered",
    "offered",
)  # what counts as reached, the nearest to the customer first
_UNKNOWN_REACH: Final = (
    f"CACE, {HARDLY} if those unknown were reached in one arm and not in the other"
)

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
                f"{figures.share(self.holdout)} of the holdout was {self.measure}: the lift is understated."
            )
        bounded = math.isfinite(self.cace.value) and math.isfinite(self.cace.low)
        if bounded and (self.leaking or self.treated < 1 - LEAKING):
            cace = self.cace.improved(predicted.direction)
            half = (cace.high - cace.low) / 2
            scale = contract_scale(predicted.model_copy(update={"effect": "absolute"}), half)
            bounds = f" ({scale.number(cace.low)} to {scale.number(cace.high)})"
            lift = "lift" if predicted.effect == "absolute" else "absolute lift"
            said.append(
                f"{figures.share(self.treated)} of the treated were {self.measure}: among those reached because "
                f"of the assignment the {lift} is {scale.amount(cace.value)}{bounds}, at one look."
            )
        elif HARDLY in self.cace.method:
            said.append(
                f"{figures.share(self.treated)} of the treated were {self.measure}, hardly more than of the "
                "holdout: this log cannot show the lift of those reached."
            )
        return tuple(said)


def compliance(
    moments: Moments,
    *,
    confidence: float = 0.95,
    design_effect: float = 1.0,
    by_chance: bool = True,
    comparison: Callable[[Moments], Comparison] | None = None,
) -> Compliance | None:
    """Complier average causal effect: ITT / (reach of the treated - reach of the holdout).

    Source: Imbens and Angrist (1994), Econometrica 62; Bloom (1984) for the one-sided case.
    Variance by the delta method with the covariance of outcome and reach in each arm. It assumes
    that an assignment which reaches nobody changes nothing. A ratio metric is linearised first.
    Where it is unknown of some units whether they were reached, shares are those of the others, and
    the interval covers what it would be if all or none of the unknown were reached (Manski 1989).

    Args:
        moments: cells that carry "delivered" or "offered".
        confidence: two-sided, between 0 and 1; of one look.
        design_effect: what clusters multiply the variance with.
        by_chance: whether units were assigned by chance; if not, the reach alone is told.
        comparison: gives the strata that both arms of a table are compared within; the cells as they
            are where None.

    Returns:
        None where neither is logged, an arm has fewer than two units or there is no estimate.

    Raises:
        InvalidInput: where confidence is not between 0 and 1.
    """

    def found(treated: Guess, holdout: Guess) -> Compliance | None:
        table = _guessed(moments, treated, holdout)
        strata = None if comparison is None else comparison(table)
        reach = _reach(table, strata if strata is not None and len(strata) > 1 else None)
        if reach is None:
            return None
        measure, means, covs = reach
        itt, more = means[0] - means[1]
        cov = (covs[0] + covs[1]) * design_effect
        if not np.isfinite([itt, more, *np.diagonal(cov)]).all():
            return None
        cace = (
            _wald(float(itt), float(more), cov, confidence=confidence) if by_chance else UNASSIGNED
        )
        return Compliance(measure, float(means[0][1]), float(means[1][1]), cace)

    likely = found("alike", "alike")
    if likely is None or not set(unknown_steps(moments)) & set(_REACHES):
        return likely
    ends = [found("all", "none"), found("none", "all")]
    return replace(likely, cace=_covering(likely.cace, [e.cace for e in ends if e is not None]))


def _guessed(moments: Moments, treated: Guess, holdout: Guess) -> Moments:
    """Returns the cells over the known units, with a guess of the unknown by arm."""
    if not unknown_steps(moments):
        return moments
    found, other = (over_known(moments, dict.fromkeys(_REACHES, g)) for g in (treated, holdout))
    held = np.asarray(moments.arm == HOLDOUT, dtype=bool)
    return replace(
        found,
        s1=np.where(held[:, None], other.s1, found.s1),
        s2=np.where(held[:, None, None], other.s2, found.s2),
        s3=np.where(held[:, None], other.s3, found.s3),
        nonzero=np.where(held[:, None], other.nonzero, found.nonzero),
    )


def _reach(
    table: Moments, strata: Comparison | None
) -> tuple[str, list[NDArray[np.float64]], list[NDArray[np.float64]]] | None:
    """Returns what counts as reached, and by arm the means of outcome and reach with their covariance."""
    measure = next((m for m in _REACHES if m in table.measures), None)
    if measure is None:
        return None
    held = table.held
    arms = [table.select(mask).collapse() for mask in (~held, held)]
    if min((*arm.n, 0)[0] for arm in arms) < 2:  # noqa: PLR2004 - spread
        return None
    if strata is not None:
        pairs = [standardized_pair(strata, i, measure) for i in range(len(arms))]
        return measure, [m for m, _ in pairs], [v for _, v in pairs]
    means, covs = [], []
    for arm in arms:
        level, line = outcome_line(arm)
        both = np.vstack([line, np.arange(len(arm.measures)) == arm.measures.index(measure)])
        cells = cells_of(arm)
        means.append(np.array([level, cells.mean[0] @ both[1]]))
        covs.append(both @ cells.cov[0] @ both.T / arm.n[0])
    return measure, means, covs


def _covering(likely: Estimate, ends: Sequence[Estimate]) -> Estimate:
    """Widens an interval to those at both ends; nothing is left of it where one has no bounds."""
    if not all(math.isfinite(e.value) for e in (likely, *ends)):
        return likely if math.isnan(likely.value) else replace(UNASSIGNED, method=_UNKNOWN_REACH)
    low, high = (min(e.low for e in (likely, *ends)), max(e.high for e in (likely, *ends)))
    return replace(likely, low=low, high=high)


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
    method = f"CACE, the lift of those reached ({figures.share(reach)} more than in the holdout)"
    if reach <= 0 or reach**2 < WEAK * cov[1, 1]:
        quantile(confidence)  # refuses what is no confidence
        return Estimate(math.nan, -math.inf, math.inf, None, method=f"{method}, {HARDLY}")
    value = itt / reach
    line = np.array([1.0, -value])
    se = math.sqrt(max(0.0, float(line @ cov @ line))) / reach
    return interval(value, se, confidence=confidence, method=method)
