from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
import sqlalchemy as sa
from small_log import PART, WHOLE, seen, segments, small_contract, small_log

from spot_mlflow import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Every column that may be of any type, in one contract.
NAMED = {
    "cluster": "g", "team": "g", "offer": "g", "undelivered_reason": "g", "segment": "part", "decided_at": "at",
}  # fmt: skip


def run(engine: sa.Engine, *statements: str) -> None:
    """Runs statements and commits."""
    with engine.begin() as c:
        for statement in statements:
            c.execute(sa.text(statement))


@pytest.fixture
def postgres(postgres_database: str) -> Iterator[sa.Engine]:
    """A PostgreSQL database that holds the small log as ``base``, and types of its own."""
    engine = sa.create_engine(postgres_database)
    with engine.begin() as c:
        small_log().to_sql("base", c, index=False)
    run(
        engine,
        "CREATE TYPE arms AS ENUM ('control', 'treatment')",
        "CREATE TYPE answer AS ENUM ('yes', 'no')",
        "CREATE DOMAIN word AS text",
        "CREATE DOMAIN some_arm AS arms",
        "CREATE DOMAIN positive AS int CHECK (value > 0)",
    )
    yield engine
    engine.dispose()


POSTGRES = {
    "uuid": "md5(unit::text)::uuid", "bytea": "decode(md5(unit::text), 'hex')", "jsonb": "to_jsonb(unit::text)",
    "json": "to_json(unit)", "money": "unit::money", "text domain": "unit::text::word",
    "whole domain": "unit::int::positive", "inet": "'10.0.0.0'::inet + unit", "array": "ARRAY[unit]",
    "interval": "unit * interval '1 s'", "char": "unit::char(10)", "name": "unit::text::name",
    "xml": "('<a>' || unit || '</a>')::xml", "range": "int8range(unit, unit + 1)",
}  # fmt: skip


@pytest.mark.postgres
def test_postgres_labels_may_be_of_any_type(postgres: sa.Engine) -> None:
    """As unit, cluster, team, offer and reason, by table and by query."""
    for kind, value in POSTGRES.items():
        select = f"SELECT {value} AS unit, arm, y, at, {value} AS g, part FROM base"  # noqa: S608 - from the table above
        run(postgres, "DROP TABLE IF EXISTS t", f"CREATE TABLE t AS {select}")
        promise = small_contract(NAMED, window="7d")
        assert seen(postgres, promise, table="t") == WHOLE, kind
        assert seen(postgres, query="SELECT * FROM t") == WHOLE, kind


@pytest.mark.postgres
def test_postgres_arms_outcomes_and_segments_may_be_of_any_type(postgres: sa.Engine) -> None:
    """Enums, domains over them, jsonb and money hold arms, outcomes, times and segments."""
    run(
        postgres,
        "CREATE TABLE e AS SELECT unit, arm::arms::some_arm AS arm, "
        "(CASE WHEN y = 1 THEN 'yes' ELSE 'no' END)::answer AS y, part::word AS part FROM base",
        "CREATE TABLE j AS SELECT to_jsonb(unit) AS unit, to_jsonb(arm) AS arm, to_jsonb(y) AS y, "
        "to_jsonb(at) AS at, to_jsonb(part) AS part FROM base",
        "CREATE TABLE m AS SELECT unit, arm::arms AS arm, y::money AS y FROM base",
    )
    assert seen(postgres, table="e") == WHOLE
    assert segments(postgres, table="e") == ["a", "b"]
    assert seen(postgres, query="SELECT * FROM e WHERE part = 'a'") == PART
    assert seen(postgres, small_contract({"decided_at": "at"}, window="7d"), table="j") == WHOLE
    assert segments(postgres, table="j") == ["a", "b"]
    assert seen(postgres, small_contract(kind="money"), table="m") == WHOLE


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        (
            "y",
            "md5('')::uuid",
            r"column 'y' \(columns.outcome\) is of type uuid, must hold numbers",
        ),
        ("y", "'a'::bytea", "is of type bytea"),
        ("y", "'1e400'::numeric", r"column 'y' \(columns.outcome\) of type numeric cannot be read"),
        ("at", "unit", r"column 'at' \(columns.decided_at\) is of type bigint, must hold times"),
        ("at", "at::time", "is of type time without time zone"),
        (
            "at",
            "'2026-13-45'",
            r"column 'at' \(columns.decided_at\): no time can be read, in all 400 rows",
        ),
    ],
)
def test_postgres_refuses_by_column_and_type(
    postgres: sa.Engine, column: str, value: str, says: str
) -> None:
    """What cannot be read in PostgreSQL is named, and a connection of the caller's can be used on."""
    columns = {"unit": "unit", "arm": "arm", "y": "y", "at": "at", column: value}
    select = ", ".join(f"{v} AS {k}" for k, v in columns.items())
    run(postgres, f"CREATE TABLE t AS SELECT {select} FROM base")  # noqa: S608 - from the table above
    with postgres.connect() as c:
        c.execute(sa.text("CREATE TEMP TABLE mine (x int)"))
        with pytest.raises(InvalidInput, match=says):
            seen(c, small_contract({"decided_at": "at"}, kind="money"), table="t")
        assert c.execute(sa.text("SELECT count(*) FROM mine")).scalar() == 0


@pytest.fixture
def mariadb(mariadb_database: str) -> Iterator[sa.Engine]:
    """A MariaDB database that holds the small log as ``base``."""
    engine = sa.create_engine(mariadb_database)
    with engine.begin() as c:
        small_log().to_sql("base", c, index=False)
    yield engine
    engine.dispose()


MARIADB = {
    "binary": "CAST(UNHEX(MD5(unit)) AS BINARY(16))", "blob": "CAST(MD5(unit) AS BINARY)",
    "decimal": "CAST(unit AS DECIMAL(30, 2))", "text in two cases": "CONCAT(IF(unit % 2, 'a', 'A'), unit DIV 2)",
    "text with spaces": "CONCAT(unit DIV 2, IF(unit % 2, '', ' '))", "time": "SEC_TO_TIME(unit)",
    "json": "JSON_QUOTE(CAST(unit AS CHAR))", "float": "unit + 0e0",
}  # fmt: skip


@pytest.mark.mariadb
def test_mariadb_labels_may_be_of_any_type(mariadb: sa.Engine) -> None:
    """Text is compared as it is written: 'A1', 'a1' and 'a1 ' are three units, as everywhere else."""
    for kind, value in MARIADB.items():
        select = f"SELECT {value} AS unit, arm, y, at, {value} AS g, part FROM base"  # noqa: S608 - from the table above
        run(mariadb, "DROP TABLE IF EXISTS t", f"CREATE TABLE t AS {select}")
        promise = small_contract(NAMED, window="7d")
        assert seen(mariadb, promise, table="t") == WHOLE, kind
        assert seen(mariadb, query="SELECT * FROM t -- all") == WHOLE, kind


@pytest.mark.mariadb
def test_mariadb_times_do_not_depend_on_the_session(mariadb: sa.Engine) -> None:
    """TIMESTAMP, DATETIME and ISO text with an offset are the same moments in any session zone."""
    run(
        mariadb,
        "CREATE TABLE t (unit int, arm enum('control', 'treatment'), y enum('yes', 'no'), b bit(1), "
        "at timestamp(6), said varchar(40))",
        "SET time_zone = '-05:00'",
        "INSERT INTO t SELECT unit, arm, IF(y, 'yes', 'no'), y, at, "
        "CONCAT(REPLACE(at, ' ', 'T'), '-05\\:00') FROM base",
    )
    last = small_log()["at"].max() + pd.Timedelta(hours=5, days=7)
    for column in ("at", "said"):
        promise = small_contract({"decided_at": column, "outcome": "b"}, window="7d")
        assert seen(mariadb, promise, table="t", as_of=last.isoformat()) == WHOLE
        less = (last - pd.Timedelta(seconds=1)).isoformat()
        assert seen(mariadb, promise, table="t", as_of=less)[1] == 399
    assert seen(mariadb, table="t") == WHOLE


@pytest.mark.mariadb
def test_mariadb_refuses_in_words(mariadb: sa.Engine, mariadb_database: str) -> None:
    """Types, tables, columns and logins are named; the URL needs no driver."""
    url = mariadb_database.replace("+pymysql", "")
    assert seen(url, table="base") == WHOLE
    assert seen(url.replace("mysql:", "mariadb:"), query="SELECT * FROM base") == WHOLE
    with pytest.raises(InvalidInput, match=r"is of type DATE, must hold numbers"):
        seen(mariadb, query="SELECT unit, arm, DATE(at) AS y FROM base")
    with pytest.raises(InvalidInput, match="does not run: Unknown column 'nope'"):
        seen(mariadb, query="SELECT nope FROM base")
    with pytest.raises(InvalidInput, match=r"no table 'bas'; did you mean 'base'"):
        seen(mariadb, table="bas")
    with pytest.raises(InvalidInput, match="Access denied"):
        seen(url.replace("root@", "nobody:x@"), table="base")


def test_sqlite_bytes_are_labels(tmp_path: Path) -> None:
    """Ids that are stored as bytes are units, written in hexadecimal."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'log.db'}")
    with engine.begin() as c:
        small_log().drop(columns="at").to_sql("base", c, index=False)
    run(engine, "CREATE TABLE t AS SELECT CAST(unit AS BLOB) AS unit, arm, y, part FROM base")
    assert seen(engine, table="t") == WHOLE
    run(engine, "INSERT INTO t SELECT * FROM t")
    with pytest.raises(AssertionError):
        assert seen(engine, table="t") == WHOLE
    engine.dispose()


@pytest.mark.parametrize("zone", ["", "Z", "+02:00", "+0200", "+02", " UTC"])
def test_sqlite_seconds_are_exact(zone: str, tmp_path: Path) -> None:
    """A time a hair below the full second stays below it; offsets in any spelling are read."""
    from spot_mlflow_checks.engines.dialect import SQLiteDialect

    engine: Any = sa.create_engine(f"sqlite:///{tmp_path / 'log.db'}")
    said = sa.literal(f"2026-01-01T10:00:59.9996{zone}")
    with engine.connect() as c:
        found = c.execute(sa.select(SQLiteDialect().parse_time(said))).scalar()
    engine.dispose()
    offset = 7200 if "02" in zone else 0
    assert found == pytest.approx(1767261659.9996 - offset, abs=1e-5)
