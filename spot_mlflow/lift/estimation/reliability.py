"""Whether the interval that is used holds: one rule, from its method and the arms.

Score intervals of rates are made for rare events. Means take Student's interval, corrected for skewness
where that is marked. A sequence for outcomes that cannot be negative tests each hypothesis with its own
error. What lies beyond the range where simulation finds 94 to 96 % (docs/simulations/reliability.md)
carries no verdict.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from spot_mlflow.lift.estimators.sequence import BURN_IN, never_negative
from spot_mlflow.lift.estimators.skewness import Skew, skew_of, units_for
from spot_mlflow.lift.holds.hold import hold
from spot_mlflow.lift.moments.cells import pooled_arms
from spot_mlflow.lift.moments.labels import HOLDOUT
from spot_mlflow.lift.moments.spread import cells_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from spot_mlflow.lift.estimation.chosen import Estimation
    from spot_mlflow.lift.estimators.arm import Arm
    from spot_mlflow.lift.holds.hold import Hold
    from spot_mlflow.lift.moments.cells import Moments
    from spot_mlflow.lift.promise.contract import PredictedLift

    Floats = NDArray[np.float64]


# Skewness of a unit over sqrt(n) up to which a guarded sequence was tried (lognormal, sigma 2.5).
GUARDED: Final = 0.6
_STEADY: Final = 0.25  # the same, above which a sample still hides how skewed its outcome is
_RARE: Final = (
    0.05  # share of non-zero outcomes, above which winsorizing at .99 leaves enough of them
)
_KEPT: Final = 5  # of so many non-zero outcomes one is capped

Method = Literal["score", "student", "corrected", "guarded", "sequence"]


def method_of(chosen: Estimation, predicted: PredictedLift) -> Method:
    """Returns how the interval for the verdict is made.

    Args:
        chosen: what the lift is computed from.
        predicted: the contract.
    """
    if predicted.looks_used == "monitored":
        return "guarded" if never_negative(chosen.treated, chosen.holdout) else "sequence"
    if chosen.binary and chosen.plain:
        return "score"
    return "corrected" if skew_in(chosen).marked else "student"


def with_reliability(
    chosen: Estimation, predicted: PredictedLift, by_period: Moments | None = None
) -> Estimation:
    """Flags the interval where it does not hold; then nothing can be concluded from it.

    Args:
        chosen: what the lift is computed from.
        predicted: the contract.
        by_period: the log's cells by period and arm, so that skewness is followed over looks.
    """
    method = method_of(chosen, predicted)
    before = 0.0
    if predicted.looks_used == "monitored" and by_period is not None:
        before = steepest_skew(by_period)
    skew = skew_in(chosen, at_least=before)
    if not _beyond(method, skew):
        return chosen
    needed = math.inf
    if skew.steepness <= _STEADY:
        times = units_for(skew, chosen.treated, chosen.holdout)
        needed = chosen.units * times / (chosen.treated.n + chosen.holdout.n)
    return chosen.flagged(_hold(chosen, skew), units=needed)


def _beyond(method: Method, skew: Skew) -> bool:
    if method in {"score", "student"}:
        return False
    if method == "guarded":
        return skew.steepness > GUARDED
    return skew.marked if method == "sequence" else skew.beyond


def _hold(chosen: Estimation, skew: Skew) -> Hold:
    treated, holdout = chosen.treated, chosen.holdout
    return hold(
        "skewed",
        skewness=float(skew.unit),
        treated=treated.n,
        holdout=holdout.n,
        winsorize=winsorize_at(treated, holdout),
    )


def winsorize_at(treated: Arm, holdout: Arm) -> float:
    """Returns the quantile that caps a fifth of the non-zero outcomes, at most the 99th percentile.

    Args:
        treated: arm that got the treatment.
        holdout: arm that did not.
    """
    share = (treated.events + holdout.events) / max(treated.n + holdout.n, 1)
    return 1 - min(share or _RARE, _RARE) / _KEPT


def steepest_skew(by_period: Moments) -> float:
    """Returns the greatest skewness that a unit showed at any look past the burn-in.

    Args:
        by_period: cells by period and arm.

    Returns:
        Of both arms together; 0 where periods are not logged.
    """
    cells = pooled_arms(by_period).collapse("period", "arm")
    cells = cells.select(~np.isnat(cells.period) & (cells.n > 0))
    looks = np.unique(cells.period)
    if len(looks) < 2:  # noqa: PLR2004 - one look has none before it
        return 0.0
    held = np.asarray(cells.arm == HOLDOUT, dtype=bool)
    parts = [_running_skew(cells.select(mask), looks) for mask in (~held, held)]
    (n_t, skew_t, events_t), (n_c, skew_c, events_c) = parts
    unit = (n_t * skew_t + n_c * skew_c) / np.maximum(n_t + n_c, 1)
    begun = np.minimum(events_t, events_c) >= BURN_IN
    return float(np.abs(unit[begun]).max(initial=0.0))


def _running_skew(arm: Moments, looks: NDArray[np.datetime64]) -> tuple[Floats, Floats, Floats]:
    """Units, skewness and non-zero outcomes of all that one arm decided up to each look."""
    upto = np.searchsorted(arm.period, looks, side="right")
    begun = upto > 0
    i = arm.measures.index("outcome")
    running = arm.running()
    out = np.zeros((3, len(looks)))
    found = (running.n, cells_of(running).skew[:, i], running.nonzero[:, i])
    for row, values in zip(out, found, strict=True):
        row[begun] = values[upto[begun] - 1]
    return out[0], out[1], out[2]


def skew_in(chosen: Estimation, *, at_least: float = 0.0) -> Skew:
    """Returns the skewness of a comparison whose units may weigh differently.

    Weights by stratum leave fewer effective units, unit variance over variance of the mean; an
    adjustment, which leaves more, is not counted on. Clusters count by their units.

    Args:
        chosen: what the lift is computed from.
        at_least: skewness of a unit that earlier looks have shown.
    """
    treated, holdout, means = chosen.treated, chosen.holdout, chosen.means
    if chosen.unit_word == "units" and means.known:
        treated = replace(treated, n=_effective(treated, means.var_treated))
        holdout = replace(holdout, n=_effective(holdout, means.var_holdout))
    return skew_of(treated, holdout, at_least=at_least)


def _effective(arm: Arm, variance: float) -> int:
    return max(1, min(arm.n, round(arm.var / variance))) if variance > 0 < arm.var else arm.n
