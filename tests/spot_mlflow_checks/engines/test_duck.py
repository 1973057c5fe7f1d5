from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl
import pyarrow as pa
import pytest
from small_log import PART, WHOLE, seen, segments, small_contract, small_log

from spot_mlflow import InvalidInput

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A DuckDB file whose name holds a quote, with a table, a view and a table in a schema."""
    path = tmp_path / "o'x.duckdb"
    log = small_log()  # noqa: F841 - DuckDB finds it by its name
    with duckdb.connect(str(path)) as c:
        c.execute("CREATE TABLE o AS SELECT * FROM log")
        c.execute("CREATE SCHEMA s; CREATE TABLE s.p AS SELECT * FROM o")
        c.execute("CREATE VIEW v AS SELECT * FROM o")
    return path


@pytest.mark.parametrize("table", ["o", "main.o", "s.p", "v"])
def test_a_duckdb_file_is_read_by_table(database: Path, table: str) -> None:
    """Tables, views and those of a schema, by path and by URL; the file stays as it is."""
    before = database.read_bytes()
    assert seen(database, table=table) == WHOLE
    assert seen(f"duckdb:///{database}", table=table) == WHOLE
    assert database.read_bytes() == before


@pytest.mark.parametrize("writes", [True, False])
def test_a_duckdb_connection_is_read_and_left_open(database: Path, *, writes: bool) -> None:
    """By table or query, read-only or not; no view of ours is left, and it can be used on."""
    with duckdb.connect(str(database), read_only=not writes) as c:
        views = "SELECT count(*) FROM information_schema.tables"
        before = c.execute(views).fetchone()
        assert seen(c, table="s.p") == WHOLE
        assert seen(c, query="SELECT * FROM o WHERE part = 'a'; ") == PART
        if not writes:
            assert c.execute(views).fetchone() == before


def test_a_query_is_applied_to_a_duckdb_file(database: Path) -> None:
    """Its rows alone count, and a comment at its end does no harm."""
    assert seen(database, query="SELECT * FROM s.p WHERE part = 'a' -- the first") == PART


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, r"holds 3 tables.*It has o, v, s\.p"),
        ({"table": "oo"}, "no table 'oo'; did you mean 'o'"),
        ({"query": "DROP TABLE o"}, "the query does not run"),
        ({"query": "SELECT 1; SELECT 2"}, "several statements"),
        ({"query": "SELECT nope FROM o"}, "the query does not run"),
        ({"query": " ; "}, "the query is empty"),
        ({"table": "o", "query": "SELECT 1"}, "both table and query"),
    ],
)
def test_what_a_duckdb_file_does_not_hold_is_said(
    database: Path, options: dict[str, str], says: str
) -> None:
    """A file or connection with several tables, or a query that does not run, is refused in words."""
    with pytest.raises(InvalidInput, match=says):
        seen(database, **options)
    with (
        duckdb.connect(str(database), read_only=True) as c,
        pytest.raises(InvalidInput, match=says),
    ):
        seen(c, **options)


def test_a_duckdb_file_with_one_table_needs_no_name(tmp_path: Path) -> None:
    """There is nothing to choose."""
    log = small_log()  # noqa: F841 - DuckDB finds it by its name
    with duckdb.connect(str(tmp_path / "log_file.db")) as c:
        c.execute("CREATE TABLE o AS SELECT * FROM log")
    assert seen(tmp_path / "log_file.db") == WHOLE


def test_a_duckdb_file_that_another_writes_to_is_refused(database: Path) -> None:
    """The lock of another process becomes a sentence with the remedy."""
    hold = f"import duckdb; c = duckdb.connect({str(database)!r}); print(1, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(InvalidInput, match="open in another connection"):
            seen(database, table="o")
        holder.communicate(b"\n")


def test_a_closed_connection_is_refused() -> None:
    """Nothing of DuckDB's own comes out."""
    c = duckdb.connect()
    c.close()
    with pytest.raises(InvalidInput, match="DuckDB connection"):
        seen(c, table="o")


FRAMES: dict[str, Any] = {
    "pandas": small_log(),
    "polars": pl.from_pandas(small_log()),
    "polars lazy": pl.from_pandas(small_log()).lazy(),
    "pyarrow": pa.Table.from_pandas(small_log()),
    "relation": duckdb.from_arrow(pa.Table.from_pandas(small_log())),
}


@pytest.mark.parametrize("kind", FRAMES)
@pytest.mark.parametrize("option", ["query", "table"])
def test_no_option_is_passed_over(kind: str, option: str) -> None:
    """``query`` and ``table`` of a frame or relation are refused: the lift of all would pass for that of some."""
    with pytest.raises(InvalidInput, match=f"{option} == .* is not applied"):
        seen(FRAMES[kind], **{option: "part == 'a'"})


KINDS = {
    "UUID": "md5(unit::VARCHAR)::UUID",
    "BLOB": "encode(unit::VARCHAR)",
    "JSON": "to_json(unit::VARCHAR)",
    "HUGEINT": "unit::HUGEINT",
    "INTERVAL": "to_days(unit::INTEGER)",
    "STRUCT": "{'id': unit}",
    "list": "[unit]",
    "TIMESTAMP": '"at"',
    "BIT": "unit::INTEGER::BIT",
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_unit_may_be_of_any_type(kind: str) -> None:
    """Whatever names a unit, a cluster or a team is read as a name."""
    log = small_log()  # noqa: F841 - DuckDB finds it by its name
    c = duckdb.connect()
    relation = c.sql(f"SELECT * REPLACE ({KINDS[kind]} AS unit), {KINDS[kind]} AS g FROM log")  # noqa: S608 - from the table above
    assert seen(relation, small_contract({"cluster": "g", "team": "g"})) == WHOLE


def test_an_enum_is_its_text() -> None:
    """As arm, as segment and as outcome."""
    log = small_log()  # noqa: F841 - DuckDB finds it by its name
    c = duckdb.connect()
    relation = c.sql(
        "SELECT * REPLACE (arm::ENUM('control', 'treatment') AS arm, part::ENUM('b', 'a') AS part, "
        "(CASE WHEN y = 1 THEN 'yes' ELSE 'no' END)::ENUM('yes', 'no') AS y) FROM log"
    )
    assert seen(relation) == WHOLE
    assert segments(relation) == ["a", "b"]
