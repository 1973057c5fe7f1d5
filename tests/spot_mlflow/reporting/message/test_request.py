from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from people import NOW, act, assessment, raised
from reports import make_adoption, make_report

from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.reporting.message.request import quoted, request_sentence, requests_of, wait_words
from spot_mlflow.reporting.words.lift_view import lift_view

if TYPE_CHECKING:
    from spot_mlflow.lift.report import LiftReport

PLAN = {"O1": {"now": 2, "target": 4, "by": "2027-01-30", "owner": "Ann Sample"}}
LATE = {"P2": {"now": 2, "target": 3, "by": "2026-09-30"}}


def test_a_blocking_concern_comes_first(short_report: LiftReport) -> None:
    """An open blocking concern is asked for before any plan."""
    concern = raised("Cleo", "frontline", "blocking", what="offers reach us too late")
    adoption = make_adoption(concern, assessment("Ann", "executive", PLAN), check=short_report)
    said = request_sentence(lift_view(short_report), adoption, letter="O")
    assert said.startswith("Answer the blocking concern “offers reach us too late”. The builders, ")


def test_an_answered_concern_asks_for_its_confirmation(short_report: LiftReport) -> None:
    """Only the one who raised a concern closes it."""
    concern = raised("Cleo", "frontline", "blocking", days=3)
    answer = act(concern, "answered", "Dan", "data_scientist", days=2)
    adoption = make_adoption(concern, answer, check=short_report)
    said = request_sentence(None, adoption)
    assert said.startswith("Confirm or reopen the blocking concern “")
    assert "”. Cleo, by " in said


def test_the_plan_of_the_losing_letter_is_asked_for(full_report: LiftReport) -> None:
    """Operation lost: what its plan wants, by when, and who sees to it."""
    adoption = make_adoption(assessment("Ann", "executive", PLAN | LATE), check=full_report)
    said = request_sentence(lift_view(full_report), adoption, letter="O")
    assert said.startswith(
        "Plan time for the offers, by the number of cases. Ann Sample, by 30 January 2027. "
    )
    assert said.endswith("Work out what the main offer costs. Overdue since 30 September 2026.")


def test_an_overdue_check_is_asked_for() -> None:
    """A promise whose first check has passed without one asks for it, and names who owes it."""
    plan = {"owner": "Bo Sample", "first_check": "2026-10-01"}
    contract = PredictedLift.load(
        {
            "metric": "m",
            "predicted": 0.1,
            "columns": {"arm": "a", "outcome": "y"},
            "measurement": plan,
        }
    )
    said = request_sentence(None, make_adoption(predicted=contract))
    assert said.startswith("Check the outcomes. Bo Sample, overdue since 1 October 2026.")


def test_too_early_asks_for_patience_in_units() -> None:
    """An open verdict that time will close asks to wait for so many units."""
    report = make_report(lift=0.02, n=2_000, contract={"predicted": 0.023})
    view = lift_view(report)
    assert view.verdict == "inconclusive"
    assert wait_words(view).startswith("about ")
    assert request_sentence(view, None) == f"Wait for {wait_words(view)}."


def test_where_a_contract_allows_one_look_nobody_is_promised_a_later_check() -> None:
    """A schedule checks no second time, so that the request says how to; one that is monitored waits."""
    report = make_report(lift=0.02, n=2_000, contract={"predicted": 0.023})
    placed = {"outcome_log": "outcomes.parquet"}
    for looks, said in (({}, True), ({"looks": "monitored", "planned_units": 9_000}, False)):
        contract = PredictedLift.load({**report.predicted.to_dict(), **placed, **looks})
        asked = request_sentence(lift_view(report), make_adoption(predicted=contract))
        assert ("then run spot outcomes" in asked) is said
        assert "Wait for about" in asked


def test_never_is_said_where_no_units_would_decide(full_report: LiftReport) -> None:
    """Where the prediction itself is too uncertain, nobody is asked to wait."""
    view = lift_view(full_report)
    assert (
        wait_words(view)
        == "more units cannot decide it, because the prediction itself is too uncertain"
    )
    assert request_sentence(view, None) == ""


def test_clusters_are_waited_for_as_clusters() -> None:
    """A clustered log needs more clusters, not more units."""
    data = make_report().to_dict() | {
        "verdict": "inconclusive",
        "never_because": None,
        "more_units": 1234.0,
        "more_days": 17.2,
    }
    data["contract"]["columns"]["cluster"] = "village"
    assert wait_words(lift_view(data)) == "about 1,300 more clusters, 18 days"


def test_a_lift_not_worth_its_cost_asks_for_a_decision(short_report: LiftReport) -> None:
    """Below the minimum worthwhile lift somebody has to change the offer or stop."""
    view = lift_view(short_report.to_dict() | {"viable": "not viable"})
    assert request_sentence(view, None).startswith("Decide whether to change the offer or to stop.")


def test_a_broken_log_is_asked_for_first(short_report: LiftReport) -> None:
    """Before anything else the log has to be put right."""
    fault = {
        "name": "units_unique",
        "severity": "critical",
        "success": False,
        "observed": 1,
        "message": "214 of 900 units (24 %) appear more than once.",
    }
    data = short_report.to_dict() | {
        "verdict": "inconclusive",
        "viable": "undecided",
        "checks": [fault],
    }
    said = request_sentence(lift_view(data), None)
    assert said == "Correct the outcome log: 214 of 900 units (24 %) appear more than once."


def test_a_log_whose_checks_a_suite_tolerates_is_asked_for_too(short_report: LiftReport) -> None:
    """A verdict taken back asks for a sound log, also where no check of the report has failed."""
    said = request_sentence(
        lift_view(short_report.to_dict() | {"withheld": True, "checks": []}), None
    )
    assert said == "Correct the outcome log."


def test_beginnings_are_asked_for() -> None:
    """A model of which nothing is known needs an assessment and a promise."""
    assert request_sentence(None, make_adoption()) == (
        "Ask the business, the front line and the builders how ready they are. "
        "Promise a lift: how much, and the minimum worthwhile lift. The builders."
    )


@pytest.mark.parametrize("text", ["a\nb", "x" * 500])
def test_quotations_stay_on_one_short_line(text: str) -> None:
    """What people wrote is quoted on one line, cut at ninety characters."""
    said = quoted(text)
    assert "\n" not in said
    assert len(said) <= 92


def test_at_most_two_requests(full_report: LiftReport) -> None:
    """More than two would not be read."""
    many = [raised("Cleo", "frontline", "blocking", what=f"thing {i}", days=i) for i in range(5)]
    adoption = make_adoption(*many, check=full_report)
    assert len(requests_of(lift_view(full_report), adoption)) == 2
    assert adoption.now == NOW


def test_missing_columns_are_asked_for(short_report: LiftReport) -> None:
    """Where causes cannot be told apart, the columns that would split them are asked for."""
    said = request_sentence(lift_view(short_report), None)
    assert said == "Log offered and delivered, so that the causes can be separated."


def test_a_wait_beyond_reason_is_no_plan() -> None:
    """Nobody is asked to wait nine thousand days."""
    data = make_report().to_dict() | {
        "verdict": "inconclusive",
        "never_because": None,
        "more_units": 1.4e6,
        "more_days": 9003.0,
        "attribution": None,
    }
    view = lift_view(data)
    assert wait_words(view) == "about 1,400,000 more units, more than ten years at the present rate"
    assert request_sentence(view, None) == ""
