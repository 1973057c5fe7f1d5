"""Times in ISO 8601 text brought into one form by parts of the text alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

import sqlalchemy as sa

if TYPE_CHECKING:
    from sqlalchemy.sql.elements import ColumnElement

UTC: Final = "+00:00"
_DATE: Final = 10  # characters of a date without a time
_MINUTE: Final = 5  # of a clock without seconds
_SECOND: Final = 8  # of a clock without a fraction
_LONGEST: Final = 40  # characters of a time, and more


class Parts(Protocol):
    """How a database takes text apart."""

    def length(self, x: ColumnElement[Any]) -> ColumnElement[int]:
        """Characters of a text."""

    def part(self, x: ColumnElement[Any], start: Any, size: Any) -> ColumnElement[Any]:
        """Characters of a text; the first is 1."""


def iso_parts(d: Parts, x: ColumnElement[Any]) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """Returns ("2027-01-31 10:00:00+02:00", "0.5") out of a text that ``TIME`` matches.

    Nothing but parts of the text, which every database has, so that each need parse only one form.
    """
    said: ColumnElement[Any] = sa.func.upper(sa.func.trim(x))
    rest: ColumnElement[Any] = sa.func.replace(d.part(said, _DATE + 2, _LONGEST), " ", "")
    rest = sa.func.replace(sa.func.replace(rest, "UTC", ""), "Z", "")  # what has no offset is UTC
    size = d.length(rest)

    def last(width: int, of: int | None = None) -> ColumnElement[Any]:
        return d.part(rest, size - (width - 1), of or width)

    def ends(width: int) -> ColumnElement[bool]:
        return sa.and_(size > width, last(width, 1).in_(("+", "-")))

    long, plain, short = 6, 5, 3  # +02:00, +0200, +02
    offset = sa.case(
        (ends(long), last(long)),
        (ends(plain), _joined(last(plain, 3), ":", last(2))),
        (ends(short), _joined(last(short), ":00")),
        else_=UTC,
    )
    taken = sa.case((ends(long), long), (ends(plain), plain), (ends(short), short), else_=0)
    clock = d.part(rest, 1, size - taken)
    known = d.length(clock)
    seconds = sa.case(
        (sa.or_(size == 0, size.is_(None)), "00:00:00"),  # Oracle has no empty text
        (known == _MINUTE, _joined(clock, ":00")),
        else_=d.part(clock, 1, _SECOND),
    )
    fraction = sa.case(
        (known > _SECOND + 1, _joined("0", d.part(clock, _SECOND + 1, _LONGEST))), else_="0.0"
    )
    return _joined(d.part(said, 1, _DATE), " ", seconds, offset), fraction


def _joined(*parts: Any) -> ColumnElement[Any]:
    out = parts[0]
    for part in parts[1:]:  # Oracle joins two at a time
        out = sa.func.concat(out, part)
    return out  # type: ignore[no-any-return] # an expression by now
