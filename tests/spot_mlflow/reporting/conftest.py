"""Checks that several tests look at; made once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from reports import CONTRACT, kept_report, make_log, short_report

if TYPE_CHECKING:
    from spot_mlflow.lift.report import LiftReport


@pytest.fixture(scope="session")
def full_report() -> LiftReport:
    """A check of a log that has every column, through the real checks."""
    from spot_mlflow_checks import check_outcomes

    return check_outcomes(make_log(), CONTRACT, as_of="2027-05-01")


@pytest.fixture(scope="session", name="short_report")
def _short_report() -> LiftReport:
    """A check that finds a shortfall; a log without a funnel."""
    return short_report()


@pytest.fixture(scope="session", name="kept_report")
def _kept_report() -> LiftReport:
    """A check that finds the promise kept."""
    return kept_report()
