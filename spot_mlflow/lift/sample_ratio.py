"""Sample ratio: did the arms get the shares they were designed to get?

A log whose arms are out of proportion has lost or moved units, and no estimate can mend that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.clusters import assigned_within
from spot_mlflow.lift.moments import HOLDOUT
from spot_mlflow.validation import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from spot_mlflow.lift.contract import PredictedLift
    from spot_mlflow.lift.moments import OutcomeMoments

ALARM_P: Final = 0.001  # for one look
ALARM_E: Final = 40.0  # for many: by Ville's inequality a false alarm at most 1/40, ever
CONCENTRATION: Final = 1000.0  # of the Dirichlet prior around the designed shares


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """The answer.

    Attributes:
        observed: units (or clusters) assigned, by arm.
        designed: share each arm was to get.
        p_value: chi-square p value for one look; min(1, 1 / greatest e-value) when monitored.
        e_value: greatest e-value so far when monitored, else None.
        alarm: whether the shares are not what was designed.
    """

    observed: Mapping[str, int]
    designed: Mapping[str, float]
    p_value: float
    e_value: float | None
    alarm: bool


def chi_square_p(counts: Sequence[float], shares: Sequence[float]) -> float:
    """Pearson's chi-square p value of counts against designed shares.

    Source: Pearson (1900), Philosophical Magazine 50, 157-175; arms - 1 degrees of freedom.

    Args:
        counts: (arms,) units.
        shares: (arms,) designed shares, adding up to 1.
    """
    from scipy.special import chdtrc

    x, share = np.asarray(counts, dtype=np.float64), np.asarray(shares, dtype=np.float64)
    expected = share * x.sum()
    if not (expected > 0).all():
        return 1.0
    return float(chdtrc(len(x) - 1, float(((x - expected) ** 2 / expected).sum())))


def log_e_values(
    counts: ArrayLike, shares: ArrayLike, *, concentration: float = CONCENTRATION
) -> NDArray[np.float64]:
    """Log of the e-value against the designed shares, at one or many looks.

    Source: Lindon and Malek (2022), arXiv:2011.03567: Dirichlet-multinomial against multinomial,
    E = B(a + n) / B(a) / prod share^n with a = concentration * share. A test martingale under the
    design, so P(ever E >= 1/alpha) <= alpha at any number of looks.

    Args:
        counts: (..., arms) cumulative units at each look.
        shares: (arms,) designed shares, each above 0.
        concentration: strength of the prior around the design.
    """
    from scipy.special import gammaln

    n, share = np.asarray(counts, dtype=np.float64), np.asarray(shares, dtype=np.float64)
    prior = concentration * share
    beta = (gammaln(prior + n) - gammaln(prior)).sum(axis=-1)
    total = gammaln(concentration + n.sum(axis=-1)) - gammaln(concentration)
    out: NDArray[np.float64] = beta - total - (n * np.log(share)).sum(axis=-1)
    return out


def designed_shares(predicted: PredictedLift, arms: Sequence[str]) -> dict[str, float] | None:
    """Share of each arm by design, holdout included; None where the contract names none.

    A single number is the share of all treatment arms together, split evenly. Of a mapping, what
    is left to 1 belongs to the holdout.

    Args:
        predicted: the contract.
        arms: treatment arms of the log.

    Raises:
        InvalidInput: where shares do not add up, or an arm has none.
    """
    share = predicted.treatment_share
    if share is None or not arms:
        return None
    if isinstance(share, float):
        return {a: share / len(arms) for a in arms} | {HOLDOUT: 1 - share}
    named = {str(k): float(v) for k, v in share.items()}
    held = named.pop(str(predicted.columns.holdout), named.pop(HOLDOUT, None))
    if len(arms) == 1 and arms[0] not in named and len(named) == 1:
        named = {arms[0]: next(iter(named.values()))}
    for arm in arms:
        if arm not in named:
            raise InvalidInput(
                f"no share for arm '{arm}'{nearest(arm, named)}", where="treatment_share"
            )
    rest = 1 - sum(named.values()) if held is None else held
    total = sum(named.values()) + rest
    if abs(total - 1) > 1e-6 or rest <= 0:  # noqa: PLR2004 - rounding of written shares
        raise InvalidInput(
            f"shares add up to {total:g} with {rest:g} for the holdout, must add up to 1 and leave "
            "the holdout more than 0",
            where="treatment_share",
        )
    return {a: named[a] for a in arms} | {HOLDOUT: rest}


def sample_ratio(moments: OutcomeMoments, predicted: PredictedLift) -> SampleRatio | None:
    """Compares all assigned units (not only the matured) with the designed shares.

    One look: chi-square at .001. Monitored: the e-value by day of decision, alarm once it ever
    reaches 40. Where clusters were assigned, clusters are counted, all at once; where units were
    assigned within clusters, units are.

    Args:
        moments: an outcome log, reduced.
        predicted: the contract.

    Returns:
        None where no share was designed or nothing is assigned.

    Raises:
        InvalidInput: where the designed shares do not add up.
    """
    cells = moments.cells
    shares = designed_shares(predicted, cells.arms())
    if shares is None or predicted.design != "randomized":
        return None
    arms = [a for a, s in shares.items() if s > 0]
    share = np.array([shares[a] for a in arms])
    if moments.clusters is not None and not assigned_within(moments.clusters):
        by_arm = dict(zip(moments.clusters.arm, moments.clusters.assigned_clusters, strict=True))
        looks = np.array([[by_arm.get(a, 0) for a in arms]], dtype=np.float64)
    else:
        days = cells.collapse("period", "arm")
        looks = _cumulative(days.period, days.arm, days.assigned, arms)
    final = looks[-1]
    if final.sum() == 0:
        return None
    observed = {a: int(n) for a, n in zip(arms, final, strict=True)}
    if predicted.looks_used == "once":
        p = chi_square_p(final.tolist(), share.tolist())
        return SampleRatio(observed, shares, p, None, p < ALARM_P)
    log_e = float(log_e_values(looks, share).max())
    return SampleRatio(
        observed,
        shares,
        min(1.0, math.exp(-log_e)),
        math.exp(min(log_e, 700.0)),
        log_e >= math.log(ALARM_E),
    )


def _cumulative(
    period: NDArray[np.datetime64],
    arm: NDArray[np.object_],
    assigned: NDArray[np.int64],
    arms: list[str],
) -> NDArray[np.float64]:
    """Returns (periods, arms) units assigned up to and including each period, by time."""
    days, row = np.unique(period, return_inverse=True)
    out = np.zeros((len(days), len(arms)))
    for i, name in enumerate(arms):
        mine = arm == name
        out[:, i] = np.bincount(row[mine], weights=assigned[mine], minlength=len(days))
    return out.cumsum(axis=0)
