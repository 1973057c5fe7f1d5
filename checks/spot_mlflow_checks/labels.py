"""Labels of any number: the largest stay apart, the others are folded together where the log lies.

A segment column that holds an id would otherwise hand over a group for every row. Engines are asked
for ``GROUPS`` groups at most; where there are more, one pass ranks the labels by assigned units, and
the group-by is run again with all but the largest as one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from spot_mlflow.lift.moments.labels import OTHER_SEGMENT
from spot_mlflow_checks.reading import SEGMENT_LIMIT, Folded
from spot_mlflow_checks.rows import judged
from spot_mlflow_checks.sums import grouped, segment_label

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from spot_mlflow_checks.reading import Reading

    Rows = Mapping[str, NDArray[Any]]

GROUPS: Final = 100_000  # handed over at most; a year of days, two arms and 130 segments


def bounded(
    r: Reading,
    query: Callable[[Reading], sa.Select[Any]],
    *keys: str,
    limit: int | None = None,
    promised: tuple[str, ...] = (),
) -> tuple[Reading, Rows]:
    """Runs a group-by; where it has too many groups, again with the labels of ``keys`` folded.

    Args:
        r: what to read.
        query: the group-by; its keys come from ``label_keys``.
        keys: contract keys of the labels.
        limit: labels that stay apart; ``SEGMENT_LIMIT`` where None.
        promised: labels that stay apart, however small.

    Returns:
        The reading by which the groups were made, and the groups.
    """
    if not keys:
        return r, grouped(r, query(r))
    t = grouped(r, query(r).limit(GROUPS + 1))
    if len(t["arm" if "arm" in t else "period"]) <= GROUPS:
        return r, t
    folded = {key: _largest(r, key, limit or SEGMENT_LIMIT, promised) for key in keys}
    r = replace(r, folded={**r.folded, **folded})
    return r, grouped(r, query(r))


def _largest(r: Reading, key: str, limit: int, promised: tuple[str, ...]) -> Folded:
    """Ranks the labels of a column by assigned units, then by name."""
    c = judged(r).c
    label, size = (
        r.source.dialect.text(c[key]).label("label"),
        sa.func.sum(c.assigned).label("size"),
    )
    blank = r.source.dialect.blank(c[key], r.source.families[r.columns.names[key]])
    sizes = sa.select(label, size).where(sa.not_(blank)).group_by(label).subquery("sizes").c
    by_name = r.source.dialect.ordered(sizes.label, "text")
    ranked = sa.select(sizes.label, sa.func.count().over().label("labels")).order_by(
        sizes.size.desc(), sizes.label if by_name is None else by_name
    )
    rows = r.source.fetch(ranked.limit(limit))
    kept = dict.fromkeys([*promised, *(str(row[0]) for row in rows)])
    return Folded(tuple(kept), int(rows[0][1]) if rows else 0)


def label_keys(c: Any, *keys: str) -> list[str]:
    """Returns the columns to group by: each label and, where it is folded, whether it is one of the rest."""
    return [k for key in keys for k in (key, f"{key}_rest") if k in c]


def labels_of(t: Rows, key: str, *, missing: str | None = None) -> list[str]:
    """Returns the label of every group; ``missing`` where there is none, the usual word by default."""
    size = len(next(iter(t.values()), ()))
    if key not in t:
        return [missing or ""] * size
    rest = t.get(f"{key}_rest", [0] * size)
    none = segment_label(None) if missing is None else missing
    return [
        OTHER_SEGMENT if more else (none if x is None else segment_label(x))
        for x, more in zip(t[key], rest, strict=True)
    ]
