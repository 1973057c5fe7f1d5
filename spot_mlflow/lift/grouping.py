"""Adding cells of moments up to coarser ones, fast enough for hundreds of thousands of cells."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from spot_mlflow.lift.moments import Moments


def added_up(moments: Moments, keys: tuple[str, ...], *, summed: tuple[str, ...]) -> Moments:
    """Adds the cells of each combination of ``keys``, in sorted order.

    Args:
        moments: the table.
        keys: which of "segment", "arm" and "period" to keep.
        summed: names of the arrays that are added.
    """
    columns = [codes_of(getattr(moments, k)) for k in keys]
    group = np.zeros(len(moments), dtype=np.int64)
    for code, count in columns:
        group = group * count + code
    labels, first, inverse = np.unique(group, return_index=True, return_inverse=True)
    size = len(labels)
    # Cells that lie in order already, as a reduction gives them, need not be moved.
    order = None if (np.diff(inverse) >= 0).all() else np.argsort(inverse, kind="stable")
    starts = np.searchsorted(inverse if order is None else inverse[order], np.arange(size))

    def fold(how: Any, x: NDArray[Any]) -> NDArray[Any]:
        if size == 0:
            return x[:0]
        out: NDArray[Any] = how.reduceat(x if order is None else x[order], starts, axis=0)
        return out

    blank: dict[str, NDArray[Any]] = {
        "segment": np.full(size, "", dtype=object),
        "arm": np.full(size, "", dtype=object),
        "period": np.full(size, np.datetime64("NaT"), dtype="datetime64[D]"),
    }
    kept = {k: getattr(moments, k)[first] if k in keys else blank[k] for k in blank}
    made: dict[str, Any] = {k: fold(np.add, getattr(moments, k)) for k in summed}
    made |= {"largest": fold(np.maximum, moments.largest), **kept}
    return replace(moments, **made)


def codes_of(values: NDArray[Any]) -> tuple[NDArray[np.int64], int]:
    """Numbers the distinct values in sorted order, NaT last; returns (codes, how many)."""
    if values.dtype.kind == "M":
        distinct, code = np.unique(values, return_inverse=True)
        return code.astype(np.int64), max(1, len(distinct))
    # Labels mostly come in runs: only the first of each run is looked at.
    change = (
        np.flatnonzero(np.r_[True, values[1:] != values[:-1]]) if len(values) else np.zeros(0, int)
    )
    names = [str(x) for x in values[change]]
    ranks = {name: i for i, name in enumerate(sorted(set(names)))}
    runs = np.array([ranks[name] for name in names], dtype=np.int64)
    lengths = np.diff(np.r_[change, len(values)]) if len(values) else runs
    return np.repeat(runs, lengths), max(1, len(ranks))
