"""Values of ``filter`` that no row has: likely typing errors are refused, other values are reported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from spot_mlflow import figures
from spot_mlflow.errors import InvalidInput
from spot_mlflow_checks.raw.prepared import near
from spot_mlflow_checks.rows import count_where

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from spot_mlflow_checks.raw.prepared import Raw

_READ: Final = 200  # values of a column among which one like the missing one is looked for
_SHOWN: Final = 8
_LONG: Final = 4  # letters from which two words that differ in one are taken for the same


def unmatched(raw: Raw, where: str) -> dict[str, tuple[str, ...]]:
    """Returns "table.column" -> values of its filter that no row has, of the time that is read.

    A rare status may be absent from the file of a day; one that is there in another spelling, which the
    filter does not list, is meant.

    Args:
        raw: the table as it lies.
        where: it lies, for people.

    Raises:
        InvalidInput: a value is found in no row, and the column has one like it that is not listed.
    """
    out: dict[str, tuple[str, ...]] = {}
    for column, said in raw.doc.filter.items():
        wanted = said if isinstance(said, list) else [said]
        missing = _missing(raw, column, wanted)
        if missing:
            _refuse_slips(raw, column, [str(v) for v in wanted], missing, where)
            out[f"{raw.role}.{column}"] = tuple(missing)
    return out


def _missing(raw: Raw, column: str, wanted: list[Any]) -> list[str]:
    """The values that no row has, in one scan."""
    x, family = raw.source.column(column), raw.source.families[column]
    found = [count_where(raw.source.dialect.equals_written(x, family, v)) for v in wanted]
    query = sa.select(*[n.label(f"v{i}") for i, n in enumerate(found)]).select_from(raw.source.log)
    counts = raw.source.fetch(query.where(*near(raw)))[0]
    return [str(v) for v, n in zip(wanted, counts, strict=True) if not n]


def _refuse_slips(raw: Raw, column: str, wanted: list[str], missing: list[str], where: str) -> None:
    x = raw.source.column(column).label("said")
    query = (
        sa.select(x, sa.func.count().label("n"))
        .select_from(raw.source.log)
        .where(x.element.is_not(None), *near(raw))
        .group_by(x.element)
        .order_by(sa.func.count().desc(), x.element)
        .limit(_READ)
    )
    held = {str(value): int(n) for value, n in raw.source.fetch(query)}
    for value in missing:
        like = next((h for h in held if h not in wanted and _alike(h, value)), None)
        if like is not None:
            raise InvalidInput(
                f"sources.{raw.role}.filter: no row has {value!r} in column {column!r}; it has "
                + ", ".join(_counted(held)),
                where=where,
                fix=f"Did you mean {like!r}? Values of filter are compared as written, with their case and "
                "spaces.",
            )


def _counted(held: Mapping[str, int]) -> Iterator[str]:
    yield from (f"{v!r} ({figures.things(n, 'row')})" for v, n in list(held.items())[:_SHOWN])
    if len(held) > _SHOWN:
        yield "and others"


def _alike(a: str, b: str) -> bool:
    """Whether two words differ only in case, in spaces around them, or by one slip of the pen."""
    a, b = a.strip().casefold(), b.strip().casefold()
    if a == b:
        return True
    if min(len(a), len(b)) < _LONG:
        return False
    while a and b and a[0] == b[0]:
        a, b = a[1:], b[1:]
    while a and b and a[-1] == b[-1]:
        a, b = a[:-1], b[:-1]
    if any(c.isdigit() for c in a + b):  # size 1 and size 2 are two values
        return False
    swapped = len(a) == len("ab") and a == b[::-1]
    return swapped or max(len(a), len(b)) == 1
