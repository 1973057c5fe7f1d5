"""The checks that count faults of a log: what is counted, how much of it passes, and what stops a verdict.

One table; reading, Expectations, report and JSON follow from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow import figures
from spot_mlflow.lift.moments.measures import faults_of
from spot_mlflow.lift.results import DOUBT_OF
from spot_mlflow_checks.holdout.words import LEAST, SHARE, causes_words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from spot_mlflow.lift.moments.outcome_moments import Fault, OutcomeMoments
    from spot_mlflow.verdicts import Doubt, Severity


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one check found.

    Attributes:
        success: whether it passed.
        severity: how bad it is if it did not.
        observed: JSON value: a share, a p value, a verdict.
        message: a sentence that a person understands.
        doubt: what the log lacks for a verdict where it did not pass and is critical.
        brief: the same without examples and advice, where it has any.
    """

    success: bool
    severity: Severity
    observed: Any
    message: str
    doubt: Doubt = "data"
    brief: str = ""


@dataclass(frozen=True, slots=True)
class FaultCheck:
    """A check that counts faults.

    Attributes:
        name: its name in reports and JSON.
        faults: fault name -> what happened to the rows ("appear twice").
        noun: what is counted: rows or units.
        good: the sentence when none occurred.
        tolerated: share of faults up to which it still passes.
        blocking: share above which the log cannot carry a verdict.
        fault_severity: how bad it is up to there.
        advice: what to do about it.
        fatal: those of the faults that leave no verdict however few they are.
        least: rows or units, below which it passes whatever share they are.
        because: why, as far as the log shows it; said before the advice.
    """

    name: str
    faults: Mapping[str, str]
    good: str
    noun: str = "rows"
    tolerated: float = 0.0
    blocking: float = 1.0
    fault_severity: Severity = "warning"
    advice: str = ""
    fatal: tuple[str, ...] = ()
    least: int = 0
    because: Callable[[OutcomeMoments], str] = lambda _m: ""

    def applies(self, moments: OutcomeMoments) -> bool:
        """Whether the log has the columns to ask this."""
        return any(f in moments.faults for f in self.faults)

    def judge(
        self,
        moments: OutcomeMoments,
        *,
        tolerated: float | None = None,
        blocking: float | None = None,
    ) -> Judgement:
        """Judges the log; the limits may be tightened or loosened by a suite."""
        asked = [moments.faults[f] for f in self.faults if f in moments.faults]
        allowed = self.tolerated if tolerated is None else tolerated
        limit = self.blocking if blocking is None else blocking
        worst = max((_share(f) for f in asked if f.count >= self.least), default=0.0)
        hit = [f for f in asked if f.count]
        found = [sentence(f, self.faults[f.name], self.noun) for f in hit]
        brief = "; ".join(found) or self.good
        message = "; ".join(map(with_example, found, hit)) or self.good
        # A check that passes shows what failing could do; one that fails, what it does.
        grave = worst > limit or (worst <= allowed and limit < 1)
        grave |= any(f.name in self.fatal for f in hit)
        severity: Severity = "critical" if grave else self.fault_severity
        if worst > allowed:
            message = ". ".join(
                x for x in (message, figures.raised(self.because(moments)), self.advice) if x
            )
        doubt = DOUBT_OF.get(self.name, "data")
        return Judgement(worst <= allowed, severity, worst, message, doubt, brief)


def _share(fault: Fault) -> float:
    return fault.count / fault.total if fault.total else 0.0


def sentence(fault: Fault, happened: str, noun: str) -> str:
    """Writes "214 of 90,000 units (0.24 %) appear twice"."""
    return f"{fault.count:,} of {fault.total:,} {noun} ({figures.share(_share(fault))}) {happened}"


def with_example(said: str, fault: Fault) -> str:
    """Adds the first unit that has a fault: "...; first: unit 8812"."""
    return f"{said}; first: unit {fault.examples[0]}" if fault.examples else said


FAULT_CHECKS: Final[tuple[FaultCheck, ...]] = (
    FaultCheck(
        "arms_assigned",
        {"missing_arm": "have no arm", "unassigned_outcome": "have an outcome but no arm"},
        "Every row has an arm",
        blocking=0.5,
        advice="Rows without an arm are left out",
    ),
    FaultCheck(
        "arms_known",
        {"unknown_arm": "have an arm that the contract does not name"},
        "The contract names every arm",
        blocking=0.01,
        advice="Name them under columns.treated, or correct the log",
    ),
    FaultCheck(
        "outcomes_complete",
        {"missing_outcome": "are mature but have no outcome"},
        "Every mature unit has an outcome",
        noun="units",
        blocking=0.2,
        advice="Declare missing: zero in the contract if no outcome means that nothing happened",
    ),
    FaultCheck(
        "outcomes_readable",
        {"unreadable_outcome": "have a non-numeric outcome"},
        "Every outcome is a number",
        blocking=0.01,
    ),
    FaultCheck(
        "outcomes_plausible",
        {
            "outcome_not_binary": "have an outcome other than 0 and 1",
            "negative_outcome": "have a negative count",
            **faults_of("outcomes_plausible"),
        },
        "Every outcome is plausible",
        blocking=0.001,
    ),
    FaultCheck(
        "money_plausible",
        faults_of("money_plausible"),
        "Values and costs are numbers, finite and not negative",
        blocking=0.05,
    ),
    FaultCheck(
        "units_unique",
        {"duplicate_unit": "appear more than once", "missing_unit": "have no unit id"},
        "Every unit appears once",
        noun="units",
        blocking=0.01,
        advice="A unit counted twice makes the interval too narrow",
    ),
    FaultCheck(
        "units_in_one_arm",
        {"unit_in_two_arms": "are in two arms"},
        "Every unit is in one arm",
        noun="units",
        blocking=0.001,
        advice="They cannot be assigned to treatment or holdout",
    ),
    FaultCheck(
        "arms_as_assigned",
        {"arm_not_as_assigned": "are not in the arm that the assignment gives them"},
        "Every unit is in the arm that the assignment gives it",
        noun="units",
        tolerated=SHARE,
        blocking=SHARE,
        least=LEAST,
        because=causes_words,
        advice="The units held out are not the ones that should have been: the arms may differ in more than the treatment",
    ),
    FaultCheck(
        "clusters_named",
        {"missing_cluster": "have no cluster"},
        "Every unit has its cluster",
        noun="units",
        blocking=0.05,
        advice="Each counts as its own cluster",
    ),
    FaultCheck(
        "times_plausible",
        {
            "missing_time": "have no readable time of decision",
            "absurd_time": "were decided in the future or before 1970",
        },
        "Every decision has a plausible time",
        blocking=0.05,
    ),
    FaultCheck(
        "outcomes_after_decisions",
        {"outcome_before_decision": "have an outcome from before the decision"},
        "No outcome predates its decision",
        blocking=0.01,
    ),
    FaultCheck(
        "outcomes_in_window",
        {"outcome_after_window": "have an outcome that came after the window and counts as none"},
        "Every outcome came within its window",
        noun="units",
        fault_severity="info",
    ),
    FaultCheck(
        "outcomes_mature",
        {
            "immature": "are not mature yet and do not count",
            "after_as_of": "were decided after the moment of the check and do not count",
        },
        "Every unit is mature",
        noun="units",
        fault_severity="info",
    ),
    FaultCheck(
        "delivery_after_offer",
        {
            "delivered_without_offer": "were delivered but never offered",
            "delivered_before_decision": "were delivered before the decision",
        },
        "Every delivery follows an offer and its decision",
    ),
    FaultCheck(
        "steps_readable",
        faults_of("steps_readable"),
        "Every step holds yes, no or a time",
        advice="Write 1 and 0, true and false, or the time when it happened",
    ),
    FaultCheck(
        "holdout_untouched",
        {
            "holdout_offered": "of the holdout were offered",
            "holdout_delivered": "of the holdout were delivered to",
        },
        "Nobody in the holdout was offered anything",
        noun="units",
        blocking=0.05,
        advice="A treated holdout hides lift",
    ),
    FaultCheck(
        "one_model_version",
        {
            "other_model_version": "belong to another model version and do not count",
            "mixed_model_version": "belong to other model versions than most, and the version to "
            "check was not named",
        },
        "Every row belongs to the version checked",
        fatal=("mixed_model_version",),
    ),
    FaultCheck(
        "propensities_valid",
        {"propensity_out_of_range": "have no propensity in (0, 1]"},
        "Every propensity is in (0, 1]",
        noun="units",
        blocking=0.001,
    ),
    FaultCheck(
        "predictions_covered",
        {"uncovered": "were scored but have no outcome in an arm"},
        "Every scored unit has an outcome",
        noun="units",
        tolerated=0.1,
    ),
    FaultCheck(
        "arms_matched",
        {
            "arm_otherwise_written": "of the list of arms are decided units only where their ids are "
            "written alike (0012, 12, 12.0)"
        },
        "No id in the list of arms is written differently in the decisions",
        noun="units",
        blocking=0.001,
        advice="They are not in the arm that the list gives them: set sources.ids: number, or write ids alike",
    ),
    FaultCheck(
        "events_readable",
        {
            "event_without_amount": "have no readable amount and add nothing",
            "event_without_time": "have no readable time and do not count",
        },
        "Every event has a time, and an amount where amounts are added up",
        noun="events",
        tolerated=0.001,
        blocking=0.05,
    ),
    FaultCheck(
        "events_once",
        {"event_twice": "repeat the id of another event and do not count"},
        "Few events repeat the id of another",
        noun="events",
        tolerated=0.1,
        blocking=0.5,
        advice="Is sources.events.id the id of an event, and not of a customer or a batch?",
    ),
    FaultCheck(
        "events_identified",
        {"event_without_id": "have no id and count each, even where one is there twice"},
        "Nearly every event has an id",
        noun="events",
        tolerated=0.01,
        blocking=0.5,
        advice="Name the column of the event's id in sources.events.id, or none where there is none",
    ),
    FaultCheck(
        "events_attributed",
        {"event_without_unit": "have no unit and do not count"},
        "Hardly any event lacks a unit",
        noun="events",
        tolerated=0.01,
        advice="What is bought without an id is missing from both arms",
    ),
    FaultCheck(
        "cohorts_closed",
        {
            "late_row": "were added to closed cohorts since the last check",
            "removed_row": "were removed from closed cohorts since the last check",
            "left_out_unit": "of the last check are not in this answer",
        },
        "No closed cohort has changed since the last check",
    ),
)
BY_NAME: Final = {c.name: c for c in FAULT_CHECKS}
