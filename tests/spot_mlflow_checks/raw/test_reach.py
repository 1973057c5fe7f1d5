"""A few days' decisions read only the events that they need, with the answers of the whole table."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
import sqlalchemy as sa
from joins import joined
from messy_world import BEFORE, WINDOW, World, in_utc, messy_world, reference, world_contract
from test_engines import of_database
from test_joined import write

from spot_mlflow.lift.moments.joined import Joined, Rule
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.reporting.words.join_rules import rows_of, warnings_of
from spot_mlflow_checks.raw import reach
from spot_mlflow_checks.raw.joined import joined_log
from spot_mlflow_checks.raw.reach import Reach

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FROM, _TO = datetime.fromisoformat("2026-10-21"), datetime.fromisoformat("2026-10-23")
_EVENTS = {k: v for k, v in world_contract()["sources"]["events"].items() if k != "refund_of"}
CASES: dict[str, dict[str, Any]] = {
    "first": {},
    "last": {"repeats": "last", "outcome": "any"},
    "each": {"repeats": {"each": "every night is a new offer"}, "outcome": "count"},
}


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small table counts as a large one."""
    monkeypatch.setattr(reach, "MANY", 1)


@pytest.fixture(scope="module")
def cohort() -> World:
    """Two days' decisions of the messy world, with ids that come again after the time that matters."""
    world = messy_world(150, 1500)
    d = world.decisions
    mine = d[(d.decided >= _FROM) & (d.decided < _TO)]
    unit = mine.unit.iloc[0]
    late, near = _TO + timedelta(days=8), _TO + timedelta(days=1)
    paid = ["paid", "EUR", None]
    more = [
        ["again", unit, near, 500.0, *paid],
        ["again", unit, late, 900.0, *paid],  # the same event, corrected after its window
        ["moved", unit, near, 700.0, *paid],
        ["moved", "another", near + timedelta(hours=1), 700.0, *paid],
        ["back", "another", near, 800.0, *paid],
        ["back", unit, near + timedelta(hours=1), 300.0, *paid],
        ["long ago", unit, _FROM - timedelta(days=200), 300.0, *paid],
        ["far", unit, late, 300.0, *paid],
        [None, unit, None, 300.0, *paid],
    ]
    extra = pd.DataFrame(more, columns=list(world.events))
    events = pd.concat([world.events, extra], ignore_index=True)
    events["at"] = events["at"].astype("datetime64[us]")
    return replace(world, decisions=mine.reset_index(drop=True), events=events)


def check(cohort: World, tables: dict[str, Any], cases: Iterator[str] | list[str]) -> None:
    """Row by row as the reference has it, of all events; each rule over the time that was read."""
    known = replace(cohort, events=cohort.events[cohort.events["at"].notna()])
    for case in cases:
        contract = world_contract(**{"events": _EVENTS, **CASES[case]})
        right = reference(known, contract, "v1")
        rows, found = joined(tables, contract, "v1")
        assert _differences(right.rows, rows) == [], case
        assert found.events_read is not None, case
        assert _wrong_counts(known, right, found) == [], case


def _differences(right: dict[Any, Any], rows: dict[Any, Any]) -> list[str]:
    out = [f"only in one: {k}" for k in rows.keys() ^ right.keys()]
    for key in rows.keys() & right.keys():
        for name in ("arm", "outcome", "covariate", "offered", "delivered"):
            got, wanted = rows[key][name], right[key][name]
            if (
                got != pytest.approx(wanted, abs=1e-9)
                if isinstance(wanted, float)
                else got != wanted
            ):
                out.append(f"{key}: {name} is {got!r}, right is {wanted!r}")
    return out


def _wrong_counts(known: World, right: Any, found: Joined) -> list[str]:
    decided = [at for _, at in right.rows]
    first, last = min(decided) - BEFORE, max(decided) + WINDOW
    assert found.events_read == tuple(at.replace(microsecond=0).isoformat() for at in (first, last))
    kept = known.events[(known.events.status == "paid") & (known.events.currency == "EUR")]
    moments = kept["at"].map(lambda at: in_utc(at.to_pydatetime()))
    near = kept[(moments >= first) & (moments <= last) & kept.unit.notna()]
    units = {u for u, _ in right.rows}
    wanted = {
        Rule.UNDECIDED: int((~near.unit.isin(units)).sum()),
        Rule.IN_WINDOW: right.counts["events.in_window"],
        Rule.BEFORE: right.counts["events.before_the_decision"],
        Rule.AT_END: right.counts["events.at_window_end"],
        Rule.NO_EVENTS: right.counts["events.units_without_events"],
        Rule.UNREADABLE_TIME: 1,
        Rule.AFTER_AS_OF: 0,
    }
    got = {rule: found.of(rule, "events").count for rule in wanted}
    out = [f"{r.value}: {got[r]} counted, right is {n}" for r, n in wanted.items() if got[r] != n]
    total = found.of(Rule.UNDECIDED, "events").total + found.of(Rule.TWICE, "events").count
    return out if total == len(near) else [*out, f"{total} events counted, right is {len(near)}"]


def test_frames_give_the_answers_of_the_whole(cohort: World) -> None:
    """Of every way to count repeats, an id that comes again elsewhere or later included."""
    check(cohort, cohort.tables("decisions", "events", "steps"), list(CASES))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_files_give_the_answers_of_the_whole(cohort: World, tmp_path: Path, kind: str) -> None:
    """Times in types, where row groups are skipped, and in text, where all are parsed."""
    tables = write(cohort, tmp_path, kind)
    tables.pop("arms")
    check(cohort, tables, ["first"])


def test_sqlite_gives_the_answers_of_the_whole(cohort: World, tmp_path: Path) -> None:
    """Times are text there."""
    tables = of_database(cohort, f"sqlite:///{tmp_path / 'w.db'}", "sqlite")
    tables.pop("arms")
    check(cohort, tables, ["first"])


@pytest.mark.postgres
def test_postgresql_gives_the_answers_of_the_whole(cohort: World, postgres_database: str) -> None:
    """Each part is a temporary table."""
    tables = of_database(cohort, postgres_database, "postgresql")
    tables.pop("arms")
    check(cohort, tables, list(CASES))


@pytest.mark.mariadb
def test_mariadb_gives_the_answers_of_the_whole(cohort: World, mariadb_database: str) -> None:
    """A query there names a temporary table only once."""
    tables = of_database(cohort, mariadb_database, "mysql")
    tables.pop("arms")
    check(cohort, tables, ["first"])


@pytest.mark.spark
def test_spark_gives_the_answers_of_the_whole(cohort: World, spark: Any, tmp_path: Path) -> None:
    """In a session whose zone is not UTC."""
    read = {}
    for role in ("decisions", "events", "steps"):
        frame = spark.read.parquet(write(cohort, tmp_path, "parquet")[role])
        for name, kind in frame.dtypes:
            if kind == "timestamp":
                frame = frame.withColumn(name, frame[name].cast("timestamp_ntz"))
        read[role] = frame
    check(cohort, read, ["first"])


@pytest.mark.postgres
def test_files_beside_a_database_are_carried_for_that_time_only(
    cohort: World, postgres_database: str, tmp_path: Path
) -> None:
    """The events of a file, next to decisions of a database."""
    tables = of_database(cohort, postgres_database, "postgresql")
    tables.pop("arms")
    check(cohort, {**tables, "events": write(cohort, tmp_path, "parquet")["events"]}, ["first"])


def test_parts_of_a_file_that_no_decision_needs_are_not_read(tmp_path: Path) -> None:
    """Row groups of another time may be unreadable: the check never looks at them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path, day = tmp_path / "events.parquet", timedelta(days=1)
    start = datetime.fromisoformat("2026-01-01")
    times = [start + k * day for k in range(400)]
    table = pa.table({"unit": ["a"] * 400, "at": times, "amount": [1.0] * 400})
    pq.write_table(table, path, row_group_size=50, compression="none", use_dictionary=False)
    about = pq.ParquetFile(path).metadata
    raw = bytearray(path.read_bytes())
    for group in (0, 7):
        for column in range(3):
            chunk = about.row_group(group).column(column)
            begin = chunk.data_page_offset
            raw[begin : begin + chunk.total_compressed_size] = b"\xff" * chunk.total_compressed_size
    path.write_bytes(raw)
    decisions = pd.DataFrame({"unit": ["a", "b"], "decided": [start + 200 * day] * 2, "arm": ["offer", "control"]})  # fmt: skip
    contract = world_contract(
        decisions={"unit": "unit", "at": "decided"},
        events={"unit": "unit", "at": "at", "amount": "amount", "complete_until": "now"},
        steps=None,
    )
    tables = {"decisions": decisions, "events": str(path)}
    with joined_log(tables, PredictedLift.load(contract), as_of="2028-01-01") as log:
        assert sorted(log.rows("unit", "outcome", "covariate")) == [
            ("a", 5.0, 28.0),
            ("b", 0.0, 0.0),
        ]


def test_all_is_read_where_no_decided_unit_has_an_event_in_that_time(cohort: World) -> None:
    """Else a rare event would be refused as one of other customers."""
    unit = cohort.decisions.unit.iloc[0]
    paid = ["paid", "EUR", None]
    rows = [["x", unit, _TO - timedelta(days=300), 5.0, *paid], ["y", "b", _TO, 5.0, *paid]]
    rare = replace(cohort, events=pd.DataFrame(rows, columns=list(cohort.events)))
    contract = world_contract(events=_EVENTS)
    _, found = joined(rare.tables("decisions", "events", "steps"), contract, "v1")
    assert found.events_read is None
    assert found.of(Rule.TOO_EARLY, "events").count == 1


def test_all_is_read_where_it_must_be(cohort: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refund may come at any time; decisions further apart than a window need most of it anyway."""
    tables = cohort.tables("decisions", "events", "steps")
    known = replace(cohort, events=cohort.events[cohort.events["at"].notna()])
    _, linked = joined(known.tables("decisions", "events", "steps"), world_contract(), "v1")
    assert linked.events_read is None
    world = messy_world(60, 300)
    _, apart = joined(world.tables("decisions", "events", "steps"), world_contract(events=_EVENTS))
    assert apart.events_read is None
    monkeypatch.setattr(reach, "MANY", len(cohort.events) + 1)
    _, few = joined(tables, world_contract(events=_EVENTS), "v1")
    assert few.events_read is None


def test_a_reader_is_told_over_which_time_events_are_counted(cohort: World) -> None:
    """In the JSON, and in words; other customers are no fault of the tables then."""
    tables = cohort.tables("decisions", "events", "steps")
    _, found = joined(tables, world_contract(events=_EVENTS), "v1")
    assert Joined.from_dict(found.to_dict()) == found
    said = " ".join(warnings_of(found))
    assert "Events were read and counted from 23 September 2026 to 27 October 2026 only" in said
    assert "events are of customers for whom the model made no decision" not in said
    assert ("of units that are not among these decisions: left out") in {
        r[3] for r in rows_of(found)
    }


@pytest.mark.parametrize("kind", ["DATE", "TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMP_NS"])
def test_no_time_that_may_lie_in_the_span_is_left_out(kind: str) -> None:
    """Whatever the zone, two days on either side are kept, and what has no time."""
    import duckdb

    day = 86_400_000_000
    span = Reach(20_000 * day, 20_010 * day)
    family: Any = "date" if kind == "DATE" else "time"
    with duckdb.connect() as c:
        days = [datetime.fromisoformat("2024-09-25") + timedelta(days=k) for k in range(30)]
        frame = pd.DataFrame({"x": pd.Series([*days, None], dtype="datetime64[us]")})  # noqa: F841 - DuckDB reads it by its name
        c.sql("FROM frame").select(f"x::{kind} AS x").create("t")
        stored = str(c.table("t").types[0])
        asked = sa.select(sa.func.count()).select_from(sa.table("t"))
        query = asked.where(span.of_column(sa.column("x"), family, stored))
        assert c.execute(str(query.compile(compile_kwargs={"literal_binds": True}))).fetchone() == (16,)  # fmt: skip


def test_a_span_beyond_the_calendar_is_no_error() -> None:
    """A covariate of ten thousand years, as microseconds, has no date."""
    span = Reach(-400_000 * 365 * 86_400_000_000, 400_000 * 365 * 86_400_000_000)
    said = str(span.of_column(sa.column("x"), "time", ""))
    assert "0001-01-01" in said
    assert "9999-12-31" in said
