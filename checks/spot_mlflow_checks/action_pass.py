"""What became of the recommendations: one pass by team, week, person and reason.

Persons leave this module as counts only; their names are compared where the log lies and dropped.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sa

from spot_mlflow.lift.actions import CLASSES, HOURS, ActionTable, Crew
from spot_mlflow_checks.rows import flag, judged
from spot_mlflow_checks.sums import cells_of, grouped, moment_sums, period_dates, segment_label

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from spot_mlflow.lift.moments import Moments
    from spot_mlflow_checks.rows import Reading

    Rows = Mapping[str, NDArray[Any]]

_HOUR = 3600.0
_KEYS = ("team", "actor", "override_reason")


def action_pass(r: Reading) -> ActionTable:
    """Counts recommendations and acts by team and week, treated units only.

    All assigned units count, matured or not: an act needs no outcome.
    """
    weekly = replace(r, predicted=r.predicted.model_copy(update={"period": timedelta(days=7)}))
    c = judged(weekly).c
    keys = [c.period, *(c[k] for k in _KEYS if r.has(k))]
    query = (
        sa.select(*keys, *(f.label(k) for k, f in _counts(r, c).items()))
        .where(sa.and_(c.arm > 0, c.assigned == 1))
        .group_by(*keys)
    )
    return _table(weekly, grouped(weekly, query))


def offer_pass(r: Reading) -> Moments:
    """Groups by offer and arm; the offer a holdout unit would have had, where the log names it."""
    c = judged(r).c
    none = sa.cast(sa.null(), sa.BigInteger()).label("period")
    sums = [f.label(k) for k, f in moment_sums(r, c).items()]
    query = sa.select(c.offer.label("segment"), c.arm, none, *sums).group_by(c.offer, c.arm)
    return cells_of(r, grouped(r, query))


def _counts(r: Reading, c: Any) -> dict[str, Any]:
    acted = c.acted == 1
    out = {
        "recommended": sa.func.count(),
        "known": sa.func.sum(flag(c.acted.is_not(None))),
        "acted": sa.func.sum(flag(acted)),
    }
    if not r.has("acted_at", "decided_at"):
        return out
    hours = (c.acted_at - c.decided_at) / _HOUR
    timed = sa.and_(acted, hours >= 0)
    out["timed"] = sa.func.sum(flag(timed))
    out["hours"] = sa.func.sum(sa.case((timed, hours), else_=0.0))
    lower = 0.0
    for i, upper in enumerate((*HOURS, None)):
        inside = hours >= lower if upper is None else sa.and_(hours >= lower, hours < upper)
        out[f"class_{i}"] = sa.func.sum(flag(sa.and_(acted, inside)))
        lower = lower if upper is None else upper
    return out


def _table(r: Reading, t: Rows) -> ActionTable:
    size = len(t["recommended"])

    def numbers(name: str, kind: type = np.int64) -> NDArray[Any]:
        if name not in t:
            return np.zeros(size, dtype=kind)
        return np.array([0 if v is None else kind(v) for v in t[name]], dtype=kind)

    week = period_dates(r, t["period"])
    blank = np.full(size, None, dtype=object)
    team = np.array([_label(x) for x in t.get("team", blank)], dtype=object)
    actor = [None if x is None else segment_label(x) for x in t.get("actor", blank)]
    known, acted = numbers("known"), numbers("acted")
    labels, first, cell = _cells(team, week)
    counts = {k: numbers(k) for k in ("recommended", "known", "acted", "timed")}
    classes = np.column_stack([numbers(f"class_{i}") for i in range(len(CLASSES))])
    return ActionTable(
        team=team[first],
        week=week[first],
        hours=_added(numbers("hours", float), cell, len(labels)),
        classes=_added(classes, cell, len(labels)),
        crews=_crews(team, week, actor, known, acted) if "actor" in t else {},
        overrides=_overrides(team, week, t.get("override_reason", blank), known - acted),
        **{k: _added(v, cell, len(labels)) for k, v in counts.items()},
    )


def _label(x: Any) -> str:
    return "" if x is None else segment_label(x)


def _cells(team: NDArray[Any], week: NDArray[Any]) -> tuple[Any, Any, Any]:
    joined = np.array([f"{t}\x00{w}" for t, w in zip(team, week, strict=True)], dtype=object)
    return np.unique(joined.astype(str), return_index=True, return_inverse=True)


def _added(x: NDArray[Any], cell: NDArray[Any], size: int) -> NDArray[Any]:
    out = np.zeros((size, *x.shape[1:]), dtype=x.dtype)
    np.add.at(out, cell, x)
    return out


def _crews(
    team: NDArray[Any],
    week: NDArray[Any],
    actor: list[str | None],
    known: NDArray[np.int64],
    acted: NDArray[np.int64],
) -> dict[tuple[str, str], Crew]:
    """Counts people by team and week, by team, by week and over all; "" stands for all."""
    totals: dict[tuple[str, str], dict[str, list[int]]] = {}
    for t, w, who, n, a in zip(team, week, actor, known.tolist(), acted.tolist(), strict=True):
        if who is None or n == 0:
            continue
        day = "" if np.isnat(w) else str(w)
        for key in {(t, day), (t, ""), ("", day), ("", "")}:
            person = totals.setdefault(key, {}).setdefault(who, [0, 0])
            person[0] += n
            person[1] += a
    out = {}
    for key, people in totals.items():
        na = np.array(list(people.values()), dtype=np.float64)
        n, a = na[:, 0], na[:, 1]
        out[key] = Crew(len(n), int((a > 0).sum()), float(a @ a), float(a @ n), float(n @ n))
    return out


def _overrides(
    team: NDArray[Any], week: NDArray[Any], reason: NDArray[Any], missed: NDArray[np.int64]
) -> dict[tuple[str, str, str], int]:
    out: dict[tuple[str, str, str], int] = {}
    for t, w, why, n in zip(team, week, reason, missed.tolist(), strict=True):
        if why is None or n <= 0:
            continue
        key = (t, "" if np.isnat(w) else str(w), segment_label(why))
        out[key] = out.get(key, 0) + n
    return out
