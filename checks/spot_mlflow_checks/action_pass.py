"""What became of the recommendations: one pass by team, week and reason, and one over persons.

Persons are counted where the log lies; neither their names nor a row for each leave it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sa

from spot_mlflow.lift.moments.actions import CLASSES, HOURS, ActionTable, Crew
from spot_mlflow_checks.labels import bounded, label_keys, labels_of
from spot_mlflow_checks.reading import WEEK
from spot_mlflow_checks.rows import count_where, judged
from spot_mlflow_checks.sums import grouped, period_dates

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from spot_mlflow_checks.reading import Reading

    Rows = Mapping[str, NDArray[Any]]

_HOUR = 3600.0
_KEYS = ("team", "override_reason")


def action_pass(r: Reading) -> ActionTable:
    """Counts recommendations and acts by team and week, treated units only.

    All assigned units count, matured or not: an act needs no outcome.
    """
    weekly = replace(r, grain=WEEK)

    def query(at: Reading) -> sa.Select[Any]:
        c = judged(at).c
        keys = [c.period, *(c[k] for k in label_keys(c, *_KEYS))]
        sums = [f.label(k) for k, f in _counts(at, c).items()]
        return sa.select(*keys, *sums).where(_recommended(c)).group_by(*keys)

    weekly, t = bounded(weekly, query, *(k for k in _KEYS if r.has(k)))
    return _table(weekly, t, _crews(weekly) if r.has("actor") else {})


def _recommended(c: Any) -> sa.ColumnElement[bool]:
    return sa.and_(c.arm > 0, c.assigned == 1)


def _counts(r: Reading, c: Any) -> dict[str, Any]:
    acted = c.acted == 1
    out = {
        "recommended": sa.func.count(),
        "known": count_where(c.acted.is_not(None)),
        "acted": count_where(acted),
    }
    if not r.has("acted_at", "decided_at"):
        return out
    hours = (c.acted_at - c.decided_at) / _HOUR
    timed = sa.and_(acted, hours >= 0)
    out["timed"] = count_where(timed)
    out["hours"] = sa.func.sum(sa.case((timed, hours), else_=0.0))
    lower = 0.0
    for i, upper in enumerate((*HOURS, None)):
        inside = hours >= lower if upper is None else sa.and_(hours >= lower, hours < upper)
        out[f"class_{i}"] = count_where(sa.and_(acted, inside))
        lower = lower if upper is None else upper
    return out


def _table(r: Reading, t: Rows, crews: Mapping[tuple[str, str], Crew]) -> ActionTable:
    size = len(t["recommended"])

    def numbers(name: str, kind: type = np.int64) -> NDArray[Any]:
        if name not in t:
            return np.zeros(size, dtype=kind)
        return np.array([0 if v is None else kind(v) for v in t[name]], dtype=kind)

    week = period_dates(r, t["period"])
    team = np.array(labels_of(t, "team", missing=""), dtype=object)
    known, acted = numbers("known"), numbers("acted")
    labels, first, cell = _cells(team, week)
    counts = {k: numbers(k) for k in ("recommended", "known", "acted", "timed")}
    classes = np.column_stack([numbers(f"class_{i}") for i in range(len(CLASSES))])
    return ActionTable(
        team=team[first],
        week=week[first],
        hours=_added(numbers("hours", float), cell, len(labels)),
        classes=_added(classes, cell, len(labels)),
        # Sorted: engines give groups in an order that changes from run to run.
        crews=dict(sorted(crews.items())),
        overrides=_overrides(
            team, week, labels_of(t, "override_reason", missing=""), known - acted
        ),
        **{k: _added(v, cell, len(labels)) for k, v in counts.items()},
    )


def _cells(team: NDArray[Any], week: NDArray[Any]) -> tuple[Any, Any, Any]:
    joined = np.array([f"{t}\x00{w}" for t, w in zip(team, week, strict=True)], dtype=object)
    return np.unique(joined.astype(str), return_index=True, return_inverse=True)


def _added(x: NDArray[Any], cell: NDArray[Any], size: int) -> NDArray[Any]:
    out = np.zeros((size, *x.shape[1:]), dtype=x.dtype)
    np.add.at(out, cell, x)
    return out


def _crews(r: Reading) -> dict[tuple[str, str], Crew]:
    """Counts people by team and week, by team, by week and over all; "" stands for all.

    One query: sums per team, week and person, added up to each grain, squared, and added up again.
    """
    c = judged(r).c
    grain = [*label_keys(c, "team"), "period"]
    n, a = count_where(c.acted.is_not(None)), count_where(c.acted == 1)
    person = (
        sa.select(*(c[k] for k in grain), c.actor, n.label("n"), a.label("a"))
        .where(sa.and_(_recommended(c), c.actor.is_not(None)))
        .group_by(*(c[k] for k in grain), c.actor)
        .cte("person")
    )
    teams = [k for k in grain if k != "period"]
    grains = [grain, teams, ["period"], []] if teams else [grain, []]
    t = grouped(r, sa.union_all(*(_at_grain(r, person, grain, g) for g in grains)))
    weeks = ["" if np.isnat(w) else str(w) for w in period_dates(r, t["period"])]
    teams_ = labels_of(t, "team", missing="")
    out = {}
    for i, key in enumerate(zip(teams_, weeks, strict=True)):
        # No team, no week: such people count in the totals only.
        if (not key[0] and t["by_team"][i]) or (not key[1] and t["by_week"][i]):
            continue
        if t["people"][i]:
            people, active = int(t["people"][i]), int(t["active"][i])
            out[key] = Crew(people, active, *(float(t[k][i]) for k in ("aa", "an", "nn")))
    return out


def _at_grain(r: Reading, person: sa.CTE, grain: list[str], of: list[str]) -> sa.Select[Any]:
    p = person.c
    keys = [p[k] for k in of]
    n, a = sa.func.sum(p.n), sa.func.sum(p.a)
    whole = sa.select(
        *keys, p.actor, r.source.dialect.double(n).label("n"), r.source.dialect.double(a).label("a")
    )
    each = whole.group_by(*keys, p.actor).having(n > 0).subquery("each_person")
    e = each.c
    said = [(e[k] if k in of else sa.null()).label(k) for k in grain]
    sums = {"people": sa.func.count(), "active": count_where(e.a > 0)}
    sums |= {
        "aa": sa.func.sum(e.a * e.a),
        "an": sa.func.sum(e.a * e.n),
        "nn": sa.func.sum(e.n * e.n),
    }
    by = [
        sa.literal(int(k in of)).label(f"by_{name}")
        for k, name in (("team", "team"), ("period", "week"))
    ]
    return sa.select(*said, *by, *(x.label(k) for k, x in sums.items())).group_by(
        *(e[k] for k in of)
    )


def _overrides(
    team: NDArray[Any], week: NDArray[Any], reason: list[str], missed: NDArray[np.int64]
) -> dict[tuple[str, str, str], int]:
    out: dict[tuple[str, str, str], int] = {}
    for t, w, why, n in zip(team, week, reason, missed.tolist(), strict=True):
        if not why or n <= 0:
            continue
        key = (t, "" if np.isnat(w) else str(w), why)
        out[key] = out.get(key, 0) + n
    return dict(sorted(out.items()))
