"""The lift so far, period after period, with the band that holds at every look."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from spot_mlflow.lift.estimation import outcome_by_cell
from spot_mlflow.lift.moments import HOLDOUT
from spot_mlflow.lift.report import Interval, SegmentLift
from spot_mlflow.lift.rows import Rows
from spot_mlflow.lift.sequence import (
    Looks,
    difference_bounds,
    difference_variance,
    multiplier,
    ratio_bounds,
    second_to_first,
)
from spot_mlflow.lift.strata import pooled_arms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from spot_mlflow.lift.contract import PredictedLift
    from spot_mlflow.lift.moments import Moments, OutcomeMoments
    from spot_mlflow.lift.rows import ByCell

    Floats = NDArray[np.float64]

MOST_POINTS: Final = 40  # on a curve; more cannot be told apart
FEWEST: Final = 2


def course_of(moments: OutcomeMoments, predicted: PredictedLift) -> tuple[SegmentLift, ...]:
    """Computes the lift of all units decided up to each period's end.

    Differences (or ratios) in the units of the headline, without covariate and segments, with the
    asymptotic confidence sequence of ``sequence``, N* the units planned, or those of the whole log:
    the band may be read at any point.

    Args:
        moments: the reduced log.
        predicted: the contract.

    Returns:
        One row per period at whose end both arms have a spread, ``label`` its first day, at most 40,
        the last one always; empty without dates, and for clusters, whose sums do not add up over
        periods.
    """
    if moments.clusters is not None:
        return ()
    by_period = moments.cells.by_period(predicted.period).collapse("period", "arm")
    cells = pooled_arms(by_period).collapse("period", "arm")
    cells = cells.select(~np.isnat(cells.period) & (cells.n > 0))
    periods = np.unique(cells.period)
    if len(periods) < FEWEST:
        return ()
    step = math.ceil(len(periods) / MOST_POINTS)
    shown = np.array([p for i, p in enumerate(periods[::-1]) if i % step == 0][::-1])
    outcome = outcome_by_cell(moments, predicted)
    held = np.asarray(cells.arm == HOLDOUT, dtype=bool)
    n_t, mean_t, var_t, below_t = _so_far(cells.select(~held), shown, outcome)
    n_c, mean_c, var_c, below_c = _so_far(cells.select(held), shown, outcome)
    labels, sides = tuple(str(p) for p in shown), (n_t, n_c, mean_t, mean_c, var_t, var_c)
    return _points(Rows(labels, *sides, plain=False, negative=below_t + below_c), predicted)


def _so_far(
    arm: Moments, shown: NDArray[np.datetime64], outcome: ByCell
) -> tuple[Floats, Floats, Floats, Floats]:
    """Units, mean, unit variance and outcomes below 0 of all that one arm decided up to each point.

    Args:
        arm: its cells by period, ascending.
        shown: (points,) first days of the periods shown, ascending.
        outcome: mean and unit variance of a cell.
    """
    upto = np.searchsorted(arm.period, shown, side="right")
    begun = upto > 0  # before the arm's first unit there is nothing to say
    running = arm.running().select(upto[begun] - 1)
    n = np.zeros(len(shown))
    mean, var = np.full(len(shown), np.nan), np.full(len(shown), np.nan)
    below = np.zeros(len(shown))
    n[begun], below[begun] = running.n, running.negative
    mean[begun], var[begun] = outcome(running)
    return n, mean, var, below


def looks_of(rows: Rows) -> Looks:
    """The state of the comparison in each row, as ``Looks.of`` has it of two arms."""
    n_t, n_c = rows.n_t, rows.n_c
    ratio = second_to_first(
        rows.var_t * (n_t - 1) + n_t * rows.mean_t**2,
        rows.var_c * (n_c - 1) + n_c * rows.mean_c**2,
        n_t * rows.mean_t,
        n_c * rows.mean_c,
    )
    by_mean = np.minimum(rows.mean_t, rows.mean_c) >= 0
    below = np.full(len(n_t), np.nan) if rows.negative is None else rows.negative
    usable = np.where(np.isnan(below), by_mean, below == 0)
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
        ratio=np.where(usable, ratio, np.nan),
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
