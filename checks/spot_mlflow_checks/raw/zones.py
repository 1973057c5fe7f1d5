"""Wall times to UTC as arithmetic on whole microseconds, the same on every engine.

Engines differ in the zones they know, and in what they make of an hour that a clock change skips or
repeats. Here the changes come from Python's ``zoneinfo``, as literals in the query. A wall time that
comes twice is the first of the two; one that never was is read with the offset before the change
(PEP 495, fold 0).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa

if TYPE_CHECKING:
    Expression = sa.ColumnElement[Any]

SECOND: Final = 1_000_000  # microseconds
DAY: Final = 86_400 * SECOND
_YEARS: Final = 10  # before the check; earlier times take the offset of its beginning
_FIRST: Final = 1970
_LAST: Final = 9997  # leaves room for another year and a day in any zone before the year 10000


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a zone's offset; microseconds.

    Attributes:
        at: when, since 1970 UTC.
        before: offset before it.
        after: offset from it on.
    """

    at: int
    before: int
    after: int


def changes(zone: str, until: int) -> tuple[Change, ...]:
    """Returns the changes of a zone's offset in the 10 years up to ``until`` (seconds), and a year more.

    Of the years that there are: none of them is known so far ahead, nor matters before 1970.
    """
    year = datetime.fromtimestamp(until, tz=timezone.utc).year
    return _changes(zone, min(max(year, _FIRST), _LAST))


@lru_cache(maxsize=64)
def _changes(zone: str, year: int) -> tuple[Change, ...]:
    tz = ZoneInfo(zone)
    day, end = datetime(year - _YEARS, 1, 1, tzinfo=timezone.utc), datetime(year + 2, 1, 1, tzinfo=timezone.utc)  # fmt: skip
    out, offset = [], _offset(tz, day)
    out.append(Change(0, offset, offset))
    while day < end:
        following = day + timedelta(days=1)
        if _offset(tz, following) != offset:
            at = _bisect(tz, day, following, offset)
            new = _offset(tz, at)
            out.append(Change(round(at.timestamp()) * SECOND, offset, new))
            offset = new
            continue
        day = following
    return tuple(out)


def _offset(tz: ZoneInfo, at: datetime) -> int:
    delta = at.astimezone(tz).utcoffset()
    assert delta is not None  # noqa: S101 - a zone always has one
    return round(delta.total_seconds()) * SECOND


def _bisect(tz: ZoneInfo, low: datetime, high: datetime, offset: int) -> datetime:
    """The first second at which the offset is another."""
    while high - low > timedelta(seconds=1):
        middle = (low + (high - low) / 2).replace(microsecond=0)
        low, high = (middle, high) if _offset(tz, middle) == offset else (low, middle)
    return high


def to_utc(wall: Expression, found: tuple[Change, ...], *, last: bool = False) -> Expression:
    """Microseconds since 1970 UTC of a wall time given as if it were UTC.

    Args:
        wall: that time.
        found: the changes of its zone.
        last: of a time that comes twice, whether the second is meant, as by the end of a day.
    """
    later = [
        (wall >= c.at + (c.after if last else max(c.before, c.after)), wall - c.after)
        for c in found[:0:-1]
    ]
    first = wall - found[0].after
    return sa.case(*later, else_=first) if later else first


def to_wall(moment: Expression, found: tuple[Change, ...]) -> Expression:
    """The wall time of a moment, as microseconds as if it were UTC."""
    later = [(moment >= c.at, moment + c.after) for c in found[:0:-1]]
    first = moment + found[0].after
    return sa.case(*later, else_=first) if later else first


def never_was(wall: Expression, found: tuple[Change, ...]) -> Expression:
    """Whether a clock change leaves this wall time out."""
    return _between(wall, [(c.at + c.before, c.at + c.after) for c in found if c.after > c.before])


def comes_twice(wall: Expression, found: tuple[Change, ...]) -> Expression:
    """Whether a clock change repeats this wall time."""
    return _between(wall, [(c.at + c.after, c.at + c.before) for c in found if c.after < c.before])


def _between(wall: Expression, spans: list[tuple[int, int]]) -> Expression:
    if not spans:
        return sa.literal(1) == 0
    return sa.or_(*[sa.and_(wall >= low, wall < high) for low, high in spans])
