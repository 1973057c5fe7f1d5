"""Tests of the tag that holds a model's money by month and what crossed a line."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from people import NOW, entry
from reports import VERSION, make_adoption, make_report

from spot_mlflow.adoption import Adoption, build_adoption
from spot_mlflow.lift.money.months import MonthMoney
from spot_mlflow.reporting.message.digest import Line
from spot_mlflow.reporting.message.history import (
    LONGEST,
    TAG,
    Account,
    History,
    history_from,
    history_of,
    history_tag,
)
from spot_mlflow.reporting.message.worth import money_of
from spot_mlflow.reporting.words.lift_view import lift_view

if TYPE_CHECKING:
    from spot_mlflow.lift.report import LiftReport

MONEY = {"economics": {"unit": "USD", "value": 180, "offer_cost": 0.8}}


@pytest.fixture(scope="module")
def report() -> LiftReport:
    """A check of twelve weeks with money."""
    return make_report(contract=MONEY)


def with_checks(report: LiftReport, checks: dict[str, dict[str, Any]]) -> Adoption:
    """A model whose versions were checked with these results."""
    known = make_adoption(check=report)
    found = [
        entry("outcomes", body, None, None, days, version=version)
        for days, (version, body) in enumerate(checks.items(), 1)
    ]
    return build_adoption(known.facts, found, version=VERSION, now=NOW)


def test_months_sum_to_what_the_report_says(report: LiftReport) -> None:
    """One account per currency, equal to the headline to the cent, by the month of the decision."""
    (account,) = history_of(make_adoption(check=report)).accounts
    money = money_of(lift_view(report))
    assert money is not None
    assert (account.unit, account.promised) == ("USD", Decimal(f"{money.promised:.2f}"))
    assert account.arrived == Decimal(f"{money.realized.lift:.2f}")
    assert [m.month for m in account.months] == ["2027-01", "2027-02", "2027-03"]
    assert sum(m.arrived for m in account.months) == account.arrived
    assert account.above == pytest.approx(money.realized.high - money.realized.lift)


def test_an_early_record_without_months_says_the_same(report: LiftReport) -> None:
    """Its periods tell; what they do not reach is undated."""
    body = report.to_dict()
    old = {k: v for k, v in body.items() if k != "months"}
    assert history_of(with_checks(report, {VERSION: old})) == history_of(
        with_checks(report, {VERSION: body})
    )
    cut = {**old, "periods": old["periods"][:4]}
    (account,) = history_of(with_checks(report, {VERSION: cut})).accounts
    assert [m.month for m in account.months] == ["", "2027-01"]
    assert sum(m.arrived for m in account.months) == account.arrived


@pytest.mark.parametrize(
    ("older", "counted"),
    [
        ({}, 1),
        ({"source": "another.parquet"}, 2),
        ({"columns": {"model_version": "version"}}, 2),
        ({"months": [{"month": "2026-11", "n_treatment": 99, "n_holdout": 99, "lift": 0.0}]}, 2),
    ],
)
def test_versions_of_one_log_are_counted_once(
    report: LiftReport, older: dict[str, Any], counted: int
) -> None:
    """But for logs, version columns or months that part their rows."""
    body = report.to_dict()
    columns = older.pop("columns", {})
    contract = body["contract"]
    first = {**body, **older, "contract": {**contract, "columns": contract["columns"] | columns}}
    (one,) = history_of(with_checks(report, {VERSION: body})).accounts
    (both,) = history_of(with_checks(report, {"2": first, VERSION: body})).accounts
    assert both.promised == counted * one.promised
    assert both.above == pytest.approx(math.sqrt(counted) * one.above)


@pytest.mark.parametrize("fault", [{"withheld": True}, {"economics": None}])
def test_no_money_is_told_where_none_is_headlined(
    report: LiftReport, fault: dict[str, Any]
) -> None:
    """A fault of the log takes its money back, and a contract without money has none."""
    found = history_of(with_checks(report, {VERSION: {**report.to_dict(), **fault}}))
    assert found.accounts == ()


def test_what_crossed_a_line_is_kept_with_its_cause(report: LiftReport) -> None:
    """A verdict and money, and a check that falls due by itself, before it does."""
    found = history_of(make_adoption(check=report))
    assert [(x.kind, x.cause) for x in found.lines] == [
        ("money", "first check"),
        ("verdict", "first check"),
    ]
    due = (NOW + timedelta(days=30)).date()
    contract = {**MONEY, "measurement": {"owner": "Bo", "first_check": due.isoformat()}}
    predicted = make_report(contract=contract, n=2000).predicted
    (line,) = history_of(make_adoption(predicted=predicted)).lines
    assert (line.kind, line.at.date()) == ("overdue", due + timedelta(days=1))
    assert "Bo" not in history_tag(history_of(make_adoption(predicted=predicted)))


def test_the_tag_gives_back_what_it_was_made_of(report: LiftReport) -> None:
    """Exactly; and at any later moment it is the same, so that nothing is written without need."""
    adoption = make_adoption(check=report)
    made = history_of(adoption)
    text = history_tag(made)
    read = history_from("churn", {TAG: text})
    assert history_tag(read) == text
    assert [replace(a, below=0, above=0) for a in read.accounts] == [
        replace(a, below=0, above=0) for a in made.accounts
    ]
    assert read.lines == made.lines
    later = replace(adoption, now=adoption.now + timedelta(days=90))
    assert history_tag(history_of(later)) == text


def test_a_long_history_keeps_the_newest_months() -> None:
    """The oldest are put together; the sums stay, and the tag fits every MLflow."""
    months = tuple(
        MonthMoney(f"{1900 + i // 12}-{i % 12 + 1:02}", Decimal("1234567.89"), Decimal("-1.01"))
        for i in range(300)
    )
    total = Account("USD", 300 * Decimal("1234567.89"), 300 * Decimal("-1.01"), 1.0, 2.0, months)
    line = Line("churn", "1", NOW, "verdict", "x" * 300)
    text = history_tag(History((total,), ("a" * 12,), ("b" * 12,), (line,) * 3))
    assert len(text) <= LONGEST
    (account,) = history_from("churn", {TAG: text}).accounts
    assert account.months[-1] == months[-1]
    assert len(account.months) > 30
    assert sum(m.promised for m in account.months) == total.promised
    assert sum(m.arrived for m in account.months) == total.arrived


def test_a_tag_that_cannot_be_shortened_by_months_fits_too() -> None:
    """Lines go first, then marks."""
    line = Line("churn", "1", NOW, "verdict", "x" * 3000)
    kept = history_from("churn", {TAG: history_tag(History(lines=(line, line)))})
    assert len(kept.lines) == 1
    many = History(logs=tuple(f"{i:012}" for i in range(900)))
    assert len(history_tag(many)) <= LONGEST


@pytest.mark.parametrize("text", ["", "{", "[]", '{"accounts": [1]}', json.dumps({"lines": [{}]})])
def test_what_is_not_ours_is_not_believed(text: str) -> None:
    """A tag that somebody wrote by hand gives no figure, and no page fails."""
    assert history_from("churn", {TAG: text}) == History()


@pytest.mark.parametrize(("longest", "kept"), [(400, True), (60, False)])
def test_a_registry_with_short_tags_keeps_the_sums_or_nothing(longest: int, *, kept: bool) -> None:
    """Never a part of a sum: a text that was cut would not be read."""
    months = tuple(MonthMoney(f"2027-{i:02}", Decimal("10.01"), Decimal("3.50")) for i in range(1, 13))  # fmt: skip
    total = Account("USD", Decimal("120.12"), Decimal("42.00"), 1.0, 2.0, months)
    text = history_tag(History((total,), ("a" * 12,)), longest=longest)
    read = history_from("churn", {TAG: text})
    assert sum(a.arrived for a in read.accounts) == (Decimal("42.00") if kept else 0)
    assert not kept or len(text) <= longest
