"""The lift so far, period after period, with the band that holds at every look."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from spot_mlflow.lift.arm import arms_of
from spot_mlflow.lift.moments import HOLDOUT
from spot_mlflow.lift.report import Interval, SegmentLift
from spot_mlflow.lift.sequence import confidence_sequence

if TYPE_CHECKING:
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
    total = int(cells.n.sum())
    step = math.ceil(len(periods) / MOST_POINTS)
    shown = [p for i, p in enumerate(reversed(periods.tolist())) if i % step == 0][::-1]
    planned = float(predicted.planned_units or total)
    rows = [_upto(cells, np.datetime64(p, "D"), predicted, planned) for p in shown]
    return tuple(r for r in rows if r is not None)


def _upto(
    cells: Moments, period: np.datetime64, predicted: PredictedLift, planned: float
) -> SegmentLift | None:
    so_far = cells.select(cells.period <= period)
    if HOLDOUT not in so_far.arm or not so_far.arms():
        return None
    treated, holdout = arms_of(so_far)
    if min(treated.n, holdout.n) < FEWEST:
        return None
    found = confidence_sequence(
        treated, holdout, alpha=1 - predicted.confidence, planned=planned, effect=predicted.effect
    ).improved(predicted.direction)
    return SegmentLift(
        label=str(period),
        estimate=Interval(found.value, found.low, found.high, found.se),
        n_treatment=treated.n,
        n_holdout=holdout.n,
        share=int(so_far.n.sum()) / int(cells.n.sum()),
        predicted=predicted.predicted.lift,
    )
