"""Means per segment and arm, with the covariance of the means: what the bridge is computed from.

Everything here is linear in the sums of the reduction, so one pass over the log is enough.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from spot_mlflow.lift.estimators.standardized import standardized
from spot_mlflow.lift.moments.cells import pooled_arms
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT
from spot_mlflow.lift.strata.choice import compare

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from spot_mlflow.lift.estimators.comparison import Comparison
    from spot_mlflow.lift.moments.cells import Moments
    from spot_mlflow.lift.promise.contract import PredictedLift


# What the bridge reads, beside the lift itself: name -> (measure, factor) summed up.
_SUMS = {
    "denominator": {"denominator": 1.0},
    "weight": {"weight": 1.0},
    "value": {"value": 1.0},
    "cost": {"cost": 1.0},
    "handling": {"handling": 1.0},
    "offered": {"offered": 1.0},
    "attempted": {"offered": 1.0, "system_failure": -1.0},
    "delivered": {"delivered": 1.0},
    "on_time": {"on_time": 1.0},
}


_ROUNDING: Final = 1e-12  # relative, of a variance: sums of 10^8 units stay below it


@dataclass(frozen=True, eq=False)
class Strata:
    """Means and their covariances, per stratum (segment) and arm.

    Attributes:
        labels: (S,) segments, those promised but absent from the log included.
        names: (m,) names of the columns of the means; "lift" first, in improvement units.
        weight: (S,) share of the analysed units of both arms.
        n_treated: (S,) treated units. n_holdout: (S,) holdout units.
        treated: (S, m) means over the treated; 0 where there are none.
        holdout: (S, m) means over the holdout.
        cov_treated: (S, m, m) covariance of these means.
        cov_holdout: (S, m, m) the same of the holdout.
        side_by_side: (S,) whether some of a segment's units of both arms share a time; None where they
            are compared over the whole time.
    """

    labels: tuple[str, ...]
    names: tuple[str, ...]
    weight: NDArray[np.float64]
    n_treated: NDArray[np.float64]
    n_holdout: NDArray[np.float64]
    treated: NDArray[np.float64]
    holdout: NDArray[np.float64]
    cov_treated: NDArray[np.float64]
    cov_holdout: NDArray[np.float64]
    side_by_side: NDArray[np.bool_] | None = None

    @property
    def units(self) -> float:
        """Analysed units of both arms."""
        return float(self.n_treated.sum() + self.n_holdout.sum())

    def has(self, name: str) -> bool:
        """Tells whether the column was logged."""
        return name in self.names

    @property
    def estimable(self) -> NDArray[np.bool_]:
        """(S,) strata with units in both arms, at the same times where times are compared."""
        both = (self.n_treated > 0) & (self.n_holdout > 0)
        return both if self.side_by_side is None else both & self.side_by_side

    def widened(self, factor: float) -> Strata:
        """Returns the strata with every covariance times ``factor`` (a design effect)."""
        return replace(
            self, cov_treated=self.cov_treated * factor, cov_holdout=self.cov_holdout * factor
        )


def strata_of(cells: Moments, predicted: PredictedLift) -> Strata:
    """Reduces the cells to means per segment and arm.

    The weight of a segment is its share of all analysed units. Each arm's means in a segment are
    weighted over the strata that the headline compares within (``strata.choice``), the same weights in both
    arms; small segments that the headline puts together have longer strata of their own. A segment
    without any has its plain means, and no lift where others are compared within times.

    Args:
        cells: the base pass.
        predicted: the contract: direction, promised segments, incentive.
    """
    table = pooled_arms(cells.collapse("segment", "arm")).collapse("segment", "arm")
    table = table.select(table.n > 0)
    labels = tuple(sorted({str(s) for s in table.segment} | set(predicted.segments)))
    row = {label: i for i, label in enumerate(labels)}
    comparison = compare(cells, predicted, each_segment=True)
    names, mapping, centre = _mapping(table, predicted, comparison)
    size, wide = len(labels), len(names)
    n = {arm: np.zeros(size) for arm in (TREATMENT, HOLDOUT)}
    mean = {arm: np.zeros((size, wide)) for arm in n}
    cov = {arm: np.zeros((size, wide, wide)) for arm in n}
    rows = np.array([row[str(s)] for s in table.segment], dtype=np.int64)
    means, covariances = _cell_means(table, names, mapping, predicted)
    means[:, 0] -= centre
    units = np.zeros(size)
    for arm, counted in n.items():
        mine = table.arm == arm
        counted[rows[mine]] = table.n[mine]
        mean[arm][rows[mine]] = means[mine]
        cov[arm][rows[mine]] = covariances[mine]
        units += counted
    weight = units / units.sum() if units.sum() else np.zeros(size)
    inside = np.flatnonzero(comparison.within)
    side_by_side = None
    if len(inside) and comparison.cut.calendar != "whole":
        side_by_side = np.isin(labels, [str(s) for s in comparison.treated.segment[inside]])
    if len(inside) > 1:
        of = np.array([row[str(s)] for s in comparison.treated.segment[inside]], dtype=np.int64)
        share = comparison.share[inside]
        share = share / np.bincount(of, weights=share, minlength=size)[of]
        for arm, side in ((TREATMENT, comparison.treated), (HOLDOUT, comparison.holdout)):
            found = side.select(inside)
            means, covariances = _cell_means(found, names, mapping, predicted)
            means[:, 0] -= centre
            touched = np.unique(of)
            for into, values in (
                (n[arm], found.n.astype(np.float64)),
                (mean[arm], share[:, None] * means),
                (cov[arm], (share**2)[:, None, None] * covariances),
            ):
                into[touched] = 0.0
                np.add.at(into, of, values)
    return Strata(
        labels, names, weight, n[TREATMENT], n[HOLDOUT], mean[TREATMENT], mean[HOLDOUT],
        cov[TREATMENT], cov[HOLDOUT], side_by_side,
    )  # fmt: skip


def _cell_means(
    table: Moments, names: tuple[str, ...], mapping: NDArray[np.float64], predicted: PredictedLift
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means (cells, m) of the columns, and the covariance (cells, m, m) of these means."""
    units = table.n.astype(np.float64)[:, None]
    raw, around = table.center + table.s1 / units, table.s1 / units
    spread = table.s2 / units[:, :, None] - around[:, :, None] * around[:, None, :]
    # A constant column comes back from centred sums with a variance of rounding only.
    still = np.diagonal(spread, axis1=1, axis2=2) <= _ROUNDING * raw**2
    spread = np.where(still[:, :, None] | still[:, None, :], 0.0, spread)
    means = raw @ mapping.T
    covariances = mapping @ spread @ mapping.T
    if _pays(predicted, table):
        means, covariances = _with_paid(means, covariances, table, names, predicted.direction)
    return means, covariances / np.maximum(units - 1, 1)[:, :, None]


def _mapping(
    table: Moments, predicted: PredictedLift, comparison: Comparison
) -> tuple[tuple[str, ...], NDArray[np.float64], float]:
    """Returns the names of the columns, the (m, measures) matrix that makes them, and a centre.

    The centre is what the covariate's mean over all units adds to the lift column.
    """
    sign = -1.0 if predicted.direction == "decrease" else 1.0
    have = set(table.measures)
    weighted = {"weight", "weighted_outcome"} <= have and predicted.design == "logged_propensity"
    lift = {"weighted_outcome" if weighted else "outcome": sign}
    if "covariate" in have and not weighted and "denominator" not in have:
        lift["covariate"] = -sign * _theta(table, comparison)
    rows = {"lift": lift}
    rows |= {
        name: parts
        for name, parts in _SUMS.items()
        if set(parts) <= have and (name != "weight" or weighted)
    }
    matrix = np.zeros((len(rows), len(table.measures)))
    for i, parts in enumerate(rows.values()):
        for measure, factor in parts.items():
            matrix[i, table.measures.index(measure)] = factor
    centre = 0.0
    if (index := table.index("covariate")) is not None:
        centre = _covariate_mean(table) * float(matrix[0, index])
    names = tuple(rows)
    if _pays(predicted, table):
        names = (*names, "paid")
        matrix = np.vstack([matrix, np.zeros(len(table.measures))])
    return names, matrix, centre


def _theta(table: Moments, comparison: Comparison) -> float:
    """CUPED's theta = cov(y, x) / var(x): within strata, or over both arms where there is one."""
    if len(comparison) > 1:
        return standardized(comparison).theta
    n = table.n.sum()
    s1, s2 = table.s1.sum(axis=0), table.s2.sum(axis=0)
    y, x = table.measures.index("outcome"), table.measures.index("covariate")
    variance = s2[x, x] - s1[x] ** 2 / n
    return float((s2[y, x] - s1[y] * s1[x] / n) / variance) if variance > 0 else 0.0


def _covariate_mean(table: Moments) -> float:
    """Returns the mean of the covariate over both arms, about which the outcome is adjusted."""
    x = table.measures.index("covariate")
    return float(table.center[x] + table.s1[:, x].sum() / max(int(table.n.sum()), 1))


def _pays(predicted: PredictedLift, table: Moments) -> bool:
    """Tells whether an incentive must be reckoned: promised, and no cost logged that holds it."""
    e = predicted.economics
    return (
        e is not None
        and e.incentive > 0
        and predicted.kind == "binary"
        and "cost" not in table.measures
    )


def _with_paid(
    mean: NDArray[np.float64],
    cov: NDArray[np.float64],
    table: Moments,
    names: tuple[str, ...],
    direction: str,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Adds the share of units that got the incentive: a good outcome after a delivered offer.

    Its products with the other columns follow from the binary outcome: whoever was paid was
    offered, attempted and delivered, and has all of the value.

    Args:
        mean: (cells, m) means of the columns.
        cov: (cells, m, m) their covariance.
        table: the cells they are of.
        names: of the columns, "paid" among them.
        direction: of the contract.
    """
    raw, product = _products(table)
    y, through = table.measures.index("outcome"), table.index("delivered")
    increase = direction == "increase"
    reached = np.ones(len(raw)) if through is None else raw[:, through]
    good = raw[:, y] if through is None else product[:, y, through]
    paid = good if increase else reached - good
    none = np.zeros(len(raw))
    joint = dict.fromkeys(("offered", "attempted", "delivered", "paid"), paid)
    joint["lift"] = paid if increase else none
    late, worth = table.index("on_time"), table.index("value")
    if late is not None:
        joint["on_time"] = product[:, y, late] if increase else raw[:, late] - product[:, y, late]
    if worth is not None:
        joint["value"] = raw[:, worth] if through is None else product[:, worth, through]
    out, wide, at = mean.copy(), cov.copy(), names.index("paid")
    out[:, at] = paid
    for j, name in enumerate(names):
        if name == "lift":
            sign = 1.0 if increase else -1.0
            wide[:, at, j] = sign * (joint["lift"] - paid * raw[:, y])
        elif name in joint:
            wide[:, at, j] = joint[name] - paid * out[:, j]
        wide[:, j, at] = wide[:, at, j]
    return out, wide


def _products(table: Moments) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns means (cells, m) and means of products (cells, m, m), not centred."""
    n = table.n.astype(np.float64)[:, None]
    raw = table.center + table.s1 / n
    shift = raw[:, :, None] * table.center
    product = table.s2 / n[:, :, None] + shift + shift.transpose(0, 2, 1)
    return raw, product - np.outer(table.center, table.center)
