from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from people import assessment
from reports import faulty, make_adoption, make_report

from spot_mlflow.gate.decision import decide
from spot_mlflow.gate.policy import default_policy
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.reporting import figures
from spot_mlflow.reporting.message.headline import headline, headline_of, weakness_of
from spot_mlflow.reporting.message.request import wait_words
from spot_mlflow.reporting.words.lift_view import lift_view

if TYPE_CHECKING:
    from spot_mlflow.lift.report import LiftReport


def test_lift_money_cause_and_request(full_report: LiftReport) -> None:
    """With every column logged the sentence has lift, money, cause and request."""
    plan = {"O1": {"now": 2, "target": 4, "by": "2027-01-30", "owner": "Ann Sample"}}
    said = headline_of(
        full_report, make_adoption(assessment("Ann", "executive", plan), check=full_report)
    )
    assert re.fullmatch(
        r"No verdict: 1\.\d points realized \(0\.\d to \d\.\d\), 2\.3 points promised; "
        r"in money \d+k USD \(\d+k to \d+k\), \d+k USD promised\.",
        said.finding,
    )
    assert said.cause.startswith("Most was lost in Operation: 41 % of offers")
    assert said.request.startswith(
        "Plan time for the offers, by the number of cases. Ann Sample, by "
    )
    assert said.text == f"{said.finding} {said.cause} To do: {said.request}"
    assert re.fullmatch(r"\w+: no verdict, 1\.\d of 2\.3 points", said.title)
    assert said.lines[-3:] == (f"To do: {said.request}", said.weakened, said.found)


@pytest.mark.parametrize(
    ("lift", "result"),
    [
        (0.023, "promise kept, 2.27 of 2.30 points"),
        (0.002, "less than promised, "),
        (-0.01, "less than promised, -"),
        (0.05, "more than promised, "),
    ],
)
def test_the_title_is_the_model_and_its_result(lift: float, result: str) -> None:
    """A heading that says in words and figures whether the promise was kept."""
    said = headline_of(adoption=make_adoption(check=make_report(lift=lift, n=150_000)))
    assert said.title.startswith(f"churn: {result}")


def test_what_weakens_the_result_is_told(short_report: LiftReport) -> None:
    """Checks that failed without taking the verdict back, in a line each; two, and how many more."""
    known = {"name": "arms_assigned", "severity": "warning", "success": False, "observed": 0.38}
    known |= {"message": "38 % have no arm; first: unit 83", "brief": "38 % of rows have no arm"}
    passed, verdict = known | {"success": True}, known | {"name": "lift_met"}
    said = headline_of(short_report.to_dict() | {"checks": [passed, verdict, known]})
    assert said.weakness == "38 % of rows have no arm."
    others = [known | {"message": f"{n} rows are odd", "brief": ""} for n in (5, 6, 7, 7)]
    many = headline_of(short_report.to_dict() | {"checks": [known, *others]})
    assert many.weakness.endswith("no arm. 5 rows are odd. And 2 more.")


def test_where_it_is_comes_with_what_it_lacks() -> None:
    """With the gate's answer the opening says both; without it, only what the version holds."""
    adoption = make_adoption(check=make_report())
    decision = decide(adoption, "Production", policy=default_policy())
    asked = headline_of(adoption=adoption, decision=decision)
    assert asked.where.startswith("Can it go to Production? No: ")
    assert asked.settled is False
    assert headline_of(adoption=adoption).settled is None


def test_without_money_it_speaks_of_lift(short_report: LiftReport) -> None:
    """Where nobody knows the money the sentence has the lift with its interval."""
    said = headline_of(short_report)
    view_of = short_report.analysis.realized.estimate
    assert said.finding.startswith(
        f"Less than promised: {100 * view_of.lift:.1f} points realized ("
    )
    assert said.finding.endswith("), 2.3 points promised.")
    assert said.cause == "This log does not show where the rest was lost." or "lost" in said.cause


def test_an_open_verdict_is_not_a_result() -> None:
    """Too early to tell is in the first sentence, not behind the figures."""
    said = headline_of(make_report(lift=0.02, n=5_000))
    assert said.finding.startswith("Too early to tell: ")
    assert " so far (" in said.finding
    assert " realized " not in said.finding


@pytest.mark.parametrize(("mature", "so_far"), [(90, True), (100, False)])
def test_so_far_is_said_only_while_outcomes_are_still_to_come(mature: int, so_far: bool) -> None:  # noqa: FBT001 - a case
    """Where the window of every unit has passed, the undecided lift is all that was realized."""
    data = make_report(lift=0.02, n=5_000).to_dict()
    data |= {"assigned": 100, "matured": mature, "contract": {**data["contract"], "window": "30d"}}
    said = headline_of(data)
    for text in (said.finding, said.title):
        assert (" so far" in text) is so_far


def test_a_faulty_log_gives_no_figure(short_report: LiftReport) -> None:
    """A number that looks fine is not shown where the data cannot carry one."""
    data = faulty(short_report)
    said = headline_of(data)
    assert said.finding == (
        "The log must be corrected first: this log cannot show the realized lift, 2.3 points promised."
    )
    assert said.request == "Correct the outcome log: bad arms."
    assert said.title == "Renewed: the log must be corrected first"


def test_units_left_out_come_before_any_figure(short_report: LiftReport) -> None:
    """The first sentence gives the number of units that the last check had, and why."""
    left_out = {"units": 40, "of": 4_000, "since": "2027-03-01", "why": "erased", "reason": ""}
    said = headline_of(short_report.to_dict() | {"left_out": left_out})
    assert said.title.endswith(", units left out")
    assert said.text.startswith(
        "40 of the 4,000 units of the last check (as of 1 March 2027) are not in"
    )


def test_before_any_outcome() -> None:
    """A promise without a check says so; a model without a promise too."""
    contract = PredictedLift.load(
        {"metric": "m", "predicted": 0.1, "columns": {"arm": "a", "outcome": "y"}}
    )
    assert headline(make_adoption(predicted=contract)).startswith(
        "Promised 10 points; no outcome was checked yet."
    )
    assert headline(make_adoption()).startswith("No lift was promised yet.")


@pytest.mark.parametrize("level", [4, 5])
def test_a_high_rating_that_lost_is_in_the_sentence(full_report: LiftReport, level: int) -> None:
    """Operation was rated high and lost the lift all the same: it stands in the sentence."""
    rated = dict.fromkeys(("O1", "O2", "O3", "O4"), level)
    people = [assessment("Ann", "frontline", rated), assessment("Bo", "business", {"O2": level})]
    said = headline_of(full_report, make_adoption(*people, check=full_report))
    assert said.cause.endswith(f"Operation had been rated {level} of 5.")


def test_the_record_gives_the_same_sentence(full_report: LiftReport) -> None:
    """A check read from the record says what the fresh one said."""
    import json

    again = json.loads(full_report.to_json())
    assert headline_of(again) == headline_of(full_report)


def test_why_there_is_no_verdict_comes_before_what_only_weakens_it(short_report) -> None:
    """Rows without an arm are a lesser matter than what keeps the verdict back."""
    failed = {"name": "arm_known", "severity": "warning", "success": False, "observed": 0.38}
    failed |= {"message": "38 % of rows had no arm", "brief": "38 % of rows had no arm"}
    held = {
        "verdict": "inconclusive",
        "inconclusive": "overlap",
        "reason": "Nothing to compare with",
    }
    view = lift_view(short_report.to_dict() | held | {"checks": [failed], "blocked_by": None})
    why = figures.sentence(wait_words(view))
    assert why
    assert weakness_of(view) == f"{why} 38 % of rows had no arm."
