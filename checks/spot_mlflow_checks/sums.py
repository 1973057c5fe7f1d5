"""The sums of one group of judged rows, and the table of moments that groups make."""

from __future__ import annotations

import math
from decimal import Decimal
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sa

from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.labels import HOLDOUT, MISSING_SEGMENT, TREATMENT
from spot_mlflow.lift.moments.measures import BY_KEY
from spot_mlflow_checks.centering import filled_with_mean, on_round_centers
from spot_mlflow_checks.engines.dialect import BLANK_WORDS
from spot_mlflow_checks.reading import DAY, Reading
from spot_mlflow_checks.rows import count_where, is_indicator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Rows = Mapping[str, NDArray[Any]]


def moment_sums(r: Reading, c: Any) -> dict[str, sa.ColumnElement[Any]]:
    """Returns name -> aggregate, over the judged rows ``c``."""
    out: dict[str, sa.ColumnElement[Any]] = {
        k: sa.func.sum(c[k]) for k in ("assigned", "matured", "n")
    }
    if not is_indicator(r, "outcome"):
        out["negative"] = count_where(c["x_outcome"] < 0)
    z = {m: _centered(r, c, m) for m in r.columns.measures}
    for m in r.columns.measures:
        out[f"s1_{m}"] = sa.func.sum(z[m])
        if BY_KEY[m].may_be_missing:
            out[f"missing_{m}"] = sa.func.sum(c[f"missing_{m}"])
        if not is_indicator(r, m):
            out[f"s3_{m}"] = sa.func.sum(z[m] * z[m] * z[m])
            out[f"nonzero_{m}"] = count_where(c[f"x_{m}"] != 0)
            out[f"largest_{m}"] = sa.func.max(c[f"x_{m}"])
    for a, b in _pairs(r):
        out[f"s2_{a}_{b}"] = sa.func.sum(z[a] * z[b])
    return out


def beside_missing(r: Reading, c: Any, keys: Sequence[Any]) -> Any:
    """Returns the group-by over units without a covariate: (query, measures it sums)."""
    sums = [sa.func.sum(_centered(r, c, m)).label(f"s1_{m}") for m in r.columns.measures]
    return sa.select(*keys, *sums).where(c.missing_covariate == 1).group_by(*keys)


def _pairs(r: Reading) -> list[tuple[str, str]]:
    """Pairs of measures whose product needs a sum of its own; an indicator is its own square."""
    pairs = combinations_with_replacement(r.columns.measures, 2)
    return [(a, b) for a, b in pairs if a != b or not is_indicator(r, a)]


def _centered(r: Reading, c: Any, measure: str) -> Any:
    k = r.center.get(measure, 0.0)
    return c[f"x_{measure}"] - k if k else c[f"x_{measure}"]


def grouped(r: Reading, query: sa.Select[Any] | sa.CompoundSelect[Any]) -> dict[str, NDArray[Any]]:
    """Runs a group-by and returns its columns by name."""
    names = [x.name for x in query.selected_columns]
    rows = r.source.fetch(query)
    columns = zip(*rows, strict=True) if rows else ([] for _ in names)
    return {k: _objects(v) for k, v in zip(names, columns, strict=True)}


def _objects(values: Any) -> NDArray[Any]:
    out = np.empty(len(values), dtype=object)
    out[:] = list(values)
    return out


def cells_of(
    r: Reading,
    t: Rows,
    *,
    labels: Sequence[str],
    beside: tuple[Rows, Sequence[str]] | None = None,
) -> Moments:
    """Builds the table of moments from grouped rows, known arms only.

    Args:
        r: what was read.
        t: columns "arm", "period" and those of ``moment_sums``.
        labels: the segment of each group.
        beside: sums over the units that have no covariate, and their segments; None where all have one.
    """
    code = _ints(t["arm"], empty=-2)
    keep = (code >= 0) & (_ints(t["assigned"]) > 0)
    t = {k: v[keep] for k, v in t.items()}
    arms, size = arm_labels(r), int(keep.sum())
    segments = [label for label, kept in zip(labels, keep, strict=True) if kept]
    cells = Moments(
        segment=_objects(segments),
        arm=_objects([arms[i] for i in code[keep]]),
        period=period_dates(r, t["period"]),
        measures=r.columns.measures,
        assigned=_ints(t["assigned"]),
        matured=_ints(t["matured"]),
        n=_ints(t["n"]),
        center=np.array([r.center.get(m, 0.0) for m in r.columns.measures]),
        **_sums(r, t, size),
    )
    free = [not is_indicator(r, m) for m in r.columns.measures]
    if beside is not None:
        cells = filled_with_mean(cells, _beside(r, cells, *beside))
    return on_round_centers(cells.collapse("segment", "arm", "period"), np.array(free))


def _beside(r: Reading, cells: Moments, t: Rows, labels: Sequence[str]) -> NDArray[np.float64]:
    """Places the sums beside missing covariates in the cells they belong to, (cells, measures)."""
    arms = arm_labels(r)
    periods = period_dates(r, t["period"]).astype(str)
    place = {
        k: i
        for i, k in enumerate(zip(cells.segment, cells.arm, cells.period.astype(str), strict=True))
    }
    out = np.zeros(cells.s1.shape)
    sums = np.column_stack([_floats(t[f"s1_{m}"]) for m in r.columns.measures])
    for row, arm in enumerate(t["arm"]):
        if arm is not None and int(arm) >= 0:
            out[place[labels[row], arms[int(arm)], periods[row]]] += sums[row]
    i = cells.measures.index("covariate")
    out[:, i] = 0.0
    return out


def _sums(r: Reading, t: Rows, size: int) -> dict[str, Any]:
    names = r.columns.measures
    shape = (size, len(names))
    out: dict[str, NDArray[Any]] = {
        "s1": np.zeros(shape),
        "s2": np.zeros((*shape, len(names))),
        "s3": np.zeros(shape),
        "nonzero": np.zeros(shape, dtype=np.int64),
        "largest": np.full(shape, -np.inf),
        "missing": np.zeros(shape, dtype=np.int64),
        "negative": _floats(t["negative"]) if "negative" in t else np.zeros(size),
    }
    n = _ints(t["n"])
    for i, m in enumerate(names):
        s1 = out["s1"][:, i] = _floats(t[f"s1_{m}"])
        if BY_KEY[m].may_be_missing:
            out["missing"][:, i] = _ints(t[f"missing_{m}"])
        if is_indicator(r, m):  # x = x squared = x cubed
            out["s2"][:, i, i] = out["s3"][:, i] = s1
            out["nonzero"][:, i] = np.rint(s1).astype(np.int64)
            out["largest"][:, i] = np.where(n == 0, -np.inf, (s1 > 0).astype(float))
        else:
            out["s3"][:, i] = _floats(t[f"s3_{m}"])
            out["nonzero"][:, i] = _ints(t[f"nonzero_{m}"])
            out["largest"][:, i] = _floats(t[f"largest_{m}"], empty=-np.inf)
    for a, b in _pairs(r):
        i, j = names.index(a), names.index(b)
        out["s2"][:, i, j] = out["s2"][:, j, i] = _floats(t[f"s2_{a}_{b}"])
    return out


def arm_labels(r: Reading) -> list[str]:
    """Returns the label in the moments by arm code."""
    treated = [str(x) for x in r.arms[1:]]
    return [HOLDOUT, *([TREATMENT] if len(treated) == 1 else treated)]


def segment_label(value: Any) -> str:
    """Writes a segment in the same way whatever the engine's type: 1, 1.0 and Decimal 1 are "1"."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return MISSING_SEGMENT
    if isinstance(value, str) and value.strip().lower() in BLANK_WORDS:
        return MISSING_SEGMENT
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float | int | Decimal | np.number):
        return str(int(value)) if value == int(value) else f"{float(value):g}"
    return str(value)


def period_dates(r: Reading, index: NDArray[Any]) -> NDArray[np.datetime64]:
    """Returns the first day of each period, NaT where there is none."""
    days, first = r.grain // DAY, r.grain_start // DAY
    numbers = [None if i is None else first + int(i) * days for i in index]
    dates = [np.datetime64("NaT", "D") if d is None else np.datetime64(d, "D") for d in numbers]
    return np.array(dates, dtype="datetime64[D]")


def _ints(x: NDArray[Any], empty: int = 0) -> NDArray[np.int64]:
    return np.array([empty if v is None else int(v) for v in x], dtype=np.int64)


def _floats(x: NDArray[Any], empty: float = 0.0) -> NDArray[np.float64]:
    return np.array([empty if v is None else float(v) for v in x], dtype=np.float64)
