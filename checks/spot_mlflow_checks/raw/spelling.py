"""Days and amounts as countries write them, made into the one form that all engines read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

if TYPE_CHECKING:
    from spot_mlflow_checks.engines.dialect import Family

    Expression = sa.ColumnElement[Any]

_GROUPS: Final = 5  # of thousands in an amount, at most
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

    Where a point is not between thousands (12.50, 12.345.6, 1.5e3), or a comma stands before it
    (1,234.50), it is not what was declared, and to drop it would make a hundred times the amount.

    Args:
        x: column.
        family: of its type; only text is changed, and of SQLite's columns the values that are text.
    """
    if family not in {"text", "any"}:
        return x
    said = sa.func.trim(x)
    powered = sa.func.lower(said).like("%e%")
    odd = sa.and_(said.like("%.%"), sa.or_(powered, sa.not_(_has_thousands(said))))
    pointed = sa.func.replace(sa.func.replace(x, ".", ""), ",", ".")
    plain = sa.case((odd, said.concat("?")), else_=pointed)
    if family == "text":
        return plain
    return sa.case((sa.func.typeof(x) == "text", plain), else_=x)


def _has_thousands(said: Expression) -> Expression:
    """Whether every point of an amount is one between thousands: 1.234.567 or -1.234,50."""
    bare = sa.func.replace(sa.func.replace(said, "-", ""), "+", "").concat(",")
    found = []
    for n in range(1, _GROUPS + 1):
        # So many points and no more, each before three characters up to the comma; that these are
        # digits is seen when the number is read.
        groups = ".___" * n
        shaped = sa.or_(*(bare.like(f"{'_' * head}{groups},%") for head in (1, 2, 3)))
        found.append(sa.and_(shaped, sa.not_(bare.like("%.%" + ".%" * n))))
    return sa.or_(*found)
