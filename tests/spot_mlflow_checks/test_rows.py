from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sqlalchemy as sa
from small_log import WHOLE, seen, small_contract, small_log

from spot_mlflow_checks import check_outcomes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BLANKS = 300


def with_blanks() -> Any:
    """The log with rows below it in which nothing stands."""
    log = small_log().drop(columns="at")
    gaps = pd.DataFrame({c: [None] * BLANKS for c in log}).astype(object)
    return pd.concat([log.astype(object), gaps], ignore_index=True).convert_dtypes()


def as_sqlite(log: Any, folder: Path) -> sa.Engine:
    """A table of an SQLite file."""
    engine = sa.create_engine(f"sqlite:///{folder / 'log.db'}")
    log.to_sql("log", engine, index=False)
    return engine


def as_csv(log: Any, folder: Path) -> str:
    """A file as spreadsheets save it."""
    log.to_csv(folder / "log.csv", sep=";", index=False)
    return str(folder / "log.csv")


def as_parquet(log: Any, folder: Path) -> str:
    """A Parquet file."""
    log.to_parquet(folder / "log.parquet")
    return str(folder / "log.parquet")


PLACES: dict[str, Callable[[Any, Path], Any]] = {
    "pandas": lambda log, _: log,
    "pandas objects": lambda log, _: log.astype(object),
    "polars": lambda log, _: pl.from_pandas(log),
    "relation": lambda log, _: duckdb.from_arrow(pa.Table.from_pandas(log, preserve_index=False)),
    "CSV": as_csv,
    "Parquet": as_parquet,
    "SQLite": as_sqlite,
}


@pytest.mark.parametrize("place", PLACES)
def test_blank_rows_are_left_out_and_said(place: str, tmp_path: Path) -> None:
    """Rows below a spreadsheet are no units: the answer is that of the rows above, and a note counts them."""
    source = PLACES[place](with_blanks(), tmp_path)
    table = {"table": "log"} if place == "SQLite" else {}
    promise = small_contract({"segment": "part", "cluster": "unit"})
    assert seen(source, promise, **table) == WHOLE
    report = check_outcomes(source, promise, **table)
    assert "300 blank rows were left out" in " ".join(report.moments.notes)
    assert report.moments.faults["missing_arm"].count == 0
    assert report.moments.faults["missing_unit"].total == 400
    assert len(report.moments.cells.n) == 4


def test_without_ids_a_row_is_blank_where_the_whole_file_is(tmp_path: Path) -> None:
    """A contract that names no unit cannot tell by its columns alone: the others of the file must be blank."""
    promise = small_contract({"unit": None})
    source = as_csv(with_blanks(), tmp_path)
    assert "300 blank rows" in " ".join(check_outcomes(source, promise).moments.notes)
    log = with_blanks()
    log.loc[400:, "unit"] = range(1000, 1300)
    for named in (as_csv(log, tmp_path), log):
        report = check_outcomes(named, promise)
        assert report.moments.faults["missing_arm"].count == 300


def test_a_row_that_says_anything_is_a_unit() -> None:
    """A unit without arm and outcome is one, and counted as such."""
    log = with_blanks()
    log.loc[400:409, "unit"] = range(1000, 1010)
    report = check_outcomes(log, small_contract())
    assert report.moments.faults["missing_arm"].count == 10
    assert "290 blank rows" in " ".join(report.moments.notes)


def decided_at_noon() -> Any:
    """The log, decided at one o'clock, with what came of it on the same day."""
    log = small_log()
    log["at"] = log["at"].dt.normalize() + pd.Timedelta(hours=13)
    return log


DAYS: dict[str, Callable[[Any], Any]] = {
    "dates": lambda at: at.dt.date,
    "midnight": lambda at: at.dt.normalize(),
    "text": lambda at: at.dt.strftime("%Y-%m-%d"),
    "text with midnight": lambda at: at.dt.strftime("%Y-%m-%d 00:00:00"),
    "Arrow dates": lambda at: at.dt.date.astype(pd.ArrowDtype(pa.date32())),
}


@pytest.mark.parametrize("kind", DAYS)
@pytest.mark.parametrize("as_csv_file", [True, False])
def test_a_date_is_a_whole_day(kind: str, *, as_csv_file: bool, tmp_path: Path) -> None:
    """An outcome on the day of its decision is not from before it; one of the day before is."""
    log = decided_at_noon()
    promise = small_contract({"decided_at": "at", "observed_at": "seen"}, window="7d")
    early = DAYS[kind](log["at"] - pd.Timedelta(days=1))
    for values, stopped in ((DAYS[kind](log["at"]), []), (early, ["outcomes_after_decisions"])):
        source: Any = log.assign(seen=values)
        if as_csv_file:
            source.to_csv(tmp_path / "log.csv", index=False)
            source = str(tmp_path / "log.csv")
        assert seen(source, promise, as_of="2026-03-01") == (0.12, 400, stopped)


@pytest.mark.parametrize("kind", ["dates", "text", "Arrow dates"])
def test_what_is_due_on_a_day_is_so_all_day(kind: str) -> None:
    """Delivered in the afternoon of the due date is on time; at the due moment's second too."""
    log = decided_at_noon().assign(
        got=lambda d: d["at"] + pd.Timedelta(hours=4), offered=1, delivered=1
    )
    log.loc[log.arm == "control", ["offered", "delivered"]] = 0
    columns = {
        "decided_at": "at", "delivered_at": "got", "due_at": "due", "offered": "offered", "delivered": "delivered",
    }  # fmt: skip
    for due, share in ((DAYS[kind](log["at"]), 1.0), (log["at"] + pd.Timedelta(hours=3), 0.0)):
        report = check_outcomes(log.assign(due=due), small_contract(columns), as_of="2026-03-01")
        cells = report.moments.cells
        i = cells.index("on_time")
        at = cells.arm == "treatment"
        assert cells.s1[at, i].sum() / cells.n[at].sum() == share


@pytest.mark.parametrize("huge", [1e12, 1e15, -1e15])
@pytest.mark.parametrize("row", [7, 399])
@pytest.mark.parametrize("place", ["pandas", "SQLite"])
def test_one_giant_amount_does_not_cost_the_others_their_digits(
    huge: float, row: int, place: str, tmp_path: Path
) -> None:
    """It is named; the holdout's mean and spread stay exact, and the interval is finite."""
    log = small_log().drop(columns="at")
    log["y"] = np.random.default_rng(1).gamma(2, 20, 400).round(2)
    log.loc[row, "y"] = huge
    held = log[log.arm == "control"].y
    source = PLACES[place](log, tmp_path)
    table = {"table": "log"} if place == "SQLite" else {}
    report = check_outcomes(source, small_contract(kind="money"), **table)
    realized = report.to_dict()["realized"]
    assert realized["mean_holdout"] == pytest.approx(held.mean(), rel=1e-9)
    assert realized["low"] < realized["lift"] < realized["high"]
    assert f"One outcome of about {huge:,.0f} in treatment" in " ".join(report.moments.notes)
    cells = report.moments.cells
    at, i = cells.arm == "holdout", cells.index("outcome")
    n, s1, s2 = cells.n[at].sum(), cells.s1[at, i].sum(), cells.s2[at, i, i].sum()
    assert (s2 - s1**2 / n) / (n - 1) == pytest.approx(held.var(), rel=1e-9)


def test_usual_money_is_not_called_a_giant() -> None:
    """Skewed amounts, with many zeros, get no such note, and the centre is their mean."""
    log = small_log()
    log["y"] = np.random.default_rng(2).lognormal(3, 2, 400) * (np.arange(400) % 3 == 0)
    report = check_outcomes(log, small_contract(kind="money"))
    assert "outweighs" not in " ".join(report.moments.notes)
    assert report.moments.cells.center[0] == pytest.approx(log.y.mean(), rel=5e-3)
