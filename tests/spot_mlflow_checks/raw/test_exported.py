"""A joined log that is written is a ready log: the same rows, and the same report of a check."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
import sqlalchemy as sa
from messy_world import AS_OF, World, reference, world_contract
from test_joined import given

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow_checks import check_outcomes
from spot_mlflow_checks.holdout.written import ENGINES
from spot_mlflow_checks.raw.exported import export_log
from spot_mlflow_checks.raw.joined import joined_log
from spot_mlflow_checks.raw.written import log_sql

if TYPE_CHECKING:
    from pathlib import Path

_OF_THE_SOURCE = ("source", "joined", "created")


def clean(units: int = 4000) -> dict[str, pd.DataFrame]:
    """Raw tables without a fault; a third is held out, the others spend a fifth more."""
    i = pd.Series(range(units))
    at = pd.Timestamp("2026-01-05 08:00") + pd.to_timedelta(i // 7 % 28, unit="D")
    held = i % 3 == 0
    decisions = pd.DataFrame({"unit": "c" + i.astype(str), "at": at, "segment": "s" + (i % 2).astype(str)})  # fmt: skip
    spent = 10.0 + i * 7919 % 101 / 10 + (~held) * 2.0
    orders = pd.DataFrame({"unit": decisions.unit, "at": at + pd.Timedelta(hours=5), "id": i, "net": spent})  # fmt: skip
    more = orders.assign(at=at + pd.Timedelta(days=2), id=i + 2 * units, net=0.1 + i % 7 / 10)
    third = more.assign(at=at + pd.Timedelta(days=4), id=i + 3 * units)
    before = orders.assign(at=at - pd.Timedelta(days=3), id=i + units, net=9.0 + i * 31 % 17)
    steps = pd.DataFrame({"unit": decisions.unit, "at": at + pd.Timedelta(hours=1), "ok": 1})[~held]
    return {
        "decisions": decisions,
        "arms": decisions.loc[held, ["unit"]],
        "events": pd.concat([orders, before, more, third]),
        "steps": steps,
    }


CLEAN: dict[str, Any] = {
    "metric": "revenue",
    "kind": "money",
    "predicted": {"lift": 2.0, "se": 0.1},
    "tolerance": 0.5,
    "window": "10d",
    "sources": {
        "decisions": {"unit": "unit", "at": "at", "segment": "segment"},
        "arms": {"held_out": True, "unit": "unit"},
        "events": {
            "unit": "unit",
            "at": "at",
            "id": "id",
            "amount": "net",
            "complete_until": "now",
        },
        "outcome": "sum",
        "steps": {"unit": "unit", "at": "at", "delivered": "ok"},
    },
}


def _report(tables: Any) -> dict[str, Any]:
    """The report of a check, without what it was read from, and when."""
    found = check_outcomes(tables, CLEAN, as_of="2026-04-01").to_dict()
    return {k: v for k, v in found.items() if k not in _OF_THE_SOURCE}


@pytest.mark.parametrize("out", ["log.parquet", "log.csv", "shuffled.parquet"])
def test_a_ready_log_and_its_raw_tables_give_one_report_byte_for_byte(
    tmp_path: Path, out: str
) -> None:
    """Every figure to the last digit, every check and sentence, in whatever order the log's rows lie."""
    tables, path = clean(), str(tmp_path / out)
    with joined_log(tables, PredictedLift.load(CLEAN), as_of="2026-04-01") as log:
        assert export_log(log, path) == 4000
    if out.startswith("shuffled"):
        pd.read_parquet(path).sample(frac=1, random_state=3).to_parquet(path)
    raw, ready = _report(tables), _report(path)
    assert raw["verdict"] == "met"
    both = {c["name"] for c in raw["checks"]} & {c["name"] for c in ready["checks"]}
    assert len(both) > 10  # of raw tables more is asked, and of CSV whether it can be read
    mine, other = (
        json.dumps({**r, "checks": [c for c in r["checks"] if c["name"] in both]}, indent=1)
        for r in (raw, ready)
    )
    assert mine == other


@pytest.mark.parametrize("out", ["log.csv", "log.parquet", "sqlite:///{}/new.db::log"])
def test_the_rows_are_those_of_the_join(world: World, tmp_path: Path, out: str) -> None:
    """In a file and in a table, with times as timestamps."""
    contract = world_contract()
    if "::" in out:
        (tmp_path / "new.db").touch()
    place = out.format(tmp_path) if "::" in out else str(tmp_path / out)
    with joined_log(given(world.tables(), {}), PredictedLift.load(contract), as_of=AS_OF) as log:
        count = export_log(log, place)
        if "::" in out:
            with pytest.raises(InvalidInput, match="already exists"):
                export_log(log, place)
    right = reference(world, contract)
    assert count == len(right.rows)
    if "::" in out:
        found = pd.read_sql("log", sa.create_engine(place.split("::")[0]))
    else:
        text = {"unit": str}
        found = pd.read_csv(place, dtype=text) if out.endswith("csv") else pd.read_parquet(place)
    total = sum(r["outcome"] for r in right.rows.values())
    assert found["outcome"].sum() == pytest.approx(total, rel=1e-9)
    moments = pd.to_datetime(found["decided_at"], utc=True, format="ISO8601")
    assert set(zip(found["unit"], moments.dt.to_pydatetime(), strict=True)) == set(right.rows)
    assert list(tmp_path.glob(".*.part")) == []


@pytest.mark.parametrize("out", ["log.xlsx", "nowhere/log.csv", "sqlite:///none.db::t"])
def test_a_place_that_cannot_be_written_to_is_refused(tmp_path: Path, out: str) -> None:
    """One message, and nothing is written."""
    place = out if "::" in out else str(tmp_path / out)
    with joined_log(clean(60), PredictedLift.load(CLEAN), as_of="2026-04-01") as log:  # noqa: SIM117 - two things
        with pytest.raises(InvalidInput):
            export_log(log, place)
    assert list(tmp_path.iterdir()) == []


def test_the_sql_of_duckdb_makes_the_log(world: World) -> None:
    """The printed query is the join."""
    import duckdb

    contract = world_contract()
    connection = duckdb.connect()
    for role, frame in world.tables().items():
        connection.register(role, frame)
    text = log_sql("duckdb", PredictedLift.load(contract), as_of=AS_OF, model_version="v1")
    rows = connection.sql(text).fetchdf()
    right = reference(world, contract, "v1").rows
    for unit, at, outcome in zip(rows["unit"], rows["decided_at"], rows["outcome"], strict=True):
        moment = at.tz_localize("UTC").to_pydatetime()
        assert outcome == pytest.approx(right[unit, moment]["outcome"], rel=1e-9, abs=1e-9)
    assert len(rows) == len(right)


@pytest.mark.postgres
def test_the_sql_of_postgresql_makes_the_log(world: World, postgres_database: str) -> None:
    """Pasted as it was printed, into a database."""
    engine = sa.create_engine(postgres_database)
    for role, frame in world.tables().items():
        frame.to_sql(role, engine, index=False)
    contract = world_contract()
    text = log_sql("postgresql", PredictedLift.load(contract), as_of=AS_OF, model_version="v1")
    with engine.connect() as c:
        rows = c.exec_driver_sql(text.replace("%", "%%")).mappings().fetchall()
    right = reference(world, contract, "v1").rows
    for r in rows:
        near = min(right, key=lambda k: (k[0] != r["unit"], abs(k[1] - r["decided_at"])))
        assert near[0] == r["unit"]
        assert abs(near[1] - r["decided_at"]) <= timedelta(microseconds=1)
        assert r["outcome"] == pytest.approx(right[near]["outcome"], rel=1e-9, abs=1e-9)
    assert len(rows) == len(right)
    engine.dispose()


_GLOT = {"mssql": "tsql", "postgresql": "postgres", "mariadb": "mysql"}


@pytest.mark.parametrize("engine", [e for e in ENGINES if e != "sqlite"])
def test_the_sql_of_every_engine_is_read_by_another_parser(engine: str) -> None:
    """sqlglot, which knows nothing of us, parses what is printed."""
    import sqlglot

    text = log_sql(engine, PredictedLift.load(world_contract()), as_of=AS_OF, model_version="v1")
    if engine == "oracle":  # it does not know doubles: 1.0d
        text = re.sub(r"(?<=\d)d\b", "", text)
    assert sqlglot.parse_one(text, dialect=_GLOT.get(engine, engine)) is not None
