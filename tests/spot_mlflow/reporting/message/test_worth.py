from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from spot_mlflow.lift.interval import Interval
from spot_mlflow.reporting.message.worth import Money, money_of
from spot_mlflow.reporting.words.lift_view import lift_view

if TYPE_CHECKING:
    from spot_mlflow.lift.report import LiftReport


def test_money_is_that_of_the_economics(full_report: LiftReport) -> None:
    """Promised and arrived are the economics' own, to date."""
    money = money_of(lift_view(full_report))
    to_date = full_report.analysis.economics.to_date
    assert money is not None
    assert money.promised == to_date.promised
    assert money.realized.lift == to_date.realized.lift
    assert money.unit == "USD"


def test_promise_and_result_are_rounded_alike() -> None:
    """Both are written to what the interval allows, so that they compare."""
    money = Money(119_640.0, Interval(47_312.0, 30_100.0, 64_600.0), "EUR")
    assert money.promised_text == "120k EUR"
    assert money.realized_text == "47k EUR (30k to 65k)"


def test_a_promise_is_never_rounded_to_nothing() -> None:
    """Beside a result in millions a promise of 29k is 29k, not 0; a promise of nothing is 0."""
    realized = Interval(3_012_000.0, 2_210_000.0, 3_800_000.0)
    assert Money(29_312.0, realized, "EUR").promised_text == "29k EUR"
    assert Money(0.0, realized, "EUR").promised_text == "0 EUR"


def test_an_open_interval_is_said() -> None:
    """Money without bounds is not written as infinity."""
    money = Money(10.0, Interval(5.0, -math.inf, math.inf), "")
    assert money.realized_text == "5 (unbounded)"


def test_no_money_without_economics(short_report: LiftReport) -> None:
    """Where neither contract nor log knows of money there is none."""
    assert money_of(lift_view(short_report)) is None


def test_money_in_another_unit_is_no_headline(full_report: LiftReport) -> None:
    """Where values are far from the contract's the sentence speaks of lift, the section of both."""
    assert money_of(lift_view(full_report)) is not None
    money = replace(full_report.analysis.economics, doubt="The log's value is 6,000")
    doubted = replace(full_report, analysis=replace(full_report.analysis, economics=money))
    assert money_of(lift_view(doubted)) is None
    assert money_of(lift_view(doubted), doubted=True) is not None
