"""Which segments, teams, offers and weeks stand out, guarded against reading noise.

Every group is held against all the others together, on every step of the way to the customer and
on the lift itself; what is told holds at a false-discovery rate over all groups of a dimension.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from spot_mlflow.lift.factors import CHAIN
from spot_mlflow.lift.moments import HOLDOUT, MISSING_SEGMENT
from spot_mlflow.lift.report import Interval
from spot_mlflow.lift.simultaneous import benjamini_hochberg
from spot_mlflow.lift.strata import strata_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from spot_mlflow.lift.contract import PredictedLift
    from spot_mlflow.lift.moments import Moments, OutcomeMoments

LIFT: Final = "lift"
_FEW: Final = 10  # units in a group, below which nothing is told of it


@dataclass(frozen=True, slots=True)
class Finding:
    """One group against all the others.

    Attributes:
        dimension: "segment", "team", "offer" or "week".
        label: the group.
        factor: the step of the way to the customer ("delivery"), or "lift".
        level: share lost at this step among those who reached it; the lift for "lift".
        others: the same of all the other groups together.
        units: units of the group that reached the step.
        part: the group's part of everything lost at this step; 0 for "lift".
        p_value: two-sided, of no difference.
        shown: whether the difference holds at the false-discovery rate.
        worse: whether the group is worse than the others.
    """

    dimension: str
    label: str
    factor: str
    level: Interval
    others: float
    units: int
    part: float
    p_value: float
    shown: bool
    worse: bool


def findings_of(moments: OutcomeMoments, predicted: PredictedLift) -> tuple[Finding, ...]:
    """Returns every group on every step, those that are shown first, by p value.

    Args:
        moments: the reduced log; segments from the base pass, teams and weeks and offers where
            their passes ran.
        predicted: the contract.
    """
    out: list[Finding] = []
    for dimension, table in _dimensions(moments):
        rows = [*_steps(dimension, table), *_lifts(dimension, table, predicted)]
        shown = benjamini_hochberg(
            np.array([f.p_value for f in rows]), rate=1 - predicted.confidence
        )
        out += [replace(f, shown=bool(s)) for f, s in zip(rows, shown, strict=True)]
    return tuple(sorted(out, key=lambda f: (not f.shown, not f.worse, f.p_value)))


def _dimensions(moments: OutcomeMoments) -> Iterator[tuple[str, Moments]]:
    """Yields each dimension with two groups at least, as a table with the group as segment."""
    weekly = (moments.teams if moments.teams is not None else moments.cells).collapse(
        "period", "arm"
    )
    tables = {
        "segment": moments.cells.collapse("segment", "arm"),
        "team": moments.teams,
        "offer": moments.offers,
        "week": _by_week(weekly),
    }
    for dimension, table in tables.items():
        if table is None:
            continue
        known = table.select((table.n > 0) & (table.segment.astype(str) != MISSING_SEGMENT))
        if len(set(known.segment)) > 1:
            yield dimension, known.collapse("segment", "arm")


def _by_week(table: Moments) -> Moments | None:
    known = table.select(~np.isnat(table.period))
    if not len(known):
        return None
    day = known.period.astype("datetime64[D]").astype(np.int64)
    monday = ((day + 3) // 7 * 7 - 3).astype("datetime64[D]")  # 1970-01-01 was a Thursday
    return replace(known, segment=monday.astype(str).astype(object))


def _steps(dimension: str, table: Moments) -> Iterator[Finding]:
    treated = table.select(table.arm.astype(str) != HOLDOUT).collapse("segment")
    if len(treated) < 2:  # noqa: PLR2004 - nothing to compare with
        return
    for factor, reached, passed in steps_of(treated):
        lost = reached - passed
        for i in range(len(treated)):
            n, x = float(reached[i]), float(lost[i])
            rest_n, rest_x = float(reached.sum() - n), float(lost.sum() - x)
            if n < _FEW or rest_n < _FEW:
                continue
            p, q = x / n, rest_x / rest_n
            yield Finding(
                dimension,
                str(treated.segment[i]),
                factor,
                _wilson(p, n),
                q,
                int(n),
                x / float(lost.sum()) if lost.sum() > 0 else 0.0,
                _proportions_p(x, n, rest_x, rest_n),
                shown=False,
                worse=p > q,
            )


def steps_of(treated: Moments) -> Iterator[tuple[str, NDArray[np.float64], NDArray[np.float64]]]:
    """Yields (factor, reached, passed) of every logged step; counts per cell.

    A factor without a column of its own is folded into the next logged one ("coverage+delivery").
    """

    def count(measure: str) -> NDArray[np.float64] | None:
        at = treated.index(measure)
        return None if at is None else treated.s1[:, at] + treated.n * treated.center[at]

    offered, failed = count("offered"), count("system_failure")
    through = {
        "offered": offered,
        "attempted": None if offered is None or failed is None else offered - failed,
        "delivered": count("delivered"),
        "on_time": count("on_time"),
    }
    reached: NDArray[np.float64] = treated.n.astype(np.float64)
    waiting: tuple[str, ...] = ()
    for factor, share in CHAIN[:-1]:
        if factor == "system" and through["attempted"] is None:
            continue
        waiting = (*waiting, factor)
        passed = through[share]
        if passed is not None:
            yield "+".join(waiting), reached, np.minimum(passed, reached)
            reached, waiting = np.minimum(passed, reached), ()


def _lifts(dimension: str, table: Moments, predicted: PredictedLift) -> Iterator[Finding]:
    """Yields the lift of every group against the others, weighted by their size."""
    strata = strata_of(table, predicted.model_copy(update={"segments": {}}))
    if strata.has("weight") or strata.has("denominator"):
        return  # ratios; their lift by group stands in the report's segments
    known = strata.estimable & (np.minimum(strata.n_treated, strata.n_holdout) >= _FEW)
    lift = strata.treated[:, 0] - strata.holdout[:, 0]
    var = strata.cov_treated[:, 0, 0] + strata.cov_holdout[:, 0, 0]
    for i in np.flatnonzero(known):
        rest = known.copy()
        rest[i] = False
        if not rest.any() or var[i] <= 0:
            continue
        weight = np.where(rest, strata.weight, 0.0) / strata.weight[rest].sum()
        other = float((weight * lift).sum())
        error = float(np.sqrt(var[i] + (weight**2 * var).sum()))
        own = float(np.sqrt(var[i]))
        z = _z(predicted.confidence)
        here = float(lift[i])
        yield Finding(
            dimension,
            strata.labels[i],
            LIFT,
            Interval(here, here - z * own, here + z * own, own),
            other,
            int(strata.n_treated[i] + strata.n_holdout[i]),
            0.0,
            _normal_p((here - other) / error),
            shown=False,
            worse=here < other,
        )


def _z(confidence: float) -> float:
    from scipy.special import ndtri

    return float(ndtri((1 + confidence) / 2))


def _normal_p(t: float) -> float:
    from scipy.special import ndtr

    return float(2 * ndtr(-abs(t)))


def _wilson(p: float, n: float, z: float = 1.959963984540054) -> Interval:
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * float(np.sqrt(p * (1 - p) / n + (z / (2 * n)) ** 2))
    return Interval(p, max(0.0, middle - half), min(1.0, middle + half))


def _proportions_p(x: float, n: float, y: float, m: float) -> float:
    """Returns the two-sided p value of equal shares, by the pooled test."""
    pooled = (x + y) / (n + m)
    spread = pooled * (1 - pooled) * (1 / n + 1 / m)
    return 1.0 if spread <= 0 else _normal_p((x / n - y / m) / float(np.sqrt(spread)))
