"""The group-bys: the base pass by (segment, arm, day), score bins and teams by day."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import sqlalchemy as sa

from spot_mlflow.lift.moments.labels import MISSING_SEGMENT, OTHER_SEGMENT
from spot_mlflow.lift.moments.measures import BY_KEY
from spot_mlflow.lift.moments.outcome_moments import Fault
from spot_mlflow_checks.columns import guardrail_key
from spot_mlflow_checks.faults import rules_for, universe
from spot_mlflow_checks.guardrails import guardrail_cells, guardrail_sums, present
from spot_mlflow_checks.labels import bounded, label_keys, labels_of
from spot_mlflow_checks.reading import DAY, Reading
from spot_mlflow_checks.rows import (
    BLANK_ROW,
    asks_version,
    count_where,
    is_indicator,
    judged,
    typed,
)
from spot_mlflow_checks.sums import beside_missing, cells_of, grouped, moment_sums, period_dates

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from spot_mlflow.lift.moments.cells import Moments
    from spot_mlflow_checks.faults import Rule

_PROBE: Final = 10_000  # rows looked at to choose centres
_FAR: Final = 50.0  # times the mean size: beyond it a value is left out of the choice
_STEPS: Final = 4
_VERSIONS: Final = ("first_version", "last_version")
_MISSING_BIN: Final = "(no score)"


def with_centers(r: Reading) -> Reading:
    """Returns the reading with a constant near the mean of every measure that needs one.

    Any constant gives the same answer in exact arithmetic; one near the mean keeps squares of large
    money from drowning the spread (Chan, Golub, LeVeque 1983). It is taken from the first rows,
    analysed or not: near is enough, and an engine stops reading after them. What is far beyond the
    usual is left out step by step, so that one amount of 1e15 does not cost all others their digits.
    """
    free: list[str] = [
        m for m in r.columns.measures if BY_KEY[m].is_centred and not is_indicator(r, m)
    ]
    wild = [i for i in present(r) if r.predicted.guardrails[i].kind != "binary"]
    free += [guardrail_key(i) for i in wild]
    if not free:
        return r
    c = typed(r).c
    head = sa.select(*[c[m] for m in free]).limit(_PROBE).subquery()
    bounds: list[float | None] = [None] * len(free)
    row: Sequence[Any] = ()
    for _ in range(_STEPS):
        usual = [
            sa.case((r.source.dialect.finite(x) if b is None else sa.func.abs(x) <= b, x))
            for x, b in zip(head.c, bounds, strict=True)
        ]
        sizes = [f(sa.func.abs(x)) for x in usual for f in (sa.func.avg, sa.func.max)]
        row = tuple(r.source.fetch(sa.select(*map(sa.func.avg, usual), *sizes))[0])
        closer = [
            float(size) if size and float(largest) > _FAR * float(size) else b
            for size, largest, b in zip(
                row[len(free) :: 2], row[len(free) + 1 :: 2], bounds, strict=True
            )
        ]
        if closer == bounds:
            break
        bounds = closer
    centers = {
        m: float(f"{float(v):.3g}") for m, v in zip(free, row, strict=False) if v is not None
    }
    return replace(r, center=centers)


def with_cap(r: Reading) -> Reading:
    """Returns the reading with the outcome above which winsorizing caps, where declared.

    The quantile is that of all analysed outcomes, both arms: the value of rank ceil(q n).
    """
    outliers = r.predicted.outliers
    if outliers is None or is_indicator(r, "outcome"):
        return r
    c = judged(r).c
    n = int(r.source.fetch(sa.select(sa.func.sum(c.n)))[0][0] or 0)
    if n == 0:
        return r
    rank = max(math.ceil(outliers.winsorize * n - 1e-9), 1)  # 0.95 of 100 is 95, not 96
    ordered = sa.select(c.x_outcome).where(c.n == 1).order_by(c.x_outcome)
    return replace(r, cap=float(r.source.fetch(ordered.limit(1).offset(rank - 1))[0][0]))


@dataclass(frozen=True, eq=False)
class BasePass:
    """What one base pass found.

    Attributes:
        cells: moments by (segment, arm, day of decision).
        faults: violations counted.
        rows: rows read.
        apart: those of them that stand apart.
        tallies: day -> counts of rows, universes and faults; "" for rows of no day.
        ranges: ("unit", "cluster" or "time", "all", "closed" or "open") -> lowest and highest, where
            there is one; times in seconds since 1970.
        segments: segments in the log where they were folded together in the engine; else 0.
        versions: whether rows of several model versions were read.
        blank: rows in which nothing stands, left out of everything else.
        guardrails: moments of every guardrail, by name.
    """

    cells: Moments
    faults: dict[str, Fault]
    rows: int
    apart: int
    tallies: dict[str, dict[str, int]]
    ranges: dict[tuple[str, str], tuple[Any, Any]]
    segments: int = 0
    versions: bool = False
    guardrails: dict[str, Moments] = field(default_factory=dict)
    blank: int = 0


def base_pass(r: Reading) -> BasePass:
    """Runs the group-by; ``segment_limit`` segments stay apart where they are too many to hand over."""
    by = ("segment",) if r.has("segment") else ()
    r, t = bounded(r, _base_query, *by, limit=r.segment_limit, promised=tuple(r.predicted.segments))
    t, blank = _without_blank_rows(t)
    tallies = _tallies(r, t)
    whole = add_tallies(tallies.values())
    return BasePass(
        cells_of(r, t, labels=_segments(t), beside=missing_covariates(r, t)),
        faults_of(r, whole),
        whole.get("rows", 0),
        whole.get("rows", 0) - whole.get("concerned", 0),
        tallies,
        _ranges(r, t),
        r.folded["segment"].labels if "segment" in r.folded else 0,
        len({v for k in _VERSIONS for v in t.get(k, ()) if v is not None}) > 1,
        guardrail_cells(r, t, _segments(t)),
        blank,
    )


def _without_blank_rows(t: Mapping[str, NDArray[Any]]) -> tuple[dict[str, NDArray[Any]], int]:
    """Returns the groups of all other rows, and how many were blank."""
    blank = np.array([a is not None and int(a) == BLANK_ROW for a in t["arm"]], dtype=bool)
    return {k: v[~blank] for k, v in t.items()}, sum(int(n) for n in t["rows"][blank])


def _segments(t: Mapping[str, NDArray[Any]]) -> list[str]:
    return labels_of(t, "segment") if "segment" in t else [""] * len(t["arm"])


def _keys(c: Any) -> list[Any]:
    apart = ["apart"] if "apart" in c else []
    return [c[k] for k in (*label_keys(c, "segment"), "arm", "period", *apart)]


def _base_query(r: Reading) -> sa.Select[Any]:
    c = judged(r).c
    keys = _keys(c)
    rules = rules_for(r)
    sums = {"rows": sa.func.count(), **moment_sums(r, c), **guardrail_sums(r, c)}
    for rule in rules:
        sums[_fault(rule)] = count_where(rule.broken(r, c))
    for name in sorted({rule.asked_of for rule in rules} - {*sums, "concerned"}):
        sums[name] = sa.func.sum(universe(r, name, c))
    sums |= _range_sums(r, c)
    if asks_version(r):
        sums |= dict(zip(_VERSIONS, (sa.func.min(c.version), sa.func.max(c.version)), strict=True))
    return sa.select(*keys, *[f.label(k) for k, f in sums.items()]).group_by(*keys)


def missing_covariates(
    r: Reading, t: Mapping[str, NDArray[Any]]
) -> tuple[Mapping[str, NDArray[Any]], list[str]] | None:
    """Runs one more group-by where units have no covariate: what they count as depends on all.

    Later passes know that mean already, as the covariate's centre.
    """
    if not any(t.get("missing_covariate", ())):
        return None
    c = judged(r).c
    beside = grouped(r, beside_missing(r, c, _keys(c)))
    return beside, _segments(beside)


def faults_of(r: Reading, counts: Mapping[str, int]) -> dict[str, Fault]:
    """Returns the faults that added tallies tell of."""
    return {
        rule.name: Fault(rule.name, counts.get(_fault(rule), 0), counts.get(rule.asked_of, 0))
        for rule in rules_for(r)
    }


def add_tallies(tallies: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Adds counts of the same name."""
    out: dict[str, int] = {}
    for tally in tallies:
        for k, v in tally.items():
            out[k] = out.get(k, 0) + v
    return out


def _tallies(r: Reading, t: Mapping[str, NDArray[Any]]) -> dict[str, dict[str, int]]:
    """Adds up, by period, rows, universes and faults; of rows apart only that they stand apart."""
    rules = rules_for(r)
    asked = {"assigned", "matured", *(x.asked_of for x in rules), *(_fault(x) for x in rules)}
    of_all = {"rows", *(_fault(x) for x in rules if x.asked_of == "rows")}
    t = {**t, "concerned": t["rows"]}
    days = ["" if np.isnat(p) else str(p) for p in period_dates(r, t["period"])]
    out: dict[str, dict[str, int]] = {}
    for i, (day, apart) in enumerate(zip(days, t.get("apart", [0] * len(days)), strict=True)):
        tally = out.setdefault(day, {})
        for name in sorted(of_all if apart else of_all | asked):
            if t[name][i]:
                tally[name] = tally.get(name, 0) + int(t[name][i])
    return out


def _fault(rule: Rule) -> str:
    return f"fault_{rule.name}"


def _range_sums(r: Reading, c: Any) -> dict[str, Any]:
    """Lowest and highest id and time: where they cannot meet, units are others and sums merge."""
    asked = ("unit", "cluster") if r.closed_until is not None else ("unit",)
    ranged = {
        key: r.source.dialect.ordered(c[key], r.source.families[r.columns.names[key]])
        for key in asked
        if r.has(key)
    }
    if r.closed_until is not None:
        ranged["time"] = c.decided_at
    out: dict[str, Any] = {}
    for key, x in ranged.items():
        if x is not None:
            out |= {f"low_{key}": sa.func.min(x), f"high_{key}": sa.func.max(x)}
    return out


def _ranges(r: Reading, t: Mapping[str, NDArray[Any]]) -> dict[tuple[str, str], tuple[Any, Any]]:
    """The ranges of all rows, and of those in closed periods."""
    until = np.datetime64("NaT", "D") if r.closed_until is None else seconds_as_day(r.closed_until)
    closed = period_dates(r, t["period"]) < until
    out = {}
    for key in ("unit", "cluster", "time"):
        if f"low_{key}" not in t:
            continue
        bounds = list(zip(t[f"low_{key}"], t[f"high_{key}"], closed, strict=True))
        parts = {
            "all": bounds,
            "closed": [b for b in bounds if b[2]],
            "open": [b for b in bounds if not b[2]],
        }
        for name, of in parts.items():
            known = [(low, high) for low, high, _ in of if low is not None]
            if known:
                lows, highs = zip(*known, strict=True)
                out[key, name] = (_plain(min(lows)), _plain(max(highs)))
    return out


def seconds_as_day(seconds: float) -> np.datetime64:
    """Returns the day that begins at, or holds, a moment in seconds since 1970 UTC."""
    return np.datetime64(math.floor(seconds / DAY), "D")


def _plain(value: Any) -> Any:
    """A JSON value of an id."""
    return value if isinstance(value, str | int | float) else str(value)


def score_pass(r: Reading) -> Moments:
    """Groups by score bin, arm and day; bin i has i of the contract's edges at or below it."""
    c = judged(r).c
    edges = r.predicted.score_edges
    # From the highest edge down: the first that the score reaches says the bin.
    steps = [(c.score >= e, i) for i, e in reversed(list(enumerate(edges, start=1)))]
    number = sa.case((c.score.is_(None), sa.null()), *steps, else_=0)
    keyed = sa.select(*c, number.label("bin")).subquery("binned").c
    keys = [keyed.bin, keyed.arm, keyed.period]
    sums = [f.label(k) for k, f in moment_sums(r, keyed).items()]
    t = grouped(r, sa.select(*keys, *sums).group_by(*keys))
    return cells_of(r, t, labels=[_bin_label(x) for x in t["bin"]])


def _bin_label(number: Any) -> str:
    return _MISSING_BIN if number is None else str(int(number))


def label_pass(r: Reading, key: str) -> Moments:
    """Groups by a label, arm and day, since lifts are compared within days.

    Args:
        r: how the log is read.
        key: "team" or "offer"; the offer that a holdout unit would have had, where the log names it.
    """

    def query(at: Reading) -> sa.Select[Any]:
        c = judged(at).c
        keys = [c[k] for k in (*label_keys(c, key), "arm", "period")]
        sums = [f.label(k) for k, f in moment_sums(at, c).items()]
        return sa.select(*keys, *sums).group_by(*keys)

    r, t = bounded(r, query, key)
    return cells_of(r, t, labels=labels_of(t, key))


def fold_segments(
    cells: Moments, limit: int, promised: Sequence[str], found: int = 0
) -> tuple[Moments, tuple[str, ...]]:
    """Folds all but the largest segments into "(other)", and says so; promised ones stay.

    ``found`` is how many there were where the engine has folded some already.
    """
    labels, inverse = np.unique(cells.segment.astype(str), return_inverse=True)
    apart = [i for i, label in enumerate(labels) if label != OTHER_SEGMENT or not found]
    whole = found + (MISSING_SEGMENT in labels) if found else len(apart)
    if whole <= limit:
        return cells, ()
    sizes = np.bincount(inverse, weights=cells.assigned)
    ranked = sorted(apart, key=lambda i: (labels[i] not in promised, -sizes[i], labels[i]))
    kept = {str(labels[i]) for i in ranked[:limit]}
    segment = np.array([s if s in kept else OTHER_SEGMENT for s in cells.segment], dtype=object)
    folded = replace(cells, segment=segment).collapse("segment", "arm", "period")
    note = f"{whole - len(kept):,} of {whole:,} segments, the smallest, are folded into {OTHER_SEGMENT}"
    return folded, (note,)
