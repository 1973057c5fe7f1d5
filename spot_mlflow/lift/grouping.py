"""Adding cells of moments up to coarser ones, fast enough for hundreds of thousands of cells."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from spot_mlflow.lift.moments import Moments


_LABELS: Final = ("segment", "arm", "period")
_KEPT: Final = (*_LABELS, "largest")
_DENSE: Final = 20_000_000  # codes up to which a mark for each costs less than sorting


def added_up(moments: Moments, keys: tuple[str, ...], *, summed: tuple[str, ...]) -> Moments:
    """Adds the cells of each combination of ``keys``, in sorted order.

    Args:
        moments: the table.
        keys: which of "segment", "arm" and "period" to keep.
        summed: names of the arrays that are added.
    """
    columns = [moments.codes(k) for k in keys]
    group = np.zeros(len(moments), dtype=np.int64)
    for labels, code in columns:
        group = group * max(1, len(labels)) + code
    made = added_by(moments, group, summed=summed)
    blank: dict[str, Any] = {
        "segment": np.full(len(made), "", dtype=object),
        "arm": np.full(len(made), "", dtype=object),
        "period": np.full(len(made), np.datetime64("NaT"), dtype="datetime64[D]"),
    }
    return replace(made, **{k: x for k, x in blank.items() if k not in keys})


def added_by(moments: Moments, group: NDArray[np.int64], *, summed: tuple[str, ...]) -> Moments:
    """Adds the cells of each group, in the order of their numbers; labels are those of the first.

    Args:
        moments: the table.
        group: (cells,) number of the group of each cell.
        summed: names of the arrays that are added.
    """
    if len(group) == 0:
        return replace(moments, **{k: getattr(moments, k)[:0] for k in (*summed, *_KEPT)})
    # Cells that lie in order already, as a reduction gives them, are added run by run.
    if (np.diff(group) >= 0).all():
        starts = np.flatnonzero(np.r_[True, group[1:] != group[:-1]])
        made: dict[str, Any] = {k: np.add.reduceat(getattr(moments, k), starts) for k in summed}
        made["largest"] = np.maximum.reduceat(moments.largest, starts)
        return replace(moments, **made, **{k: getattr(moments, k)[starts] for k in _LABELS})
    distinct, number = numbered(group, int(group.max()) + 1)
    size = len(distinct)
    first = np.empty(size, dtype=np.int64)
    first[number[::-1]] = np.arange(len(group))[::-1]  # what is written last stays: the first
    made = {k: summed_at(number, size, getattr(moments, k)) for k in summed}
    made["largest"] = np.full((size, moments.largest.shape[1]), -np.inf)
    for i, x in enumerate(moments.largest.T):
        np.maximum.at(made["largest"][:, i], number, x)
    return replace(moments, **made, **{k: getattr(moments, k)[first] for k in _LABELS})


def codes_of(values: NDArray[Any]) -> tuple[list[Any], NDArray[np.int64]]:
    """Numbers the distinct values in sorted order, NaT last; returns (values, codes)."""
    if values.dtype.kind == "M":
        return _days_of(values.astype("datetime64[D]"))
    # Labels mostly come in runs: only the first of each run is looked at.
    change = (
        np.flatnonzero(np.r_[True, values[1:] != values[:-1]]) if len(values) else np.zeros(0, int)
    )
    names = [str(x) for x in values[change]]
    ranks = {name: i for i, name in enumerate(sorted(set(names)))}
    runs = np.array([ranks[name] for name in names], dtype=np.int64)
    lengths = np.diff(np.r_[change, len(values)]) if len(values) else runs
    return sorted(ranks), np.repeat(runs, lengths)


def _days_of(values: NDArray[Any]) -> tuple[list[Any], NDArray[np.int64]]:
    """Numbers distinct days, the unknown one last."""
    unknown = np.isnat(values)
    number = values.astype(np.int64)
    low = int(number[~unknown].min(initial=np.iinfo(np.int64).max))
    if unknown.all():
        return [np.datetime64("NaT", "D")] * bool(len(values)), np.zeros(len(values), np.int64)
    wide = int(number[~unknown].max()) - low + 1
    distinct, code = numbered(np.where(unknown, wide, number - low), wide + 1)
    days = (distinct + low).astype("datetime64[D]")
    days[distinct == wide] = np.datetime64("NaT")
    return list(days), code


def numbered(code: NDArray[np.int64], size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns the distinct codes, ascending, and the number of each: ``np.unique`` without sorting.

    Args:
        code: whole numbers below ``size``.
        size: one more than the greatest that may occur.
    """
    if size > _DENSE:
        distinct, number = np.unique(code, return_inverse=True)
        return distinct, number.astype(np.int64)
    there = np.zeros(size, dtype=bool)
    there[code] = True
    distinct = np.flatnonzero(there)
    place = np.empty(size, dtype=np.int64)
    place[distinct] = np.arange(len(distinct))
    return distinct, place[code]


def summed_at(number: NDArray[np.int64], size: int, x: NDArray[Any]) -> NDArray[Any]:
    """Adds rows of ``x`` (rows, ...) by their number below ``size``."""
    if x.ndim == 1:
        return np.bincount(number, weights=x, minlength=size).astype(x.dtype, copy=False)
    flat = x.reshape(len(x), -1)
    columns = [np.bincount(number, weights=c, minlength=size) for c in flat.T]
    out = np.stack(columns, axis=1) if columns else np.zeros((size, 0))
    return out.reshape(size, *x.shape[1:]).astype(x.dtype)
