"""How Spark SQL says what every engine says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.sql.compiler import GenericTypeCompiler, IdentifierPreparer, SQLCompiler
from typing_extensions import override

from spot_mlflow_checks.engines.dialect import Dialect, Family, close_offset, with_seconds
from spot_mlflow_checks.engines.forms import OFFSET

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect as SQLDialect
    from sqlalchemy.sql.elements import ColumnElement

_DATE: Final = 10  # characters of a date without a time


def spark_literal(value: Any) -> str | None:
    """A double or text as Spark reads it; None for anything else.

    It reads backslashes and doubled quotes inside a literal, so that both are escaped. A number with a
    point is a decimal there, and arithmetic on decimals slow: D makes it a double.
    """
    if isinstance(value, float):
        return f"{value!r}D"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"'{escaped}'"
    return None


class _SparkCompiler(SQLCompiler):
    def render_literal_value(self, value: Any, type_: Any) -> str:
        said = spark_literal(value)
        return super().render_literal_value(value, type_) if said is None else said


class _SparkTypes(GenericTypeCompiler):
    def visit_TEXT(self, type_: Any, **kw: Any) -> str:  # noqa: ARG002, N802 - SQLAlchemy's names
        return "STRING"


class _SparkPreparer(IdentifierPreparer):
    def __init__(self, dialect: Any) -> None:
        super().__init__(dialect, initial_quote="`", escape_quote="`")


class _Spark(DefaultDialect):
    name = "spark"
    statement_compiler = _SparkCompiler
    type_compiler_cls = _SparkTypes
    preparer = _SparkPreparer  # type: ignore[assignment] # a narrower kind of it
    supports_statement_cache = True
    supports_native_boolean = True


class SparkDialect(Dialect):
    """Spark SQL, local or on a cluster."""

    name = "spark"
    sql: SQLDialect = _Spark(paramstyle="named")

    @override
    def without_zeros(self, x: ColumnElement[Any]) -> ColumnElement[str]:
        zeros: ColumnElement[Any] = sa.literal_column("LEADING '0' FROM")
        return sa.func.trim(zeros.op("")(x))

    @override
    def is_nan(self, x: ColumnElement[Any]) -> ColumnElement[bool]:
        return sa.func.isnan(x)

    @override
    def matches(self, x: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
        return sa.func.regexp_like(x, pattern)

    @override
    def to_double(self, x: ColumnElement[Any]) -> ColumnElement[float]:
        return sa.func.try_cast(sa.func.trim(x).op("AS")(sa.literal_column("DOUBLE")))

    @override
    def to_seconds(self, x: ColumnElement[Any]) -> ColumnElement[float]:
        x = with_seconds(close_offset(x))
        zoned = sa.and_(sa.func.length(x) > _DATE, sa.func.regexp_like(x, OFFSET))
        said = sa.case(
            (zoned, x),
            else_=sa.func.concat(x, sa.case((sa.func.length(x) > _DATE, "Z"), else_="T00:00:00Z")),
        )
        return self.seconds(sa.func.try_cast(said.op("AS")(sa.literal_column("TIMESTAMP"))))

    @override
    def time(self, x: ColumnElement[Any], family: Family) -> ColumnElement[float]:
        # A date becomes a time in the session's zone; as text it keeps ours, UTC.
        return self.parse_time(self.text(x)) if family == "date" else super().time(x, family)

    @override
    def micros(self, x: ColumnElement[Any], family: Family) -> ColumnElement[int]:
        return sa.func.unix_micros(x) if family == "time" else super().micros(x, family)

    @override
    def seconds(self, x: ColumnElement[Any]) -> ColumnElement[float]:
        return self.double(sa.func.unix_micros(x)) / 1e6

    @override
    def ordered(self, x: ColumnElement[Any], family: Family) -> ColumnElement[Any] | None:
        return x  # text compares byte by byte
