"""Which model versions a table names, for the message where none of its rows is of the one that is checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from spot_mlflow import figures
from spot_mlflow_checks.sums import segment_label

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SHOWN: Final = 4  # versions in a message


def versions_said(
    fetch: Callable[[sa.Select[Any]], Sequence[Sequence[Any]]],
    version: sa.ColumnElement[Any],
    rows: sa.FromClause,
    *conditions: sa.ColumnElement[bool],
) -> str:
    """Returns "version 1 (2,000 rows), version 2 (40 rows)", the commonest first; "no version" of blanks alone.

    Args:
        fetch: runs a query.
        version: the column.
        rows: where it lies.
        conditions: of the rows that are counted.
    """
    count = sa.func.count()
    query = sa.select(version, count).select_from(rows).where(version.is_not(None), *conditions)
    found = fetch(query.group_by(version).order_by(count.desc(), version).limit(SHOWN + 1))
    said = [
        f"version {segment_label(v)} ({figures.things(int(n), 'row')})" for v, n in found[:SHOWN]
    ]
    return ", ".join([*said, *(["others"] if len(found) > SHOWN else [])]) or "no version"
