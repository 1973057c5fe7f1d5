"""Checks the outcomes of one model version and records the answer: read first, then kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.api import log_outcomes
from spot_mlflow.errors import InvalidInput
from spot_mlflow.record import outcomes
from spot_mlflow.verdicts import VERDICTS, VIABILITY
from spot_mlflow_checks import check_outcomes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
    from spot_mlflow.lift.report import LiftReport
    from spot_mlflow.record import ModelRef, Record

# Name of a pass -> what it does, for people.
PASSES: Final[Mapping[str, str]] = {
    "closed cohorts": "Looking at the closed cohorts",
    "tables": "Opening the tables",
    "decisions": "Choosing the decisions that count",
    "events": "Reading the events",
    "joining": "Joining decisions, events and steps",
    "quantile": "Finding where outcomes are capped",
    "base": "Reading the log",
    "clusters": "Adding up clusters",
    "examples": "Finding examples of what is wrong",
    "units": "Looking for units that occur twice",
    "score bins": "Adding up by score",
    "teams": "Adding up by team and week",
    "actions": "Counting what was acted on",
    "offers": "Adding up by offer",
    "statistics": "Computing the lift",
    "recording": "Recording in MLflow",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a log says, held against the record and not yet written there.

    Attributes:
        ref: the version checked.
        report: the answer, as it may be stored.
        adoption: what was known of the version before.
        last: moments of its last check, or None.
    """

    ref: ModelRef
    report: LiftReport
    adoption: Adoption
    last: OutcomeMoments | None


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of a check.

    Attributes:
        report: the answer.
        adoption: what was known of the version before.
        recorded: whether an entry was written.
        known_since: time of the entry that has the same figures, or "".
    """

    report: LiftReport
    adoption: Adoption
    recorded: bool
    known_since: str = ""


def read_outcomes(
    record: Record,
    ref: ModelRef,
    source: Any,
    settings: Mapping[str, Any],
    tell: Callable[[str], None],
) -> Answer:
    """Reads the outcomes of a version and computes the answer; nothing is written.

    Args:
        record: where the promise is.
        ref: the version.
        source: where the outcomes lie.
        settings: further arguments of ``check_outcomes``.
        tell: called with the name of each pass as it begins.

    Raises:
        InvalidInput: no promise is recorded for the version, or the outcomes cannot be used.
    """
    adoption = record.adoption(ref)
    if adoption.predicted is None:
        raise InvalidInput(
            f"no predicted lift is recorded for {ref}",
            fix=f"First: spot promise {ref.typed} lift.yaml",
        )
    last = outcomes.latest_moments(record, adoption)
    report = check_outcomes(
        source,
        adoption.predicted,
        **settings,
        model_version=ref.version,
        previous=last,
        previous_looks=outcomes.previous_looks(adoption),
        progress=tell,
    )
    return Answer(ref, outcomes.as_stored(report, last), adoption, last)


def keep(
    record: Record, answer: Answer, *, person: str | None, dry_run: bool, again: bool = False
) -> Checked:
    """Records an answer, unless dry or known.

    Args:
        record: where.
        answer: what was read.
        person: who checked, where known.
        dry_run: write nothing.
        again: write an entry also where the same figures are on record.
    """
    report, adoption, last = answer.report, answer.adoption, answer.last
    known = None if again else outcomes.on_record(report, adoption, last)
    if known is not None:
        report = outcomes.looked_again(report, int(known["previous_looks"]), last)
        return Checked(report, adoption, recorded=False, known_since=str(known["at"]))
    report = outcomes.with_history(report, adoption, last)
    if not dry_run:
        log_outcomes(answer.ref, report, person=person, again=again, record=record)
    return Checked(report, adoption, recorded=not dry_run)


def failures(report: LiftReport) -> set[str]:
    """Returns the names under which ``--fail-on`` finds a report."""
    found = {VERDICTS[report.verdict].fail_on, VIABILITY[report.viable].fail_on}
    return found if report.success else {*found, "data"}
