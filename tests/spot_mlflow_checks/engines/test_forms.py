"""Numbers and times in text: every engine reads the same forms, and finds the same others unreadable."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pytest
import sqlalchemy as sa

from spot_mlflow_checks.engines.dialect import DuckDialect, PostgresDialect, SQLiteDialect
from spot_mlflow_checks.engines.forms import NUMBER, TIME
from spot_mlflow_checks.engines.mysql import MySQLDialect, binary_text
from spot_mlflow_checks.engines.spark_sql import SparkDialect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spot_mlflow_checks.engines.dialect import Dialect

# Text -> the number or, in seconds since 1970, the time that it is.
NUMBERS: dict[str, float] = {
    "1234.50": 1234.5, "0012": 12.0, "+5": 5.0, ".5": 0.5, "5.": 5.0, "007.5": 7.5, "-0": 0.0, "+.5": 0.5,
    " 7 ": 7.0, "1e3": 1000.0, "1E+03": 1000.0, "5.e1": 50.0, ".5e-1": 0.05, "1e-239": 1e-239,
    "-1e239": -1e239, "1e0000000002": 100.0, "12345678901234567890": 12345678901234567890.0,
    "0." + 57 * "0" + "1": 1e-58,
}  # fmt: skip
NO_NUMBERS = [
    "1_000", "1_2", "1,5", "1e400", "-1e400", "1e-400", "1e240", "1e-99999999999999999999", "0x10", "0b1",
    "1e", "1e+", "e5", ".e5", ".", "+", "-", "+-5", "5..", "1.2.3", "1 2", "$5", "5 %", "nan", "1d", "1f", "1e2.5", "--5", "[5]", "5,", "", "0" * 61, "5|", '"5"',
]  # fmt: skip
INFINITE = ["inf", " -Infinity "]  # named apart, except by MariaDB, which has no such number
_NOON = 1_799_150_400.0  # 2027-01-05 12:00 UTC
TIMES: dict[str, float] = {
    "2027-01-05": _NOON - 43200, " 2027-01-05 ": _NOON - 43200, "2027-01-05 12:00": _NOON,
    "2027-01-05T12:00:00": _NOON, "2027-01-05 12:00:00.5": _NOON + 0.5,
    "2027-01-05 12:00:00.123456": _NOON + 0.123456, "2027-01-05T12:00:00.123456000Z": _NOON + 0.123456,
    "2027-01-05T12:00Z": _NOON, "2027-01-05 12:00:00z": _NOON, "2027-01-05 12:00:00 UTC": _NOON,
    "2027-01-05T14:00:00+02:00": _NOON, "2027-01-05T14:00:00+0200": _NOON, "2027-01-05 14:00:00+02": _NOON,
    "2027-01-05 14:00 +02:00": _NOON, "2027-01-05 06:30:00.25-05:30": _NOON + 0.25,
    "2027-01-06T02:00:00+14:00": _NOON, "2027-01-06T02:00:00+14": _NOON, "2027-01-06T01:59:00+1359": _NOON,
    "2028-02-29": _NOON + 419.5 * 86400, "2000-02-29": 951_782_400.0, "0999-12-31": -30_610_310_400.0,
    "0001-01-01": -62_135_596_800.0, "0004-02-29": -62_035_891_200.0,
    "9999-12-31": 253_402_214_400.0, "9999-12-31 23:59:59-01:00": 253_402_304_399.0,
}  # fmt: skip
NO_TIMES = [
    "2027-01-04 02:30:00 PM", "2027-01-04 02:30:00 AM", "2027-01-04 02:30PM",
    "2027-01-04 07:30:00 America/New_York", "2027-01-04 07:30:00 CET", "2027-01-05 08:00:00+02:00:00",
    "2027-01-05T10:00:00+25:00", "2027-01-05T10:00:00+14:01", "2027-01-05T10:00:00+15:00",
    "2027-01-05T10:00:00+1401", "2027-01-05T10:00:00+02:60", "2027-01-05T10:00:00+2",
    "2027/01/05", "2027-1-5", "2027-01-5", "20270105", "2027-01", "2027", "27-01-05", "02027-01-05",
    "2027-01-05  10:00", "2027-01-05 10:00  +02", "2027-01-05t10:00", "2027-01-05 10", "2027-01-05 10:0",
    "2027-01-05 10:00:0", "2027-01-05 10:00:", "2027-01-05 10:00:00.", "2027-01-05 10:00.5",
    "2027-01-05 10:00:00.1.2", "2027-01-05 10:00:00.1234567891", "2027-01-05 10:00:000", "2027-01-05 10:0012",
    "2027-01-05 10:00:00,5", "2027-01-05Z", "2027-01-05 +02:00", "2027-01-05 Z", "2027-01-05 10:00 utc",
    "2027-01-05 10:00:00ZZ", "2027-01-05 10:00:00Z+02:00", "2027-01-05T10:00:00GMT",
    "2027-02-30", "2027-02-29", "1900-02-29", "2027-04-31", "2027-13-01", "2027-00-10", "2027-01-00",
    "2027-01-32", "0000-01-01", "0000-02-29", "0001-02-29", "10000-01-01", "-2027-01-05", "2027-01-05 (BC)",
    "2027-01-05 24:00:00", "2027-01-05 25:00", "2027-01-05 10:60", "2027-01-05 23:59:60",
    "2027-01-05 10:00:61", "2027-01-05 BC", "epoch", "now", "today", "Jan 5 2027", "05.01.2027",
    "1799150400", "2461411.0", "12:00", "", " ", "monday", "2027-W01-2", "2027-005",
]  # fmt: skip


def read_by(dialect: Dialect, rows: Sequence[str], ask: Any) -> tuple[list[Any], list[Any]]:
    """The numbers and the times that an engine reads out of the rows of a column of text."""
    table = sa.table("texts", sa.column("i"), sa.column("t"))
    # As such a column is opened there.
    mysql = dialect.name == "mysql"
    column = binary_text(table.c.t, mariadb=True) if mysql else table.c.t
    numbers, times = dialect.number(column, "text"), dialect.time(column, "text")
    found = ask(
        rows, sa.select(numbers.label("n"), times.label("s"), table.c.i).order_by(table.c.i)
    )
    return [row[0] for row in found], [row[1] for row in found]


def in_duckdb(rows: Sequence[str], query: Any) -> list[Any]:
    """Asks DuckDB, with a zone that is not UTC."""
    with duckdb.connect() as c:
        c.execute("SET timezone = 'America/New_York'; CREATE TABLE texts (i INT, t TEXT)")
        c.executemany("INSERT INTO texts VALUES (?, ?)", list(enumerate(rows)))
        return c.execute(DuckDialect().compile(query)).fetchall()


def in_database(url: str, rows: Sequence[str], query: Any) -> list[Any]:
    """Asks a database; into a table, where MariaDB takes no text that it cannot read."""
    engine = sa.create_engine(url)
    texts = sa.Table("texts", sa.MetaData(), sa.Column("i", sa.Integer), sa.Column("t", sa.Text))
    with engine.begin() as c:
        texts.create(c)
        c.execute(texts.insert(), [{"i": i, "t": t} for i, t in enumerate(rows)])
        select = str(query.compile(c, compile_kwargs={"literal_binds": True}))
        c.exec_driver_sql(f"CREATE TEMPORARY TABLE found AS {select}")
        found = list(c.exec_driver_sql("SELECT n, s FROM found ORDER BY i").all())
    engine.dispose()
    return found


def in_spark(spark: Any, rows: Sequence[str], query: Any) -> list[Any]:
    """Asks Spark."""
    spark.createDataFrame(list(enumerate(rows)), "i int, t string").createOrReplaceTempView("texts")
    return list(spark.sql(SparkDialect().compile(query)).collect())


@pytest.mark.parametrize(
    "engine",
    [
        "duckdb",
        "sqlite",
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("mariadb", marks=pytest.mark.mariadb),
        pytest.param("spark", marks=pytest.mark.spark),
    ],
)
def test_every_engine_reads_the_same_forms(engine: str, request: pytest.FixtureRequest) -> None:
    """A number or time of the documented form is read; any other text is NULL, and no error."""
    dialects: dict[str, Any] = {
        "duckdb": DuckDialect, "sqlite": SQLiteDialect, "postgres": PostgresDialect,
        "mariadb": MySQLDialect, "spark": SparkDialect,
    }  # fmt: skip

    def ask(rows: Sequence[str], query: Any) -> list[Any]:
        if engine == "duckdb":
            return in_duckdb(rows, query)
        if engine == "spark":
            return in_spark(request.getfixturevalue("spark"), rows, query)
        url = "sqlite://"
        if engine != "sqlite":
            url = request.getfixturevalue(f"{engine}_database")
        return in_database(url, rows, query)

    rows = [*NUMBERS, *NO_NUMBERS, *INFINITE, *TIMES, *NO_TIMES]
    numbers, times = read_by(dialects[engine](), rows, ask)
    year = "2027"  # a number, too
    known_numbers = {**NUMBERS, year: 2027.0, "20270105": 20270105.0, "1799150400": 1799150400.0, "2461411.0": 2461411.0}  # fmt: skip
    infinite = {} if engine == "mariadb" else dict.fromkeys(INFINITE, np.inf)
    known_numbers |= infinite
    assert {t: n for t, n in zip(rows, numbers, strict=True) if n is not None} == {
        t: pytest.approx(n, rel=1e-12) for t, n in known_numbers.items()
    }
    assert {t: s for t, s in zip(rows, times, strict=True) if s is not None} == {
        t: pytest.approx(s, abs=2e-6) for t, s in TIMES.items()
    }


def test_the_form_knows_the_calendar() -> None:
    """Of all days that can be written, those of a calendar of 9,999 years are times, and no others."""
    form, first = re.compile(TIME), date(1, 1, 1)
    days = {(first + timedelta(days=i)).isoformat() for i in range((date.max - first).days + 1)}
    drawn = np.random.default_rng(20270131).integers((0, 0, 0), (10000, 14, 33), (50_000, 3))
    for year, month, day in drawn.tolist():
        text = f"{year:04}-{month:02}-{day:02}"
        assert bool(form.search(text)) == (text in days), text
    assert all(form.search(day) for day in days if day.endswith(("02-28", "02-29", "12-31")))


def test_a_pattern_is_no_longer_than_oracle_takes() -> None:
    """Oracle refuses a regular expression of more than 512 bytes."""
    assert max(len(TIME), len(NUMBER)) <= 512


def test_random_texts_are_read_by_sqlite_as_by_the_pattern() -> None:
    """SQLite has no regular expressions: what it says in other words is the same for texts near a form."""
    rng = np.random.default_rng(20270204)
    rows = [_spoilt(rng, t) for t in [*NUMBERS, *NO_NUMBERS, *TIMES, *NO_TIMES] for _ in range(40)]
    table = sa.table("texts", sa.column("i"), sa.column("t"))
    d = SQLiteDialect()
    asked = [d.parse_number(table.c.t).label("n"), d.parse_time(table.c.t).label("s")]
    query = sa.select(*asked, table.c.i).order_by(table.c.i)
    found = in_database("sqlite://", rows, query)
    number, time = re.compile(NUMBER), re.compile(TIME)
    for text, row in zip(rows, found, strict=True):
        assert (row[0] is not None) == bool(number.search(text) and len(text) <= 60), text
        assert (row[1] is not None) == bool(time.search(text)), text


def _spoilt(rng: np.random.Generator, text: str) -> str:
    """A text with up to two characters changed, added or left out."""
    for _ in range(rng.integers(0, 3)):
        at, kind = int(rng.integers(0, len(text) + 1)), rng.integers(0, 3)
        other = "" if kind == 0 else str(rng.choice(list(" 0123456789.:+-TZeE")))
        text = text[:at] + other + text[at + (kind < 2) :]
    return text
