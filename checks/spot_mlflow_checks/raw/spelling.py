"""Days and amounts as countries write them, made into the one form that all engines read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

if TYPE_CHECKING:
    from spot_mlflow_checks.engines.dialect import Family

    Expression = sa.ColumnElement[Any]

_YEAR, _REST = 7, 11  # first character of the year, and of what comes after the day
# How days are written -> (where the month begins, where the day does, what such a text is like).
_DAYS: Final = {
    "DD.MM.YYYY": (4, 1, "__.__.____%"),
    "DD/MM/YYYY": (4, 1, "__/__/____%"),
    "MM/DD/YYYY": (1, 4, "__/__/____%"),
}


def as_iso(x: Expression, family: Family, dates: str) -> Expression:
    """A day in text as 2027-01-31, with the time after it; any other text as it is.

    Args:
        x: column.
        family: of its type; only text is changed.
        dates: a key of the contract's ``dates``.
    """
    if family not in {"text", "any"}:
        return x
    month, day, form = _DAYS[dates]
    said = sa.func.trim(x)
    parts = [sa.func.substr(said, i, n) for i, n in ((_YEAR, 4), (month, 2), (day, 2))]
    iso = parts[0].concat("-").concat(parts[1]).concat("-").concat(parts[2])
    return sa.case((said.like(form), iso.concat(sa.func.substr(said, _REST))), else_=x)


def with_point(x: Expression, family: Family) -> Expression:
    """An amount in text, 1.234,50, as 1234.50; with a point that separates no thousands, unreadable.

    Where a point is not followed by three digits (12.50), or a comma stands before it (1,234.50), it is
    not what was declared, and to drop it would make a hundred times the amount.

    Args:
        x: column.
        family: of its type; only text is changed, and of SQLite's columns the values that are text.
    """
    if family not in {"text", "any"}:
        return x
    said = sa.func.trim(x)
    thousands = sa.or_(*(said.like(form) for form in ("%.___", "%.___,%", "%.___.%")))
    odd = sa.or_(sa.and_(said.like("%.%"), sa.not_(thousands)), said.like("%,%.%"))
    pointed = sa.func.replace(sa.func.replace(x, ".", ""), ",", ".")
    plain = sa.case((odd, said.concat("?")), else_=pointed)
    if family == "text":
        return plain
    return sa.case((sa.func.typeof(x) == "text", plain), else_=x)
