"""What became of recommendations as it may be stored: no row tells of fewer than ten of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from spot_mlflow.lift.moments.grouping import codes_of, summed_at
from spot_mlflow.lift.moments.labels import SMALL_CELLS
from spot_mlflow.lift.stored.small_cells import Blocks, grouped_freely

if TYPE_CHECKING:
    from spot_mlflow.lift.moments.actions import ActionTable

_LABELS = ("team", "week", "crews", "overrides")


def without_few(table: ActionTable) -> ActionTable:
    """Returns the table with weeks of few recommendations added to others, first of the same team.

    Of the people behind weeks or teams that were added up nothing is kept, since people do not add up.
    """
    teams, team = codes_of(table.team)
    weeks, week = codes_of(table.week)
    size = len(table.team)
    if not size:
        return table
    counts = table.recommended[:, None]
    blocks = Blocks(
        team, week, counts, np.hstack([counts, counts]), team, np.full(size, np.nan), week, week
    )
    groups = grouped_freely(blocks)
    if len(groups) == size:
        return table
    number = np.zeros(size, dtype=np.int64)
    labels: list[tuple[str, Any]] = []
    for i, g in enumerate(groups):
        number[g.blocks] = i
        name = teams[min(g.segments)] if len(g.segments) == 1 else SMALL_CELLS
        labels.append((name, weeks[int(week[g.blocks].min())]))
    place = {
        (str(t), str(w)): (labels[i][0], str(labels[i][1]))
        for t, w, i in zip(table.team, table.week, number.tolist(), strict=True)
    }
    sizes = Counter(place.values())
    kept = {k for k, v in place.items() if sizes[v] == 1}
    moved = {t for (t, _), (to, _) in place.items() if to != t}
    overrides: Counter[tuple[str, str, str]] = Counter()
    for (t, w, reason), n in table.overrides.items():
        to, when = place.get((t, w), (t, w))
        overrides[to, when, reason] += n
    crews = {
        k: c for k, c in table.crews.items() if k in kept or (k not in place and k[0] not in moved)
    }
    sums = {
        f.name: summed_at(number, len(groups), getattr(table, f.name))
        for f in fields(table)
        if f.name not in _LABELS
    }
    return replace(
        table,
        team=np.array([t for t, _ in labels], dtype=object),
        week=np.array([w for _, w in labels], dtype="datetime64[D]"),
        crews=crews,
        overrides=dict(overrides),
        **sums,
    )
