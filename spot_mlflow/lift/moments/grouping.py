"""Adding cells of moments up to coarser ones, fast enough for hundreds of thousands of cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


_DENSE: Final = 20_000_000  # codes up to which a mark for each costs less than sorting


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
    days[distinct == wide] = np.datetime64("NaT", "D")
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
