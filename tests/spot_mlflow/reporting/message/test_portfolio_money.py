"""Tests of a portfolio's money."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest

from spot_mlflow.lift.money.months import MonthMoney
from spot_mlflow.reporting.message.history import Account, History
from spot_mlflow.reporting.message.portfolio_money import portfolio_money


def account(promised: str, arrived: str, *, unit: str = "USD", half: float = 3.0) -> Account:
    """An account of two months."""
    p, a = Decimal(promised), Decimal(arrived)
    first = MonthMoney("2027-01", p / 2 - Decimal("0.01"), a)
    second = MonthMoney("2027-02", p / 2 + Decimal("0.01"), Decimal(0))
    return Account(unit, p, a, half, half + 1, (first, second))


def history(*accounts: Account, logs: tuple[str, ...] = (), results: str = "") -> History:
    """A model's history."""
    return History(accounts, logs, tuple(results.split()))


def test_it_is_the_sum_of_the_models_to_the_last_cent() -> None:
    """One currency at a time, the larger promise first; month by month too."""
    models = {f"m{i}": history(account("0.10", "0.07", half=i)) for i in range(1, 11)}
    models["euro"] = history(account("7.00", "-2.00", unit="EUR"))
    euro, dollar = portfolio_money(models)
    assert (euro.unit, euro.promised, euro.arrived) == ("EUR", Decimal("7.00"), Decimal("-2.00"))
    assert (dollar.promised, dollar.arrived) == (Decimal("1.00"), Decimal("0.70"))
    assert [m.promised for m in dollar.months] == [Decimal("0.40"), Decimal("0.60")]
    assert dollar.to_dict()["promised"] == "1.00"
    assert dollar.below == pytest.approx(math.hypot(*range(1, 11)))


def test_models_on_the_same_customers_err_together() -> None:
    """A common log or a common draw of the holdout joins them, across others too, and they are named."""
    (found,) = portfolio_money({
        "a": history(account("10", "5"), logs=("log1", "draw1")),
        "b": history(account("10", "5"), logs=("draw1", "log2")),
        "c": history(account("10", "5"), logs=("log2",)),
        "d": history(account("10", "5"), logs=("log3",)),
        "e": history(account("10", "5")),
    })  # fmt: skip
    assert found.shared == (("a", "b", "c"),)
    assert found.promised == 50
    assert found.below == pytest.approx(math.hypot(3 + 3 + 3, 3, 3))


def test_the_same_rows_are_counted_once() -> None:
    """Of two models that were checked on the very same cells the larger promise counts, and it is said."""
    (found,) = portfolio_money({
        "small": history(account("4", "1"), results="r1"),
        "large": history(account("9", "2"), results="r1 r2"),
        "other": history(account("1", "1"), results="r3"),
    })  # fmt: skip
    assert (found.promised, found.models) == (Decimal(10), ("large", "other"))
    assert found.left_out == {"small": "large"}


def test_no_money_is_no_sum() -> None:
    """Models without money give no currency at all, and an unbounded interval stays one."""
    assert portfolio_money({"a": History(), "b": history()}) == ()
    (found,) = portfolio_money({"a": history(account("1", "1", half=math.inf))})
    assert found.to_dict()["low"] is None
    assert found.money.range_text == "unbounded"
