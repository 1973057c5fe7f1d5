"""How many rows of each table every rule touched, and the faults that leave nothing to join."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from spot_mlflow import figures
from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.moments.joined import Rule, RuleCount
from spot_mlflow_checks.rows import count_where

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.lift.promise.sources import Table
    from spot_mlflow_checks.raw.homes import Home

    Expression = sa.ColumnElement[Any]

_SHOWN: Final = 4  # currencies in a message


@dataclass(frozen=True, slots=True)
class Census:
    """What one scan of a prepared table counts.

    Attributes:
        role: of the table.
        counts: rule -> rows, of those that ``filter`` keeps; ``ROWS`` are all rows.
        first: microseconds since 1970 of the earliest countable row, or None.
        last: of the latest one by ``as_of``.
        usable: rows with a unit and, where the table has times, a time by ``as_of``.
        repeats: usable rows whose key occurs in another one, all but one of each; None where nobody asked.
    """

    role: str
    counts: Mapping[Rule, int]
    first: int | None
    last: int | None
    usable: int
    repeats: int | None = None

    @property
    def rows(self) -> int:
        """Rows that ``filter`` keeps."""
        return self.counts[Rule.ROWS] - self.counts.get(Rule.FILTERED, 0)

    @property
    def clean(self) -> bool:
        """Whether every row can be used, so that no query need ask."""
        return self.usable == self.counts[Rule.ROWS]

    def rules(self) -> list[RuleCount]:
        """The counts in the order of ``Rule``; of the kept rows, but for those left out by filter."""
        every = (Rule.ROWS, Rule.FILTERED)
        return [
            RuleCount(r, self.role, n, self.counts[Rule.ROWS] if r in every else self.rows)
            for r, n in self.counts.items()
        ]


def census(  # noqa: PLR0917 - what is counted, and how
    home: Home,
    role: str,
    rows: sa.FromClause,
    as_of: int,
    extra: Mapping[Rule, Any],
    key: str | None = None,
) -> Census:
    """Counts the rules of one table in one scan.

    Args:
        home: where it lies.
        role: of the table.
        rows: as prepared.
        as_of: microseconds since 1970 UTC.
        extra: further rule -> its condition, over kept rows with a unit and a time.
        key: column whose repeats are counted, over the same rows.
    """
    r = rows.c
    kept, known = r.kept == 1, r.unit.is_not(None)
    timed = "moment" in r
    asked: dict[Rule, Expression] = {
        Rule.FILTERED: r.kept == 0,
        Rule.NO_ID: sa.and_(kept, r.has_unit == 0),
        Rule.UNREADABLE_ID: sa.and_(kept, r.has_unit == 1, r.unit.is_(None)),
    }
    usable = sa.and_(kept, known)
    if timed:
        bad = sa.or_(r.moment.is_(None), r.moment < 0)
        asked |= {
            Rule.UNREADABLE_TIME: sa.and_(kept, bad),
            Rule.AFTER_AS_OF: sa.and_(kept, r.moment > as_of),
            Rule.DAY_ONLY: sa.and_(kept, r.day_only == 1),
            Rule.SKIPPED_HOUR: sa.and_(kept, r.skipped == 1),
            Rule.REPEATED_HOUR: sa.and_(kept, r.repeated == 1),
        }
        usable = sa.and_(kept, known, r.moment >= 0, r.moment <= as_of)
    asked |= {rule: sa.and_(usable, x) for rule, x in extra.items()}
    at = r.moment if timed else sa.cast(sa.null(), sa.BigInteger())
    columns = [
        sa.func.count(),
        sa.literal_column("0") if key is None else repeats_of(sa.case((usable, r[key]))),
        count_where(usable),
        sa.func.min(sa.case((usable, at))),
        sa.func.max(sa.case((usable, at))),
        *[count_where(x) for x in asked.values()],
    ]
    query = sa.select(*[x.label(f"v{i}") for i, x in enumerate(columns)]).select_from(rows)
    total, again, count, first, last, *found = home.fetch(query)[0]
    counts = {Rule.ROWS: int(total), **dict(zip(asked, (int(v or 0) for v in found), strict=True))}
    repeats = None if key is None else int(again)
    return Census(role, counts, _whole(first), _whole(last), int(count or 0), repeats)


def repeats_of(key: Expression) -> Expression:
    """How many rows have a key that another row has, too, all but one of each."""
    return sa.func.count(key) - sa.func.count(key.distinct())


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def refuse_hopeless(c: Census, where: str, columns: Mapping[str, str]) -> None:
    """Raises where no row of a table can be used, saying why.

    Args:
        c: its counts.
        where: the table, for people.
        columns: key -> column.
    """
    at = f"sources.{c.role}"
    if c.counts[Rule.ROWS] == 0:
        raise InvalidInput("the table is empty", where=where, fix="Give one with rows.")
    if c.rows == 0:
        raise InvalidInput(
            f"{at}.filter leaves no row of {c.counts[Rule.ROWS]:,}",
            where=where,
            fix="Correct the values in lift.yaml; they are compared as written.",
        )
    for rule, key, what, fix in _HOPELESS:
        rows = c.usable if rule in _OF_USABLE else c.rows
        if rows and c.counts.get(rule, 0) == rows and key in columns:
            raise InvalidInput(
                f"column {columns[key]!r} ({at}.{key}): {what}, in all {rows:,} rows",
                where=where,
                fix=fix,
            )
    if c.usable == 0:
        raise InvalidInput(
            f"no row of {c.rows:,} has both an id and a time by as_of",
            where=where,
            fix="Correct the columns in lift.yaml, or give a later --as-of.",
        )


_OF_USABLE: Final = {Rule.UNREADABLE_AMOUNT}  # counted among rows with a unit and a time
_HOPELESS: Final = (
    (Rule.NO_ID, "unit", "no unit has an id", "Name the column of the unit's id."),
    (Rule.UNREADABLE_ID, "unit", "no id is a whole number", "Set sources.ids: text, or correct the column."),
    (Rule.UNREADABLE_TIME, "at", "no time can be read", "Write times as 2027-01-31 or 2027-01-31T10:00:00Z, or say how they are written: dates: DD.MM.YYYY."),
    (Rule.AFTER_AS_OF, "at", "every time is after as_of", "Give a later --as-of, or a later complete_until."),
    (Rule.UNREADABLE_AMOUNT, "amount", "no amount can be read", "Write 12.50 without a currency, or say that there is a decimal comma: decimal: ','."),
)  # fmt: skip


# Step -> the rule that counts answers to it which are neither yes nor no.
ANSWERS: Final = {
    "offered": Rule.UNREADABLE_OFFERED,
    "delivered": Rule.UNREADABLE_DELIVERED,
    "acted": Rule.UNREADABLE_ACTED,
}


def refuse_answers(home: Home, rows: sa.FromClause, c: Census, where: str, doc: Table) -> None:
    """Raises where a step has answers and none can be read as yes or no, naming the words that it has.

    Args:
        home: where the steps lie.
        rows: as prepared.
        c: their counts.
        where: the table, for people.
        doc: what the contract says of them.
    """
    r = rows.c
    for key in [k for k, rule in ANSWERS.items() if c.counts.get(rule)]:
        odd, usable = r[f"{key}_odd"], sa.and_(r.kept == 1, r.unit.is_not(None))
        usable = sa.and_(usable, r.moment >= 0)
        known = sa.select(count_where(sa.and_(usable, r[key].is_not(None))).label("n"))
        if int(home.fetch(known.select_from(rows))[0][0] or 0):
            continue
        query = (
            sa.select(odd, sa.func.count())
            .select_from(rows)
            .where(usable, odd.is_not(None))
            .group_by(odd)
            .order_by(sa.func.count().desc(), odd)
        )
        found = home.fetch(query.limit(_SHOWN))
        said = ", ".join(f"{word!r} ({figures.things(int(n), 'row')})" for word, n in found)
        raise InvalidInput(
            f"column {doc.columns[key]!r} (sources.steps.{key}): no answer is yes or no; it has {said}",
            where=where,
            fix=_fix_of_answers(doc, key),
        )


def _fix_of_answers(doc: Table, key: str) -> str:
    if key in doc.told:
        return f"Correct the words of sources.steps.{key}: its yes and no are none of these."
    words = f"{key}: {{column: {doc.columns[key]}, yes: [...], no: [...]}}"
    return f"Say which words mean yes and which no: {words}; or write 1 and 0."


def refuse_currencies(home: Home, rows: sa.FromClause, where: str, role: str, column: str) -> None:
    """Raises where the amounts that count are of more than one currency."""
    r = rows.c
    query = (
        sa.select(r.currency, sa.func.count())
        .select_from(rows)
        .where(r.kept == 1, r.currency.is_not(None))
        .group_by(r.currency)
        .order_by(sa.func.count().desc())
    )
    found = home.fetch(query.limit(_SHOWN))
    if len(found) > 1:
        said = ", ".join(f"{name} ({int(n):,} rows)" for name, n in found)
        raise InvalidInput(
            f"column {column!r} (sources.{role}.currency) has amounts of several currencies: {said}",
            where=where,
            fix=f"Keep one with sources.{role}.filter: {{{column}: {found[0][0]}}}, or convert them.",
        )
