"""Days and amounts as countries write them: the same log as of days and amounts that engines read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
import sqlalchemy as sa
from joins import differences, joined
from messy_world import World, world_contract
from test_joined import given

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.moments.joined import Rule
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow_checks.raw.joined import joined_log
from spot_mlflow_checks.raw.written import log_sql

if TYPE_CHECKING:
    from pathlib import Path

_TIMES, _NUMBERS = ("decided", "at", "sent"), ("score", "amount", "cost")
_FORMS = {"DD.MM.YYYY": "%d.%m.%Y", "DD/MM/YYYY": "%d/%m/%Y", "MM/DD/YYYY": "%m/%d/%Y"}


def comma(x: float) -> str | None:
    """An amount with points between thousands and a decimal comma."""
    return None if pd.isna(x) else f"{x:,.3f}".translate(str.maketrans(",.", ".,"))


def spelled(world: World, dates: str) -> dict[str, pd.DataFrame]:
    """The tables of the world, all in text as a country writes it."""
    out = {}
    for role, frame in world.tables().items():
        written = frame.copy()
        for column in set(_TIMES) & set(frame):
            written[column] = frame[column].dt.strftime(f"{_FORMS[dates]} %H:%M:%S.%f")
        for column in set(_NUMBERS) & set(frame):
            written[column] = pd.Series([comma(x) for x in frame[column]], dtype=object)
        out[role] = written
    return out


def contract(dates: str) -> dict[str, Any]:
    """The contract of the world, which says how days and amounts are written."""
    said = world_contract()
    for role in ("decisions", "events", "steps"):
        said["sources"][role] |= {"dates": dates, "decimal": ","}
    return said


@pytest.mark.parametrize("dates", _FORMS)
def test_files_as_a_country_writes_them_give_what_the_rules_say(
    world: World, tmp_path: Path, dates: str
) -> None:
    """Semicolons, 31.12.2026 or 12/31/2026, and 1.234,50: every row and rule as in the reference."""
    tables = {}
    for role, frame in spelled(world, dates).items():
        tables[role] = str(tmp_path / f"{role}.csv")
        frame.to_csv(tables[role], sep=";", index=False, encoding="utf-8-sig")
    assert differences(world, given(tables, {}), contract(dates), "v1") == []


@pytest.mark.parametrize(
    "place",
    [
        "frames",
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.postgres),
        pytest.param("mariadb", marks=pytest.mark.mariadb),
    ],
)
def test_text_in_frames_and_databases_is_read_alike(
    world: World, tmp_path: Path, place: str, request: pytest.FixtureRequest
) -> None:
    """A column of text is one wherever it lies."""
    tables: dict[str, Any] = spelled(world, "DD.MM.YYYY")
    if place != "frames":
        databases = {"postgresql": "postgres_database", "mariadb": "mariadb_database"}
        url = f"sqlite:///{tmp_path / 'w.db'}"
        if place in databases:
            url = request.getfixturevalue(databases[place])
        engine = sa.create_engine(url)
        for role, frame in tables.items():
            frame.to_sql(role, engine, index=False)
        engine.dispose()
        tables = {role: f"{url}::{role}" for role in tables}
    assert differences(world, given(tables, {}), contract("DD.MM.YYYY"), "v1") == []


def test_another_form_than_the_one_said_is_not_guessed(world: World) -> None:
    """31/12/2026 is no month-first day, and counts as a time that cannot be read."""
    tables = given(spelled(world, "DD/MM/YYYY"), {})
    with pytest.raises(InvalidInput, match="no time can be read") as e:  # noqa: SIM117 - two contexts read badly
        with joined_log(tables, PredictedLift.load(contract("DD.MM.YYYY"))):
            pass
    assert "dates: DD.MM.YYYY" in e.value.fix


@pytest.mark.parametrize("place", ["frames", "sqlite"])
def test_a_point_before_a_fraction_is_never_dropped(
    world: World, tmp_path: Path, place: str
) -> None:
    """Where a comma was declared, 12.50 and 1,234.50 are unreadable, and not 1250 and 1.2345."""
    tables: dict[str, Any] = spelled(world, "DD.MM.YYYY")
    events = tables["events"]
    odd = events.index[events["amount"].notna()][:40]
    before = joined(given(tables, {}), contract("DD.MM.YYYY"))[1]
    for i, text in enumerate(("12.50", "1,234.50", "1,234.500", "1.5")):
        events.loc[odd[i::4], "amount"] = text
    if place == "sqlite":
        engine = sa.create_engine(f"sqlite:///{tmp_path / 'w.db'}")
        for role, frame in tables.items():
            frame.to_sql(role, engine, index=False)
        engine.dispose()
        tables = {role: f"sqlite:///{tmp_path / 'w.db'}::{role}" for role in tables}
    after = joined(given(tables, {}), contract("DD.MM.YYYY"))[1]
    count = after.of(Rule.UNREADABLE_AMOUNT, "events").count
    assert count - before.of(Rule.UNREADABLE_AMOUNT, "events").count > 30


def test_numbers_and_times_of_their_own_type_are_left_as_they_are(world: World) -> None:
    """What is said of text changes nothing else."""
    assert differences(world, given(world.tables(), {}), contract("DD.MM.YYYY"), "v1") == []


def test_a_query_for_elsewhere_needs_types_of_its_own() -> None:
    """``spot log --sql`` writes no parsing of text."""
    with pytest.raises(InvalidInput, match="in the query times and amounts have their own types"):
        log_sql("snowflake", PredictedLift.load(contract("DD.MM.YYYY")))


_COMMAS: dict[str, float | None] = {
    "1.234,50": 1234.5, "-1.234.567": -1234567.0, "12": 12.0, "+12,5": 12.5, ",5": 0.5, "5,": 5.0,
    "+5,0": 5.0, "1,5e3": 1500.0, " 123.456 ": 123456.0, "1.234.567.890.123,5": 1234567890123.5,
    "1.5e3": None, "12.345.6": None, "1.234e5": None, "1234.567": None, ".567": None, "1..234": None,
    "1.23.4": None, "1.2.4": None, "1,234.567": None, "1.234,5.678": None, "12.50": None, "1,2,3": None,
    "yes": None, "true": None, "ja": None, "1_000": None,
}  # fmt: skip


def in_sqlite(tables: dict[str, pd.DataFrame], folder: Path) -> dict[str, Any]:
    """Role -> URL::table of a new database that holds the tables."""
    url = f"sqlite:///{folder / 'w.db'}"
    engine = sa.create_engine(url)
    for role, frame in tables.items():
        frame.to_sql(role, engine, index=False)
    engine.dispose()
    return {role: f"{url}::{role}" for role in tables}


@pytest.mark.parametrize("place", ["frames", "sqlite"])
def test_an_amount_with_a_comma_is_read_or_unreadable_alike(place: str, tmp_path: Path) -> None:
    """A point stands between thousands or the amount is unreadable; a word is no amount."""
    units = [f"u{i}" for i in range(len(_COMMAS))]
    at, n = "2027-01-04 08:00", len(units)
    tables: dict[str, Any] = {
        "decisions": pd.DataFrame(
            {"unit": units, "at": at, "arm": ["offer", "control"] * (n // 2)}
        ),
        "events": pd.DataFrame({"unit": units, "at": "2027-01-05 08:00", "amount": list(_COMMAS)}),
    }
    if place == "sqlite":
        tables = in_sqlite(tables, tmp_path)
    said = {
        "metric": "m", "kind": "money", "predicted": {"lift": 5.0, "se": 1.0}, "window": "5d",
        "sources": {
            "decisions": {"unit": "unit", "at": "at"},
            "arms": {"column": "arm", "treated": "offer", "holdout": "control"},
            "events": {"unit": "unit", "at": "at", "amount": "amount", "decimal": ",", "complete_until": "now"},
            "outcome": "sum", "before": "28d",
        },
    }  # fmt: skip
    with joined_log(tables, PredictedLift.load(said), as_of="2027-03-01") as log:
        found = dict(log.rows("unit", "outcome"))
        unreadable = log.joined.of(Rule.UNREADABLE_AMOUNT, "events").count
    wrong = {t for u, (t, x) in zip(units, _COMMAS.items(), strict=True) if found[u] != (x or 0.0)}
    assert wrong == set()
    assert unreadable == sum(x is None for x in _COMMAS.values())


@pytest.mark.parametrize("place", ["frames", "sqlite"])
def test_a_word_is_no_id(place: str, tmp_path: Path) -> None:
    """With ids that are numbers "true" is none, and 0012 is 12 wherever it is stored."""
    tables: dict[str, Any] = {
        "decisions": pd.DataFrame({"unit": ["1", "12"], "at": "2027-01-04 08:00", "arm": ["offer", "control"]}),
        "events": pd.DataFrame({"unit": ["true", "0012", "1_2"], "at": "2027-01-05 08:00"}),
    }  # fmt: skip
    if place == "sqlite":
        tables = in_sqlite(tables, tmp_path)
    said = {
        "metric": "m", "kind": "money", "predicted": {"lift": 5.0, "se": 1.0}, "window": "5d",
        "sources": {
            "decisions": {"unit": "unit", "at": "at"},
            "arms": {"column": "arm", "treated": "offer", "holdout": "control"},
            "events": {"unit": "unit", "at": "at", "complete_until": "now"},
            "outcome": "count", "before": "28d", "ids": "number",
        },
    }  # fmt: skip
    with joined_log(tables, PredictedLift.load(said), as_of="2027-03-01") as log:
        assert dict(log.rows("unit", "outcome")) == {"1": 0.0, "12": 1.0}
