"""How each engine says the same thing: numbers, times, labels and truth out of any column.

Every expression is SQLAlchemy Core, so that column names are quoted by the library and one query
text serves DuckDB (frames and files), SQLite, PostgreSQL, a warehouse and Spark.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final, Literal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.base import PGDialect
from typing_extensions import override

from spot_mlflow_checks.engines.forms import (
    FARTHEST,
    LARGEST_POWER,
    NUMBER,
    OFFSET,
    TIME,
    WIDEST_NUMBER,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy.engine import Dialect as SQLDialect
    from sqlalchemy.sql.elements import ColumnElement

# "label": text that only names something (an id, bytes, a span of time); "other": not looked into.
# "micros": whole microseconds since 1970 UTC, as a log is written that we join ourselves.
Family = Literal[
    "integer", "float", "bool", "text", "label", "time", "date", "micros", "any", "other"
]

LARGEST: Final = 1.7976931348623157e308  # of a double; what is larger is infinite
NEVER: Final = sa.literal(1) == 0  # a condition that no row meets, where a database has no FALSE
TRUE_WORDS: Final = ("true", "t", "yes", "y", "ja", "j")
FALSE_WORDS: Final = ("false", "f", "no", "n", "nein")
INFINITE_WORDS: Final = ("inf", "+inf", "-inf", "infinity", "+infinity", "-infinity")
_SHORT: Final = 4  # words in one list: DuckDB makes a join of a longer one, at each mention
# Spellings of "no value" that exports write into text columns.
BLANK_WORDS: Final = ("", "na", "n/a", "nan", "null", "none", "<na>", "nat", "-")

_BLANK: Final = 6  # the longest of them, with a space at both ends
_DATE: Final = 10  # characters of a date without a time
_MINUTE: Final = 16  # and of a time up to the minute
_SECOND: Final = 19  # up to the second
_WHOLE: Final = re.compile(r"(-?(?:0|[1-9][0-9]*))(?:\.0)?")


class Dialect:
    """Standard SQL; the other dialects say where they differ."""

    name = "sql"
    sql: SQLDialect | None = None  # None: the SQLAlchemy engine has its own
    # An infinite double; None where a database has none. Its sign is of no use to anyone.
    infinity: ColumnElement[float] | None = sa.cast(sa.literal("Infinity"), sa.Double())
    distinct_on = False  # whether SELECT DISTINCT ON gives the first row of each key

    def compile(self, query: sa.Select[Any] | sa.CompoundSelect[Any]) -> str:
        """Returns the text of a query with its literals written out and escaped."""
        assert self.sql is not None  # noqa: S101 - engines of SQLAlchemy never come here
        return str(query.compile(dialect=self.sql, compile_kwargs={"literal_binds": True}))

    def fenced(self, query: sa.Select[Any]) -> sa.Select[Any]:
        """A query whose columns are computed once, however often an outer one names them."""
        return query

    def double(self, x: ColumnElement[Any]) -> ColumnElement[float]:
        """Casts a numeric expression to double."""
        return sa.cast(x, sa.Double())

    def text(self, x: ColumnElement[Any]) -> ColumnElement[str]:
        """Casts anything to text."""
        return sa.cast(x, sa.Text())

    def plain(self, x: ColumnElement[Any]) -> ColumnElement[str]:
        """A text column as it is written; itself, unless it is compared without regard to case."""
        return x

    def is_nan(self, x: ColumnElement[Any]) -> ColumnElement[bool]:
        """Whether a double is NaN."""
        return x != x  # noqa: PLR0124 - the standard's only way to say it

    def finite(self, x: ColumnElement[Any]) -> ColumnElement[bool]:
        """Whether a double is known and not infinite."""
        return sa.func.abs(x) <= LARGEST

    def infinite(self, x: ColumnElement[Any]) -> ColumnElement[bool]:
        """Whether a double is infinite."""
        return sa.func.abs(x) > LARGEST

    def is_truth(self, x: ColumnElement[Any], *, wanted: bool) -> ColumnElement[bool]:
        """Whether a boolean column is true, or false."""
        return x.is_(sa.true() if wanted else sa.false())

    def length(self, x: ColumnElement[Any]) -> ColumnElement[int]:
        """Characters of a text."""
        return sa.func.length(x)

    def word(self, x: ColumnElement[Any]) -> ColumnElement[str]:
        """A text column as it is compared: trimmed and in lower case."""
        return sa.func.lower(sa.func.trim(x))

    def without_zeros(self, x: ColumnElement[Any]) -> ColumnElement[str]:
        """A text without the zeros that it begins with."""
        return sa.func.ltrim(x, "0")

    def parse_number(self, x: ColumnElement[Any]) -> ColumnElement[float]:
        """A number out of text, infinite ones included; NULL where it is not of the form that is read."""
        said = [(self.is_number(x), self.to_double(x))]
        if self.infinity is not None:
            said += [(self.word(x).in_(some), self.infinity) for some in _shortly(INFINITE_WORDS)]
        return sa.case(*said)

    def parse_time(self, x: ColumnElement[Any]) -> ColumnElement[float]:
        """Seconds since 1970 UTC out of text; NULL where it is not of the form that is read."""
        return sa.case((self.matches(x, TIME), self.to_seconds(x)))

    def matches(self, x: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
        """Whether a text has the form of a number or time."""
        return x.regexp_match(pattern)

    def is_number(self, x: ColumnElement[Any]) -> ColumnElement[bool]:
        """Whether a text is a number that a double holds."""
        return sa.and_(self.length(x) <= WIDEST_NUMBER, self.matches(x, NUMBER))

    def to_double(self, x: ColumnElement[Any]) -> ColumnElement[float]:
        """A double out of a text that is a number; what it makes of any other is not looked at."""
        return self.double(x)

    def to_seconds(self, x: ColumnElement[Any]) -> ColumnElement[float]:
        """Seconds since 1970 UTC out of a text that is a time, likewise."""
        return self.seconds(sa.cast(x, sa.DateTime(timezone=True)))

    def seconds(self, x: ColumnElement[Any]) -> ColumnElement[float]:
        """Seconds since 1970 UTC of a time or date; a naive one is taken as UTC."""
        return self.double(sa.extract("epoch", x))

    def floor(self, x: ColumnElement[Any]) -> ColumnElement[Any]:
        """The largest whole number not above x."""
        return sa.func.floor(x)

    def number(self, x: ColumnElement[Any], family: Family) -> ColumnElement[float]:
        """A double out of any column, infinite ones included; NULL where missing or unreadable.

        NaN goes before anything is compared: engines do not agree on where it sorts, and DuckDB's
        Parquet statistics leave it out, so that a comparison may be optimised to the wrong answer.
        """
        if family == "integer":
            return self.double(x)
        if family == "float":
            return self._known(self.double(x))
        if family == "bool":
            return sa.case(
                (self.is_truth(x, wanted=True), 1.0), (self.is_truth(x, wanted=False), 0.0)
            )
        if family in {"text", "any"}:
            word = self.word(x)
            return sa.case(
                *[(word.in_(some), 1.0) for some in _shortly(TRUE_WORDS)],
                *[(word.in_(some), 0.0) for some in _shortly(FALSE_WORDS)],
                else_=self._known(self.parse_number(x)),
            )
        return self.double(sa.null())

    def amount(self, x: ColumnElement[Any], family: Family) -> ColumnElement[float]:
        """A number in which "yes" is none, as an amount or an id."""
        if family in {"text", "any"}:
            return self._known(self.parse_number(x))
        return self.number(x, family)

    def _known(self, x: ColumnElement[Any]) -> ColumnElement[float]:
        return sa.case((sa.not_(self.is_nan(x)), x))

    def blank(self, x: ColumnElement[Any], family: Family) -> ColumnElement[bool]:
        """Whether nothing is there: NULL, NaN, empty text, or a spelling of "no value"."""
        if family == "float":
            return sa.or_(x.is_(None), self.is_nan(self.double(x)))
        if family in {"text", "any"}:
            # Their length first: it costs nothing, the rest does on every row.
            short = self.length(x) <= _BLANK
            return sa.or_(x.is_(None), sa.and_(short, self.word(x).in_(BLANK_WORDS)))
        return x.is_(None)

    def time(self, x: ColumnElement[Any], family: Family) -> ColumnElement[float]:
        """Seconds since 1970 UTC out of any column that can hold a time."""
        if family in {"time", "date"}:
            return self.seconds(x)
        if family in {"text", "any"}:
            return self.parse_time(x)
        if family == "micros":
            return self.double(x) / 1e6
        return self.double(sa.null())

    def micros(self, x: ColumnElement[Any], family: Family) -> ColumnElement[int]:
        """Whole microseconds since 1970 UTC out of any column that can hold a time."""
        return sa.cast(self.floor(self.time(x, family) * 1e6 + 0.5), sa.BigInteger())

    def truth(self, x: ColumnElement[Any], family: Family) -> ColumnElement[float]:
        """1.0 or 0.0 out of a flag in any spelling, 1.0 out of the time when it was passed; else NULL."""
        if family in {"time", "date"}:
            return sa.case((x.is_not(None), 1.0))
        number = self.number(x, family)
        if family == "bool":
            return number
        said = [(number != 0, 1.0), (number == 0, 0.0)]
        if family in {"text", "any"}:
            said.append((self.time(x, family).is_not(None), 1.0))
        return sa.case(*said)

    def answer(
        self, x: ColumnElement[Any], family: Family, yes: Sequence[Any], no: Sequence[Any]
    ) -> ColumnElement[float]:
        """1.0 or 0.0 out of a column whose words of yes and no are given; else NULL."""
        return sa.case(
            *[(has, 1.0) for has in self._among(x, family, yes)],
            *[(has, 0.0) for has in self._among(x, family, no)],
        )

    def _among(
        self, x: ColumnElement[Any], family: Family, labels: Sequence[Any]
    ) -> Iterator[ColumnElement[bool]]:
        """Conditions one of which holds where a column has one of the labels, in any case."""
        if family not in {"text", "any", "label"}:
            yield from (self.equals(x, family, label) for label in labels)
            return
        word = self.word(x if family == "text" else self.text(x))
        wanted = {w for label in labels for s in spellings(label) for w in _small(s)}
        for some in _shortly(sorted(wanted)):
            yield word.in_(some)

    def ordered(self, x: ColumnElement[Any], family: Family) -> ColumnElement[Any] | None:
        """A column as it sorts by code points, as Python does; None where that cannot be said."""
        return x if family in {"integer", "float"} else None

    def blanks_last(self, x: ColumnElement[Any]) -> Sequence[ColumnElement[Any]]:
        """What rows are put in order by, so that those without a value come last."""
        return (x.nulls_last(),)

    def equals(self, x: ColumnElement[Any], family: Family, label: Any) -> ColumnElement[bool]:
        """Whether a column holds a label of the contract, in the column's own type."""
        number = as_number(label)
        if family == "bool":
            truth = as_truth(label)
            return NEVER if truth is None else self.is_truth(x, wanted=truth)
        if family in {"integer", "float"}:
            return NEVER if number is None else self.double(x) == number
        if family in {"text", "label"}:
            return x.in_(spellings(label))
        if family == "any":
            return self.text(x).in_(spellings(label))
        return NEVER

    def equals_written(
        self, x: ColumnElement[Any], family: Family, value: Any
    ) -> ColumnElement[bool]:
        """The same for a value of a filter: one in text is itself alone where the column is text, too."""
        if isinstance(value, str) and family in {"text", "label"}:
            return x == value.strip()
        return self.equals(x, family, value)

    def equals_trimmed(
        self, x: ColumnElement[Any], family: Family, label: Any
    ) -> ColumnElement[bool]:
        """The same for text with spaces around it; apart, since it costs on every row."""
        if family in {"text", "any"}:
            return sa.func.trim(self.text(x)).in_(spellings(label))
        return NEVER


def as_number(label: Any) -> float | None:
    """A label as a number, or None: True is 1, "1.0" is 1; "inf" and "nan" are words."""
    try:
        number = float(label)
    except ValueError:
        truth = as_truth(label)
        return None if truth is None else float(truth)
    except OverflowError:  # a whole number of hundreds of digits
        return None
    return number if math.isfinite(number) else None


def as_truth(label: Any) -> bool | None:
    """A label as a truth value, or None where it is neither."""
    word = str(label).strip().lower()
    if word in (*TRUE_WORDS, "1", "1.0"):
        return True
    return False if word in (*FALSE_WORDS, "0", "0.0") else None


def spellings(label: Any) -> list[str]:
    """How a label may be written in a text column: 1 is also 1.0, and true for a boolean.

    A label in text is a number only if it is written as one is: 007 and 1e5 are words.
    """
    found = {str(label).strip()}
    number = as_number(label)
    if isinstance(label, str):
        said = _WHOLE.fullmatch(label.strip())
        if said is not None:
            found |= {said[1], f"{said[1]}.0"}
    elif number is not None and number == int(number):
        found |= {str(int(label)), f"{int(label)}.0"}
        if number in {0, 1}:
            words = TRUE_WORDS if number else FALSE_WORDS
            found |= {w for word in words for w in (word, word.capitalize(), word.upper())}
    return sorted(found)


def blank_or_not(x: ColumnElement[Any]) -> Sequence[ColumnElement[Any]]:
    """The same where a database has no NULLS LAST."""
    return (sa.case((x.is_(None), 1), else_=0), x)


def close_offset(x: ColumnElement[Any]) -> ColumnElement[Any]:
    """A time in text as more engines read it: no spaces around it or before its offset, and a large Z."""
    plus = sa.func.replace(sa.func.trim(x), " +", "+")
    return sa.func.replace(sa.func.replace(plus, " -", "-"), "z", "Z")


def with_seconds(x: ColumnElement[Any]) -> ColumnElement[Any]:
    """A time in text with its seconds: not every engine reads "10:00+02:00" without them."""
    bare = sa.and_(sa.func.length(x) >= _MINUTE, sa.func.substr(x, _MINUTE + 1, 1) != ":")
    spelt = sa.func.substr(x, 1, _MINUTE).concat(":00").concat(sa.func.substr(x, _MINUTE + 1))
    return sa.case((bare, spelt), else_=x)


class _DuckDB(PGDialect):
    """PostgreSQL's grammar without its backslashes; DuckDB follows the standard."""

    supports_statement_cache = True
    _backslash_escapes = False


class DuckDialect(Dialect):
    """DuckDB: frames, Parquet, CSV and relations."""

    name = "duckdb"
    sql = _DuckDB(paramstyle="named")  # type: ignore[no-untyped-call] # untyped in SQLAlchemy

    @override
    def is_nan(self, x: ColumnElement[Any]) -> ColumnElement[bool]:
        return sa.func.isnan(x)

    def _try(self, x: ColumnElement[Any], kind: str) -> ColumnElement[Any]:
        return sa.func.try_cast(x.op("AS")(sa.literal_column(kind)))

    @override
    def matches(self, x: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
        return sa.func.regexp_matches(x, pattern)

    @override
    def to_double(self, x: ColumnElement[Any]) -> ColumnElement[float]:
        return self._try(x, "DOUBLE")

    @override
    def to_seconds(self, x: ColumnElement[Any]) -> ColumnElement[float]:
        # Plain TIMESTAMP drops the offset it reads, TIMESTAMPTZ takes the session's zone for none.
        said = close_offset(x)
        zoned = sa.and_(sa.func.length(said) > _DATE, sa.func.regexp_matches(said, OFFSET))
        return sa.case(
            (zoned, sa.func.epoch(self._try(said, "TIMESTAMPTZ"))),
            else_=sa.func.epoch(self._try(said, "TIMESTAMP")),
        )

    @override
    def seconds(self, x: ColumnElement[Any]) -> ColumnElement[float]:
        return sa.func.epoch(x)

    @override
    def micros(self, x: ColumnElement[Any], family: Family) -> ColumnElement[int]:
        exact = family in {"time", "date"}
        return sa.func.epoch_us(x) if exact else super().micros(x, family)

    @override
    def ordered(self, x: ColumnElement[Any], family: Family) -> ColumnElement[Any] | None:
        return x  # text compares byte by byte


def _is_sqlite_rest(rest: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether up to nine digits follow a point, if one is there, and at most one space."""
    ten = "." + "[0-9]" * 10 + "*"
    odd = ("[0-9]*", ".", ".[^0-9]*", ".*.*", ten, "*  *")
    return sa.and_(*[sa.not_(rest.op("GLOB")(form)) for form in odd])


def _is_sqlite_zone(zone: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether it is an offset as ``forms`` says, or none."""
    forms = ("[+-][0-9][0-9]", "[+-][0-9][0-9][0-5][0-9]", "[+-][0-9][0-9]:[0-5][0-9]")
    digits = sa.func.substr(sa.func.replace(zone, ":", ""), 2)
    said = sa.or_(*[zone.op("GLOB")(form) for form in forms])
    return sa.or_(zone.in_(("", "Z", "z", "UTC")), sa.and_(said, digits <= FARTHEST))


def _sqlite_offset(zone: ColumnElement[Any]) -> ColumnElement[float]:
    """Seconds ahead of UTC of an offset: +02:00, +0200 or +02; 0 of a letter."""
    four = sa.func.substr(sa.func.replace(zone, ":", "").concat("00"), 1, 5)
    n: ColumnElement[Any] = sa.cast(four, sa.Integer())  # hours * 100 + minutes, with their sign
    return n * 36.0 + (n % 100) * 24.0


class SQLiteDialect(Dialect):
    """SQLite, whose columns may hold anything whatever they are declared to hold."""

    name = "sqlite"
    infinity = sa.literal_column("9e999", sa.Double())

    @override
    def fenced(self, query: sa.Select[Any]) -> sa.Select[Any]:
        return query.limit(-1)  # no limit, but it keeps the inner query from being pulled up

    @override
    def parse_number(self, x: ColumnElement[Any]) -> ColumnElement[float]:
        kind = sa.func.typeof(x)
        return sa.case(
            (kind.in_(("integer", "real")), self.double(x)),
            (kind == "text", super().parse_number(x)),
        )

    @override
    def is_number(self, x: ColumnElement[Any]) -> ColumnElement[bool]:
        # JSON knows our numbers but for their beginning and end: a digit before makes "007" and ".5"
        # numbers of it, one behind "5.". A plain CAST would make 0 of any word.
        said = sa.func.lower(sa.func.trim(x))
        signed = sa.func.substr(said, 1, 1).in_(("+", "-"))
        plain = sa.case((signed, sa.func.substr(said, 2)), else_=said)
        full = sa.func.replace(sa.literal("1").concat(plain), ".e", ".0e")
        closed = full.concat(sa.case((full.op("GLOB")("*."), "0"), else_=""))
        power = sa.func.substr(said, sa.func.instr(said, "e") + 1)
        small = sa.cast(power, sa.Integer()).between(-LARGEST_POWER, LARGEST_POWER)
        return sa.and_(
            sa.func.length(x) <= WIDEST_NUMBER,
            sa.or_(plain.op("GLOB")("[0-9]*"), plain.op("GLOB")(".[0-9]*")),
            sa.func.json_valid(closed) == 1,
            sa.or_(sa.func.instr(said, "e") == 0, small),
        )

    @override
    def _known(self, x: ColumnElement[Any]) -> ColumnElement[float]:
        return x  # SQLite stores NaN as NULL

    @override
    def equals_written(
        self, x: ColumnElement[Any], family: Family, value: Any
    ) -> ColumnElement[bool]:
        if not isinstance(value, str) or family != "any":
            return super().equals_written(x, family, value)
        same = self.text(x) == value.strip()
        number = sa.func.typeof(x).in_(("integer", "real"))
        return sa.or_(same, sa.and_(number, self.equals(x, "float", value)))

    @override
    def parse_time(self, x: ColumnElement[Any]) -> ColumnElement[float]:
        # Whole seconds and the fraction apart: SQLite's own times are exact to a millisecond, and
        # %s rounds where %f cuts off, so that "59.9996" would be a second late.
        said = with_seconds(sa.func.trim(x))
        at = sa.func.substr(said, 1, _SECOND)
        rest = sa.func.substr(said, _SECOND + 1)  # fraction and offset
        zone = sa.func.ltrim(sa.func.ltrim(rest, ".0123456789"))
        whole: ColumnElement[Any] = sa.cast(sa.func.strftime("%s", at), sa.Double())
        fraction = sa.case(
            (sa.func.substr(rest, 1, 1) == ".", sa.cast(sa.literal("0").concat(rest), sa.Double())),
            else_=0.0,
        )
        # It reads times that do not exist, and counts from them to those that do.
        full = sa.func.substr(sa.func.replace(at, "T", " ").concat(" 00:00:00"), 1, _SECOND)
        read = sa.and_(
            sa.func.typeof(x) == "text",
            sa.func.datetime(at, "+0 days") == full,
            at >= "0001",
            sa.func.substr(sa.func.trim(x), _MINUTE + 1, 1) != ".",
            _is_sqlite_rest(rest),
            _is_sqlite_zone(zone),
        )
        return sa.case((read, whole + fraction - _sqlite_offset(zone)))

    @override
    def floor(self, x: ColumnElement[Any]) -> ColumnElement[Any]:
        whole = sa.cast(x, sa.Integer())  # truncates towards zero; FLOOR is not in every build
        return whole - sa.case((sa.cast(whole, sa.Double()) > x, 1), else_=0)

    @override
    def seconds(self, x: ColumnElement[Any]) -> ColumnElement[float]:
        return self.parse_time(x)

    @override
    def ordered(self, x: ColumnElement[Any], family: Family) -> ColumnElement[Any] | None:
        return x  # text compares byte by byte


class PostgresDialect(Dialect):
    """PostgreSQL."""

    name = "postgresql"
    distinct_on = True

    @override
    def fenced(self, query: sa.Select[Any]) -> sa.Select[Any]:
        # It pulls an inner query up, and computes each expression at every mention, unless a column
        # is volatile. OFFSET 0 would do as well, but keeps the scan to one process.
        mark = f"fence_{len(query.selected_columns)}"  # one more for each query around another
        return query.add_columns(sa.func.clock_timestamp().label(mark))

    @override
    def micros(self, x: ColumnElement[Any], family: Family) -> ColumnElement[int]:
        # EXTRACT gives exact numerics, which cost several times as much and end as the same numbers.
        if family not in {"time", "date"}:
            return super().micros(x, family)
        return sa.cast(
            sa.func.date_part("epoch", x) * 1e6, sa.BigInteger()
        )  # rounds to the nearest

    @override
    def is_nan(self, x: ColumnElement[Any]) -> ColumnElement[bool]:
        return x == sa.cast(sa.literal("NaN"), sa.Double())

    @override
    def ordered(self, x: ColumnElement[Any], family: Family) -> ColumnElement[Any] | None:
        named = family in {"text", "label"}
        return sa.collate(x, "C") if named else super().ordered(x, family)


def _shortly(words: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yields the words in short lists."""
    for first in range(0, len(words), _SHORT):
        yield words[first : first + _SHORT]


def _small(word: str) -> set[str]:
    """A word in small letters, as each engine makes them: SQLite changes those of English alone."""
    ascii_alone = "".join(c.lower() if c.isascii() else c for c in word)
    capitals = "".join(c.lower() if c.isascii() else c for c in word.upper())
    return {word.lower(), ascii_alone, capitals}
