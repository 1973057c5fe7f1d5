"""Lift row by row: by segment and by period, for all rows at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from spot_mlflow.lift.estimators.relative import score_ratio_bounds
from spot_mlflow.lift.estimators.score_difference import score_difference_bounds
from spot_mlflow.lift.estimators.simultaneous import holm
from spot_mlflow.lift.interval import Interval
from spot_mlflow.lift.moments.cells import pooled_arms
from spot_mlflow.lift.moments.labels import HOLDOUT
from spot_mlflow.lift.moments.spread import cells_of
from spot_mlflow.lift.results import SegmentLift

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from spot_mlflow.lift.moments.cells import Moments
    from spot_mlflow.lift.promise.contract import PredictedLift

    Floats = NDArray[np.float64]
    ByCell = Callable[[Moments], tuple[Floats, Floats]]


@dataclass(frozen=True, eq=False)
class Rows:
    """Both arms, row by row; arrays are (rows,), raw units.

    Attributes:
        labels: what each row is about: a segment, or a period's first day.
        n_t: units treated.
        n_c: units in the holdout.
        mean_t: mean of the treated; NaN without units.
        mean_c: mean of the holdout.
        var_t: unbiased variance of a treated unit; NaN with fewer than two.
        var_c: unbiased variance of a holdout unit.
        plain: whether the means are those of the outcome itself, so that a rate is a count of
            events over units; not for ratios, weights and clusters.
        negative: outcomes below 0, both arms; NaN where they were not counted, None where the rows
            are of no sequence.
        events_t: treated units whose outcome is not 0; None where the rows are of no sequence.
        events_c: the same of the holdout.
        counted: (rows,) whether a rate is a count of events over the row's units as they stand, and
            not standardized over strata; None where all are.
    """

    labels: tuple[str, ...]
    n_t: Floats
    n_c: Floats
    mean_t: Floats
    mean_c: Floats
    var_t: Floats
    var_c: Floats
    plain: bool = True
    negative: Floats | None = None
    events_t: Floats | None = None
    events_c: Floats | None = None
    counted: NDArray[np.bool_] | None = None

    def select(self, mask: NDArray[np.bool_]) -> Rows:
        """Returns the rows where ``mask`` (rows,) is True."""
        labels = tuple(x for x, keep in zip(self.labels, mask, strict=True) if keep)
        return Rows(
            labels,
            self.n_t[mask],
            self.n_c[mask],
            self.mean_t[mask],
            self.mean_c[mask],
            self.var_t[mask],
            self.var_c[mask],
            plain=self.plain,
            negative=None if self.negative is None else self.negative[mask],
            events_t=None if self.events_t is None else self.events_t[mask],
            events_c=None if self.events_c is None else self.events_c[mask],
            counted=None if self.counted is None else self.counted[mask],
        )

    def widened(self, treated: float, holdout: float) -> Rows:
        """Returns the rows with the variances of each arm times its own design effect."""
        return replace(self, var_t=self.var_t * treated, var_c=self.var_c * holdout, plain=False)


def plain_outcome(moments: Moments) -> tuple[Floats, Floats]:
    """Mean of the outcome in each cell and the unbiased variance of a unit."""
    cells = cells_of(moments)
    i = moments.measures.index("outcome")
    return cells.mean[:, i], cells.cov[:, i, i]


def rows_of(moments: Moments, key: str, outcome: ByCell = plain_outcome) -> Rows:
    """Puts both arms of each segment or period side by side; treatment arms are pooled.

    Args:
        moments: cells collapsed to (``key``, "arm").
        key: "segment" or "period".
        outcome: mean and unit variance of each cell, in units of the lift.
    """
    if len({str(a) for a in moments.arm} - {HOLDOUT}) > 1:
        moments = pooled_arms(moments).collapse(key, "arm")
    mean, var = outcome(moments)
    labels, row = np.unique(getattr(moments, key).astype(str), return_inverse=True)
    held = np.asarray(moments.arm == HOLDOUT, dtype=bool)

    def side(mask: NDArray[np.bool_], values: Floats, empty: float) -> Floats:
        out = np.full(len(labels), empty)
        out[row[mask]] = values[mask]
        return out

    n = moments.n.astype(np.float64)
    return Rows(
        tuple(str(x) for x in labels),
        side(~held, n, 0.0),
        side(held, n, 0.0),
        side(~held, mean, np.nan),
        side(held, mean, np.nan),
        side(~held, var, np.nan),
        side(held, var, np.nan),
        plain=outcome is plain_outcome,
    )


def row_intervals(rows: Rows, predicted: PredictedLift) -> tuple[Floats, Floats, Floats, Floats]:
    """Lift of each row with its own interval at the contract's confidence, improvement units.

    Rates: the score interval, skew-corrected for a relative lift. Else Welch, log-delta for a relative
    lift. No correction for the number of rows.

    Returns:
        (lift, low, high, p): p is Welch's, two-sided. Rows that allow no interval hold NaN and
        infinite bounds.
    """
    from scipy.special import stdtr

    with np.errstate(all="ignore"):  # rows without units or spread are mended below
        a, b = rows.var_t / rows.n_t, rows.var_c / rows.n_c
        df = (a + b) ** 2 / (a**2 / (rows.n_t - 1) + b**2 / (rows.n_c - 1))
        se = np.sqrt(a + b)
        gap = rows.mean_t - rows.mean_c
        p = 2 * stdtr(df, -np.abs(gap / se))
        if predicted.effect == "absolute":
            value = gap
            low, high = _absolute(rows, gap, se, df, predicted)
        else:
            value = rows.mean_t / rows.mean_c - 1
            low, high = _relative(rows, a, b, predicted)
    # Without a variance the units of a row are no sample to compare, whatever their counts are.
    spread = np.isfinite(rows.var_t) & np.isfinite(rows.var_c)
    unusable = ~(np.isfinite(value) & (rows.n_t > 1) & (rows.n_c > 1) & spread) | np.isnan(low)
    if predicted.effect == "absolute" and not _is_rate(rows, predicted):
        unusable |= ~(se > 0)
    low, high = np.where(unusable, -np.inf, low), np.where(unusable, np.inf, high)
    if predicted.direction == "decrease":
        value, low, high = -value, -high, -low
    return value, low, high, p


def _is_rate(rows: Rows, predicted: PredictedLift) -> bool:
    return predicted.kind == "binary" and rows.plain


def _counts(rows: Rows) -> tuple[Floats, Floats, Floats, Floats]:
    """Events and units of both arms; a row without units in an arm counts as one without event."""
    x_t = np.rint(np.where(rows.n_t > 0, rows.mean_t * rows.n_t, 0.0))
    x_c = np.rint(np.where(rows.n_c > 0, rows.mean_c * rows.n_c, 0.0))
    n_t, n_c = (np.where(n > 1, n, 1.0) for n in (rows.n_t, rows.n_c))
    return _as_sure(rows, (x_t, n_t, x_c, n_c))


def _absolute(
    rows: Rows, gap: Floats, se: Floats, df: Floats, predicted: PredictedLift
) -> tuple[Floats, Floats]:
    if _is_rate(rows, predicted):
        return score_difference_bounds(*_counts(rows), confidence=predicted.confidence)
    return _around(gap, se, df, predicted.confidence)


def _around(value: Floats, se: Floats, df: Floats, confidence: float) -> tuple[Floats, Floats]:
    from scipy.special import stdtrit

    half = stdtrit(df, (1 + confidence) / 2) * se
    return value - half, value + half


def _relative(rows: Rows, a: Floats, b: Floats, predicted: PredictedLift) -> tuple[Floats, Floats]:
    if _is_rate(rows, predicted):
        low, high = score_ratio_bounds(*_counts(rows), confidence=predicted.confidence)
        return low - 1, high - 1
    v_t, v_c = a / rows.mean_t**2, b / rows.mean_c**2
    df = (v_t + v_c) ** 2 / (v_t**2 / (rows.n_t - 1) + v_c**2 / (rows.n_c - 1))
    log = np.log(rows.mean_t / rows.mean_c)
    low, high = _around(log, np.sqrt(v_t + v_c), df, predicted.confidence)
    return np.exp(low) - 1, np.exp(high) - 1


def _as_sure(rows: Rows, counts: tuple[Floats, ...]) -> tuple[Floats, Floats, Floats, Floats]:
    """Counts of rows that stand for themselves; of standardized ones those that are as sure as they.

    Source: Rao and Scott (1992), Biometrics 48, 577-585.
    """
    x_t, n_t, x_c, n_c = counts
    if rows.counted is None or rows.counted.all():
        return x_t, n_t, x_c, n_c
    out = []
    for x, n, mean, var in (
        (x_t, n_t, rows.mean_t, rows.var_t),
        (x_c, n_c, rows.mean_c, rows.var_c),
    ):
        with np.errstate(all="ignore"):  # rates of 0 or 1 have no variance, and count as they stand
            size = n * (mean * (1 - mean) * n / (n - 1)) / var
        known = ~rows.counted & np.isfinite(size) & (size > 0)
        out += [np.where(known, mean * size, x), np.where(known, size, n)]
    return out[0], out[1], out[2], out[3]


def segment_lifts(
    rows: Rows,
    predicted: PredictedLift,
    promised: Mapping[str, float] | None = None,
    *,
    by_size: bool = True,
) -> tuple[SegmentLift, ...]:
    """Rows as value objects.

    Args:
        rows: both arms, row by row.
        predicted: the contract.
        promised: label -> lift promised per eligible unit, in the contract's units.
        by_size: largest first; else in the order of the labels.

    Returns:
        One row each; p values are corrected for their number (Holm), intervals are not.
    """
    value, low, high, p = row_intervals(rows, predicted)
    adjusted = holm(p)
    size = rows.n_t + rows.n_c
    share = size / max(1.0, float(size.sum()))
    order = np.argsort(-size, kind="stable") if by_size else np.arange(len(size))
    promised = promised or {}
    columns = [x.tolist() for x in (value, low, high, adjusted, rows.n_t, rows.n_c, share)]
    out = []
    for i in order.tolist():
        v, lo, hi, q, n_t, n_c, w = (c[i] for c in columns)
        label = rows.labels[i]
        estimate = Interval(v, lo, hi)
        known = q if q == q else None  # noqa: PLR0124 - NaN differs from itself
        out.append(SegmentLift(label, estimate, int(n_t), int(n_c), w, promised.get(label), known))
    return tuple(out)
