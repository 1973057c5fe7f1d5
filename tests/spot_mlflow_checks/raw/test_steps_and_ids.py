"""What a step's time says, whom a step reached, and which events are one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
import sqlalchemy as sa

from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow_checks import check_outcomes
from spot_mlflow_checks.raw.joined import joined_log

if TYPE_CHECKING:
    from pathlib import Path

AS_OF = "2027-03-01"
PLACES = ("frames", "csv", "parquet", "sqlite")
DECISIONS = pd.DataFrame(
    {"unit": ["1", "2"], "at": "2027-01-04T08:00:00Z", "arm": ["offer", "control"]}
)
EVENTS = pd.DataFrame({"unit": ["1"], "at": ["2027-01-05T08:00:00Z"]})


def contract(**sources: Any) -> dict[str, Any]:
    """A contract with these sources, and usual ones beside them."""
    return {
        "metric": "m",
        "kind": "money" if sources.get("outcome") == "sum" else "binary",
        "predicted": {"lift": 0.1, "se": 0.01},
        "window": "5d",
        "sources": {
            "decisions": {"unit": "unit", "at": "at"},
            "arms": {"column": "arm", "treated": "offer", "holdout": "control"},
            "events": {"unit": "unit", "at": "at", "complete_until": "now"},
            "outcome": "any",
            **sources,
        },
    }


def placed(tables: dict[str, pd.DataFrame], place: str, folder: Path) -> dict[str, Any]:
    """Role -> the table as a frame, a file, or in a database."""
    if place == "frames":
        return dict(tables)
    found: dict[str, Any] = {}
    for role, frame in tables.items():
        path = folder / f"{role}.{place}"
        if place == "csv":
            frame.to_csv(path, index=False)
        elif place == "parquet":
            frame.to_parquet(path, index=False)
        else:
            url = f"sqlite:///{folder / 'w.db'}"
            (folder / "w.db").touch()
            frame.to_sql(role, sa.create_engine(url), index=False)
        found[role] = f"{url}::{role}" if place == "sqlite" else str(path)
    return found


def read(tables: dict[str, Any], said: dict[str, Any], *keys: str) -> list[tuple[Any, ...]]:
    """The units of the joined log with what was asked of each."""
    with joined_log(tables, PredictedLift.load(said), as_of=AS_OF) as log:
        return sorted(log.rows("unit", *keys), key=str)


@pytest.mark.parametrize("place", PLACES)
def test_a_blank_among_times_means_that_it_did_not_happen(place: str, tmp_path: Path) -> None:
    """A step told by its time alone is passed where there is one, in text as in a column of times."""
    decisions = pd.DataFrame(
        {"unit": ["1", "2", "3"], "at": "2027-01-04", "arm": ["offer", "offer", "control"]}
    )
    steps = pd.DataFrame({"unit": ["1", "2"], "at": pd.to_datetime("2027-01-04 10:30")})
    steps["sent"] = pd.to_datetime(["2027-01-04 11:00", None])
    tables = placed({"decisions": decisions, "events": EVENTS, "steps": steps}, place, tmp_path)
    said = contract(steps={"unit": "unit", "at": "at", "delivered": "sent"})
    assert read(tables, said, "delivered") == [("1", 1), ("2", 0), ("3", 0)]


@pytest.mark.parametrize("place", PLACES)
def test_a_blank_beside_a_no_is_unknown(place: str, tmp_path: Path) -> None:
    """Where a column also says "no", a blank says nothing."""
    decisions = pd.DataFrame(
        {"unit": ["1", "2", "3"], "at": "2027-01-04", "arm": ["offer", "offer", "control"]}
    )
    steps = pd.DataFrame({"unit": ["1", "2", "3"], "at": "2027-01-04T10:30:00Z"})
    steps["sent"] = ["yes", None, "no"]
    tables = placed({"decisions": decisions, "events": EVENTS, "steps": steps}, place, tmp_path)
    said = contract(steps={"unit": "unit", "at": "at", "delivered": "sent"})
    assert read(tables, said, "delivered") == [("1", 1), ("2", None), ("3", 0)]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("sent", "due", "zone"),
    [
        ("2027-01-04 10:30", "2027-01-04 11:00", "Europe/Berlin"),
        ("2027-01-04T09:30:00Z", "2027-01-04T11:00:00+01:00", "UTC"),
    ],
)
def test_times_of_steps_are_in_the_zone_of_their_table(
    place: str, sent: str, due: str, zone: str, tmp_path: Path
) -> None:
    """One moment written in two ways is one moment, of delivery and of its due time."""
    decisions = DECISIONS.assign(due=due)
    steps = pd.DataFrame({"unit": ["1"], "at": [sent], "sent": [sent]})
    tables = placed({"decisions": decisions, "events": EVENTS, "steps": steps}, place, tmp_path)
    said = contract(
        decisions={"unit": "unit", "at": "at", "due_at": "due", "zone": zone},
        steps={"unit": "unit", "at": "at", "delivered": "sent", "zone": zone},
    )
    delivered = pd.Timestamp("2027-01-04T09:30Z").value // 1000
    due_at = pd.Timestamp("2027-01-04T10:00Z").value // 1000
    assert read(tables, said, "delivered_at", "due_at")[0] == ("1", delivered, due_at)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("zone", ["UTC", "America/Santiago"])
def test_a_step_known_to_the_day_counts_at_its_end(place: str, zone: str, tmp_path: Path) -> None:
    """Midnight in a column of times and a date in text are the same day, with 25 hours where it has them."""
    day = pd.Timestamp("2026-04-04")
    decisions = DECISIONS.assign(at="2026-04-04T09:00:00Z")
    steps = pd.DataFrame({"unit": ["1"], "at": [day], "sent": [day]})
    tables = placed({"decisions": decisions, "events": EVENTS, "steps": steps}, place, tmp_path)
    said = contract(steps={"unit": "unit", "at": "at", "delivered": "sent", "zone": zone})
    end = (day + pd.Timedelta("1d")).tz_localize(zone, nonexistent="shift_forward")
    assert read(tables, said, "delivered_at")[0] == ("1", end.value // 1000 - 1)


def test_a_delivery_after_the_check_is_not_known_yet() -> None:
    """What is said to happen later than as_of has not happened."""
    steps = pd.DataFrame(
        {"unit": ["1"], "at": ["2027-01-04T10:00Z"], "sent": ["2027-04-01T10:00Z"]}
    )
    said = contract(steps={"unit": "unit", "at": "at", "delivered": "sent"})
    tables = {"decisions": DECISIONS, "events": EVENTS, "steps": steps}
    assert read(tables, said, "delivered", "delivered_at")[0] == ("1", 0, None)


def test_a_step_without_an_offer_contacts_nobody() -> None:
    """A row that says that no offer was made leaves the holdout untouched, and the treated too."""
    steps = pd.DataFrame({"unit": ["1", "2"], "at": "2027-01-04T09:00:00Z", "offered": [0, 0]})
    said = contract(steps={"unit": "unit", "at": "at", "offered": "offered"})
    tables = {"decisions": DECISIONS, "events": EVENTS, "steps": steps}
    with joined_log(tables, PredictedLift.load(said), as_of=AS_OF) as log:
        counts = {r.rule.value: r.count for r in log.joined.rules if r.table == "steps"}
    assert counts["holdout_contacted"] == 0
    assert counts["treated_not_contacted"] == 1


def test_an_event_of_a_day_with_25_hours_counts_at_its_very_end() -> None:
    """Santiago put its clocks back at midnight: that Saturday ends when 23:59:59 comes again."""
    decisions = DECISIONS.assign(at=["2026-04-04T23:30:00-04:00", "2026-04-04T12:00:00-03:00"])
    events = pd.DataFrame({"unit": ["1", "2"], "at": "2026-04-04"})
    said = contract(
        events={"unit": "unit", "at": "at", "complete_until": "now", "zone": "America/Santiago"}
    )
    tables = {"decisions": decisions, "events": events}
    assert read(tables, said, "outcome", "covariate") == [("1", 1, 0), ("2", 1, 0)]


ORDERS = {
    "unit": "unit",
    "at": "at",
    "id": "id",
    "amount": "amount",
    "refund_of": "refunded",
    "complete_until": "now",
}


@pytest.mark.parametrize("order", [[0, 1, 2], [0, 2, 1]])
def test_two_rows_of_an_id_that_differ_in_what_they_refund_give_one_answer(
    order: list[int],
) -> None:
    """The order in which rows are read decides nothing."""
    events = pd.DataFrame(
        {
            "unit": "1",
            "at": ["2026-12-31T08:00Z", "2027-01-05T08:00Z", "2027-01-05T08:00Z"],
            "amount": [10.0, -5.0, -5.0],
            "id": ["o", "r", "r"],
            "refunded": [None, "o", None],
        }
    ).iloc[order]
    said = contract(events=ORDERS, outcome="sum")
    assert read({"decisions": DECISIONS, "events": events}, said, "outcome")[0] == ("1", 0.0)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("ids", [["B1", "B1", "12e4", "R2"], ["1", "1", "120000", "3"]])
def test_ids_of_events_need_not_be_numbers_where_those_of_units_are(
    place: str, ids: list[str], tmp_path: Path
) -> None:
    """An order that is there twice counts once, and a refund finds its order, whatever their ids are."""
    decisions = DECISIONS.assign(unit=["0001", "0002"])
    events = pd.DataFrame(
        {
            "unit": ["1", "1", "2", "2"],
            "at": ["2027-01-05T08:00Z"] * 3 + ["2027-02-20T08:00Z"],
            "amount": [100.0, 100.0, 50.0, -50.0],
            "id": ids,
            "refunded": [None, None, None, ids[2]],
        }
    )
    said = contract(events=ORDERS, outcome="sum", ids="number")
    tables = placed({"decisions": decisions, "events": events}, place, tmp_path)
    assert read(tables, said, "outcome") == [("1", 100.0), ("2", 0.0)]


def test_a_column_of_event_ids_that_is_nearly_empty_leaves_no_verdict() -> None:
    """An order that is there twice then counts twice, and nobody can tell."""
    units = [str(i) for i in range(400)]
    decisions = pd.DataFrame({"unit": units, "at": "2027-01-04", "arm": ["offer", "control"] * 200})
    events = pd.DataFrame({"unit": units, "at": "2027-01-05", "id": None}, dtype=object)
    said = contract(events={"unit": "unit", "at": "at", "id": "id", "complete_until": "now"})
    report = check_outcomes({"decisions": decisions, "events": events}, said, as_of=AS_OF)
    assert {c.name for c in report.checks if not c.success} >= {"events_identified"}
    assert "withheld" in str(report)
