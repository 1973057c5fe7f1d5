"""SQL for warehouses that were not at hand: compiled by their own dialects, kept, and read by a second parser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import duckdb
import golden_sql
import numpy as np
import pytest
import sqlalchemy as sa
import sqlglot
from sqlglot.errors import ErrorLevel
from typing_extensions import override

from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow_checks.engines import open_source
from spot_mlflow_checks.engines.columns_warehouse import driver_kinds, warehouse_column
from spot_mlflow_checks.engines.dialect import DuckDialect
from spot_mlflow_checks.engines.warehouses import Warehouse, iso_parts

if TYPE_CHECKING:
    from collections.abc import Sequence

# What the second parser does not know of a grammar, in words that it does.
REWORDED: dict[str, tuple[tuple[str, str], ...]] = {
    "mssql": ((r" COLLATE Latin1_General_100_BIN2", ""),),
    "oracle": (
        (r"(?<=[0-9])d\b", ""),
        (r" DEFAULT NULL ON CONVERSION ERROR", ""),
        (r" IS NAN", " = CAST('NaN' AS BINARY_DOUBLE)"),
        (r" IS NOT INFINITE", " < 1E308"),
        (r" IS INFINITE", " > 1E308"),
        (r"TIMESTAMP '1970-01-01 00:00:00'", "TIMESTAMP '1970-01-01 00:00:00.000000'"),
        (r"substr\(to_char\(0\.5\), 1, 1\)", "'.'"),
        (r"EXTRACT\(second FROM ", "second_of("),
    ),
}
MACROS = (
    "switchoffset(x, o) AS timezone('UTC', x)",
    "sys_extract_utc(x) AS timezone('UTC', x)",
    "to_binary_double(x) AS CAST(x AS DOUBLE)",
    "to_timestamp_tz(x, f) AS try_cast(x AS TIMESTAMPTZ)",
    "to_timestamp_ntz(x) AS CAST(x AS TIMESTAMP)",
    "second_of(x) AS extract(microseconds FROM x) / 1e6",
)


class Translated(golden_sql.Written):
    """A warehouse whose SQL is translated by sqlglot and run by DuckDB."""

    def __init__(self, noted: Any, name: str, connection: Any) -> None:
        super().__init__(noted, name)
        self._connection = connection

    @override
    def answer(self, query: Any) -> Sequence[Sequence[Any]]:
        text = self.dialect.compile(query)
        for pattern, word in REWORDED.get(self.name, ()):
            text = re.sub(pattern, word, text)
        read = {"mssql": "tsql"}.get(self.name, self.name)
        tree = sqlglot.parse_one(text, read=read)
        said = tree.sql("duckdb", unsupported_level=ErrorLevel.IGNORE, copy=False)
        # Sets of characters in LIKE are SQL Server's alone.
        said = re.sub(
            r"LIKE '([^']*\[[^']*)'", lambda m: f"SIMILAR TO '{m[1].replace('%', '.*')}'", said
        )
        rows: Sequence[Sequence[Any]] = self._connection.execute(said).fetchall()
        return rows


@pytest.fixture(scope="module")
def read_by_duckdb() -> tuple[Any, Any, Any]:
    """The log in DuckDB, what a check of it says, and the answers to its queries."""
    connection = duckdb.connect()
    connection.execute("SET timezone = 'UTC'")
    for macro in MACROS:
        connection.execute(f"CREATE MACRO {macro}")
    rows = golden_sql.log()
    connection.register("rows_", rows)
    connection.execute("CREATE TABLE outcomes AS SELECT * FROM rows_")
    with open_source(rows, PredictedLift.load(golden_sql.CONTRACT)) as real:
        noted = golden_sql._Noted(real)
        return connection, golden_sql.check(noted), noted


@pytest.mark.parametrize("name", golden_sql.DIALECTS)
def test_the_sql_of_a_complete_check_is_the_golden_file(name: str) -> None:
    """What changes is looked at, and written anew by ``python tests/golden_sql.py``."""
    kept = (golden_sql.FOLDER / f"{name}.sql").read_text(encoding="utf-8")
    assert golden_sql.written(name) == kept


@pytest.mark.parametrize("name", golden_sql.DIALECTS)
def test_a_second_parser_reads_the_sql_as_it_is_meant(
    name: str, read_by_duckdb: tuple[Any, Any, Any]
) -> None:
    """Translated by sqlglot, every query gives DuckDB's own sums, cell by cell, and its faults."""
    connection, known, noted = read_by_duckdb
    found = golden_sql.check(Translated(noted, name, connection))
    for a, b in ((known.cells, found.cells), (known.teams, found.teams)):
        order_a, order_b = (np.lexsort((x.period, x.arm, x.segment)) for x in (a, b))
        for field in ("n", "s1", "s2", "s3", "largest", "missing"):
            np.testing.assert_allclose(
                getattr(a, field)[order_a], getattr(b, field)[order_b], rtol=1e-9, atol=1e-9
            )
    assert found.faults == known.faults
    assert found.notes == known.notes


class _AnyWarehouse(Warehouse):
    def __init__(self) -> None: ...


@pytest.mark.parametrize(
    ("text", "whole", "fraction"),
    [
        ("2027-01-31", "2027-01-31 00:00:00+00:00", "0.0"),
        ("2027-01-31T10:00", "2027-01-31 10:00:00+00:00", "0.0"),
        ("2027-01-31 10:00Z", "2027-01-31 10:00:00+00:00", "0.0"),
        ("2027-01-31 10:00 UTC", "2027-01-31 10:00:00+00:00", "0.0"),
        ("2027-01-31T10:00:05.25z", "2027-01-31 10:00:05+00:00", "0.25"),
        ("2027-01-31 10:00:05.4 +01", "2027-01-31 10:00:05+01:00", "0.4"),
        (" 2027-01-31T10:00:05-0530 ", "2027-01-31 10:00:05-05:30", "0.0"),
        ("2027-01-31 10:00-08:00", "2027-01-31 10:00:00-08:00", "0.0"),
    ],
)
def test_every_iso_form_becomes_one(text: str, whole: str, fraction: str) -> None:
    """A warehouse need parse one form only; the others are brought into it by substrings."""
    said, rest = iso_parts(_AnyWarehouse(), sa.literal(text))
    query = DuckDialect().compile(sa.select(said.label("said"), rest.label("rest")))
    assert duckdb.sql(query).fetchall() == [(whole, fraction)]


@pytest.mark.parametrize("name", golden_sql.DIALECTS)
@pytest.mark.parametrize("text", ["it's", "a\\b", "100 %", ":x ?", "日本", "'; DROP TABLE t; --"])
def test_a_label_reaches_each_warehouse_as_it_is(name: str, text: str) -> None:
    """Quotes, backslashes, percent and question marks are read back by a parser of the grammar."""
    said = golden_sql.warehouse(name).compile(sa.select(sa.literal(text).label("v")))
    read = sqlglot.parse_one(said, read={"mssql": "tsql"}.get(name, name))
    assert [x.this for x in read.find_all(sqlglot.exp.Literal, sqlglot.exp.National)] == [text]


@pytest.mark.parametrize(
    ("backend", "code", "kind", "family"),
    [
        ("oracle", type("T", (), {"name": "DB_TYPE_DATE"})(), "datetime", "time"),
        ("oracle", type("T", (), {"name": "DB_TYPE_CLOB"})(), "clob", "text"),
        ("oracle", type("T", (), {"name": "DB_TYPE_NUMBER"})(), "number", "float"),
        ("trino", "timestamp(3) with time zone", "timestamp(3) with time zone", "time"),
        ("trino", "row(a integer)", "row(a integer)", "label"),
        ("trino", "bigint", "bigint", "integer"),
        ("snowflake", 8, "timestamp_ntz", "time"),
        ("snowflake", 5, "variant", "label"),
        ("bigquery", "BIGNUMERIC", "bignumeric", "float"),
        ("databricks", "date", "date", "date"),
        ("mssql", float, "float", "float"),
    ],
)
def test_the_drivers_words_tell_the_family(backend: str, code: Any, kind: str, family: str) -> None:
    """Each driver calls its types otherwise; none is guessed from a value that happens to be first."""
    assert driver_kinds(backend, [("x", code)]) == {"x": kind}
    assert warehouse_column(golden_sql.warehouse(backend), sa.column("x"), kind).family == family
