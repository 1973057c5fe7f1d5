"""The arm of a unit as text: an expression to paste into the query that makes the campaign's list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.promise.assign import rule_of
from spot_mlflow.validation import utc
from spot_mlflow_checks.engines.dialect import (
    Dialect,
    DuckDialect,
    PostgresDialect,
    SQLiteDialect,
)
from spot_mlflow_checks.engines.mysql import MySQLDialect
from spot_mlflow_checks.engines.spark_sql import SparkDialect
from spot_mlflow_checks.engines.sqlite_md5 import MD5_FUNCTION
from spot_mlflow_checks.engines.warehouses import WAREHOUSES
from spot_mlflow_checks.holdout.arm_sql import arm_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date, datetime

    from sqlalchemy.engine import Dialect as SQLDialect

    from spot_mlflow.lift.promise.contract import PredictedLift

_OWN: Final[Mapping[str, Callable[[], Dialect]]] = {
    "duckdb": DuckDialect,
    "postgresql": PostgresDialect,
    "mysql": lambda: MySQLDialect(mariadb=False),
    "mariadb": MySQLDialect,
    "sqlite": SQLiteDialect,
    "spark": SparkDialect,
}
ENGINES: Final = (*_OWN, *WAREHOUSES)


def arm_sql(
    engine: str, predicted: PredictedLift, *, at: datetime | date | str | None = None
) -> str:
    """Returns the SQL expression of a unit's arm, with the columns that the contract names.

    Args:
        engine: one of ``ENGINES``.
        predicted: a contract with ``assignment``.
        at: time of decision, where the table has no column of it; otherwise ``columns.decided_at``, a
            timestamp (one without a zone is UTC).

    Raises:
        InvalidInput: where the contract has no assignment, its schedule needs a time that is not named,
            or the SQLAlchemy dialect of a warehouse is not installed.
    """
    rule, dialect, c = rule_of(predicted), dialect_named(engine), predicted.columns
    decided_at: Any = None
    if at is not None:
        decided_at = sa.literal(utc(at).timestamp())
    elif c.decided_at is not None:
        decided_at = dialect.time(_column(c.decided_at), "time")
    if rule.dated and decided_at is None:
        raise InvalidInput(
            "the schedule has dates, but columns.decided_at is not given",
            where="assignment.schedule",
            fix="Name the column in the contract, or give --at DATE.",
        )
    segment = None if c.segment is None else dialect.text(_column(c.segment))
    unit = dialect.text(_column(rule.column))
    arm = arm_of(dialect, unit, rule, decided_at=decided_at, segment=segment)
    said = arm.compile(
        dialect=compiler_named(engine, dialect), compile_kwargs={"literal_binds": True}
    )
    if engine != "sqlite":
        return str(said)
    note = f"-- SQLite has no MD5: register {MD5_FUNCTION}(text), 32 hex digits in lower case, on the connection"
    return f"{note}\n{said}"


def _column(name: str) -> sa.ColumnElement[Any]:
    return sa.column(sa.quoted_name(name, quote=True))


def dialect_named(engine: str) -> Dialect:
    """How an engine says things, without one at hand.

    Raises:
        InvalidInput: where the SQLAlchemy dialect of a warehouse is not installed.
    """
    if engine in _OWN:
        return _OWN[engine]()
    try:
        kind = sa.dialects.registry.load(engine)
    except sa.exc.NoSuchModuleError:
        raise InvalidInput(
            f"the SQLAlchemy dialect of {engine} is not installed",
            fix=f"pip install 'spot-mlflow[{engine}]'",
        ) from None
    return WAREHOUSES[engine](kind())


def compiler_named(engine: str, dialect: Dialect) -> SQLDialect:
    """What writes the text; a database of ours is asked through a driver otherwise."""
    if dialect.sql is not None:
        return dialect.sql
    if engine == "postgresql":  # its grammar, and no escapes by backslash, as it is set by default
        return DuckDialect.sql
    if engine == "sqlite":
        from sqlalchemy.dialects.sqlite.base import SQLiteDialect as SQLite

        return SQLite(paramstyle="named")
    from sqlalchemy.dialects.mysql.base import MySQLDialect as MySQL

    mysql = MySQL(paramstyle="named")
    mysql._support_float_cast = True  # noqa: SLF001 - it would ask a server for its version
    return mysql
