"""The group-bys: the base pass by (segment, arm, period), score bins, and teams by week."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import sqlalchemy as sa

from spot_mlflow.lift.moments import OTHER_SEGMENT, Fault, Moments
from spot_mlflow_checks.faults import rules_for, universe
from spot_mlflow_checks.rows import Reading, flag, is_indicator, judged
from spot_mlflow_checks.sums import cells_of, grouped, moment_sums, total

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_PROBE: Final = 10_000  # rows looked at to choose centres
_FREE: Final = ("outcome", "denominator", "covariate", "value", "cost")
_MISSING_BIN: Final = "(no score)"


def with_centers(r: Reading) -> Reading:
    """Returns the reading with a constant near the mean of every measure that needs one.

    Any constant gives the same answer in exact arithmetic; one near the mean keeps squares of large
    money from drowning the spread (Chan, Golub, LeVeque 1983). It is taken from the first rows.
    """
    free = [m for m in _FREE if m in r.columns.measures and not is_indicator(r, m)]
    if not free:
        return r
    c = judged(r).c
    head = sa.select(*[c[f"x_{m}"].label(m) for m in free]).where(c.n == 1).limit(_PROBE).subquery()
    row = r.source.fetch(sa.select(*[sa.func.avg(x) for x in head.c]))[0]
    centers = {m: float(f"{float(v):.3g}") for m, v in zip(free, row, strict=True) if v is not None}
    return replace(r, center=centers)


def base_pass(r: Reading) -> tuple[Moments, dict[str, Fault], int]:
    """Runs the group-by and returns cells, faults and rows read."""
    c = judged(r).c
    keys = [c[k] for k in ("segment", "arm", "period") if k in c]
    sums = {"rows": sa.func.count(), **moment_sums(r, c)}
    for rule in rules_for(r):
        sums[f"fault_{rule.name}"] = sa.func.sum(flag(rule.broken(r, c)))
    for name in sorted({rule.asked_of for rule in rules_for(r)} - set(sums)):
        sums[f"of_{name}"] = sa.func.sum(universe(r, name, c))
    t = grouped(r, sa.select(*keys, *[f.label(k) for k, f in sums.items()]).group_by(*keys))
    return cells_of(r, t), _faults(r, t), total(t["rows"])


def _faults(r: Reading, t: dict[str, NDArray[Any]]) -> dict[str, Fault]:
    totals = {k: total(t[k]) for k in ("rows", "assigned", "matured")}
    totals |= {k.removeprefix("of_"): total(v) for k, v in t.items() if k.startswith("of_")}
    return {
        rule.name: Fault(rule.name, total(t[f"fault_{rule.name}"]), totals[rule.asked_of])
        for rule in rules_for(r)
    }


def score_pass(r: Reading) -> Moments:
    """Groups by score bin, arm and period; bin i has i of the contract's edges at or below it."""
    c = judged(r).c
    edges = r.predicted.score_edges
    # From the highest edge down: the first that the score reaches says the bin.
    steps = [(c.score >= e, i) for i, e in reversed(list(enumerate(edges, start=1)))]
    number = sa.case((c.score.is_(None), sa.null()), *steps, else_=0).label("segment")
    keyed = sa.select(*c, number.label("bin")).subquery("binned").c
    keys = [keyed.bin.label("segment"), keyed.arm, keyed.period]
    sums = [f.label(k) for k, f in moment_sums(r, keyed).items()]
    t = grouped(r, sa.select(*keys, *sums).group_by(keyed.bin, keyed.arm, keyed.period))
    return cells_of(r, t, segment=lambda b: _MISSING_BIN if b is None else str(int(b)))


def team_pass(r: Reading) -> Moments:
    """Groups by team, arm and week; weeks begin on Mondays."""
    weekly = replace(r, predicted=_weekly(r))
    c = judged(weekly).c
    keys = [c.team.label("segment"), c.arm, c.period]
    sums = [f.label(k) for k, f in moment_sums(weekly, c).items()]
    t = grouped(weekly, sa.select(*keys, *sums).group_by(c.team, c.arm, c.period))
    return cells_of(weekly, t)


def _weekly(r: Reading) -> Any:
    from datetime import timedelta

    return r.predicted.model_copy(update={"period": timedelta(days=7)})


def fold_segments(
    cells: Moments, limit: int, promised: Sequence[str]
) -> tuple[Moments, tuple[str, ...]]:
    """Folds all but the largest segments into "(other)", and says so; promised ones stay."""
    labels, inverse = np.unique(cells.segment.astype(str), return_inverse=True)
    if len(labels) <= limit:
        return cells, ()
    sizes = np.bincount(inverse, weights=cells.assigned)
    ranked = sorted(
        range(len(labels)), key=lambda i: (labels[i] not in promised, -sizes[i], labels[i])
    )
    kept = {str(labels[i]) for i in ranked[:limit]}
    segment = np.array([s if s in kept else OTHER_SEGMENT for s in cells.segment], dtype=object)
    folded = replace(cells, segment=segment).collapse("segment", "arm", "period")
    gone = len(labels) - limit
    note = f"{gone:,} of {len(labels):,} segments, the smallest, are folded into {OTHER_SEGMENT}"
    return folded, (note,)
