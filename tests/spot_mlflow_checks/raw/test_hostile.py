"""Raw tables with a fault: one message that names the table, the column, and what to do."""

from __future__ import annotations

import gzip
import io
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
import sqlalchemy as sa

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow_checks.raw.joined import joined_log

if TYPE_CHECKING:
    from pathlib import Path

DECISIONS = "id,at,arm,score\n1,2026-01-01T08:00,t,0.5\n2,2026-01-02T08:00,c,0.4\n3,2026-01-03T08:00,t,0.3\n"
EVENTS = (
    "no,id,at,net,cur,state\na,1,2026-01-02T08:00,10,EUR,paid\nb,2,2026-01-03T08:00,5,EUR,paid\n"
)
STEPS = "id,at,ok,team\n1,2026-01-01T09:00,1,n\n"
TABLES = {"decisions": DECISIONS, "events": EVENTS, "steps": STEPS}
SOURCES: dict[str, Any] = {
    "decisions": {"unit": "id", "at": "at", "score": "score"},
    "arms": {"column": "arm", "treated": "t", "holdout": "c"},
    "events": {"unit": "id", "at": "at", "id": "no", "amount": "net", "complete_until": "now"},
    "outcome": "sum",
    "steps": {"unit": "id", "at": "at", "delivered": "ok", "team": "team"},
}
CONTRACT: dict[str, Any] = {
    "metric": "m",
    "kind": "money",
    "predicted": {"lift": 1.0, "se": 0.1},
    "window": "7d",
}


def refused(tables: dict[str, Any], sources: dict[str, Any] | None = None, **settings: Any) -> str:
    """The one message with which raw tables are refused."""
    contract = PredictedLift.load({**CONTRACT, "sources": sources or SOURCES})
    with pytest.raises(InvalidInput) as e, joined_log(tables, contract, **settings):
        pass
    assert e.value.exit_status == 2
    assert "\n" not in str(e.value)
    return str(e.value)


def in_files(folder: Path, **changed: str | bytes) -> dict[str, str]:
    """The tables as CSV files, some changed."""
    out = {}
    for role, text in {**TABLES, **changed}.items():
        path = folder / f"{role}.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        out[role] = str(path)
    return out


def without(role: str, column: str) -> str:
    """A table without one of its columns."""
    frame = pd.read_csv(io.StringIO(TABLES[role]), dtype=str)
    return str(frame.drop(columns=column).to_csv(index=False))


def every(role: str, column: str, value: str) -> str:
    """A table with one value all the way down."""
    frame = pd.read_csv(io.StringIO(TABLES[role]), dtype=str)
    return str(frame.assign(**{column: value}).to_csv(index=False))


FILES: dict[str, str | bytes] = {
    "is empty": "",
    "is binary": b"\x00\x01\x02\x03",
    "is a PDF": b"%PDF-1.7 ...",
    "spreadsheet (xls)": b"\xd0\xcf\x11\xe0 ...",
    "UTF-16 text": "id,at".encode("utf-16"),
    "is JSON": '{"id": 1}',
    "a web page": "<html><body>login</body></html>",
    "is XML": "<?xml version='1.0'?><a/>",
    "not UTF-8": "id,at,größe\n".encode("latin-1"),
    "a hint to spreadsheets": "sep=;\nid;at\n",
    "CR alone": b"id,at\r1,2\r",
    "names no columns": "\n\n",
    "the table is empty": None,  # type: ignore[dict-item] # the header alone
    "cannot be read": gzip.compress(b"id,at\n1,2\n")[:12],
}


@pytest.mark.parametrize("role", ["decisions", "events", "steps"])
@pytest.mark.parametrize("said", FILES)
def test_a_file_that_is_no_table_is_named(tmp_path: Path, role: str, said: str) -> None:
    """Whatever stands in for a CSV, the message names its role and what it is."""
    text = FILES[said]
    head = TABLES[role].partition("\n")[0] + "\n"
    message = refused(in_files(tmp_path, **{role: head if text is None else text}))
    assert said in message
    assert role in message


@pytest.mark.parametrize(
    ("role", "column", "key"),
    [
        ("decisions", "id", "unit"), ("decisions", "at", "at"), ("decisions", "arm", "arm"),
        ("decisions", "score", "score"), ("events", "id", "unit"), ("events", "at", "at"),
        ("events", "net", "amount"), ("events", "no", "id"), ("steps", "id", "unit"),
        ("steps", "at", "at"), ("steps", "ok", "delivered"), ("steps", "team", "team"),
    ],
)  # fmt: skip
def test_a_column_that_is_not_there_is_named(
    tmp_path: Path, role: str, column: str, key: str
) -> None:
    """With the table, the key of the contract and the columns that there are."""
    message = refused(in_files(tmp_path, **{role: without(role, column)}))
    assert f"{column!r}" in message
    assert f"sources.{role}.{key}" in message


@pytest.mark.parametrize(
    ("role", "column", "value", "said"),
    [
        ("decisions", "id", "", "no unit has an id"),
        ("events", "id", "", "no unit has an id"),
        ("steps", "id", "n/a", "no unit has an id"),
        ("decisions", "at", "soon", "no time can be read"),
        ("events", "at", "31.01.2026", "no time can be read"),
        ("steps", "at", "1767225600", "no time can be read"),
        ("events", "at", "1950-01-01", "no time can be read"),
        ("decisions", "at", "2999-01-01", "every time is after as_of"),
        ("events", "at", "2999-01-01", "every time is after as_of"),
        ("events", "net", "12,50", "no amount can be read"),
        ("events", "net", "EUR 5", "no amount can be read"),
        ("events", "net", "", "no amount can be read"),
        ("events", "net", "inf", "no amount can be read"),
        ("events", "id", "x9", "no id of 1 events"),
    ],
)
def test_a_column_that_says_nothing_is_refused(
    tmp_path: Path, role: str, column: str, value: str, said: str
) -> None:
    """All of it blank, unreadable or in the future: the table, the column and the remedy."""
    message = refused(in_files(tmp_path, **{role: every(role, column, value)}), as_of="2026-02-01")
    assert said.replace("1 events", "2 events" if column != "no" else "1") in message
    assert role in message


def test_ids_in_another_form_are_told_with_the_remedy(tmp_path: Path) -> None:
    """0001 in one table and 1 in the other: no id matches, and it is said why."""
    events = EVENTS.replace("a,1,", "a,0001,").replace("b,2,", "b,0002,")
    message = refused(in_files(tmp_path, events=events))
    assert "2 of 2 would be if written alike" in message
    assert "ids: number" in message


@pytest.mark.parametrize("kind", ["float64", "decimal"])
def test_ids_with_digits_after_the_point_are_refused(kind: str) -> None:
    """12 and 12.0 are not the same text; the column and its type are named."""
    frames = {k: pd.read_csv(io.StringIO(v)) for k, v in TABLES.items()}
    if kind == "decimal":
        from decimal import Decimal

        frames["events"]["id"] = [Decimal("1.00"), Decimal("2.00")]
    else:
        frames["events"]["id"] = frames["events"]["id"].astype(float)
    message = refused(frames)
    assert "column 'id' (sources.events.unit)" in message
    assert "ids: number" in message


def test_two_currencies_are_refused_with_the_filter_that_helps(tmp_path: Path) -> None:
    """Amounts of two currencies are never added up."""
    events = {**SOURCES["events"], "currency": "cur"}
    tables = in_files(tmp_path, events=EVENTS.replace("5,EUR", "5,USD"))
    message = refused(tables, {**SOURCES, "events": events})
    assert "several currencies" in message
    assert "sources.events.filter" in message


@pytest.mark.parametrize("role", ["decisions", "events", "steps"])
def test_a_filter_that_leaves_nothing_is_refused(tmp_path: Path, role: str) -> None:
    """With the number of rows that it was asked of."""
    filtered = {**SOURCES[role], "filter": {"id": "none"}}
    message = refused(in_files(tmp_path), {**SOURCES, role: filtered})
    assert f"sources.{role}.filter leaves no row" in message


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"orders": "x.csv"}, "unknown table 'orders'"),
        ({"arms": "x.csv"}, "the contract takes the arms from a column of the decisions"),
        ({"decisions": 5}, "cannot read an outcome log from builtins.int"),
        ({"decisions": "nowhere://x::t"}, "no such database"),
        ({"decisions": "sqlite:///none.db::t"}, "no such file"),
        ({"events": "*.none"}, "no file matches"),
        ({"events": "a" * 5000}, "cannot be read"),
        ({"decisions": ""}, "no path was given"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, tables: dict[str, Any], said: str) -> None:
    """Names, numbers, addresses that lead nowhere."""
    assert said in refused({**in_files(tmp_path), **tables})


@pytest.mark.parametrize("column", ["at", "id"])
def test_a_frame_with_types_that_cannot_mean_it_is_refused(column: str) -> None:
    """A number is no time; two columns of one name are one too many."""
    frames = {k: pd.read_csv(io.StringIO(v)) for k, v in TABLES.items()}
    events = frames["events"]
    if column == "at":
        frames["events"] = events.assign(at=[1, 2])
        assert "is of type BIGINT, must hold times" in refused(frames)
    else:
        frames["events"] = pd.concat([events, events[["id"]]], axis=1)
        assert "'id'" in refused(frames)


def test_no_decision_of_the_version_is_refused(tmp_path: Path) -> None:
    """The version that is checked is none of those in the table, which the message names."""
    sources = {**SOURCES, "decisions": {**SOURCES["decisions"], "version": "arm"}}
    there = "they are of version t (2 rows), version c (1 row)"
    assert f"no decision of 3 is of model version 9; {there}" in refused(
        in_files(tmp_path), sources, model_version="9"
    )


def test_names_and_values_that_look_like_code_are_data() -> None:
    """Quotes, percent signs and backslashes in columns, ids and filters reach no engine as code."""
    name, unit, state = "i'd\"%\\", "1';--", "'; DROP TABLE x; --%s"
    frames = {k: pd.read_csv(io.StringIO(v), dtype=str) for k, v in TABLES.items()}
    frames = {
        k: f.replace({"id": {"1": unit}}).rename(columns={"id": name}) for k, f in frames.items()
    }
    frames["events"].loc[0, "state"] = state
    sources = {
        k: {**v, "unit": name} if isinstance(v, dict) and "unit" in v else v
        for k, v in SOURCES.items()
    }
    sources["events"]["filter"] = {"state": [state]}
    contract = PredictedLift.load({**CONTRACT, "sources": sources})
    with joined_log(frames, contract, as_of="2026-02-01") as log:
        columns = [log.source.column(k) for k in ("unit", "outcome")]
        rows = log.source.fetch(sa.select(*columns))
    assert {tuple(r) for r in rows} == {(unit, 10.0), ("2", 0.0), ("3", 0.0)}


@pytest.mark.parametrize("given", [pd.DataFrame({"id": [1]}), ["a.csv"], "a.csv"])
def test_guardrails_without_their_columns_are_refused(tmp_path: Path, given: Any) -> None:
    """A frame, a list or a path does not say which guardrail it belongs to."""
    said = refused({**in_files(tmp_path), "guardrails": given})
    assert "must be the table of each guardrail's column" in said
    assert '{"guardrails": {"complained": frame}}' in said


@pytest.mark.parametrize("as_of", ["9999-12-31", "9998-01-01"])
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/New_York"])
def test_the_last_days_of_the_calendar_are_days(tmp_path: Path, as_of: str, zone: str) -> None:
    """A far as_of means that everything counts, in whatever zone the events are."""
    sources = {**SOURCES, "events": {**SOURCES["events"], "zone": zone}}
    contract = PredictedLift.load({**CONTRACT, "sources": sources})
    with joined_log(in_files(tmp_path), contract, as_of=as_of) as log:
        assert len(log.rows()) == 3


def test_the_remedy_for_another_encoding_names_the_file(tmp_path: Path) -> None:
    """The command runs as it is written: it has neither the role nor the pattern in place of a file."""
    odd = (EVENTS + "".join(f"{i},1,2026-01-02T08:00,1,EUR,ö\n" for i in range(9))).encode("cp1252")
    tables = in_files(tmp_path, events=EVENTS)
    (tmp_path / "events.2.csv").write_bytes(odd)
    sources = {**SOURCES, "events": {**SOURCES["events"], "filter": {"state": "paid"}}}
    engine = sa.create_engine(f"sqlite:///{tmp_path}/w.db")
    pd.read_csv(io.StringIO(DECISIONS)).to_sql("decisions", engine, index=False)
    engine.dispose()
    carried = {**tables, "decisions": f"sqlite:///{tmp_path}/w.db::decisions"}
    for given in (tables, carried):
        for path in (f"{tmp_path}/events*.csv", f"{tmp_path}/events.2.csv"):
            said = refused({**given, "events": path}, sources)
            assert f"iconv -f cp1252 -t utf-8 {tmp_path}/events.2.csv > new.csv" in said
