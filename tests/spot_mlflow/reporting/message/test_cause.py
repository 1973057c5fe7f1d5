from __future__ import annotations

from typing import TYPE_CHECKING

from reports import make_report

from spot_mlflow.reporting.message.cause import (
    bridge_of,
    cause_sentence,
    losing_letter,
    shown_losses,
)
from spot_mlflow.reporting.words.lift_view import LiftView, lift_view

if TYPE_CHECKING:
    from typing import Any

    from spot_mlflow.lift.report import LiftReport


def changed(report: LiftReport, **contribution: Any) -> LiftView:
    """The check with the contribution of delivery changed."""
    data = report.to_dict()
    for c in data["attribution"]["contributions"]:
        if c["cause"] == "delivery":
            c.update(contribution)
    return lift_view(data)


def test_the_planted_cause_is_named_with_its_share_and_place(full_report: LiftReport) -> None:
    """West left two in three offers undelivered; the sentence says so, in Operation."""
    said = cause_sentence(lift_view(full_report))
    assert said.startswith("Most was lost in Operation: 41 % of offers")
    assert "(5 % planned)" in said
    assert said.endswith(", most in segment West.")
    assert losing_letter(lift_view(full_report)) == "O"


def test_most_is_said_only_where_the_bounds_carry_it(full_report: LiftReport) -> None:
    """With a smaller sure loss than half of the gap the sentence says less."""
    view = changed(full_report, lost_at_least=0.1)
    assert cause_sentence(view).startswith("The largest loss shown is in Operation: ")


def test_nothing_shown_is_nothing_named(full_report: LiftReport) -> None:
    """Where no loss is shown and the verdict is open, no cause is named."""
    data = full_report.to_dict()
    for c in data["attribution"]["contributions"]:
        c["found"] = False
    assert cause_sentence(lift_view(data)) == ""
    short = data | {"verdict": "shortfall"}
    assert cause_sentence(lift_view(short)) == "This log does not show where the rest was lost."


def test_a_rounding_error_is_no_loss(full_report: LiftReport) -> None:
    """A cause that took 1e-15 is not told, however surely it did."""
    bridge = bridge_of(lift_view(full_report))
    assert bridge is not None
    assert "value" not in {c.cause for c in shown_losses(bridge)}


def test_a_kept_promise_has_no_cause(full_report: LiftReport) -> None:
    """Nothing is missing where the promise was kept."""
    assert cause_sentence(lift_view(full_report.to_dict() | {"verdict": "met"})) == ""


def test_faults_of_the_data_silence_the_cause(full_report: LiftReport) -> None:
    """A log that cannot be trusted tells no cause."""
    fault = {
        "name": "units_unique",
        "severity": "critical",
        "success": False,
        "observed": 1,
        "message": "x",
    }
    data = full_report.to_dict() | {"viable": "undecided", "checks": [fault]}
    assert cause_sentence(lift_view(data)) == ""


def test_cheaper_to_do_nothing_is_said() -> None:
    """Where each contact loses money, that comes before any cause."""
    money = {"unit": "USD", "value": 10, "offer_cost": 0.15}
    report = make_report(
        lift=0.002, promised=0.02, n=120_000, contract={"economics": money, "minimum_viable": None}
    )
    assert cause_sentence(lift_view(report)).startswith("It is cheaper to do nothing.")


def test_a_part_of_the_customers_that_is_worth_it_is_told_beside_it(
    full_report: LiftReport,
) -> None:
    """Where all together lose and a cut-off is shown to earn, nobody is told to stop altogether."""
    data = full_report.to_dict()
    data["economics"]["worth"] = "no"
    words = "contacting scores from 0.6 (30 % of customers) earns 0.06 USD each"
    data["economics"]["curve"]["cutoff"] |= {"worth": "yes", "words": words}
    said = cause_sentence(lift_view(data))
    assert said.startswith(f"It is cheaper to do nothing than to contact everybody; {words}. ")
    data["economics"]["curve"]["cutoff"]["worth"] = "not clear"
    assert cause_sentence(lift_view(data)).startswith("It is cheaper to do nothing. ")


def test_without_a_bridge_nothing_is_said(short_report: LiftReport) -> None:
    """A check without a bridge falls back to saying nothing."""
    view = lift_view(short_report.to_dict() | {"attribution": None})
    assert cause_sentence(view) == ""
    assert losing_letter(view) is None


def test_what_was_won_back_is_no_loss(full_report: LiftReport) -> None:
    """Where as much arrived as was promised no loss is held against anybody."""
    data = full_report.to_dict()
    data["attribution"]["money_gap"] |= {"lift": 0.2, "low": -0.4, "high": 0.8}
    assert cause_sentence(lift_view(data)) == ""
