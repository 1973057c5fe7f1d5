"""The base pass: one group-by by (segment, arm, period), and what comes of its rows."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import sqlalchemy as sa

from spot_mlflow.lift.moments import (
    HOLDOUT,
    MISSING_SEGMENT,
    OTHER_SEGMENT,
    TREATMENT,
    Fault,
    Moments,
)
from spot_mlflow_checks.faults import rules_for, universe
from spot_mlflow_checks.rows import DAY, Reading, flag, is_indicator, judged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_PROBE: Final = 10_000  # rows looked at to choose centres


def with_centers(r: Reading) -> Reading:
    """Returns the reading with a constant near the mean of every measure that needs one.

    Any constant gives the same answer in exact arithmetic; one near the mean keeps squares of large
    money from drowning the spread (Chan, Golub, LeVeque 1983). It is taken from the first rows.
    """
    free = [m for m in ("outcome", "covariate", "value", "cost", "denominator") if m in r.columns.measures and not is_indicator(r, m)]
    if not free:
        return r
    some = replace(r, source=r.source)
    c = judged(some).c
    head = sa.select(*[c[f"x_{m}"].label(m) for m in free]).where(c.n == 1).limit(_PROBE).subquery()
    row = r.source.fetch(sa.select(*[sa.func.avg(x) for x in head.c]))[0]
    centers = {m: _round(float(v)) for m, v in zip(free, row, strict=True) if v is not None}
    return replace(r, center=centers)


def _round(x: float) -> float:
    """Three digits are near enough, and read well in a stored table."""
    return float(f"{x:.3g}")


def base_pass(r: Reading) -> tuple[Moments, dict[str, Fault], int]:
    """Runs the group-by and returns cells, faults and rows read."""
    rows = r.source.fetch(_base_query(r))
    columns = [np.array(c, dtype=object) for c in zip(*rows, strict=True)] or [np.array([], dtype=object)] * len(_base_names(r))
    by_name = dict(zip(_base_names(r), columns, strict=True))
    return _cells(r, by_name), _faults(r, by_name), int(_total(by_name["rows"]))


def _pairs(r: Reading) -> list[tuple[str, str]]:
    """Pairs of measures whose product needs a sum of its own."""
    return [(a, b) for a, b in combinations_with_replacement(r.columns.measures, 2) if a != b or not is_indicator(r, a)]


def _aggregates(r: Reading) -> dict[str, Any]:
    """Returns name -> function of the judged columns, for every column of the base pass."""
    out: dict[str, Any] = {
        "rows": lambda _c: sa.func.count(),
        "assigned": lambda c: sa.func.sum(c.assigned),
        "matured": lambda c: sa.func.sum(c.matured),
        "n": lambda c: sa.func.sum(c.n),
    }
    for m in r.columns.measures:
        z = _centered(r, m)
        out[f"s1_{m}"] = lambda c, z=z: sa.func.sum(z(c))
        if m != "outcome":
            out[f"missing_{m}"] = lambda c, m=m: sa.func.sum(c[f"missing_{m}"])
        if not is_indicator(r, m):
            out[f"s3_{m}"] = lambda c, z=z: sa.func.sum(z(c) * z(c) * z(c))
            out[f"nonzero_{m}"] = lambda c, m=m: sa.func.sum(flag(c[f"x_{m}"] != 0))
            out[f"largest_{m}"] = lambda c, m=m: sa.func.max(c[f"x_{m}"])
    for a, b in _pairs(r):
        out[f"s2_{a}_{b}"] = lambda c, p=_centered(r, a), q=_centered(r, b): sa.func.sum(p(c) * q(c))
    for rule in rules_for(r):
        out[f"fault_{rule.name}"] = lambda c, rule=rule: sa.func.sum(flag(rule.broken(r, c)))
    for name in sorted({rule.asked_of for rule in rules_for(r)} - {"rows", "assigned", "matured"}):
        out[f"of_{name}"] = lambda c, name=name: sa.func.sum(universe(r, name, c))
    return out


def _centered(r: Reading, measure: str) -> Any:
    k = r.center.get(measure, 0.0)
    return lambda c: c[f"x_{measure}"] - k if k else c[f"x_{measure}"]


def _base_names(r: Reading) -> list[str]:
    keys = ["segment"] if r.has("segment") else []
    return [*keys, "arm", "period", *_aggregates(r)]


def _base_query(r: Reading) -> sa.Select[Any]:
    c = judged(r).c
    keys = [c[k] for k in _base_names(r)[: 3 if r.has("segment") else 2]]
    sums = [f(c).label(name) for name, f in _aggregates(r).items()]
    return sa.select(*keys, *sums).group_by(*keys)


def _cells(r: Reading, t: dict[str, NDArray[Any]]) -> Moments:
    """Builds the table of moments from the rows of known arms."""
    code = np.array([-2 if a is None else int(a) for a in t["arm"]], dtype=np.int64)
    keep = (code >= 0) & (_ints(t["assigned"]) > 0)
    names, size = r.columns.measures, int(keep.sum())
    n = _ints(t["n"][keep])
    s1 = np.column_stack([_floats(t[f"s1_{m}"][keep]) for m in names]) if size else np.zeros((0, len(names)))
    s2 = np.zeros((size, len(names), len(names)))
    s3, largest = s1.copy(), np.full(s1.shape, -np.inf)
    nonzero, missing = np.zeros(s1.shape, dtype=np.int64), np.zeros(s1.shape, dtype=np.int64)
    for i, m in enumerate(names):
        if m != "outcome":
            missing[:, i] = _ints(t[f"missing_{m}"][keep])
        if is_indicator(r, m):
            s2[:, i, i] = s1[:, i]
            nonzero[:, i] = np.rint(s1[:, i]).astype(np.int64)
            largest[:, i] = np.where(n == 0, -np.inf, (s1[:, i] > 0).astype(float))
        else:
            s3[:, i] = _floats(t[f"s3_{m}"][keep])
            nonzero[:, i] = _ints(t[f"nonzero_{m}"][keep])
            largest[:, i] = _floats(t[f"largest_{m}"][keep], empty=-np.inf)
    for a, b in _pairs(r):
        i, j = names.index(a), names.index(b)
        s2[:, i, j] = s2[:, j, i] = _floats(t[f"s2_{a}_{b}"][keep])
    labels = arm_labels(r)
    segments = [segment_label(s) for s in t["segment"][keep]] if "segment" in t else [""] * size
    cells = Moments(
        segment=np.array(segments, dtype=object),
        arm=np.array([labels[i] for i in code[keep]], dtype=object),
        period=period_dates(r, t["period"][keep]),
        measures=names,
        assigned=_ints(t["assigned"][keep]),
        matured=_ints(t["matured"][keep]),
        n=n,
        center=np.array([r.center.get(m, 0.0) for m in names]),
        s1=s1,
        s2=s2,
        s3=s3,
        nonzero=nonzero,
        largest=largest,
        missing=missing,
    )
    return cells.collapse("segment", "arm", "period")


def arm_labels(r: Reading) -> list[str]:
    """Returns the label in the moments by arm code."""
    treated = [str(x) for x in r.arms[1:]]
    return [HOLDOUT, *([TREATMENT] if len(treated) == 1 else treated)]


def segment_label(value: Any) -> str:
    """Writes a segment in the same way whatever the engine's type: 1, 1.0 and Decimal 1 are "1"."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return MISSING_SEGMENT
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float | int | Decimal | np.number):
        number = float(value)
        return str(int(number)) if number == int(number) else f"{number:g}"
    return str(value)


def period_dates(r: Reading, index: NDArray[Any]) -> NDArray[np.datetime64]:
    """Returns the first day of each period, NaT where there is none."""
    days, first = r.period_seconds // DAY, r.period_start // DAY
    numbers = [None if i is None else first + int(i) * days for i in index]
    return np.array([np.datetime64("NaT") if d is None else np.datetime64(d, "D") for d in numbers], dtype="datetime64[D]")


def fold_segments(cells: Moments, limit: int, promised: Sequence[str]) -> tuple[Moments, tuple[str, ...]]:
    """Folds all but the largest segments into "(other)", and says so; promised ones stay."""
    labels, inverse = np.unique(cells.segment.astype(str), return_inverse=True)
    if len(labels) <= limit:
        return cells, ()
    sizes = np.bincount(inverse, weights=cells.assigned)
    ranked = sorted(range(len(labels)), key=lambda i: (labels[i] not in promised, -sizes[i], labels[i]))
    kept = {str(labels[i]) for i in ranked[:limit]}
    segment = np.array([s if s in kept else OTHER_SEGMENT for s in cells.segment], dtype=object)
    folded = replace(cells, segment=segment).collapse("segment", "arm", "period")
    note = f"{len(labels) - limit} of {len(labels)} segments, the smallest, are folded into {OTHER_SEGMENT}"
    return folded, (note,)


def _faults(r: Reading, t: dict[str, NDArray[Any]]) -> dict[str, Fault]:
    totals = {k: _total(t[k]) for k in ("rows", "assigned", "matured")}
    totals |= {k.removeprefix("of_"): _total(v) for k, v in t.items() if k.startswith("of_")}
    return {
        rule.name: Fault(rule.name, _total(t[f"fault_{rule.name}"]), totals[rule.asked_of])
        for rule in rules_for(r)
    }


def _total(x: NDArray[Any]) -> int:
    return int(sum(int(v) for v in x if v is not None))


def _ints(x: NDArray[Any]) -> NDArray[np.int64]:
    return np.array([0 if v is None else int(v) for v in x], dtype=np.int64)


def _floats(x: NDArray[Any], empty: float = 0.0) -> NDArray[np.float64]:
    return np.array([empty if v is None else float(v) for v in x], dtype=np.float64)
