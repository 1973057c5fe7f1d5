"""Where events end before the check, a log that was written is judged as its tables are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import pytest

from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow_checks import check_outcomes
from spot_mlflow_checks.raw.exported import export_log
from spot_mlflow_checks.raw.joined import joined_log
from spot_mlflow_checks.raw.written import log_sql

if TYPE_CHECKING:
    from pathlib import Path

AS_OF = "2027-02-20"
UNITS = 4000


def tables() -> dict[str, pd.DataFrame]:
    """Half of the windows end after the last event; 30 % of offers buy in time, 20 % of the holdout."""
    days = [1 + (i // 2) % 20 for i in range(UNITS)]
    decisions = pd.DataFrame(
        {
            "unit": [str(i) for i in range(UNITS)],
            "at": pd.to_datetime([f"2027-01-{d:02d} 08:00" for d in days]),
            "arm": ["offer" if i % 2 else "control" for i in range(UNITS)],
        }
    )
    bought = [(i // 40) % 10 < (3 if i % 2 else 2) and day + 7 <= 20 for i, day in enumerate(days)]
    events = decisions.loc[bought, ["unit", "at"]]
    return {"decisions": decisions, "events": events.assign(at=events["at"] + pd.Timedelta("7d"))}


def contract(complete_until: Any) -> dict[str, Any]:
    """A contract whose events are complete up to then."""
    return {
        "metric": "bought",
        "kind": "binary",
        "predicted": {"lift": 0.1, "se": 0.01},
        "window": "14d",
        "sources": {
            "decisions": {"unit": "unit", "at": "at"},
            "arms": {"column": "arm", "treated": "offer", "holdout": "control"},
            "events": {"unit": "unit", "at": "at", "complete_until": complete_until},
            "outcome": "any",
            "before": "none",
        },
    }


@pytest.mark.parametrize("complete_until", ["2027-01-20", "2027-01-20T08:00:00Z", "latest"])
@pytest.mark.parametrize("way", ["parquet", "query"])
def test_a_written_log_is_judged_as_its_tables_are(
    tmp_path: Path, way: str, complete_until: str
) -> None:
    """A window that ends after the events is not over in either: its outcome is no zero."""
    raw, said = tables(), contract(complete_until)
    predicted = PredictedLift.load(said)
    right = check_outcomes(raw, said, as_of=AS_OF)
    if way == "parquet":
        log: Any = str(tmp_path / "log.parquet")
        with joined_log(raw, predicted, as_of=AS_OF) as joined:
            export_log(joined, log)
    else:
        connection = duckdb.connect()
        for role, frame in raw.items():
            connection.register(role, frame)
        log = connection.sql(log_sql("duckdb", predicted, as_of=AS_OF)).df()
    found = check_outcomes(log, said, as_of=AS_OF)
    assert right.moments.as_of[:10] == "2027-01-20"
    assert found.moments.cells.n.sum() == right.moments.cells.n.sum() < UNITS
    assert str(found) == str(right)


def test_a_feed_that_is_behind_holds_a_ready_log_back(tmp_path: Path) -> None:
    """Nothing is judged as of a moment for which the nightly load has not come yet."""
    said = contract({"behind": "2d"})
    log = str(tmp_path / "log.parquet")
    earlier = {k: f.assign(at=f["at"] - pd.Timedelta("365d")) for k, f in tables().items()}
    with joined_log(earlier, PredictedLift.load(said)) as joined:
        export_log(joined, log)
    judged = pd.Timestamp(check_outcomes(log, said).moments.as_of)
    assert pd.Timestamp.now("UTC") - judged >= pd.Timedelta("2d")


def test_the_last_day_of_the_calendar_means_always() -> None:
    """A feed that is complete to 9999-12-31 holds no check back."""
    raw, said = tables(), contract("9999-12-31")
    with joined_log(raw, PredictedLift.load(said), as_of=AS_OF) as joined:
        assert joined.as_of == pd.Timestamp(AS_OF, tz="UTC")


def test_ids_as_numbers_are_read_in_the_query_too() -> None:
    """A query of an engine that is not at hand reads ids as the join does."""
    said = contract("now")
    said["sources"]["ids"] = "number"
    connection = duckdb.connect()
    for role, frame in tables().items():
        padded = frame["unit"].str.zfill(6) if role == "events" else frame["unit"]
        connection.register(role, frame.assign(unit=padded))
    rows = connection.sql(log_sql("duckdb", PredictedLift.load(said), as_of=AS_OF)).df()
    assert len(rows) == UNITS
    assert rows["outcome"].sum() == len(tables()["events"])
