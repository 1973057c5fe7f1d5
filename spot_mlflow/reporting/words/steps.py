"""What is to be done to get a question to a level: the plan as requests, not as the questionnaire's answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from spot_mlflow.readiness.instrument import default_instrument

if TYPE_CHECKING:
    from collections.abc import Mapping

LOWEST: Final = 2  # nobody is asked to get to the first level
# By question, for levels 2 to 5; each holds the steps before it.
STEPS: Final[Mapping[str, tuple[str, str, str, str]]] = {
    "S1": (
        "Put into one sentence how the company means to win with the model",
        "Agree with the data team on one sentence that says what the model is for",
        "Make sure that every manager concerned can say what the model is for",
        "Look at the purpose again every quarter",
    ),
    "S2": (
        "Let the business know what exactly is predicted",
        "Have a business expert agree in writing to what is predicted",
        "Try the definition of what is predicted on disputed cases, business and data team together",
        "Count in the way the business is judged, and have every change of the definition signed off",
    ),
    "S3": (
        "Set a target for the model",
        "Express the minimum worthwhile lift in business figures",
        "Have an executive accept the minimum worthwhile lift, costs included",
        "Set a date and a rule for continuing or stopping",
    ),
    "P1": (
        "Find something to offer when the model flags a case",
        "Have an offer ready for some of the cases",
        "Have a choice of offers ready for most groups of customers",
        "Test new offers regularly",
    ),
    "P2": (
        "Estimate what an offer costs",
        "Work out what the main offer costs",
        "Work out cost and gain of each offer, and have finance check them",
        "Take costs from actual figures, and withdraw offers that lose money",
    ),
    "P3": (
        "Limit the offers to what can be delivered",
        "Work out roughly when an offer pays",
        "Write down when to act, when to wait and when to let a customer leave",
        "Check the rule on a group that is left alone",
    ),
    "P4": (
        "Ask customers what the offer changed",
        "Compare before and after the offer",
        "Test the main offer against a control group",
        "Test all offers against a control group, by group of customers",
    ),
    "O1": (
        "Name the people who deliver the offers",
        "Ask the people who deliver the offers whether they agree",
        "Plan time for the offers, by the number of cases",
        "Track every week which share of the offers was delivered",
    ),
    "O2": (
        "Tell the team the terms of the offers",
        "Write down the terms of the offers",
        "Complete the terms of the offers, and put them into the system in use",
        "Give every change of the terms a version and a date by which it is live",
    ),
    "O3": (
        "Tell the team about the offer",
        "Train the team to present the offer",
        "Coach the team, and listen in on conversations",
        "Measure how well the offer is presented, and compare it with the results",
    ),
    "O4": (
        "Make a note after each offer",
        "Record whether the offer was made",
        "Record offer and outcome, case by case",
        "Go through the results together on fixed dates",
    ),
    "T1": (
        "Move the model from the laptop to shared data",
        "Schedule the model, and have somebody notice when it fails",
        "Make the model reproducible and monitored, and practise the rollback",
        "Make sure that the model recovers within the time the business needs",
    ),
    "T2": (
        "Show the recommendation in a tool",
        "Show the recommendation in the tool that people work with",
        "Show the recommendation at the right moment, in the tool that people work with",
        "Let people answer the recommendation where they see it",
    ),
    "T3": (
        "Automate what is done by hand",
        "Automate the main path, so that only exceptions are done by hand",
        "Make sure that ten times as many cases need no more people",
        "Measure the cost per case, and bring it down",
    ),
}


def step(question: str, level: int) -> str:
    """Returns what is to be done, in the imperative; by the question's label where it has no own words."""
    if question in STEPS and LOWEST <= level < LOWEST + len(STEPS[question]):
        return STEPS[question][level - LOWEST]
    labels = {q.id: q.label for q in default_instrument().questions}
    return f"Bring “{labels.get(question, question)}” to {level} of 5"
