"""The messy world in databases, in Spark, and in mixtures of places: the reference, row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
import sqlalchemy as sa
from joins import differences
from messy_world import (
    AS_OF,
    World,
    messy_world,
    orderly_world,
    with_whole_ids,
    world_contract,
)
from test_joined import CASES, given, write

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow_checks.raw import homes
from spot_mlflow_checks.raw.joined import joined_log

if TYPE_CHECKING:
    from pathlib import Path

_TIMES = ("decided", "at", "sent")
_ZONE = "spark.sql.session.timeZone"


def stored(world: World, url: str, kind: str) -> str:
    """Writes the world into a database; times as each holds them, some with a zone of their own."""
    engine = sa.create_engine(url)
    for role, frame in world.tables().items():
        written, types = frame.copy(), {}
        for column in set(_TIMES) & set(written):
            if kind == "sqlite":
                written[column] = written[column].dt.strftime("%Y-%m-%d %H:%M:%S.%f")
            if kind == "mysql":
                types[column] = sa.dialects.mysql.DATETIME(fsp=6)
        if kind == "postgresql" and role == "decisions":  # instants: timestamptz
            written["decided"] = written["decided"].dt.tz_localize("UTC")
        if kind == "mysql":  # a collation that takes A for a
            text = sa.dialects.mysql.VARCHAR(60, collation="utf8mb4_general_ci")
            named = ("unit", "arm", "order", "refunded", "segment", "state")
            types |= {c: text for c in named if c in written}
        written.to_sql(role, engine, index=False, if_exists="replace", dtype=types or None)
    engine.dispose()
    return url


def of_database(world: World, url: str, kind: str) -> dict[str, Any]:
    """Role -> URL::table, for a database that holds the world."""
    stored(world, url, kind)
    return {role: f"{url}::{role}" for role in world.tables()}


def check(world: World, tables: dict[str, Any], cases: tuple[str, ...]) -> None:
    """Runs cases, and names the first differences."""
    for case in cases:
        sources, version = CASES[case]
        contract = world_contract(**sources)
        assert differences(world, given(tables, sources), contract, version)[:5] == [], case


def test_sqlite(world: World, tmp_path: Path) -> None:
    """Everything is text there, and time has milliseconds only."""
    check(world, of_database(world, f"sqlite:///{tmp_path / 'w.db'}", "sqlite"), tuple(CASES))


@pytest.mark.postgres
def test_postgresql(world: World, postgres_database: str) -> None:
    """Temporary tables beside the caller's own."""
    check(world, of_database(world, postgres_database, "postgresql"), tuple(CASES))


@pytest.mark.mariadb
def test_mariadb(world: World, mariadb_database: str) -> None:
    """Text is compared byte by byte, whatever the collation; a temporary table is read once a query."""
    check(world, of_database(world, mariadb_database, "mysql"), tuple(CASES))


@pytest.mark.spark
def test_spark(spark: Any, tmp_path: Path, monkeypatch: Any) -> None:
    """In a session whose zone is neither UTC nor the events' own; decisions few, and many enough to be moved."""
    read, world = {}, messy_world(60, 300)
    for role, path in write(world, tmp_path, "parquet").items():
        frame = spark.read.parquet(path)
        for name, kind in frame.dtypes:  # without a zone, as they were written
            if kind == "timestamp":
                frame = frame.withColumn(name, frame[name].cast("timestamp_ntz"))
        read[role] = frame
    read["arms"] = write(world, tmp_path, "csv")["arms"]
    check(world, read, ("first",))
    monkeypatch.setattr(homes, "_OF_A_PART", 1)
    check(world, read, ("held out", "table of arms"))


def refused_filter(world: World, tables: dict[str, Any]) -> None:
    """Asks for a state in other letters than the rows have it in."""
    sources, _ = CASES["held out"]
    contract = world_contract(**sources)
    contract["sources"]["events"]["filter"]["status"] = ["Paid"]
    tables = given(tables, sources)
    with (
        pytest.raises(
            InvalidInput, match=r"no row has 'Paid' in column 'status'.*'paid' \(\d+"
        ) as e,
        joined_log(tables, PredictedLift.load(contract), as_of=AS_OF),
    ):
        pass
    assert e.value.fix.startswith("Did you mean 'paid'?")


def test_a_slip_in_a_filter_is_refused_by_sqlite(world: World, tmp_path: Path) -> None:
    """The values that are there are named, as DuckDB names them."""
    refused_filter(world, of_database(world, f"sqlite:///{tmp_path / 'w.db'}", "sqlite"))


@pytest.mark.postgres
def test_a_slip_in_a_filter_is_refused_by_postgresql(world: World, postgres_database: str) -> None:
    """The values that are there are named, as DuckDB names them."""
    refused_filter(world, of_database(world, postgres_database, "postgresql"))


@pytest.mark.mariadb
def test_a_slip_in_a_filter_is_refused_by_mariadb(world: World, mariadb_database: str) -> None:
    """Also where the collation takes one for the other, since values are compared as written."""
    refused_filter(world, of_database(world, mariadb_database, "mysql"))


@pytest.mark.spark
def test_a_slip_in_a_filter_is_refused_by_spark(world: World, spark: Any, tmp_path: Path) -> None:
    """The values that are there are named, as DuckDB names them."""
    places = write(world, tmp_path, "parquet")
    refused_filter(world, {role: spark.read.parquet(path) for role, path in places.items()})


ORDERLY: dict[str, Any] = {
    "events": {"unit": "unit", "at": "at", "id": "order", "amount": "amount", "complete_until": "now"},
    "steps": None,
}  # fmt: skip
ENGINES = [
    "frames",
    "sqlite",
    pytest.param("postgresql", marks=pytest.mark.postgres),
    pytest.param("mysql", marks=pytest.mark.mariadb),
    pytest.param("spark", marks=pytest.mark.spark),
    pytest.param("spark in UTC", marks=pytest.mark.spark),
]


@pytest.mark.parametrize("again", [False, True], ids=["each id once", "some ids twice"])
@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_is_put_in_order_where_nothing_comes_twice(
    world: World, tmp_path: Path, request: Any, engine: str, *, again: bool
) -> None:
    """Where counts show that a rule touches no row, the query leaves it out, and the log is the same."""
    right = orderly_world(world, again=again)
    whole = with_whole_ids(right)
    tables: dict[str, Any] = whole.tables("decisions", "events")
    if engine.startswith("spark"):
        session = request.getfixturevalue("spark")
        if engine == "spark in UTC":
            request.getfixturevalue("monkeypatch").setattr(homes, "_OF_A_PART", 1)
            zone = session.conf.get(_ZONE)
            session.conf.set(_ZONE, "UTC")
            request.addfinalizer(lambda: session.conf.set(_ZONE, zone))
        paths = write(whole, tmp_path, "parquet")
        tables = {role: session.read.parquet(paths[role]) for role in tables}
    elif engine != "frames":
        fixture = {"postgresql": "postgres_database", "mysql": "mariadb_database"}.get(engine)
        url = request.getfixturevalue(fixture) if fixture else f"sqlite:///{tmp_path / 'w.db'}"
        stored_in = of_database(whole, url, engine)
        tables = {role: stored_in[role] for role in tables}
    assert differences(right, tables, world_contract(**ORDERLY), None)[:5] == []


@pytest.mark.postgres
def test_postgresql_and_csv(world: World, postgres_database: str, tmp_path: Path) -> None:
    """The files are carried into the database."""
    files = write(world, tmp_path, "csv")
    tables = of_database(world, postgres_database, "postgresql")
    check(world, {**files, "events": tables["events"]}, ("first", "held out"))
    check(world, {**tables, "events": files["events"]}, ("table of arms",))


def test_sqlite_and_parquet(world: World, tmp_path: Path) -> None:
    """A frame and a file are carried into the database."""
    files = write(world, tmp_path, "parquet")
    tables = of_database(world, f"sqlite:///{tmp_path / 'w.db'}", "sqlite")
    mixed = {**tables, "decisions": files["decisions"], "arms": world.arms}
    check(world, mixed, ("first", "held out"))


def test_duckdb_files_and_relations_beside_frames(world: World, tmp_path: Path) -> None:
    """What has a connection of its own is carried into ours."""
    import duckdb

    path = str(tmp_path / "w.duckdb")
    events, decisions = world.events, world.decisions
    with duckdb.connect(path) as connection:
        connection.register("e", events)
        connection.execute("CREATE TABLE events AS FROM e")
    own = duckdb.connect()
    own.register("d", decisions)
    mixed = {**world.tables(), "events": f"{path}::events", "decisions": own.table("d")}
    check(world, mixed, ("first", "held out"))


def test_a_connection_of_the_callers_is_left_as_it_was(world: World, tmp_path: Path) -> None:
    """Temporary tables are dropped, and the transaction goes on."""
    engine = sa.create_engine(stored(world, f"sqlite:///{tmp_path / 'w.db'}", "sqlite"))
    with engine.connect() as c:
        tables = {role: (c, role) for role in ("decisions", "events", "steps")}
        check(world, tables, ("first",))
        assert c.execute(sa.text("SELECT count(*) FROM sqlite_temp_master")).scalar() == 0
        assert c.execute(sa.text("SELECT count(*) FROM events")).scalar() == len(world.events)


@pytest.mark.postgres
def test_a_connection_to_postgresql_is_left_as_it_was(
    world: World, postgres_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its way of joining is set for one statement alone, and so is streaming."""
    monkeypatch.setattr("spot_mlflow_checks.raw.homes._HASHED", 0)
    right = orderly_world(world, again=True)
    engine = sa.create_engine(stored(with_whole_ids(right), postgres_database, "postgresql"))
    asked = sa.text("SELECT name, setting FROM pg_settings WHERE name LIKE 'enable_%' ORDER BY 1")
    contract = world_contract(**ORDERLY)
    with engine.connect() as c:
        before = c.execute(asked).fetchall()
        tables = {role: (c, role) for role in ("decisions", "events")}
        assert differences(right, tables, contract, None)[:5] == []
        with joined_log(tables, PredictedLift.load(contract), as_of=AS_OF) as log:
            assert len(log.rows("unit")) == len(right.decisions)
        assert c.execute(asked).fetchall() == before
        assert "yield_per" not in c.get_execution_options()
        c.execute(sa.text("CREATE TEMPORARY TABLE own (n bigint)"))
        assert c.execute(sa.text("INSERT INTO own VALUES (1), (2)")).rowcount == 2


@pytest.mark.parametrize(
    ("decisions", "events", "said"),
    [
        ("sqlite:///{}/a.db::decisions", "sqlite:///{}/b.db::events", "one database and another"),
    ],
)
def test_places_that_cannot_be_joined_are_refused(
    world: World, tmp_path: Path, decisions: str, events: str, said: str
) -> None:
    """With the export that helps."""
    for name in ("a", "b"):
        stored(world, f"sqlite:///{tmp_path}/{name}.db", "sqlite")
    tables = {"decisions": decisions.format(tmp_path), "events": events.format(tmp_path)}
    predicted = PredictedLift.load(world_contract(steps=None))
    with pytest.raises(InvalidInput, match=said) as e, joined_log(tables, predicted):
        pass
    assert "Parquet or CSV" in e.value.fix


@pytest.mark.spark
def test_spark_and_a_database_are_refused(world: World, spark: Any, tmp_path: Path) -> None:
    """Neither can read the other's rows."""
    url = stored(world, f"sqlite:///{tmp_path}/a.db", "sqlite")
    frame = spark.createDataFrame(pd.DataFrame({"unit": ["1"], "decided": ["2026-01-01"]}))
    predicted = PredictedLift.load(world_contract(steps=None))
    tables = {"decisions": frame, "events": f"{url}::events"}
    with pytest.raises(InvalidInput, match="database and Spark"), joined_log(tables, predicted):
        pass
