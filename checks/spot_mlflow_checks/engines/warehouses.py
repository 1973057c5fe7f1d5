"""How SQL Server, Oracle, Trino, Snowflake, BigQuery and Databricks say what every engine says.

None of them was at hand: their queries are compiled by their own SQLAlchemy dialects, kept as golden
files and held against the vendors' documentation (docs/checks.md has the table). Every query goes to them
as one text with its literals written out, since drivers differ in how many parameters they take and of
which type a number becomes.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, ClassVar, Final

import sqlalchemy as sa
from sqlalchemy.dialects.mssql import DATETIME2, DATETIMEOFFSET, NVARCHAR
from sqlalchemy.dialects.oracle import BINARY_DOUBLE, VARCHAR2
from sqlalchemy.dialects.oracle import TIMESTAMP as ORACLE_TIMESTAMP
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import UnaryExpression
from sqlalchemy.sql.operators import custom_op
from typing_extensions import override

from spot_mlflow_checks.engines.dialect import NEVER, Dialect, Family, blank_or_not
from spot_mlflow_checks.engines.forms import TIME
from spot_mlflow_checks.engines.iso_time import UTC, iso_parts
from spot_mlflow_checks.engines.spark_sql import SparkDialect, spark_literal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy.engine import Dialect as SQLDialect
    from sqlalchemy.sql.elements import ColumnElement

_MICRO: Final = 1e6
_WIDEST: Final = 4000  # characters of text that SQL Server and Oracle compare


class Warehouse(Dialect):
    """A database whose queries are written out whole; standard SQL, unless a vendor says otherwise."""

    infinity = None  # such a word in text is unreadable
    backslashes: ClassVar[bool] = False  # whether a backslash in a literal escapes what follows

    def __init__(self, sql: SQLDialect) -> None:
        self.sql = written_out(sql, self._literal)

    def _literal(self, value: Any) -> str | None:
        if isinstance(value, float):
            return self.double_literal(repr(value))
        if isinstance(value, str):
            if self.backslashes:
                value = value.replace("\\", "\\\\")
            return self._quoted(value)
        return None

    def _quoted(self, text: str) -> str:
        return "'" + text.replace("'", "''") + "'"

    def double_literal(self, text: str) -> str:
        """A double as it is written, so that it is no decimal."""
        return text

    def instant(self, text: ColumnElement[Any]) -> ColumnElement[float]:
        """Whole seconds since 1970 UTC of "2027-01-31 10:00:00+02:00"; NULL where there is no such time."""
        raise NotImplementedError

    @override
    def matches(self, x: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
        return sa.func.regexp_like(x, pattern)

    @override
    def is_truth(self, x: ColumnElement[Any], *, wanted: bool) -> ColumnElement[bool]:
        return x == sa.literal_column("TRUE" if wanted else "FALSE")

    @override
    def to_double(self, x: ColumnElement[Any]) -> ColumnElement[float]:
        return self.try_double(sa.func.trim(x))

    def try_double(self, x: ColumnElement[Any]) -> ColumnElement[float]:
        """A double out of text; NULL where it is too large or none."""
        return _try(x, "DOUBLE")

    @override
    def to_seconds(self, x: ColumnElement[Any]) -> ColumnElement[float]:
        # Whole seconds and the fraction apart, as some parse no more than milliseconds.
        said, fraction = iso_parts(self, x)
        return self.instant(said) + self.try_double(fraction)

    def part(self, x: ColumnElement[Any], start: Any, size: Any) -> ColumnElement[Any]:
        """Characters of a text; the first is 1."""
        return sa.func.substr(x, start, size)


def _try(x: ColumnElement[Any], kind: str, name: str = "try_cast") -> ColumnElement[Any]:
    cast: ColumnElement[Any] = getattr(sa.func, name)(x.op("AS")(sa.literal_column(kind)))
    return cast


def written_out(sql: SQLDialect, literal: Callable[[Any], str | None]) -> SQLDialect:
    """Returns a copy of a SQLAlchemy dialect that writes doubles and texts as ``literal`` says.

    It quotes every name, since words are reserved in one database and not in another, and doubles no
    percent sign, since nothing is put in its place afterwards.
    """
    own: Any = copy.copy(sql)

    class _WrittenOut(own.statement_compiler):
        def render_literal_value(self, value: Any, type_: Any) -> str:
            said = literal(value)
            return said if said is not None else str(super().render_literal_value(value, type_))

    own.statement_compiler = _WrittenOut
    own.paramstyle, own.positional = "named", False
    own.identifier_preparer = own.preparer(own)
    own.identifier_preparer._requires_quotes = lambda _name: True  # noqa: SLF001 - the one place that decides
    assert issubclass(_WrittenOut, SQLCompiler)  # noqa: S101 - or the override would do nothing
    return own  # type: ignore[no-any-return] # a copy of what came


class SQLServerDialect(Warehouse):
    """SQL Server from 2017 on, which has no booleans, no NaN and no regular expressions."""

    name = "mssql"

    @override
    def double_literal(self, text: str) -> str:
        return text if "e" in text else f"{text}E0"

    @override
    def _literal(self, value: Any) -> str | None:
        said = super()._literal(value)
        return f"N{said}" if isinstance(value, str) and not value.isascii() else said

    @override
    def blanks_last(self, x: ColumnElement[Any]) -> Sequence[ColumnElement[Any]]:
        return blank_or_not(x)

    @override
    def text(self, x: ColumnElement[Any]) -> ColumnElement[str]:
        # Its usual collations take 'A1' and 'a1' for one.
        return sa.collate(sa.cast(x, NVARCHAR(_WIDEST)), "Latin1_General_100_BIN2")

    @override
    def plain(self, x: ColumnElement[Any]) -> ColumnElement[str]:
        return self.text(x)

    @override
    def is_nan(self, x: ColumnElement[Any]) -> ColumnElement[bool]:
        return NEVER

    @override
    def finite(self, x: ColumnElement[Any]) -> ColumnElement[bool]:
        return x.is_not(None)

    @override
    def infinite(self, x: ColumnElement[Any]) -> ColumnElement[bool]:
        return NEVER

    @override
    def _known(self, x: ColumnElement[Any]) -> ColumnElement[float]:
        return x

    @override
    def is_truth(self, x: ColumnElement[Any], *, wanted: bool) -> ColumnElement[bool]:
        return x == int(wanted)

    @override
    def length(self, x: ColumnElement[Any]) -> ColumnElement[int]:
        return sa.func.len(x)

    @override
    def part(self, x: ColumnElement[Any], start: Any, size: Any) -> ColumnElement[Any]:
        return sa.func.substring(x, start, size)

    @override
    def matches(self, x: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
        if pattern == TIME:
            return sa.func.trim(x).like("[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]%")
        # TRY_CAST makes 0 of an empty text, and a number of "$1".
        return sa.and_(x.like("%[0-9]%"), sa.not_(x.like("%[^0-9.eE+ -]%")))

    @override
    def try_double(self, x: ColumnElement[Any]) -> ColumnElement[float]:
        return _try(x, "FLOAT")

    @override
    def instant(self, text: ColumnElement[Any]) -> ColumnElement[float]:
        return self.seconds(_try(text, "DATETIMEOFFSET(0)"))

    @override
    def seconds(self, x: ColumnElement[Any]) -> ColumnElement[float]:
        zoned = sa.cast(x, DATETIMEOFFSET(6))  # type: ignore[no-untyped-call]  # what has no offset gets +00:00
        utc = sa.cast(sa.func.switchoffset(zoned, UTC), DATETIME2(6))  # type: ignore[no-untyped-call]
        start: ColumnElement[Any] = sa.literal_column("'1970-01-01T00:00:00'")
        micros = sa.func.datediff_big(sa.literal_column("MICROSECOND"), start, utc)
        return self.double(micros) / _MICRO


class OracleDialect(Warehouse):
    """Oracle from 12.2 on; an empty text is NULL there."""

    name = "oracle"

    @override
    def double_literal(self, text: str) -> str:
        return f"{text}d"

    @override
    def double(self, x: ColumnElement[Any]) -> ColumnElement[float]:
        return sa.cast(x, BINARY_DOUBLE())  # DOUBLE PRECISION is a decimal there

    @override
    def text(self, x: ColumnElement[Any]) -> ColumnElement[str]:
        return sa.cast(x, VARCHAR2(_WIDEST))  # TEXT is a CLOB there, which nothing groups by

    @override
    def is_nan(self, x: ColumnElement[Any]) -> ColumnElement[bool]:
        return _is(x, "IS NAN")  # NaN equals NaN there

    @override
    def finite(self, x: ColumnElement[Any]) -> ColumnElement[bool]:
        return _is(x, "IS NOT INFINITE")

    @override
    def infinite(self, x: ColumnElement[Any]) -> ColumnElement[bool]:
        return _is(x, "IS INFINITE")

    @override
    def try_double(self, x: ColumnElement[Any]) -> ColumnElement[float]:
        # The session's decimal sign is the first character of one half.
        sign = sa.func.substr(sa.func.to_char(sa.literal_column("0.5")), 1, 1)
        return sa.func.to_binary_double(sa.func.replace(x, ".", sign))

    @override
    def instant(self, text: ColumnElement[Any]) -> ColumnElement[float]:
        form = "YYYY-MM-DD HH24:MI:SSTZH:TZM"
        safe = text.op("DEFAULT NULL ON CONVERSION ERROR,")(sa.literal(form))
        return self.seconds(sa.func.sys_extract_utc(sa.func.to_timestamp_tz(safe)))

    @override
    def seconds(self, x: ColumnElement[Any]) -> ColumnElement[float]:
        start: ColumnElement[Any] = sa.literal_column("TIMESTAMP '1970-01-01 00:00:00'")
        since = sa.cast(x, ORACLE_TIMESTAMP()).op("-")(start)
        parts = (("day", 86_400.0), ("hour", 3_600.0), ("minute", 60.0), ("second", 1.0))
        added = [self.double(sa.extract(field, since)) * size for field, size in parts]
        return sum(added[1:], added[0])


def _is(x: ColumnElement[Any], what: str) -> ColumnElement[bool]:
    return UnaryExpression(x, modifier=custom_op(what), type_=sa.Boolean())


class TrinoDialect(Warehouse):
    """Trino."""

    name = "trino"

    @override
    def double_literal(self, text: str) -> str:
        return f"DOUBLE '{text}'"

    @override
    def is_nan(self, x: ColumnElement[Any]) -> ColumnElement[bool]:
        return sa.func.is_nan(x)

    @override
    def instant(self, text: ColumnElement[Any]) -> ColumnElement[float]:
        iso = sa.func.replace(text, " ", "T")
        return sa.func.to_unixtime(getattr(sa.func, "try")(sa.func.from_iso8601_timestamp(iso)))

    @override
    def time(self, x: ColumnElement[Any], family: Family) -> ColumnElement[float]:
        return super().time(sa.cast(x, sa.TIMESTAMP()) if family == "date" else x, family)

    @override
    def seconds(self, x: ColumnElement[Any]) -> ColumnElement[float]:
        return sa.func.to_unixtime(x)


class SnowflakeDialect(Warehouse):
    """Snowflake."""

    name = "snowflake"
    backslashes = True

    @override
    def double_literal(self, text: str) -> str:
        return f"{text}::FLOAT"

    @override
    def is_nan(self, x: ColumnElement[Any]) -> ColumnElement[bool]:
        return x == sa.cast(sa.literal("NaN"), sa.Double())  # NaN equals NaN there

    @override
    def try_double(self, x: ColumnElement[Any]) -> ColumnElement[float]:
        return sa.func.try_to_double(x)

    @override
    def instant(self, text: ColumnElement[Any]) -> ColumnElement[float]:
        form = "YYYY-MM-DD HH24:MI:SSTZH:TZM"
        return self.seconds(sa.func.try_to_timestamp_tz(text, form))

    @override
    def time(self, x: ColumnElement[Any], family: Family) -> ColumnElement[float]:
        # A date has no epoch in microseconds there.
        return super().time(sa.func.to_timestamp_ntz(x) if family == "date" else x, family)

    @override
    def seconds(self, x: ColumnElement[Any]) -> ColumnElement[float]:
        micros = sa.func.date_part(sa.literal_column("epoch_microsecond"), x)
        return self.double(micros) / _MICRO


class BigQueryDialect(Warehouse):
    """BigQuery."""

    name = "bigquery"
    backslashes = True

    @override
    def _quoted(self, text: str) -> str:
        return "'" + text.replace("'", "\\'") + "'"

    @override
    def double(self, x: ColumnElement[Any]) -> ColumnElement[float]:
        return sa.cast(x, sa.Float())  # FLOAT64; it has no DOUBLE

    @override
    def text(self, x: ColumnElement[Any]) -> ColumnElement[str]:
        return sa.cast(x, sa.String())

    @override
    def is_nan(self, x: ColumnElement[Any]) -> ColumnElement[bool]:
        return sa.func.is_nan(x)

    @override
    def matches(self, x: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
        return sa.func.regexp_contains(x, pattern)

    @override
    def try_double(self, x: ColumnElement[Any]) -> ColumnElement[float]:
        return _try(x, "FLOAT64", "safe_cast")

    @override
    def instant(self, text: ColumnElement[Any]) -> ColumnElement[float]:
        return self.seconds(_try(text, "TIMESTAMP", "safe_cast"))

    @override
    def seconds(self, x: ColumnElement[Any]) -> ColumnElement[float]:
        # A DATE or DATETIME becomes a TIMESTAMP in UTC.
        return self.double(sa.func.unix_micros(sa.cast(x, sa.TIMESTAMP()))) / _MICRO


class DatabricksDialect(SparkDialect):
    """Databricks, which is Spark SQL behind its own SQLAlchemy dialect."""

    name = "databricks"

    def __init__(self, sql: SQLDialect) -> None:
        self.sql = written_out(sql, spark_literal)


WAREHOUSES: Final[dict[str, Callable[[SQLDialect], Dialect]]] = {
    x.name: x
    for x in (
        SQLServerDialect,
        OracleDialect,
        TrinoDialect,
        SnowflakeDialect,
        BigQueryDialect,
        DatabricksDialect,
    )
}
