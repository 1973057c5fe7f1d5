"""Sample ratio: did the arms get the shares they were designed to get?

A log whose arms are out of proportion has lost or moved units, and no estimate can mend that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.moments.clusters import assigned_within
from spot_mlflow.lift.moments.labels import HOLDOUT
from spot_mlflow.lift.strata.shares import EXPECTED, declared_at, grouped_up
from spot_mlflow.validation import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
    from spot_mlflow.lift.promise.contract import PredictedLift

ALARM_P: Final = 0.001  # for one look
ALARM_E: Final = 40.0  # for many: by Ville's inequality a false alarm at most 1/40, ever
_NOTHING: Final = 1e-12  # stands for a declared share of 0
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
    share = predicted.declared_share
    if share is None or isinstance(share, list) or not arms:
        return None
    return shares_by_arm(share, predicted, arms)


def shares_by_arm(
    share: float | Mapping[str, float], predicted: PredictedLift, arms: Sequence[str]
) -> dict[str, float]:
    """Share of each arm from what was declared at one time: a number, or a mapping by arm.

    Raises:
        InvalidInput: where shares do not add up, or an arm has none.
    """
    if isinstance(share, int | float):
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


@dataclass(frozen=True, eq=False)
class _Declared:
    """Units of the days and segments for which one share was declared.

    Attributes:
        share: (arms,) declared. counts: (days, arms) units assigned, by time.
    """

    share: NDArray[np.float64]
    counts: NDArray[np.float64]


def asks_sample_ratio(predicted: PredictedLift) -> bool:
    """Whether arms have sizes by design that chance alone moves about.

    Not where whole clusters change their arm on dates of a schedule: a unit's arm is then its cluster's,
    and neither units nor clusters by arm are independent draws. Every arm is recomputed instead.
    """
    if predicted.declared_share is None:
        return False
    rule, drawn = predicted.arm_rule, predicted.assignment
    return rule is None or drawn is None or drawn.cluster is None or not rule.dated


def sample_ratio(moments: OutcomeMoments, predicted: PredictedLift) -> SampleRatio | None:
    """Compares all assigned units (not only the matured) with what was declared, by day.

    One look: chi-square at .001, of all units and of the days, each with half of the error.
    Monitored: the e-value by day of decision, alarm once it ever reaches 40; of a schedule the product
    over its shares. Where clusters were assigned, clusters are counted, all at once; where units were
    assigned within clusters, units are.

    Args:
        moments: an outcome log, reduced.
        predicted: the contract.

    Returns:
        None where no share was declared, nothing is assigned, or clusters change their arm by date.

    Raises:
        InvalidInput: where the declared shares do not add up.
    """
    names = moments.cells.arms()
    if not asks_sample_ratio(predicted) or predicted.design != "randomized" or not names:
        return None
    arms = [*names, HOLDOUT]
    found = [d for d in _declared(moments, predicted, arms) if d.counts.sum() > 0]
    if not found:
        return None
    asked = np.any([(d.share > _NOTHING) | (d.counts.sum(axis=0) > 0) for d in found], axis=0)
    found = [_Declared(d.share[asked], d.counts[:, asked]) for d in found]
    arms = [a for a, there in zip(arms, asked, strict=True) if there]
    counts = np.array([d.counts.sum(axis=0) for d in found])
    observed = {a: int(n) for a, n in zip(arms, counts.sum(axis=0), strict=True)}
    mix = counts.sum(axis=1) / counts.sum()
    designed = dict(zip(arms, (mix @ np.array([d.share for d in found])).tolist(), strict=True))
    if predicted.looks_used == "once":
        p = _p_value(found)
        return SampleRatio(observed, designed, p, None, p < ALARM_P)
    log_e = _greatest_e(found)
    return SampleRatio(
        observed,
        designed,
        min(1.0, math.exp(-log_e)),
        math.exp(min(log_e, 700.0)),
        log_e >= math.log(ALARM_E),
    )


def _declared(
    moments: OutcomeMoments, predicted: PredictedLift, arms: list[str]
) -> list[_Declared]:
    """Units by what was declared of them; days and segments of which nothing was declared are left out."""
    treated = arms[:-1]
    whole = designed_shares(predicted, treated)
    by_cluster = moments.clusters is not None and not assigned_within(moments.clusters)
    if moments.clusters is not None and by_cluster:
        of_arm, counted = moments.clusters.arm, moments.clusters.assigned_clusters
        segment, period = moments.clusters.labels
    else:
        table = moments.cells.collapse("period", "arm") if whole else moments.cells
        of_arm, counted = table.arm, table.assigned
        segment, period = table.segment, table.period
    arm = np.array([arms.index(str(a)) for a in of_arm], dtype=np.int64)
    if whole is not None:
        shares, of = [whole], np.zeros(len(arm), dtype=np.int64)
    else:
        shares, of = _steps_of(predicted, treated, segment, period)
    if by_cluster:  # all at once: clusters come as they come
        period = np.full(len(arm), np.datetime64("NaT", "D"), dtype="datetime64[D]")
    days, day = np.unique(period, return_inverse=True)
    out = []
    for i, share in enumerate(shares):
        x = np.zeros((len(days), len(arms)))
        np.add.at(x, (day[of == i], arm[of == i]), counted[of == i])
        # A share of 0 is kept out of divisions: its units, if any, still count against it.
        out.append(_Declared(np.maximum([share[a] for a in arms], _NOTHING), x))
    return out


def _steps_of(
    predicted: PredictedLift,
    treated: list[str],
    segment: NDArray[np.object_],
    period: NDArray[np.datetime64],
) -> tuple[list[dict[str, float]], NDArray[np.int64]]:
    """Returns the distinct declared shares, and (cells,) which of them a cell has, -1 for none."""
    steps = predicted.declared_share
    assert isinstance(steps, list)  # noqa: S101 - the caller looked
    names, row = np.unique(segment.astype(str), return_inverse=True)
    days, column = np.unique(period, return_inverse=True)
    at, cell = np.unique(row * len(days) + column, return_inverse=True)
    known: dict[str, int] = {}
    shares: list[dict[str, float]] = []
    number = np.full(len(at), -1, dtype=np.int64)
    for i, k in enumerate(at.tolist()):
        share = declared_at(steps, str(names[k // len(days)]), days[k % len(days)])
        if share is None:
            continue
        if repr(share) not in known:
            known[repr(share)] = len(shares)
            shares.append(shares_by_arm(share, predicted, treated))
        number[i] = known[repr(share)]
    return shares, number[cell]


def _p_value(found: list[_Declared]) -> float:
    """Chi-square of all units of each declared share, and of its days; Bonferroni over the two."""
    from scipy.special import chdtrc

    if len(found) == 1:
        p = chi_square_p(found[0].counts.sum(axis=0).tolist(), found[0].share.tolist())
    else:
        p = float(chdtrc(*_chi_square([d.counts.sum(axis=0, keepdims=True) for d in found], found)))
    runs = [grouped_up(d.counts, EXPECTED)[0] for d in found]
    if max(len(r) for r in runs) < 2:  # noqa: PLR2004 - the days say nothing more
        return p
    return min(1.0, 2 * min(p, float(chdtrc(*_chi_square(runs, found)))))


def _chi_square(counts: list[NDArray[np.float64]], found: list[_Declared]) -> tuple[float, float]:
    """Degrees of freedom and Pearson's statistic against the declared shares."""
    freedom, statistic = 0.0, 0.0
    for rows, d in zip(counts, found, strict=True):
        x = rows[rows.sum(axis=1) > 0]
        expected = x.sum(axis=1, keepdims=True) * d.share
        statistic += float(((x - expected) ** 2 / expected).sum())
        freedom += len(x) * (x.shape[1] - 1)
    return freedom, statistic


def _greatest_e(found: list[_Declared]) -> float:
    """Greatest log e-value over the days; of several declared shares that of their product."""
    each = [log_e_values(d.counts.cumsum(axis=0), d.share) for d in found]
    return float(np.sum(each, axis=0).max())
