"""Labels, blanks and numbers in any spelling, as the engines read them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from spot_mlflow_checks.engines.dialect import (
    DuckDialect,
    PostgresDialect,
    SQLiteDialect,
    as_number,
    as_truth,
    spellings,
)
from spot_mlflow_checks.engines.mysql import MySQLDialect
from spot_mlflow_checks.engines.spark_sql import SparkDialect

DUCK, SQLITE = DuckDialect(), SQLiteDialect()


def duck(expression: Any) -> Any:
    """Evaluates an expression in DuckDB."""
    import duckdb

    return duckdb.sql(DUCK.compile(sa.select(expression.label("v")))).fetchall()[0][0]


def sqlite(expression: Any) -> Any:
    """Evaluates an expression in SQLite."""
    with sa.create_engine("sqlite://").connect() as c:
        return c.execute(sa.select(expression.label("v"))).scalar()


@pytest.mark.parametrize(
    ("label", "number", "truth"),
    [
        (1, 1.0, True),
        ("0", 0.0, False),
        (True, 1.0, True),
        ("yes", 1.0, True),
        ("treat", None, None),
        ("2.5", 2.5, None),
        ("inf", None, None),
        ("NaN", None, None),
        ("-Infinity", None, None),
        (float("nan"), None, None),
        (10**400, None, None),
    ],
)
def test_labels_are_read_as_numbers_and_truth(
    label: Any,
    number: float | None,
    truth: bool | None,  # noqa: FBT001 - a column of the table above
) -> None:
    """A label means the same in a column of numbers, booleans or text."""
    assert as_number(label) == number
    assert as_truth(label) is truth


def test_a_number_is_spelt_in_text_in_every_usual_way() -> None:
    """1 is also 1.0 and true; a word is only itself."""
    assert {"1", "1.0", "true", "TRUE", "Yes"} <= set(spellings(1))
    assert spellings("treat") == ["treat"]
    assert set(spellings("1")) == {"1", "1.0"}
    assert set(spellings("7.0")) == {"7", "7.0"}


@pytest.mark.parametrize(
    "word", ["inf", "nan", "Infinity", "NaN", "007", "1e5", "1_000", "2.50", "+1"]
)
def test_a_word_that_python_reads_as_a_number_is_only_itself(word: str) -> None:
    """As an arm, a version, a word of a step or a value of a filter."""
    assert spellings(word) == [word]
    assert duck(DUCK.equals(sa.literal(word), "text", word)) is True
    assert duck(DUCK.answer(sa.literal(word.upper()), "text", [word], ["no"])) == 1.0
    for family, x in (("float", 1.0), ("integer", 1), ("bool", sa.true())):
        assert duck(DUCK.equals(sa.literal(x) if family != "bool" else x, family, word)) is (
            word == "+1" and family != "bool"
        )


@pytest.mark.parametrize(
    ("value", "taken"),
    [
        ("7", {"7"}), ("007", {"007"}), ("7.0", {"7.0"}), ("1e5", {"1e5"}),
        (7, {"7", "7.0"}), (100_000, {"100000"}), ("nan", {"nan"}),
    ],
)  # fmt: skip
def test_a_filter_takes_text_as_it_is_written(value: Any, taken: set[str]) -> None:
    """Text in lift.yaml is itself in a column of text; in one of numbers it is the number."""
    there = ["7", "007", "7.0", "1e5", "100000", "nan", "1"]
    for engine, run, family in ((DUCK, duck, "text"), (SQLITE, sqlite, "any")):
        found = {w for w in there if run(engine.equals_written(sa.literal(w), family, value))}
        assert found == taken
    assert duck(DUCK.equals_written(sa.literal(7), "integer", "7")) is True
    assert sqlite(SQLITE.equals_written(sa.literal(7.0), "any", "7")) == 1
    assert sqlite(SQLITE.equals_written(sa.literal("7.0"), "any", "7")) == 0


NUMBERS = [
    ("12.50", 12.5),
    ("1e3", 1000.0),
    (" 7 ", 7.0),
    ("-3", -3.0),
    ("true", 1.0),
    ("FALSE", 0.0),
    ("abc", None),
    ("", None),
    ("nan", None),
    ("1-2", None),
]
TIMES = [
    ("1970-01-02", 86400.0),
    ("1970-01-01T01:00:00+01:00", 0.0),
    ("1970-01-01 00:00:01.5", 1.5),
    ("1970-01-01T00:00:00Z", 0.0),
    (" 1970-01-01T02:00:00+02:00 ", 0.0),
    ("1970-01-01 01:00:00.25 +01", 0.25),
    ("1969-12-31 19:00 -0500", 0.0),
    ("monday", None),
]


@pytest.mark.parametrize(("text", "number"), NUMBERS)
def test_numbers_in_text(text: str, number: float | None) -> None:
    """What is a number is read, what is none is NULL, in DuckDB and SQLite alike."""
    assert duck(DUCK.number(sa.literal(text), "text")) == number
    assert sqlite(SQLITE.number(sa.literal(text), "any")) == number


@pytest.mark.parametrize(("text", "seconds"), TIMES)
def test_times_in_text(text: str, seconds: float | None) -> None:
    """ISO times with a zone, without one (UTC) and plain dates are read; words are NULL."""
    assert duck(DUCK.time(sa.literal(text), "text")) == seconds
    assert sqlite(SQLITE.time(sa.literal(text), "any")) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "engine",
    [
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("mariadb", marks=pytest.mark.mariadb),
    ],
)
def test_servers_read_times_in_text_alike(engine: str, request: pytest.FixtureRequest) -> None:
    """The same texts give the same seconds in PostgreSQL and MariaDB."""
    database = sa.create_engine(request.getfixturevalue(f"{engine}_database"))
    dialect = PostgresDialect() if engine == "postgres" else MySQLDialect()
    texts = [text for text, _ in TIMES]
    table = sa.Table("times", sa.MetaData(), sa.Column("i", sa.Integer), sa.Column("t", sa.Text))
    with database.begin() as c:
        table.create(c)
        c.execute(table.insert(), [{"i": i, "t": t} for i, t in enumerate(texts)])
        read = sa.select(dialect.time(table.c.t, "text")).order_by(table.c.i)
        found = c.execute(read).scalars().all()
    database.dispose()
    assert found == [None if s is None else pytest.approx(s) for _, s in TIMES]


@pytest.mark.postgres
def test_postgresql_reads_times_to_the_microsecond(postgres_database: str) -> None:
    """Whole microseconds since 1970, before it too, for times with and without a zone and for dates, up to 2096."""
    drawn = np.random.default_rng(20261129).integers(-(2 * 10**15), 4 * 10**15, 5_000)
    first, right = datetime(1970, 1, 1, tzinfo=timezone.utc), [int(m) for m in drawn]
    times = [first + timedelta(microseconds=m) for m in right]
    table = sa.Table(
        "times",
        sa.MetaData(),
        sa.Column("zoned", sa.DateTime(timezone=True)),
        sa.Column("wall", sa.DateTime()),
        sa.Column("day", sa.Date()),
    )
    database = sa.create_engine(postgres_database)
    dialect, c = PostgresDialect(), table.c
    with database.begin() as connection:
        table.create(connection)
        rows = [{"zoned": t, "wall": t.replace(tzinfo=None), "day": t.date()} for t in times]
        connection.execute(table.insert(), rows)
        read = [dialect.micros(c.zoned, "time"), dialect.micros(c.wall, "time"), dialect.micros(c.day, "date")]  # fmt: skip
        found = connection.execute(sa.select(*read)).all()
    database.dispose()
    day = 86_400_000_000
    assert [tuple(row) for row in found] == [(m, m, m // day * day) for m in right]


@pytest.mark.spark
def test_spark_reads_times_in_text_alike(spark: Any) -> None:
    """The same texts give the same seconds in Spark."""
    dialect = SparkDialect()
    named = [dialect.time(sa.literal(t), "text").label(f"v{i}") for i, (t, _) in enumerate(TIMES)]
    found = tuple(spark.sql(dialect.compile(sa.select(*named))).collect()[0])
    assert found == tuple(None if s is None else pytest.approx(s) for _, s in TIMES)


@pytest.mark.parametrize("text", ["NA", "n/a", "NaN", "null", "None", "", " ", "<NA>", "NaT", "-"])
def test_spellings_of_nothing(text: str) -> None:
    """They are blank; a label of the same length is not."""
    assert duck(DUCK.blank(sa.literal(text), "text"))
    assert sqlite(SQLITE.blank(sa.literal(text), "any"))
    assert not duck(DUCK.blank(sa.literal("treat"), "text"))


def test_whole_numbers_below_zero_are_floored() -> None:
    """Periods before 1970 do not move by one in SQLite, which has no FLOOR in every build."""
    assert [sqlite(SQLITE.floor(sa.literal(x))) for x in (-1.5, -1.0, 1.5)] == [-2, -1, 1]


@pytest.mark.parametrize("text", ["it's", "a\\b", '"; DROP TABLE t; --', "%s {x} :y", "日本"])
def test_literals_are_escaped(text: str) -> None:
    """A label reaches the engine as it is; Spark's backslashes are doubled."""
    assert duck(sa.literal(text)) == text
    escaped = SparkDialect().compile(sa.select(sa.literal(text)))
    assert escaped.count("\\\\") == text.count("\\")


def test_no_word_of_a_flag_makes_the_engine_join() -> None:
    """DuckDB makes a join of a list of words that is longer, for each mention: a query took 50 s in place of one."""
    said = DuckDialect().compile(sa.select(DuckDialect().number(sa.column("x"), "text")))
    lists = [found.split(", ") for found in re.findall(r"IN \(([^()]*)\)", said)]
    flags = [words for words in lists if set(words) & {"'ja'", "'yes'", "'no'", "'nein'"}]
    assert len(flags) == 4
    assert max(map(len, flags)) <= 4
