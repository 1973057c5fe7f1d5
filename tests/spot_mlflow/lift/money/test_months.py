"""Tests of money by month."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spot_mlflow.lift.estimation.months import MonthLift
from spot_mlflow.lift.money.months import UNDATED, cents, shared_out

AMOUNT = st.floats(-1e9, 1e9, allow_nan=False)
MONTH = st.tuples(
    st.integers(0, 5000), st.integers(0, 5000), st.none() | st.floats(-1, 1, allow_nan=False)
)


@given(st.lists(MONTH, max_size=30), AMOUNT, AMOUNT, st.floats(0, 1e4), st.integers(0, 10_000))
def test_months_sum_to_the_total_to_the_last_cent(
    rows: list[tuple[int, int, float | None]],
    promised: float,
    arrived: float,
    a_lift: float,
    more: int,
) -> None:
    """Whatever the months say, whatever units have no date."""
    months = [MonthLift(f"20{i:02}-01", *row) for i, row in enumerate(rows)]
    treated = sum(m.n_treatment for m in months) + more
    found = shared_out(months, promised=promised, arrived=arrived, a_lift=a_lift, treated=treated)
    assert sum(m.promised for m in found) == cents(promised)
    assert sum(m.arrived for m in found) == cents(arrived)


def test_a_month_above_the_average_brought_more() -> None:
    """Promised by units alone; arrived by units and by what its own lift was above the average."""
    months = [MonthLift("2027-01", 100, 100, 0.1), MonthLift("2027-02", 300, 300, 0.2)]
    first, second = shared_out(months, promised=800, arrived=400, a_lift=20, treated=400)
    assert (first.promised, second.promised) == (Decimal(200), Decimal(600))
    # The average is .175: 100 + 20 * 100 * (.1 - .175), and 300 + 20 * 300 * (.2 - .175).
    assert (first.arrived, second.arrived) == (Decimal(-50), Decimal(450))


@pytest.mark.parametrize(("treated", "undated"), [(450, True), (404, False)])
def test_units_without_a_date_have_their_share(treated: int, *, undated: bool) -> None:
    """Where they are ten or more; fewer go with the months, so that nobody is singled out."""
    months = [MonthLift("2027-01", 400, 100, 0.1)]
    found = shared_out(months, promised=450, arrived=90, a_lift=0, treated=treated)
    assert [m.month for m in found] == [UNDATED, "2027-01"][not undated :]
    if undated:
        assert (found[0].promised, found[0].arrived) == (Decimal(50), Decimal(10))
