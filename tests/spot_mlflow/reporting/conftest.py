"""Checks that several tests look at; made once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from reports import CONTRACT, make_log, make_report

if TYPE_CHECKING:
    from spot_mlflow.lift.report import LiftReport


@pytest.fixture(scope="session")
def full_report() -> LiftReport:
    """A check of a log that has every column, through the real checks."""
    from spot_mlflow_checks import check_outcomes

    return check_outcomes(make_log(), CONTRACT, as_of="2027-05-01")


@pytest.fixture(scope="session")
def short_report() -> LiftReport:
    """A check that finds a shortfall; a log without a funnel."""
    return make_report(lift=0.002, n=100_000)


@pytest.fixture(scope="session")
def kept_report() -> LiftReport:
    """A check that finds the promise kept."""
    return make_report(lift=0.023, n=150_000)
