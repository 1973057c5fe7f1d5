"""Tests of the portfolio this week."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from spot_mlflow.lift.money.months import MonthMoney
from spot_mlflow.reporting.message.digest import Line
from spot_mlflow.reporting.message.history import TAG, Account, History, history_tag
from spot_mlflow.reporting.message.open_decision import OpenDecision
from spot_mlflow.reporting.pages.portfolio_row import portfolio_rows
from spot_mlflow.reporting.pages.week import NOBODY, week_of

if TYPE_CHECKING:
    from spot_mlflow.reporting.pages.week import Week

NOW = datetime(2027, 6, 7, 9, tzinfo=timezone.utc)
OPEN = OpenDecision("1", "shortfall", date(2027, 5, 3), "Kim Lee", 12_345.0, "USD")


def model(history: History = History(), *, verdict: str = "", name: str = "") -> dict[str, str]:  # noqa: B008 - frozen
    """The tags of a model."""
    return {
        "spot": "some headline",
        "spot.updated": "2027-06-06",
        "spot.lift.verdict": verdict,
        "spot.name": name,
        TAG: history_tag(history),
    }


def dollars(promised: str, arrived: str, unit: str = "USD") -> Account:
    """An account of two months."""
    p, a = Decimal(promised), Decimal(arrived)
    half = MonthMoney("2027-02", p / 2, a / 2)
    return Account(unit, p, a, 17_000.0, 17_000.0, (replace(half, month="2027-01"), half))


def line(days: float, **changed: Any) -> Line:
    """What crossed a line some days ago."""
    made = Line("a", "1", NOW - timedelta(days=days), "verdict", "less than promised")
    return replace(made, **changed)


def week(models: dict[str, dict[str, str]], owner: str = "") -> Week:
    """The page of some models."""
    return week_of(portfolio_rows(models.items()), NOW, owner=owner)


def test_the_first_sentence_is_what_arrived_of_what_was_promised() -> None:
    """With its interval, in the currency of the largest promise; others beside it, never added to it."""
    found = week(
        {
            "a": model(History((dollars("120000", "47000"),)), verdict="shortfall"),
            "b": model(History((dollars("9000", "8000", "EUR"),)), verdict="met"),
            "c": model(verdict="inconclusive"),
        }
    )
    assert found.title == "47k of 120k USD promised was realized (30k to 64k)."
    assert [m.unit for m in found.money] == ["USD", "EUR"]
    assert (found.kept, found.decided, found.share_kept, found.models) == (1, 2, "50 %", 3)


@pytest.mark.parametrize(
    ("models", "title"),
    [
        ({}, "There is no model yet."),
        ({"a": model()}, "No model has been checked yet."),
        ({"a": model(verdict="inconclusive")}, "1 model was checked; none has a verdict yet."),
        ({"a": model(verdict="met")}, "1 of 1 promise was kept."),
        (
            {"a": model(verdict="met"), "b": model(verdict="shortfall")},
            "1 of 2 promises were kept.",
        ),
    ],
)
def test_without_money_promises_are_counted(models: dict[str, dict[str, str]], title: str) -> None:
    """And without a check the page says so."""
    assert week(models).title == title


def test_decisions_wait_for_their_owners_the_costliest_first() -> None:
    """All of them are offered to filter by; costs are summed by currency."""
    models = {
        "a": model(History(open=OPEN)),
        "b": model(History(open=replace(OPEN, owner="", monthly=None, state="unknowable"))),
        "c": model(History(open=replace(OPEN, monthly=900.0, unit="EUR")), name="Stay Radar"),
        "kept": model(History(open=replace(OPEN, choice="keep"))),
        "early": model(History(open=replace(OPEN, state="early", known=date(2027, 7, 1)))),
    }
    found = week(models)
    assert [w.model for w in found.waiting] == ["a", "c", "b"]
    assert found.to_do == "3 decisions wait; waiting costs about 12k USD and 900 EUR a month."
    assert [w.cost for w in found.waiting] == [
        "about 12k USD a month",
        "about 900 EUR a month",
        "not known",
    ]
    assert found.owners == ("Kim Lee", NOBODY)
    assert [w.model for w in found.early] == ["early"]
    mine = week(models, owner=NOBODY)
    assert [w.model for w in mine.waiting] == ["b"]
    assert mine.to_do == "1 decision waits."
    assert mine.owners == found.owners


def test_a_fix_waits_again_once_its_day_has_passed() -> None:
    """Not before; and the page says that the fix was to show."""
    fixed = replace(OPEN, choice="fix", by=date(2027, 6, 7))
    assert week({"a": model(History(open=fixed))}).waiting == ()
    late = replace(fixed, by=date(2027, 6, 6))
    (found,) = week({"a": model(History(open=late))}).waiting
    assert found.reason.startswith("The fix had to show by 6 June 2027; it brings less")


def test_what_crossed_a_line_this_week_is_told_once() -> None:
    """Neither of last month nor of next month; verdict and money of one check together, urgent first."""
    earlier = line(2, kind="money", what="may earn or lose money")
    found = week(
        {
            "a": model(History(lines=(line(20), earlier, line(2), line(-3, kind="overdue")))),
            "b": model(History(lines=(line(5, urgent=True, what="overdue"),))),
        }
    )
    assert [[x.kind for x in group] for group in found.changes] == [
        ["verdict"],
        ["verdict", "money"],
    ]
    assert [group[0].model for group in found.changes] == ["b", "a"]


def test_customers_of_several_models_are_said() -> None:
    """By the names that users know; the same rows are counted once."""
    account = dollars("120000", "47000")
    models = {
        "a": model(History((account,), ("log",), ("r1",)), name="Stay Radar"),
        "b": model(History((account,), ("log",), ("r2",))),
        "c": model(History((account,), ("log",), ("r2",))),
    }
    found = week(models)
    assert found.notes == (
        "Stay Radar and b act on the same customers; what one brought may be counted with the other as well.",
        "c was checked on the same rows as b and is counted there.",
    )
    assert found.money[0].promised == 240_000


def test_many_such_models_are_counted_not_listed() -> None:
    """Three are named, so that a page stays short however many there are."""
    same = model(History((dollars("120000", "47000"),), (), ("r",)))
    notes = week({f"m{n:02}": same for n in range(40)}).notes
    assert len(notes) == 4
    assert notes[-1] == "36 more models were checked on the same rows as others."
