"""The lift so far, period after period, with the band that holds at every look."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from spot_mlflow.lift.moments import HOLDOUT
from spot_mlflow.lift.report import Interval, SegmentLift
from spot_mlflow.lift.sequence import (
    Looks,
    difference_bounds,
    difference_variance,
    multiplier,
    ratio_bounds,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from spot_mlflow.lift.contract import PredictedLift
    from spot_mlflow.lift.moments import Moments, OutcomeMoments

MOST_POINTS: Final = 40  # on a curve; more cannot be told apart
FEWEST: Final = 2


def course_of(moments: OutcomeMoments, predicted: PredictedLift) -> tuple[SegmentLift, ...]:
    """Computes the lift of all units decided up to each period's end.

    Unadjusted differences (or ratios) with the asymptotic confidence sequence of ``sequence``, N*
    the units planned, or those of the whole log: the band may be read at any point.

    Args:
        moments: the reduced log.
        predicted: the contract.

    Returns:
        One row per period, ``label`` its first day, at most 40, the last one always; empty without
        dates, for clusters (whose sums do not add up over periods) and for logged propensities.
    """
    if moments.clusters is not None or predicted.design == "logged_propensity":
        return ()
    cells = moments.cells.collapse("period", "arm")
    cells = cells.select(~np.isnat(cells.period) & (cells.n > 0))
    periods = np.unique(cells.period)
    if len(periods) < FEWEST:
        return ()
    step = math.ceil(len(periods) / MOST_POINTS)
    shown = np.array([p for i, p in enumerate(periods[::-1]) if i % step == 0][::-1])
    running = Cumulative.of(cells, shown)
    return running.rows(predicted, [str(p) for p in shown])


@dataclass(frozen=True, eq=False)
class Cumulative:
    """Both arms up to the end of each shown period; arrays are (points,)."""

    n_t: NDArray[np.float64]
    n_c: NDArray[np.float64]
    mean_t: NDArray[np.float64]
    mean_c: NDArray[np.float64]
    var_t: NDArray[np.float64]
    var_c: NDArray[np.float64]

    @classmethod
    def of(cls, cells: Moments, shown: NDArray[np.datetime64]) -> Cumulative:
        """Adds the cells of each arm up to each period; treatment arms are pooled."""
        i = cells.measures.index("outcome")
        held = np.asarray(cells.arm == HOLDOUT, dtype=bool)
        sides = []
        for mine in (~held, held):
            part = cells.select(mine)
            order = np.argsort(part.period, kind="stable")
            upto = np.searchsorted(part.period[order], shown, side="right")
            sums = (part.n, part.s1[:, i], part.s2[:, i, i])
            n, s1, s2 = (np.r_[0.0, np.cumsum(x[order])][upto] for x in sums)
            with np.errstate(all="ignore"):  # periods before an arm's first unit are left out
                spread = np.maximum(s2 - s1**2 / n, 0.0)
                sides.append((n, s1 / n + cells.center[i], spread / (n - 1)))
        (n_t, mean_t, var_t), (n_c, mean_c, var_c) = sides
        return cls(n_t, n_c, mean_t, mean_c, var_t, var_c)

    def looks(self) -> Looks:
        """The state of the comparison at each point."""
        n_t, n_c = self.n_t, self.n_c
        squares_t = self.var_t * (n_t - 1) + n_t * self.mean_t**2
        squares_c = self.var_c * (n_c - 1) + n_c * self.mean_c**2
        total = n_t * self.mean_t + n_c * self.mean_c
        usable = (np.minimum(self.mean_t, self.mean_c) >= 0) & (total > 0)
        ratio = np.where(usable, (squares_t + squares_c) / np.where(usable, total, 1.0), np.nan)
        pooled = (self.var_t * (n_t - 1) + self.var_c * (n_c - 1)) / (n_t + n_c - 2)
        return Looks(
            n_t=n_t,
            n_c=n_c,
            value_t=self.mean_t,
            value_c=self.mean_c,
            var_t=self.var_t,
            var_c=self.var_c,
            pooled=pooled,
            raw_t=self.mean_t,
            raw_c=self.mean_c,
            ratio=ratio,
            effect=np.ones_like(n_t),
        )

    def rows(self, predicted: PredictedLift, labels: list[str]) -> tuple[SegmentLift, ...]:
        """One row per point at which both arms have units enough."""
        kept = np.minimum(self.n_t, self.n_c) >= FEWEST
        fields = (getattr(self, f.name)[kept] for f in dataclasses.fields(self))
        value, low, high, se = _lifts(Cumulative(*fields), predicted, float(self._total))
        names = [x for x, keep in zip(labels, kept, strict=True) if keep]
        n_t, n_c = self.n_t[kept], self.n_c[kept]
        return tuple(
            SegmentLift(
                label=name,
                estimate=Interval(float(value[i]), float(low[i]), float(high[i]), se[i]),
                n_treatment=int(n_t[i]),
                n_holdout=int(n_c[i]),
                share=float(n_t[i] + n_c[i]) / self._total,
                predicted=predicted.predicted.lift,
            )
            for i, name in enumerate(names)
        )

    @property
    def _total(self) -> float:
        """Units at the last point, which is that of the whole log."""
        return float(self.n_t[-1] + self.n_c[-1])


def _lifts(
    at: Cumulative, predicted: PredictedLift, total: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], list[float | None]]:
    """Lift, bounds and standard error at each point, improvement units."""
    looks, alpha = at.looks(), 1 - predicted.confidence
    planned = float(predicted.planned_units or total)
    width = multiplier(at.n_t + at.n_c, alpha=alpha, planned=planned)
    se: list[float | None] = [None] * len(at.n_t)
    if predicted.effect == "relative":
        with np.errstate(all="ignore"):  # without a holdout mean there is no ratio: NaN
            value = np.where(at.mean_c > 0, at.mean_t / at.mean_c - 1, np.nan)
        low, high = (x - 1 for x in ratio_bounds(looks, width))
        low, high = np.where(at.mean_c > 0, low, -np.inf), np.where(at.mean_c > 0, high, np.inf)
    else:
        value = at.mean_t - at.mean_c
        low, high = difference_bounds(looks, width)
        se = [float(x) for x in np.sqrt(difference_variance(value, looks))]
    if predicted.direction == "decrease":
        return -value, -high, -low, se
    return value, low, high, se
