from __future__ import annotations

import re
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import duckdb
import pandas as pd
import pytest
import sqlalchemy as sa
import sqlglot

import spot_mlflow as spot
from spot_mlflow import InvalidInput
from spot_mlflow_checks.engines.sqlite_md5 import register_md5
from spot_mlflow_checks.holdout.written import ENGINES, arm_sql

sys.path.insert(0, str(Path(__file__).parent))

from golden_arms import FILE, contract, written

# What sqlglot calls them.
GRAMMARS = {"mssql": "tsql", "postgresql": "postgres", "mariadb": "mysql"}
FRAME = pd.DataFrame({
    "unit id": [f"ü{i}" for i in range(300)],
    "decided": [datetime(2027, 1, 10, 5, tzinfo=timezone.utc) + timedelta(hours=5 * i) for i in range(300)],
    "part": ["north", "south", None] * 100,
})  # fmt: skip


def test_the_sql_of_every_engine_is_the_golden_one():
    """Look at what changed, and whether the vendor's documentation allows it."""
    assert written() == FILE.read_text(encoding="utf-8")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_second_reader_understands_it(engine):
    """Sqlglot parses it as one expression with the literals that were meant."""
    text = arm_sql(engine, contract())
    if engine == "oracle":  # its doubles, which sqlglot does not know
        text = re.sub(r"(?<=[0-9])d\b", "", text)
    tree = sqlglot.parse_one(text, read=GRAMMARS.get(engine, engine))
    said = {x.this for x in tree.find_all(sqlglot.exp.Literal, sqlglot.exp.National)}
    assert {"mail", "it's new", "old\\plain %", "north", "it's\\2027:%ü:"} <= said
    assert {c.name for c in tree.find_all(sqlglot.exp.Column)} >= {"unit id", "decided", "part"}


@pytest.mark.parametrize("engine", ["snowflake", "bigquery", "databricks", "trino"])
def test_translated_it_gives_the_same_arms(engine):
    """What sqlglot makes of it for DuckDB decides as Python does."""
    said = sqlglot.transpile(arm_sql(engine, contract()), read=engine, write="duckdb")[0]
    connection = duckdb.connect()
    connection.execute("SET timezone = 'UTC'")
    connection.execute("CREATE MACRO unix_micros(x) AS epoch_us(x)")
    connection.register("frame", FRAME)
    rows = connection.execute(f"SELECT {said} FROM frame").fetchall()  # noqa: S608 - ours
    assert [r[0] for r in rows] == expected()


def expected():
    """The arms as Python computes them."""
    return spot.assign_arms(FRAME, contract())["arm"].tolist()


def test_the_text_runs_in_duckdb():
    """Pasted into a query it gives the arms of Python."""
    connection = duckdb.connect()
    connection.register("frame", FRAME)
    rows = connection.execute(f"SELECT {arm_sql('duckdb', contract())} FROM frame").fetchall()  # noqa: S608 - ours
    assert [r[0] for r in rows] == expected()


def on(engine, text, kind):
    """The arms that a database gives for the text."""
    with engine.begin() as c:
        register_md5(c)
        FRAME.assign(n=range(300), decided=kind(FRAME["decided"])).to_sql("frame", c, index=False)
        rows = c.exec_driver_sql(f"SELECT n, {text} FROM frame ORDER BY n").fetchall()  # noqa: S608 - ours
    engine.dispose()
    return [r[1] for r in rows]


def test_the_text_runs_in_postgresql(postgres_database):
    """As it is, through the driver's own percent signs."""
    text = arm_sql("postgresql", contract()).replace("%", "%%")
    assert on(sa.create_engine(postgres_database), text, lambda x: x) == expected()


def test_the_text_runs_in_mariadb(mariadb_database):
    """Times without a zone are UTC."""
    text = arm_sql("mariadb", contract()).replace("%", "%%")
    assert (
        on(sa.create_engine(mariadb_database), text, lambda x: x.dt.tz_localize(None)) == expected()
    )


def test_the_text_runs_in_sqlite():
    """With the function that the text asks for."""
    text = arm_sql("sqlite", contract())
    note, _, expression = text.partition("\n")
    assert note.startswith("-- SQLite has no MD5: register spot_md5(text)")
    assert on(sa.create_engine("sqlite://"), expression, lambda x: x.astype(str)) == expected()


def test_a_schedule_needs_a_time():
    """From the column, or given."""
    plain = contract().model_copy(
        update={"columns": contract().columns.model_copy(update={"decided_at": None})}
    )
    with pytest.raises(InvalidInput, match=r"columns.decided_at is not given"):
        arm_sql("duckdb", plain)
    connection = duckdb.connect()
    connection.register("frame", FRAME)
    text = arm_sql("duckdb", plain, at="2027-01-20")
    rows = connection.execute(f"SELECT {text} FROM frame").fetchall()  # noqa: S608 - ours
    assert [r[0] for r in rows] == spot.assign_arms(FRAME, contract(), at="2027-01-20")[
        "arm"
    ].tolist()
