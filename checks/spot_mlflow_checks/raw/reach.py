"""The time in which events can matter to a few days' decisions, so that the rest need not be read.

Where decisions lie closer together than their window is long, as a day's new cohort does, an event counts
only between the first decision less ``before`` and the last one plus the window. That much of a large
table is read: the condition stands on the raw column, so that files skip row groups and databases use an
index. The ids of what was found are then looked for in all later rows, since the latest row of an id counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from spot_mlflow_checks.raw.zones import DAY

if TYPE_CHECKING:
    from spot_mlflow_checks.engines.dialect import Family
    from spot_mlflow_checks.raw.happened import Windows
    from spot_mlflow_checks.raw.homes import Home

    Expression = sa.ColumnElement[Any]

MANY: Final = 1_000_000  # events; fewer are all read, and counted over all time
_MARGIN: Final = 2 * DAY  # zones differ by up to 26 hours, and a date counts at the end of its day
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - literals of SQL have no zone


@dataclass(frozen=True, slots=True)
class Reach:
    """A span of time, both ends in it; microseconds since 1970 UTC.

    Attributes:
        first: its beginning.
        last: its end.
    """

    first: int
    last: int

    def holds(self, other: Reach) -> bool:
        """Whether another span lies within it."""
        return self.first <= other.first and other.last <= self.last

    def of_column(self, x: Expression, family: Family, kind: str) -> Expression:
        """A condition on a raw time, wider than the span by two days; a missing time meets it.

        Args:
            x: column of a table.
            family: time or date.
            kind: its type as the engine calls it.
        """
        low, high = (
            _literal(at, family, kind) for at in (self.first - _MARGIN, self.last + _MARGIN)
        )
        return sa.or_(sa.and_(x >= low, x <= high), x.is_(None))

    def of_moment(self, moment: Expression, *, undated: bool) -> Expression:
        """The span itself, on a moment in microseconds; named once, as engines compute it at each mention.

        Args:
            moment: expression.
            undated: whether a missing one meets it.
        """
        at = sa.func.coalesce(moment, self.first) if undated else moment
        within: Expression = at.between(self.first, self.last)
        return within


def reach_of(home: Home, picked: sa.TableClause, w: Windows) -> Reach | None:
    """Returns the span that decisions need; None where they lie further apart than a window."""
    at = picked.c.decided_at
    first, last = home.fetch(sa.select(sa.func.min(at), sa.func.max(at)).select_from(picked))[0]
    if first is None or int(last) - int(first) > w.after:
        return None
    return Reach(int(first) - w.before, int(last) + w.after)


def _literal(micros: int, family: Family, kind: str) -> Expression:
    """A time as a literal that every engine compares without turning the column into something else."""
    try:
        at = _EPOCH + timedelta(microseconds=micros)
    except OverflowError:
        at = datetime.min if micros < 0 else datetime.max  # noqa: DTZ901 - the same
    if family == "date":
        return sa.literal_column(f"DATE '{at.date().isoformat()}'")
    word, offset = "TIMESTAMP", ""
    if "with time zone" in kind.casefold():
        word, offset = "TIMESTAMP WITH TIME ZONE", "+00:00"
    return sa.literal_column(f"{word} '{at.isoformat(sep=' ', timespec='seconds')}{offset}'")
