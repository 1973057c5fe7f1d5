"""Lift by segment and by period, compared within the strata of the headline."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from spot_mlflow.lift.estimation.rows import Rows, rows_of
from spot_mlflow.lift.moments.grouping import codes_of
from spot_mlflow.lift.strata.choice import compare, within_periods

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from spot_mlflow.lift.estimation.rows import ByCell
    from spot_mlflow.lift.estimators.comparison import Comparison
    from spot_mlflow.lift.moments.cells import Moments
    from spot_mlflow.lift.promise.contract import PredictedLift

    Floats = NDArray[np.float64]

Key = Literal["segment", "period"]


def standard_rows(cells: Moments, predicted: PredictedLift, key: Key, outcome: ByCell) -> Rows:
    """Both arms row by row, at the common mix of the strata within each row.

    A row without any stratum, since its units are too few or all in one arm, shows its plain means;
    where units have a counterpart elsewhere in the log, such a row has no interval.

    Args:
        cells: moments by segment, arm and day.
        predicted: the contract.
        key: what the rows are.
        outcome: mean and unit variance of a cell, in units of the lift.
    """
    shown = cells.by_period(predicted.period) if key == "period" else cells
    rows = rows_of(shown.collapse(key, "arm"), key, outcome)
    comparison = compare(cells, predicted, each_segment=key == "segment")
    if key == "period":
        comparison = within_periods(comparison, predicted.period)
    if not len(comparison) or predicted.design == "before_after":
        return rows
    inside = np.flatnonzero(comparison.within) if key == "segment" else np.arange(len(comparison))
    place = {label: i for i, label in enumerate(rows.labels)}
    names, code = codes_of(getattr(comparison.treated, key)[inside])
    of = np.array([place[str(x)] for x in names], dtype=np.int64)[code]
    single = np.bincount(of, minlength=len(place)) <= 1
    whole = np.bincount(of, weights=_units(comparison)[inside], minlength=len(place))
    # One stratum that holds all of a row's units says what the plain row says, count by count.
    same = single & (whole == rows.n_t + rows.n_c)
    if same.all():
        return rows
    share = comparison.share[inside]
    sides: tuple[Moments, ...] = (comparison.treated, comparison.holdout)
    if len(inside) < len(comparison):
        sides = tuple(x.select(inside) for x in sides)
    return replace(_put(rows, sides, share, of, outcome, same), counted=same)


def _units(comparison: Comparison) -> Floats:
    return (comparison.treated.n + comparison.holdout.n).astype(np.float64)


def _put(  # noqa: PLR0917 - both arms, and what puts their strata into rows
    rows: Rows,
    sides: tuple[Moments, ...],
    share: Floats,
    of: NDArray[np.int64],
    outcome: ByCell,
    same: NDArray[np.bool_],
) -> Rows:
    """Replaces the rows that are made of strata, all but the same ones, by their standardized means."""
    size = len(rows.labels)
    total = np.bincount(of, weights=share, minlength=size)
    share = share / total[of]
    made = {}
    for name, part in zip(("t", "c"), sides, strict=True):
        mean, var = outcome(part)
        n = part.n.astype(np.float64)
        units = np.bincount(of, weights=n, minlength=size)
        average = np.bincount(of, weights=share * mean, minlength=size)
        spread = np.bincount(of, weights=share**2 * var / n, minlength=size)
        made[f"n_{name}"], made[f"mean_{name}"] = units, average
        made[f"var_{name}"] = units * spread
    there = total > 0
    alone = ~there & (np.minimum(rows.n_t, rows.n_c) > 0) & ~same
    out: dict[str, Any] = {}
    for k, new in made.items():
        old = getattr(rows, k)
        out[k] = np.where(there & ~same, new, np.where(alone & k.startswith("var"), np.nan, old))
    return replace(rows, **out)
