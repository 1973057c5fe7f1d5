"""The lift so far, period after period, with the band that holds at every look."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from spot_mlflow.lift.estimation.choice import outcome_by_cell
from spot_mlflow.lift.estimation.rows import Rows, plain_outcome
from spot_mlflow.lift.estimators.sequence import (
    Looks,
    difference_bounds,
    difference_variance,
    multiplier,
    ratio_bounds,
    rescaled,
    second_to_first,
)
from spot_mlflow.lift.interval import Interval
from spot_mlflow.lift.moments.grouping import numbered, summed_at
from spot_mlflow.lift.moments.spread import cells_of
from spot_mlflow.lift.results import SegmentLift
from spot_mlflow.lift.strata.choice import compare

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from spot_mlflow.lift.estimation.rows import ByCell
    from spot_mlflow.lift.moments.cells import Moments
    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
    from spot_mlflow.lift.promise.contract import PredictedLift

    Floats = NDArray[np.float64]

MOST_POINTS: Final = 40  # on a curve; more cannot be told apart
FEWEST: Final = 2


def course_of(moments: OutcomeMoments, predicted: PredictedLift) -> tuple[SegmentLift, ...]:
    """Computes the lift of all units decided up to each period's end.

    Differences (or ratios) in the units of the headline, without covariate, compared within the
    strata of the headline, with the asymptotic confidence sequence of ``sequence``, N* the units
    planned, or those of the whole log: the band may be read at any point.

    Args:
        moments: the reduced log.
        predicted: the contract.

    Returns:
        One row per period at whose end both arms have a spread, ``label`` its first day, at most 40,
        the last one always; empty without dates, where no stratum has both arms, and for clusters,
        whose sums do not add up over periods.
    """
    if moments.clusters is not None:
        return ()
    comparison = compare(moments.cells, predicted)
    cells = comparison.cells.by_period(predicted.period)
    known = ~np.isnat(cells.period) & (cells.n > 0)
    periods = np.unique(cells.period[known])
    if len(periods) < FEWEST or not len(comparison):
        return ()
    step = math.ceil(len(periods) / MOST_POINTS)
    shown = np.array([p for i, p in enumerate(periods[::-1]) if i % step == 0][::-1])
    needed = [m for m in _NEEDED if m in cells.measures]
    cells = cells.of_measures(needed).select(known)
    at = np.searchsorted(shown, cells.period)
    grown = _Growth.of(cells, comparison.stratum[known], at, len(shown))
    rows = grown.rows(tuple(str(p) for p in shown), predicted, outcome_by_cell(moments, predicted))
    return _points(rows, predicted)


_NEEDED: Final = ("outcome", "denominator", "weight", "weighted_outcome")


@dataclass(frozen=True, eq=False)
class _Growth:
    """Strata at each point; a pair is a stratum at a point from which it grows.

    Attributes:
        treated: (pairs,) moments so far. holdout: (pairs,) the same of the holdout.
        first: (pairs,) point from which the pair holds. last: (pairs,) the point before which the
            next pair of its stratum takes its place; the number of points for the last one.
        points: how many.
    """

    treated: Moments
    holdout: Moments
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    points: int

    @classmethod
    def of(
        cls, cells: Moments, stratum: NDArray[np.int64], at: NDArray[np.int64], points: int
    ) -> _Growth:
        """Adds the cells up over time, within each stratum.

        Args:
            cells: covered cells.
            stratum: (cells,) of each.
            at: (cells,) point from which it counts.
            points: how many.
        """
        size = (int(stratum.max(initial=-1)) + 1) * points
        number, pair = numbered(stratum * points + at, size)
        held = cells.held
        sides = [cells.grown_by(pair, number // points, m) for m in (~held, held)]
        same = np.r_[number[1:] // points == number[:-1] // points, False]
        last = np.where(same, np.r_[number[1:] % points, points], points)
        return cls(sides[0], sides[1], number % points, last, points)

    def rows(self, labels: tuple[str, ...], predicted: PredictedLift, outcome: ByCell) -> Rows:
        """Both arms at each point, at the mix of the strata that have both by then."""
        n_t, n_c = self.treated.n.astype(np.float64), self.holdout.n.astype(np.float64)
        there = np.minimum(n_t, n_c) >= FEWEST
        size = n_t + n_c
        if predicted.weights == "overlap":
            size = n_t * n_c / np.maximum(size, 1)
        size = np.where(there, size, 0.0)
        total = self._sum(size)
        made: list[Floats] = []
        for n, side in ((n_t, self.treated), (n_c, self.holdout)):
            mean, cov = _parts(side, outcome)
            mean, cov = (np.where(np.isfinite(x), x, 0.0) for x in (mean, cov))
            units = self._sum(np.where(there, n, 0.0))
            with np.errstate(all="ignore"):  # points without units are NaN, and not shown
                average = self._sum(size[:, None] * mean) / total[:, None]
                weight = size**2 / np.maximum(n, 1)
                spread = self._sum(weight[:, None, None] * cov) / total[:, None, None] ** 2
                level, var = _level(average, spread)
            made += [units, level, units * var]
        n_t, mean_t, var_t, n_c, mean_c, var_c = made
        below = self._sum(np.where(there, self.treated.negative + self.holdout.negative, 0.0))
        y = self.treated.measures.index("outcome")
        events = [
            self._sum(np.where(there, x.nonzero[:, y], 0.0)) for x in (self.treated, self.holdout)
        ]
        return Rows(
            labels, n_t, n_c, mean_t, mean_c, var_t, var_c, plain=False, negative=below,
            events_t=events[0], events_c=events[1],
        )  # fmt: skip

    def _sum(self, x: Floats) -> Floats:
        """Adds over the pairs that hold at each point, (points, ...)."""
        size = self.points + 1
        change = summed_at(self.first, size, x) - summed_at(self.last, size, x)
        out: Floats = change.cumsum(axis=0)[:-1]
        return out


def _parts(side: Moments, outcome: ByCell) -> tuple[Floats, Floats]:
    """Means and covariances of what a point's mean is made of: a numerator and denominator, or one."""
    if "denominator" not in side.measures or outcome is plain_outcome:
        mean, var = outcome(side)
        return mean[:, None], var[:, None, None]
    cells = cells_of(side)
    pick = [side.measures.index(m) for m in ("outcome", "denominator")]
    return cells.mean[:, pick], cells.cov[:, pick][:, :, pick]


def _level(mean: Floats, cov: Floats) -> tuple[Floats, Floats]:
    """The mean itself, or the ratio of the two standardized means, with its variance."""
    if mean.shape[1] == 1:
        return mean[:, 0], cov[:, 0, 0]
    ratio = mean[:, 0] / mean[:, 1]
    line = np.stack([1 / mean[:, 1], -ratio / mean[:, 1]], axis=1)
    return ratio, np.einsum("ti,tij,tj->t", line, cov, line)


def looks_of(rows: Rows) -> Looks:
    """The state of the comparison in each row, as ``Looks.of`` has it of two arms."""
    n_t, n_c = rows.n_t, rows.n_c
    squares = (
        rows.var_t * (n_t - 1) + n_t * rows.mean_t**2,
        rows.var_c * (n_c - 1) + n_c * rows.mean_c**2,
    )
    totals = n_t * rows.mean_t, n_c * rows.mean_c
    ratio = second_to_first(*squares, *totals)
    by_mean = np.minimum(rows.mean_t, rows.mean_c) >= 0
    below = np.full(len(n_t), np.nan) if rows.negative is None else rows.negative
    usable = np.where(np.isnan(below), by_mean, below == 0)
    ratio = np.where(usable, ratio, np.nan)
    events = [n if e is None else e for n, e in ((n_t, rows.events_t), (n_c, rows.events_c))]
    ratio_t, ratio_c = rescaled(ratio, squares, totals, events)
    return Looks(
        n_t=n_t,
        n_c=n_c,
        value_t=rows.mean_t,
        value_c=rows.mean_c,
        var_t=rows.var_t,
        var_c=rows.var_c,
        pooled=(rows.var_t * (n_t - 1) + rows.var_c * (n_c - 1)) / (n_t + n_c - 2),
        raw_t=rows.mean_t,
        raw_c=rows.mean_c,
        ratio=ratio,
        ratio_t=ratio_t,
        ratio_c=ratio_c,
        effect_t=np.ones_like(n_t),
        effect_c=np.ones_like(n_t),
    )


def _points(rows: Rows, predicted: PredictedLift) -> tuple[SegmentLift, ...]:
    """One point per row in which both arms have a spread."""
    total = float((rows.n_t + rows.n_c).max(initial=0.0))
    kept = rows.select(np.isfinite(rows.var_t + rows.var_c))
    value, low, high, se = _lifts(kept, predicted, total)
    return tuple(
        SegmentLift(
            label=label,
            estimate=Interval(float(value[i]), float(low[i]), float(high[i]), se[i]),
            n_treatment=int(kept.n_t[i]),
            n_holdout=int(kept.n_c[i]),
            share=float(kept.n_t[i] + kept.n_c[i]) / total,
            predicted=predicted.predicted.lift,
        )
        for i, label in enumerate(kept.labels)
    )


def _lifts(
    at: Rows, predicted: PredictedLift, total: float
) -> tuple[Floats, Floats, Floats, list[float | None]]:
    """Lift, bounds and standard error at each point, improvement units."""
    looks, alpha = looks_of(at), 1 - predicted.confidence
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
