"""Guardrails from events of their own: every unit's value as counted in plain Python, on every engine."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from messy_world import AS_OF, BERLIN, UTC, WINDOW, World, messy_world, reference, world_contract
from test_engines import of_database
from test_joined import given, write

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.moments.joined import Rule
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow_checks import check_outcomes
from spot_mlflow_checks.raw.joined import joined_log
from spot_mlflow_checks.raw.written import log_sql

if TYPE_CHECKING:
    from pathlib import Path

GUARDRAILS = [
    {"name": "complaints", "column": "complained", "direction": "decrease", "margin": 0.02},
    {"name": "calls", "column": "calls", "kind": "count", "direction": "decrease", "margin": 0.1},
    {
        "name": "refunds",
        "column": "refunded",
        "kind": "money",
        "direction": "decrease",
        "margin": 1.0,
    },
]
NAMES = ("complained", "calls", "refunded")


def complaints(world: World, n: int = 900, seed: int = 11) -> pd.DataFrame:
    """What customers complained about: before, in and after windows, twice by id, of nobody, without unit."""
    rng = np.random.default_rng(seed)
    known = world.decisions[world.decisions.unit.notna()]
    rows: list[list[Any]] = []
    for i in range(n):
        r = known.iloc[int(rng.integers(0, len(known)))]
        decided = r.decided.tz_localize(UTC).tz_convert(BERLIN).tz_localize(None)
        at = decided + pd.Timedelta(seconds=round(float(rng.uniform(-3, 9)) * 86_400))
        rows.append(
            [f"c{i}", r.unit, at, round(float(rng.uniform(1, 90)), 2), ["call", "mail"][i % 2]]
        )
    rows += [[*rows[i][:3], 5.0, rows[i][4]] for i in range(0, n, 9)]
    rows += [["x1", None, rows[0][2], 5.0, "call"], ["x2", "nobody", rows[0][2], 5.0, "call"]]
    return pd.DataFrame(rows, columns=["case", "unit", "at", "amount", "kind"])


def contract(**sources: Any) -> dict[str, Any]:
    """The contract of the world with three guardrails of one table."""
    said = world_contract(**sources)
    doc = {
        "unit": "unit",
        "at": "at",
        "id": "case",
        "zone": "Europe/Berlin",
        "complete_until": "now",
    }
    said["sources"]["guardrails"] = {
        "complained": doc,
        "calls": {**doc, "outcome": "count", "filter": {"kind": "call"}},
        "refunded": {**doc, "outcome": "sum", "amount": "amount"},
    }
    return said | {"guardrails": GUARDRAILS}


def right(world: World, table: pd.DataFrame, said: dict[str, Any], version: str | None) -> Any:
    """Key -> the three values, counted one row at a time."""
    by_id: dict[str, Any] = {}
    for e in table.to_dict("records"):
        moment = e["at"].to_pydatetime().replace(tzinfo=BERLIN).astimezone(UTC)
        order = (-moment.timestamp(), str(e["unit"]), e["amount"])
        if e["unit"] is None or moment > datetime.fromisoformat(AS_OF):
            continue
        if e["case"] not in by_id or order < by_id[e["case"]][0]:
            by_id[e["case"]] = (order, moment, e)
    found = defaultdict(list)
    for _, moment, e in by_id.values():
        found[e["unit"]].append((moment, e))
    out = {}
    for unit, at in reference(world, said, version).rows:
        inside = [e for moment, e in found[unit] if at <= moment <= at + WINDOW]
        calls = sum(e["kind"] == "call" for e in inside)
        out[unit, at] = (int(bool(inside)), calls, round(sum(e["amount"] for e in inside), 6))
    return out


def values(tables: dict[str, Any], said: dict[str, Any], version: str | None) -> tuple[Any, Any]:
    """The same of the joined log, and what each rule touched."""
    predicted = PredictedLift.load(said)
    with joined_log(tables, predicted, as_of=AS_OF, model_version=version) as log:
        columns = [log.source.column(k) for k in ("unit", "decided_at", *NAMES)]
        rows = log.source.fetch(sa.select(*columns))
        out = {}
        for unit, micros, complained, calls, refunded in rows:
            at = pd.Timestamp(int(micros), unit="us", tz="UTC").to_pydatetime()
            out[str(unit).split(" ")[0], at] = (
                int(complained),
                int(calls),
                round(float(refunded), 6),
            )
        return out, log.joined


def check(world: World, tables: dict[str, Any], table: pd.DataFrame, case: Any = None) -> None:
    """Holds the values of an engine against those counted by hand."""
    said = contract(**(case or {}))
    got, joined = values(tables, said, "v1")
    assert got == right(world, table, said, "v1")
    assert joined.of(Rule.TWICE, "guardrails.complained").count > 10
    assert joined.of(Rule.NO_ID, "guardrails.complained").count == 1
    assert joined.of(Rule.FILTERED, "guardrails.calls").count == (table["kind"] == "mail").sum()


def with_complaints(tables: dict[str, Any], table: Any) -> dict[str, Any]:
    """Tables with one for each guardrail."""
    return {**given(tables, {}), "guardrails": dict.fromkeys(NAMES, table)}


@pytest.mark.parametrize("repeats", [None, {"each": "every night is a new offer"}])
def test_frames(world: World, repeats: Any) -> None:
    """Each guardrail is any, the number or the sum of its own events in the window, each id once."""
    table = complaints(world)
    check(world, with_complaints(world.tables(), table), table, repeats and {"repeats": repeats})


def test_files(world: World, tmp_path: Path) -> None:
    """CSV, where all is text."""
    table = complaints(world)
    table.to_csv(tmp_path / "complaints.csv", index=False)
    tables = write(world, tmp_path, "csv")
    check(world, with_complaints(tables, str(tmp_path / "complaints.csv")), table)


@pytest.mark.parametrize(
    "kind",
    [
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.postgres),
        pytest.param("mysql", marks=pytest.mark.mariadb),
    ],
)
def test_databases(world: World, tmp_path: Path, kind: str, request: pytest.FixtureRequest) -> None:
    """In temporary tables beside those of the outcome."""
    databases = {"postgresql": "postgres_database", "mysql": "mariadb_database"}
    url = f"sqlite:///{tmp_path / 'w.db'}"
    if kind in databases:
        url = request.getfixturevalue(databases[kind])
    table = complaints(world)
    tables = of_database(world, url, kind)
    engine = sa.create_engine(url)
    table.assign(at=table["at"].astype(str)).to_sql("complaints", engine, index=False)
    engine.dispose()
    check(world, with_complaints(tables, f"{url}::complaints"), table)


@pytest.mark.spark
def test_spark(spark: Any) -> None:
    """Frames of Spark beside a frame of pandas."""
    small = messy_world(60, 300)
    table = complaints(small)
    decisions = spark.createDataFrame(
        small.decisions.assign(decided=small.decisions["decided"].astype(str))
    )
    tables = {**small.tables(), "decisions": decisions}
    check(small, with_complaints(tables, table), table)


def test_a_check_judges_guardrails_of_events_as_those_of_a_column(world: World) -> None:
    """Harmless, harmful or undecided; the same as of a ready log that has the columns."""
    table, said = complaints(world), contract()
    tables = with_complaints(world.tables(), table)
    report = check_outcomes(tables, said, as_of=AS_OF, model_version="v1").to_dict()
    predicted = PredictedLift.load(said)
    with joined_log(tables, predicted, as_of=AS_OF, model_version="v1") as log:
        keys = list(log.keys)
        frame = pd.DataFrame(log.rows(), columns=[log.columns[k] for k in keys])
    for column in ("decided_at", "observed_at", "delivered_at", "acted_at"):
        frame[column] = pd.to_datetime(frame[column], unit="us", utc=True)
    plain = {k: v for k, v in said.items() if k != "sources"}
    plain["columns"] = predicted.columns.model_dump(exclude_none=True)
    ready = check_outcomes(frame, plain, as_of=AS_OF, model_version="v1").to_dict()
    assert [g["name"] for g in report["guardrails"]] == ["complaints", "calls", "refunds"]
    for a, b in zip(report["guardrails"], ready["guardrails"], strict=True):
        assert a["verdict"] == b["verdict"]
        assert a["estimate"]["lift"] == pytest.approx(b["estimate"]["lift"], abs=1e-9)


def test_the_feed_that_ends_first_says_until_when_all_is_known(world: World) -> None:
    """Complaints not loaded yet are no sign of peace."""
    said = contract()
    doc = {**said["sources"]["guardrails"]["complained"], "complete_until": "2026-10-28"}
    said["sources"]["guardrails"]["complained"] = doc
    tables = with_complaints(world.tables(), complaints(world))
    with joined_log(tables, PredictedLift.load(said), as_of=AS_OF) as log:
        assert log.as_of.isoformat(timespec="seconds") == "2026-10-28T22:59:59+00:00"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"guardrails": {}}, "has column 'complained', and no table of sources supplies it"),
        ({"guardrails": {"other": {}}}, "sources.guardrails.other belongs to no guardrail"),
        ({"guardrails": {"complained": {"outcome": "count"}}}, "needs kind: count or money"),
        ({"guardrails": {"Bad Name": {}}}, "guardrails"),
        ({"guardrails": {"complained": {"outcome": "sum"}}}, "outcome: sum needs amount"),
    ],
)
def test_guardrails_and_their_events_must_fit(change: Any, said: str) -> None:
    """A guardrail without events would be judged by nothing."""
    document = contract()
    base = document["sources"]["guardrails"]["complained"]
    for column, keys in change["guardrails"].items():
        document["sources"]["guardrails"][column] = {**base, **keys}
    if not change["guardrails"]:
        document["sources"]["guardrails"] = {}
    with pytest.raises(InvalidInput, match=said):
        PredictedLift.load(document)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (lambda t: t.assign(unit="nobody"), "no id of"),
        (lambda t: t.drop(columns="at"), "sources.guardrails.complained.at"),
        (lambda t: t[:0], "the table is empty"),
        (lambda t: t.assign(at="soon"), "no time can be read"),
    ],
)
def test_a_table_that_says_nothing_is_refused(world: World, table: Any, said: str) -> None:
    """All zeros would be called harmless; the message names the guardrail's table."""
    bad = {**with_complaints(world.tables(), complaints(world))}
    bad["guardrails"] = {**bad["guardrails"], "complained": table(complaints(world))}
    with (
        pytest.raises(InvalidInput, match=said) as e,
        joined_log(bad, PredictedLift.load(contract())),
    ):
        pass
    assert "guardrails.complained" in str(e.value)


def test_the_query_for_a_warehouse_has_the_guardrails(world: World) -> None:
    """Each as a part of its own, under the contract's name."""
    text = log_sql("duckdb", PredictedLift.load(contract()), as_of=AS_OF)
    assert "spot_complained_happened" in text
    assert all(f'AS "{name}"' in text or f"AS {name}" in text for name in NAMES)
    assert world


def test_events_after_the_end_of_another_feed_do_not_count() -> None:
    """A feed that is complete to its last event was counted to there; where another ends earlier, so do both."""
    at = pd.Timestamp("2026-01-01T10:00")
    decisions = pd.DataFrame({"unit": [1, 2], "at": [at, at], "arm": ["offer", "control"]})
    days = pd.to_datetime(["2026-01-05T10:00", "2026-01-20T10:00", "2026-01-20T11:00"])
    events = pd.DataFrame(
        {"id": [1, 2, 1], "unit": [1, 1, 1], "at": days, "amount": [5.0, 7.0, 9.0]}
    )
    feed = {"unit": "unit", "at": "at", "complete_until": "latest"}
    sources = {
        "decisions": {"unit": "unit", "at": "at"},
        "arms": {"column": "arm", "treated": "offer", "holdout": "control"},
        "events": {**feed, "id": "id", "amount": "amount"},
        "outcome": "sum",
        "guardrails": {"complained": {**feed, "complete_until": "2026-01-10"}},
    }
    said = {
        "metric": "revenue", "kind": "money", "predicted": {"lift": 1.0, "se": 0.1}, "window": "30d",
        "sources": sources, "guardrails": GUARDRAILS[:1],
    }  # fmt: skip
    tables = {"decisions": decisions, "events": events, "guardrails.complained": events}
    with joined_log(tables, PredictedLift.load(said), as_of="2026-02-28") as log:
        assert sorted(log.rows("unit", "outcome")) == [(1, 5.0), (2, 0.0)]
        assert log.joined.of(Rule.AFTER_AS_OF, "events").count == 2
        assert log.joined.of(Rule.TWICE, "events").count == 0
