"""Every fault that is counted is shown: by one check, and by one Expectation of it."""

from __future__ import annotations

from spot_mlflow_checks.expectations import EXPECTATIONS, FaultExpectation
from spot_mlflow_checks.fault_checks import FAULT_CHECKS
from spot_mlflow_checks.faults import RULES, Rule, mute


def test_no_fault_is_counted_and_shown_nowhere():
    """A rule that no check names is found before a log is read."""
    mute_rule = Rule("torn_page", "concerned", (), lambda _r, c: c.outcome < 0)
    assert mute((*RULES, mute_rule), FAULT_CHECKS) == ["torn_page"]
    assert mute(RULES, FAULT_CHECKS) == []


def test_no_fault_is_shown_twice():
    """A fault belongs to one check."""
    named = [fault for check in FAULT_CHECKS for fault in check.faults]
    assert len(named) == len(set(named))


def test_every_check_of_faults_is_an_expectation():
    """The checks that count faults are those that the Expectations ask, in the same order."""
    asked = [e.check for e in EXPECTATIONS if issubclass(e, FaultExpectation)]
    assert asked == [check.name for check in FAULT_CHECKS]
