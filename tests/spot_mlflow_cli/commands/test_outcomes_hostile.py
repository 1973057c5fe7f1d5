"""Broken logs, each answered by one clear message, exit 2, nothing logged, no secret printed."""

from __future__ import annotations

import bz2
import gzip
import io
import random
import sqlite3
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from spot_mlflow_cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SECRET = "s3cr3t-Passw0rd"  # noqa: S105 - the test looks for it where it is not allowed
CONTRACT = {
    "metric": "bought",
    "predicted": 0.1,
    "window": "7d",
    "columns": {
        "unit": "id", "arm": "arm", "treated": "t", "holdout": "c", "outcome": "y", "decided_at": "d", "value": "v",
    },
}  # fmt: skip
HEADER = "id,arm,y,d,v"
ROWS = "".join(
    f"{i},{'tc'[i % 2]},{int(i % 3 == 0)},2026-01-{i % 28 + 1:02d},1.5\n" for i in range(60)
)
GOOD = f"{HEADER}\n{ROWS}"


def parquet(**columns: Any) -> bytes:
    """A Parquet file of the good log, with some columns replaced."""
    import pyarrow as pa
    import pyarrow.csv as pc
    import pyarrow.parquet as pq

    table = pc.read_csv(io.BytesIO(GOOD.encode())).slice(0, len(next(iter(columns.values()), ROWS)))
    for name, values in columns.items():
        table = table.set_column(table.column_names.index(name), name, pa.array(values))
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


def database(*statements: str) -> bytes:
    """An SQLite file in which some statements have run."""
    connection = sqlite3.connect(":memory:")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    return connection.serialize()


def swapped(old: str, new: str) -> str:
    """The good log with something in it replaced everywhere."""
    assert old in GOOD
    return GOOD.replace(old, new)


class Case(NamedTuple):
    """A broken log: the file (name, content), what the message must say, other arguments."""

    name: str
    content: Callable[[], bytes | str] | bytes | str | None
    says: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    source: str | None = None  # instead of the file


NOISE = random.Random(1).randbytes(3000)  # noqa: S311 - noise, not a secret
WEB = "<!DOCTYPE html><html><body>Please log in</body></html>"
HALF = lambda: parquet()[:200]  # noqa: E731 - as short as the other contents
CASES = {
    "no such file": Case("none.csv", None, ("none.csv", "no such file")),
    "no file for a glob": Case("x", None, ("*.nothing", "no file matches"), source="*.nothing"),
    "a folder": Case("x", None, ("is a folder", "*.parquet"), source="."),
    "no source": Case("x", None, ("no path was given",), source=""),
    "an empty file": Case("a.csv", "", ("a.csv", "the file is empty")),
    "an empty Parquet file": Case("a.parquet", b"", ("a.parquet", "the file is empty")),
    "a header alone": Case("a.csv", HEADER + "\n", ("the log is empty",)),
    "blank first line": Case("a.csv", "\n" + GOOD, ("line 1 names no columns",)),
    "truncated Parquet": Case("a.parquet", HALF, ("a.parquet", "cannot be read")),
    "Parquet without its end": Case("a.parquet", lambda: parquet()[:-10], ("a.parquet", "cannot be read")),
    "Parquet, damaged inside": Case("a.parquet", lambda: parquet()[:4] + b"\xff" * 700 + parquet()[704:], ("a.parquet",)),
    "noise": Case("a.csv", NOISE, ("a.csv", "binary")),
    "a spreadsheet": Case("a.xlsx", b"PK\x03\x04" + NOISE, ("spreadsheet", "CSV in UTF-8, or Parquet")),
    "an old spreadsheet": Case("a.csv", b"\xd0\xcf\x11\xe0" + NOISE, ("xls",)),
    "a web page": Case("a.csv", WEB, ("web page",)),
    "JSON": Case("a.json", '[{"id": 1}]', ("JSON",)),
    "a PDF": Case("a.csv", b"%PDF-1.7 " + NOISE, ("PDF",)),
    "an SQLite file as a path": Case("a.db", lambda: database("CREATE TABLE t (x)"), ("sqlite:///FILE",)),
    "UTF-16": Case("a.csv", GOOD.encode("utf-16"), ("UTF-16", "save it as UTF-8")),
    "Latin-1": Case("a.csv", swapped("1.5", "é").encode("latin-1"), ("line 2", "utf-8")),
    "Latin-1 header": Case("a.csv", swapped("arm", "är").encode("latin-1"), ("line 1 is not UTF-8",)),
    "truncated gzip": Case("a.csv.gz", gzip.compress(GOOD.encode())[:60], ("a.csv.gz", "cannot be read")),
    "an unknown delimiter": Case("a.csv", swapped(",", "^"), ("no column 'arm'", "id^arm^y^d^v")),
    "a wrong delimiter in one row": Case("a.csv", swapped("7,c,", "7;c;"), ("line 9", "Expected Number of Columns: 5")),
    "a row too long": Case("a.csv", swapped("5,c,", "5,c,x,x,x,"), ("line 7", "Expected Number of Columns: 5")),
    "an unclosed quote": Case("a.csv", swapped("3,c", '"3,c'), ("unterminated quote",)),
    "a giant field": Case("a.csv", GOOD + "9,t,1,2026-01-01," + "9" * 3_000_000 + "\n", ("line 62", "Maximum line size")),
    "two columns of one name": Case("a.csv", swapped("id,arm,y", "id,y,y"), ("column 'y' occurs 2 times",)),
    "two Parquet schemas": Case("a.parquet", lambda: parquet(arm=["x"] * 60), ("no rows of the",)),
    "no header": Case("a.csv", ROWS, ("no column 'arm'", "columns.arm")),
    "no arm column": Case("a.csv", swapped("arm", "group"), ("no column 'arm'", "columns.arm", "'group'")),
    "a misspelt column": Case("a.csv", swapped("arm", "amr"), ("did you mean 'amr'?",)),
    "upper case columns": Case("a.csv", swapped(HEADER, HEADER.upper()), ("no column 'arm'", "'ARM'")),
    "no time column": Case("a.csv", swapped("y,d", "y,when"), ("no column 'd'", "columns.decided_at")),
    "one arm only": Case("a.csv", swapped(",c,", ",t,"), ("no rows of the holdout ('c')",)),
    "other arms": Case("a.csv", swapped(",c,", ",control,"), ("no rows of the holdout ('c')", "'control'")),
    'an arm called "None"': Case("a.csv", swapped(",c,", ",None,"), ("no rows of the holdout ('c')", "of 60 rows, 30 have no arm")),
    "no arms at all": Case("a.csv", swapped(",t,", ",,").replace(",c,", ",,"), ("of 60 rows, 60 have no arm",)),
    "arms that are numbers": Case("a.parquet", lambda: parquet(arm=[1, 0] * 30), ("no rows of the",)),
    "outcomes that are text": Case("a.csv", swapped(",0,", ",no way,").replace(",1,", ",perhaps,"), ("'y' (columns.outcome) holds text", "60 of 60")),
    "outcomes that are times": Case("a.parquet", lambda: parquet(y=[__import__("datetime").datetime(2026, 1, 1)] * 60), ("columns.outcome",)),
    "infinite money": Case("a.csv", swapped("1.5", "inf"), ("'v' (columns.value)", "infinite")),
    "dates of year 9999": Case("a.csv", swapped("2026", "9999"), ("'d' (columns.decided_at)", "future")),
    "dates of year 1": Case("a.csv", swapped("2026", "0001"), ("columns.decided_at", "before 1970")),
    "dates in words": Case("a.csv", swapped("2026-01", "monday"), ("columns.decided_at", "no time can be read")),
    "American dates": Case("a.csv", swapped("2026-01-", "01/2026/"), ("no time can be read", "2027-01-31")),
    "ids that are all missing": Case("a.csv", "\n".join([HEADER, *("," + r.split(",", 1)[1] for r in ROWS.splitlines())]), ("no unit has an id",)),
    "an as-of before the log": Case("a.csv", GOOD, ("decided after as_of",), ("--as-of", "2025-06-01")),
    "an as-of that is no date": Case("a.csv", GOOD, ("'soon' is not a date",), ("--as-of", "soon")),
    "a table for a file": Case("a.csv", GOOD, ("table and query are for databases",), ("--table", "t")),
    "no table for a database": Case("a.db", database("CREATE TABLE t (x)"), ("either table or query",), source="sqlite:///a.db"),
    "no such table": Case("a.db", database("CREATE TABLE outcomes (x)"), ("no table 'outcome'", "did you mean 'outcomes'"), ("--table", "outcome"), "sqlite:///a.db"),
    "no such database file": Case("x", None, ("none.db", "no such file"), ("--table", "t"), "sqlite:///none.db"),
    "a database that is none": Case("a.csv", GOOD, ("not a database",), ("--table", "t"), "sqlite:///a.csv"),
    "an empty table": Case("a.db", database("CREATE TABLE t (id, arm, y, d, v)"), ("the log is empty",), ("--table", "t"), "sqlite:///a.db"),
    "a query that does not run": Case("a.db", database("CREATE TABLE t (x)"), ("the query does not run", "no such column"), ("--query", "SELECT z FROM t"), "sqlite:///a.db"),
    "two statements": Case("a.db", database("CREATE TABLE t (x)"), ("the query does not run",), ("--query", "SELECT 1; DROP TABLE t"), "sqlite:///a.db"),
    "no such dialect": Case("x", None, ("no such database",), ("--table", "t"), f"oracle9://ann:{SECRET}@db/x"),
    "a driver that is not there": Case("x", None, ("is not installed",), ("--table", "t"), f"mysql+mysqldb://ann:{SECRET}@db/x"),
    "a URL that is none": Case("x", None, ("not a SQLAlchemy URL",), ("--table", "t"), f"postgresql://ann:{SECRET}@db:port/x"),
    "a bucket": Case("x", None, ("s3://", "extension"), (), f"s3://key:{SECRET}@bucket/log.parquet?sig={SECRET}"),
    "a URL that is half one": Case("x", None, ("no such file", "***@db/x"), (), f"postgresql:/ann:{SECRET}@db/x"),
    "a half URL with a table": Case("x", None, ("for databases", "***@db/x"), ("--table", "t"), f"postgresql:ann:{SECRET}@db/x"),
    "a password that holds an @": Case("x", None, ("Write it as %40",), ("--table", "t"), f"postgresql://ann:x@{SECRET}@127.0.0.1:1/db"),
    "an option nobody knows": Case("x", None, ("invalid connection option",), ("--table", "t"), f"postgresql://ann:{SECRET}@127.0.0.1:1/db?sslpasword={SECRET}"),
    "a secret for an option": Case("x", None, ("invalid", "***"), ("--table", "t"), f"postgresql://ann@127.0.0.1:1/db?sslmode={SECRET}"),
    "a JDBC address": Case("x", None, ("not a SQLAlchemy URL",), ("--table", "t"), f"jdbc:postgresql://ann:{SECRET}@db/x"),
    "a web address": Case("x", None, ("http://***@127.0.0.1", "extension"), (), f"http://ann:{SECRET}@127.0.0.1:1/log.csv?sig={SECRET}"),
    "an empty query": Case("a.db", database("CREATE TABLE t (x)"), ("the query is empty",), ("--query", " ; "), "sqlite:///a.db"),
    "a query that would delete": Case("a.db", database("CREATE TABLE t (x)"), ("the query does not run",), ("--query", "DELETE FROM t"), "sqlite:///a.db"),
    "a query that ends ours": Case("a.db", database("CREATE TABLE t (x)"), ("the query does not run",), ("--query", "SELECT * FROM t) AS x; DROP TABLE t; --"), "sqlite:///a.db"),
    "no such schema": Case("a.db", database("CREATE TABLE t (x)"), ("no table 'nope.t'", "It has t"), ("--table", "nope.t"), "sqlite:///a.db"),
    "a path too long": Case("x", None, ("File name too long",), (), "x" * 5000),
    "a device": Case("x", None, ("is not a regular file",), (), "/dev/null"),
    "a header without an end": Case("a.csv", "x" * 300_000, ("line 1 names no columns",)),
    "line ends of old Macs": Case("a.csv", GOOD.replace("\n", "\r"), ("line ends are CR alone", "LF or CRLF")),
    "a hint to spreadsheets": Case("a.csv", "sep=,\n" + GOOD, ("line 1 is 'sep=,'", "Delete it")),
    "a remark above the header": Case("a.csv", "# exported\n" + GOOD, ("no column 'arm'", "'# exported'")),
    "spaces in the header": Case("a.csv", swapped(HEADER, HEADER.replace(",", ", ")), ("did you mean ' arm'?",)),
    "a sum below the rows": Case("a.csv", GOOD + "Total: 60\n", ("line 62", "Expected Number of Columns: 5")),
    "a table in Markdown": Case("a.csv", "| id | arm |\n|---|---|\n| 1 | t |\n", ("did you mean ' arm '?",)),
    "XML": Case("a.csv", '<?xml version="1.0"?><a/>', ("is XML",)),
    "UTF-16 without its mark": Case("a.csv", GOOD.encode("utf-16-le"), ("is binary",)),
    "bzip2": Case("a.csv.bz2", lambda: bz2.compress(GOOD.encode()), ("is binary", "CSV in UTF-8, or Parquet")),
    "gzip, damaged far inside": Case("a.csv.gz", lambda: gzip.compress((GOOD + ROWS * 3000).encode())[:-300] + b"x" * 300, ("a.csv.gz: cannot be read",)),
    "gzipped Parquet": Case("a.parquet.gz", lambda: gzip.compress(parquet()), ("a.parquet.gz: cannot be read",)),
    "Parquet without rows": Case("a.parquet", lambda: parquet(id=[], arm=[], y=[], d=[], v=[]), ("the log is empty",)),
    "arms in a struct": Case("a.parquet", lambda: parquet(arm=[{"a": 1}] * 60), ("no rows of the", "{'a': 1}")),
    "arms in bytes": Case("a.parquet", lambda: parquet(arm=[b"t", b"c"] * 30), ("no rows of the",)),
    "arms in upper case": Case("a.csv", swapped(",t,", ",T,").replace(",c,", ",C,"), ("no rows of the", "'C', 'T'")),
    "outcomes in lists": Case("a.parquet", lambda: parquet(y=[[1]] * 60), ("(columns.outcome) is of type BIGINT[]", "must hold numbers")),
    "outcomes with a currency": Case("a.csv", swapped(",0,", ",$0,").replace(",1,", ",$1,"), ("without a currency",)),
    "outcomes with a decimal comma": Case("a.csv", swapped(",", ";").replace(";0;", ";0,0;").replace(";1;", ";1,0;"), ("decimal comma",)),
    "times as plain numbers": Case("a.parquet", lambda: parquet(d=list(range(60))), ("no time can be read", "2027-01-31")),
    "an as-of of a month 13": Case("a.csv", GOOD, ("is not a date",), ("--as-of", "2026-13-45")),
    "a segment that is not there": Case("a.csv", GOOD, ("no column 'region'",), ("--segment", "region")),
}  # fmt: skip


@pytest.fixture(scope="module")
def promised(tmp_path_factory: pytest.TempPathFactory, _empty_mlflow: Path) -> Iterator[str]:
    """An MLflow in which churn/1 has a promise; shared, since nothing may be written to it."""
    import shutil

    import mlflow
    from mlflow import MlflowClient

    import spot_mlflow as spot

    uri = f"sqlite:///{shutil.copy(_empty_mlflow, tmp_path_factory.mktemp('hostile') / 'm.db')}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", uri)
        before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(uri)
        client = MlflowClient()
        client.create_registered_model("churn")
        client.create_model_version("churn", source="s3://nowhere/model")
        spot.log_predicted_lift("churn/1", CONTRACT)
        yield uri
        mlflow.set_tracking_uri(before[0])
        mlflow.set_registry_uri(before[1])


def logged(uri: str) -> tuple[Any, ...]:
    """Everything in the database that an entry would change."""
    tables = (
        "runs",
        "metrics",
        "params",
        "tags",
        "registered_model_tags",
        "model_version_tags",
        "datasets",
        "inputs",
    )
    with sqlite3.connect(uri.removeprefix("sqlite:///")) as c:
        return tuple(c.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in tables)  # noqa: S608 - names above


def test_there_are_forty_kinds_and_more() -> None:
    """The table holds at least forty broken logs."""
    assert len(CASES) >= 40


READABLE = {
    "commas at the line ends": GOOD.replace("\n", ",\n"),
    "Windows line ends": GOOD.replace("\n", "\r\n"),
    "a byte order mark": "\ufeff" + GOOD,
    "empty lines between rows": GOOD.replace("\n", "\n\n"),
    "a name that holds other delimiters": GOOD.replace(",", ";").replace("d;v", 'd;"v,,,,,,,"'),
}


@pytest.mark.parametrize("kind", READABLE)
def test_what_only_looks_broken_is_read(kind: str, tmp_path: Path) -> None:
    """Oddities that spreadsheets write change nothing of what a log says."""
    from spot_mlflow_checks import check_outcomes

    (tmp_path / "good.csv").write_text(GOOD)
    (tmp_path / "odd.csv").write_bytes(READABLE[kind].encode())
    good, odd = (check_outcomes(tmp_path / f, CONTRACT).analysis for f in ("good.csv", "odd.csv"))
    assert odd.realized == good.realized
    assert odd.assigned == good.assigned == 60


@pytest.mark.parametrize("kind", CASES)
def test_a_broken_log_gets_one_clear_message(
    kind: str,
    promised: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit 2, one line that says what and where, nothing logged, no secret and no traceback."""
    case = CASES[kind]
    content = case.content() if callable(case.content) else case.content
    if content is not None:
        (tmp_path / case.name).write_bytes(
            content.encode() if isinstance(content, str) else content
        )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", promised)
    before = logged(promised)
    source = case.name if case.source is None else case.source
    with pytest.raises(SystemExit) as stopped:
        main(["outcomes", "churn/1", source, *case.arguments])
    said = capsys.readouterr()
    assert stopped.value.code == 2, said.err
    for words in case.says:
        assert words in said.err
    assert said.err.startswith("Error: ")
    assert len(said.err.strip().splitlines()) == 1
    assert "Traceback" not in said.err
    assert SECRET not in said.err + said.out
    assert logged(promised) == before
    assert [f.name for f in tmp_path.iterdir()] == ([] if content is None else [case.name])


@pytest.mark.postgres
def test_a_wrong_password_is_never_printed(
    promised: str,
    postgres_uri: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A login that PostgreSQL refuses is exit 2, and the password stays out of the message."""
    import sqlalchemy as sa

    url = sa.make_url(postgres_uri).set(username="nobody_at_all", password=SECRET)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", promised)
    with pytest.raises(SystemExit) as stopped:
        main(["outcomes", "churn/1", url.render_as_string(hide_password=False), "--table", "t"])
    said = capsys.readouterr().err
    assert stopped.value.code == 2, said
    assert "nobody_at_all:***@" in said
    assert SECRET not in said


def test_a_database_that_is_down_is_exit_3(
    promised: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server that does not answer is no fault of the input."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", promised)
    with pytest.raises(SystemExit) as stopped:
        main(["outcomes", "churn/1", f"postgresql://ann:{SECRET}@127.0.0.1:1/db", "--table", "t"])
    said = capsys.readouterr().err
    assert stopped.value.code == 3
    assert "did not answer" in said
    assert SECRET not in said


NASTY = 'y"; DROP TABLE t; --'


@pytest.mark.parametrize("place", ["csv", "sqlite"])
def test_quotes_in_a_column_name_are_quoted_by_the_library(place: str, tmp_path: Path) -> None:
    """A column whose name would end an SQL string is read like any other, and nothing else runs."""
    from spot_mlflow_checks import check_outcomes

    columns = {
        **CONTRACT["columns"],
        "outcome": NASTY,
        "arm": "a`'r",
        "treated": "t'\\",
        "holdout": 'c"',
    }
    rows = [
        (i, ("t'\\", 'c"')[i % 2], int(i % 3 == 0), f"2026-01-{i % 28 + 1:02d}", 1.5)
        for i in range(60)
    ]
    names = ["id", "a`'r", NASTY, "d", "v"]
    keywords = {}
    if place == "csv":
        import csv

        source = str(tmp_path / "a.csv")
        with (tmp_path / "a.csv").open("w", newline="") as f:
            csv.writer(f).writerows([names, *rows])
    else:
        path = tmp_path / "a.db"
        with sqlite3.connect(path) as c:
            quoted = ", ".join('"' + n.replace('"', '""') + '"' for n in names)
            c.execute(f"CREATE TABLE t ({quoted})")
            c.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?)", rows)
        source, keywords = f"sqlite:///{path}", {"table": "t"}
    report = check_outcomes(source, {**CONTRACT, "columns": columns}, **keywords)
    assert (report.analysis.realized.n_treatment, report.analysis.realized.n_holdout) == (30, 30)
    if place == "sqlite":
        with sqlite3.connect(path) as c:
            assert c.execute("SELECT count(*) FROM t").fetchone() == (60,)
