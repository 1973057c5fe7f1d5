"""Which versions are watched, and when their next check is due."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from people import entry

from spot_mlflow.adoption import KnownVersions, ModelFacts, VersionFacts, build_adoption
from spot_mlflow.due import Due, due

NOW = datetime(2026, 11, 2, 6, 0, tzinfo=timezone.utc)  # a Monday
CONTRACT: dict[str, Any] = {
    "metric": "stayed",
    "predicted": {"lift": 0.3, "se": 0.1},
    "looks": "monitored",
    "planned_units": 4000,
    "columns": {"arm": "a", "outcome": "b"},
}


def checked(
    as_of: str, assigned: int = 10, matured: int = 10, version: str = "1", **more: Any
) -> Any:
    """An outcome check as the record holds it."""
    body = {"as_of": as_of, "assigned": assigned, "matured": matured, **more}
    return entry("outcomes", body, None, None, 1, version)


def due_at(now: datetime, *checks: Any, **contract: Any) -> Due:
    """Whether a check of version 1 is due."""
    said = {"contract": {**CONTRACT, **contract}, "contract_digest": "d"}
    facts = ModelFacts("churn", 1, KnownVersions([VersionFacts("1", NOW)]))
    promise = entry("prediction", said, None, None, 400, "1")
    return due(build_adoption(facts, [promise, *checks], version="1", now=now), "1")


@pytest.mark.parametrize(
    ("measurement", "window", "on"),
    [
        ({"owner": "Kim", "first_check": "2026-11-03"}, None, date(2026, 11, 3)),
        ({"owner": "Kim", "starts": "2026-10-04"}, "30d", date(2026, 11, 3)),
        ({"owner": "Kim", "starts": "2026-11-03"}, None, date(2026, 11, 3)),
    ],
)
def test_the_first_check_is_due_on_its_date_or_once_outcomes_can_have_matured(
    measurement: dict[str, str], window: str | None, on: date
) -> None:
    """Not on the day before, and from that day on."""
    said = {"measurement": measurement} | ({"window": window} if window else {})
    assert due_at(NOW, **said) == Due(now=False, rule="first", on=on)
    assert due_at(NOW + timedelta(days=1), **said).now
    assert due_at(NOW + timedelta(days=40), **said).now


def test_without_any_date_the_first_check_is_due_at_once() -> None:
    """Nothing is known that would make it wait."""
    assert due_at(NOW) == Due(now=True, rule="first", on=None)


@pytest.mark.parametrize(
    ("period", "as_of", "on"),
    [
        (None, "2026-11-02T00:10:00+00:00", date(2026, 11, 3)),
        (None, "2026-11-01T23:59:00+00:00", date(2026, 11, 2)),
        ("7d", "2026-11-01T06:00:00+00:00", date(2026, 11, 2)),  # weeks begin on Mondays
        ("7d", "2026-11-02T06:00:00+00:00", date(2026, 11, 9)),
        ("6h", "2026-11-02T00:10:00+00:00", date(2026, 11, 3)),  # no shorter than a day
    ],
)
def test_a_later_check_is_due_in_the_next_period_of_the_log(
    period: str | None, as_of: str, on: date
) -> None:
    """A day unless the contract has longer periods; a run a minute earlier than yesterday's counts."""
    said = {"period": period} if period else {}
    assert due_at(NOW, checked(as_of), **said) == Due(on <= NOW.date(), "period", on)


@given(st.integers(1, 60), st.integers(0, 400), st.integers(0, 86_399))
def test_a_check_is_never_due_twice_in_a_period_and_always_in_the_next(
    days: int, after: int, second: int
) -> None:
    """Whatever the length of the period and the time of day."""
    last = NOW + timedelta(days=after, seconds=second)
    found = due_at(last, checked(last.isoformat()), period=f"{days}d")
    assert not found.now
    assert found.on is not None
    assert timedelta() < found.on - last.date() <= timedelta(days=days)
    begun = datetime.combine(found.on, datetime.min.time(), timezone.utc)
    assert due_at(begun, checked(last.isoformat()), period=f"{days}d").now


def test_a_contract_with_one_look_has_one_check_and_no_schedule_chooses_its_day() -> None:
    """Due on its date, never again; without a date never."""
    once = {"looks": "once", "planned_units": None}
    dated = {**once, "measurement": {"owner": "Kim", "first_check": "2026-11-02"}}
    assert due_at(NOW, **once) == Due(now=False, rule="look undated", on=None)
    assert due_at(NOW, **dated).now
    assert not due_at(NOW - timedelta(days=1), **dated).now
    long_ago = checked("2026-01-01T00:00:00+00:00", assigned=10, matured=2)
    assert due_at(NOW, long_ago, **dated) == Due(now=False, rule="look taken", on=None)


@pytest.mark.parametrize("broken", [{"withheld": True}, {"realized": {"lift": None}}])
def test_a_check_of_a_broken_log_does_not_take_the_one_look(broken: dict[str, Any]) -> None:
    """The corrected file is checked in the next period, not before the date of the look, and then never."""
    once = {"looks": "once", "planned_units": None}
    dated = {**once, "measurement": {"owner": "Kim", "first_check": "2026-10-20"}}
    late = {**once, "measurement": {"owner": "Kim", "first_check": "2026-11-20"}}
    failed = checked("2026-11-01T06:00:00+00:00", **broken)
    sound = checked("2026-11-02T06:00:00+00:00", withheld=False, realized={"lift": 0.1})
    assert due_at(NOW, failed, **dated) == Due(now=True, rule="period", on=date(2026, 11, 2))
    assert due_at(NOW, failed, **late) == Due(now=False, rule="period", on=date(2026, 11, 20))
    assert due_at(NOW, failed, **once) == Due(now=False, rule="look undated", on=None)
    taken = Due(now=False, rule="look taken", on=None)
    assert due_at(NOW + timedelta(days=9), failed, sound, **dated) == taken
    assert due_at(NOW + timedelta(days=9), sound, failed, **dated) == taken
