"""The public functions: what a training script and the command line call.

``model`` everywhere is what a training script holds: "churn", "churn/3", "models:/churn/3",
"models:/churn@champion", a ``ModelInfo`` (from ``log_model``) or its ``model_uri``, a
``LoggedModel``, a ``ModelVersion`` or a ``RegisteredModel``. Each call writes one entry of evidence,
whole or not at all, and returns it.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spot_mlflow.errors import InvalidInput, NotFound
from spot_mlflow.gate.decision import decide
from spot_mlflow.gate.waivers import check_waiver
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.lift.report import LiftReport
from spot_mlflow.person import check_person, check_role, check_speaker
from spot_mlflow.readiness.answer_file import read_answer_file
from spot_mlflow.readiness.assessment import parse_answers
from spot_mlflow.readiness.instrument import default_instrument
from spot_mlflow.record import outcomes
from spot_mlflow.record.asking import who_asks
from spot_mlflow.record.policies import adoption_under_policy, current_policy
from spot_mlflow.record.shared import shared_record
from spot_mlflow.statements import STATEMENTS, Known, read_statement
from spot_mlflow.taken_down import KIND, check_confirmation
from spot_mlflow.validation import utc

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.evidence import Evidence
    from spot_mlflow.gate.decision import GateDecision
    from spot_mlflow.record import Record
    from spot_mlflow.record.subject import Subject


def _record(record: Record | None) -> Record:
    if record is not None:
        return record
    return shared_record()


def _versioned(subject: Subject) -> Subject:
    if subject.ref.version is None:
        raise NotFound(
            f"model {subject.ref.name!r} has no version yet",
            fix="Log one with log_model(..., registered_model_name=...).",
        )
    return subject


def _say(
    model: Any,
    kind: str,
    said: Mapping[str, Any],
    *,
    person: str,
    role: str | None,
    record: Record | None,
    follows: bool = False,
    versioned: bool = False,
) -> Evidence:
    """Writes what a person says; ``follows``: it is judged by what was said before."""
    check_speaker(kind, person, role)
    known = Known(person=person, role=role, entry_id=uuid.uuid4().hex)
    statement = read_statement(STATEMENTS[kind], said)
    payload = None if follows else statement.payload(known)  # before MLflow is asked for anything
    record = _record(record)
    if said.get("target"):
        record.ways.check_target(said["target"])
    about = record.about(model)
    if versioned:
        _versioned(about)
    if payload is None:
        payload = statement.payload(replace(known, adoption=record.adoption(about)))
    return record.append(about, kind, payload, person=person, role=role, entry_id=known.entry_id)


def _text(day: datetime | date | str | None) -> str | None:
    return day if day is None or isinstance(day, str) else day.isoformat()


def log_predicted_lift(
    model: Any,
    predicted: PredictedLift | Mapping[str, Any] | str | Path,
    *,
    person: str | None = None,
    role: str | None = None,
    record: Record | None = None,
) -> Evidence:
    """Records the promise made for a model version.

    Args:
        model: which version; see the module.
        predicted: the lift contract, a dict of its keys, or the path of a ``lift.yaml``.
        person: who promises, where known.
        role: in which role.
        record: where to write; MLflow's own settings where None.

    Raises:
        InvalidInput: a key is unknown, misspelt or out of range; nothing is written.
        NotFound: no such model or version.
    """
    contract = PredictedLift.load(predicted if not hasattr(predicted, "items") else dict(predicted))  # type: ignore[arg-type]
    if person is not None or role is not None:  # who promises does so in a role
        check_person(person)
        check_role(role)
    record = _record(record)
    about = _versioned(record.about(model))
    payload = {
        "contract": contract.to_dict(),
        "contract_digest": contract.digest,
        "signature": record.signature_digest(about),
    }
    p = contract.predicted
    metrics = [("predicted_lift", p.lift, 0), ("predicted_lift_se", p.standard_error, 0)]
    if contract.minimum is not None:
        metrics.append(("minimum_viable_lift", contract.minimum, 0))
    return record.append(
        about,
        "prediction",
        payload,
        person=person,
        role=role,
        metrics=metrics,
        artifacts={"lift.yaml": contract.to_yaml().encode()},
    )


def log_assessment(
    model: Any,
    answers: Mapping[str, Any] | str | Path,
    *,
    person: str,
    role: str,
    record: Record | None = None,
) -> Evidence:
    """Records one respondent's answers to the S.P.O.T. questions.

    Args:
        model: which model; see the module.
        answers: question id -> level 1 to 5, or a dict with now, target, by, owner, comment, or
            "don't know"; or the path of an answer file.
        person: who answers.
        role: one of executive, business, frontline, data_scientist, engineer.
        record: where to write.

    Raises:
        InvalidInput: an unknown question, a level out of 1 to 5; nothing is written.
    """
    check_speaker("assessment", person, role)
    instrument = default_instrument()
    if isinstance(answers, str | Path):
        payload = dict(read_answer_file(answers, instrument).payload)  # with the file's own stamp
    else:
        payload = parse_answers(answers, instrument, where=f"answers of {person}")
    record = _record(record)
    return record.append(record.about(model), "assessment", payload, person=person, role=role)


def log_involvement(
    model: Any,
    *,
    phase: str,
    kind: str,
    person: str,
    role: str,
    what: str = "",
    evidence: str | None = None,
    when: datetime | date | str | None = None,
    record: Record | None = None,
) -> Evidence:
    """Records that somebody took part.

    Args:
        model: which model; see the module.
        phase: naming, scope, features, review or feedback.
        kind: informed, contributed, decided, asked-no-concerns, champion or champion-stepped-down.
        person: who took part.
        role: in which role.
        what: in a sentence; for a naming entry that decided, the product's name.
        evidence: link to minutes, a mail, a recording.
        when: the day it happened; now where None.
        record: where to write.
    """
    said = {"phase": phase, "kind": kind, "what": what, "evidence": evidence, "when": _text(when)}
    return _say(model, "involvement", said, person=person, role=role, record=record)


def raise_concern(
    model: Any, *, person: str, role: str, what: str, severity: str, record: Record | None = None
) -> str:
    """Raises a concern and returns its id ("c1a2b3").

    Args:
        model: which model; see the module.
        person: who is concerned.
        role: in which role.
        what: the concern, in a sentence.
        severity: blocking, major or minor.
        record: where to write.
    """
    said = {"act": "raised", "what": what, "severity": severity}
    written = _say(model, "concern", said, person=person, role=role, record=record)
    return str(written.payload["concern"])


def answer_concern(
    model: Any, concern: str, *, person: str, role: str, what: str, record: Record | None = None
) -> Evidence:
    """Answers a concern; it closes when the person who raised it confirms."""
    return _follow_up(model, concern, "answered", person, role, what, record)


def confirm_concern(
    model: Any,
    concern: str,
    *,
    person: str,
    role: str,
    what: str = "",
    record: Record | None = None,
) -> Evidence:
    """Confirms that a concern was answered; only the person who raised it may."""
    return _follow_up(model, concern, "confirmed", person, role, what, record)


def reopen_concern(
    model: Any, concern: str, *, person: str, role: str, what: str, record: Record | None = None
) -> Evidence:
    """Reopens a concern that was answered or confirmed; only the person who raised it may."""
    return _follow_up(model, concern, "reopened", person, role, what, record)


def _follow_up(  # noqa: PLR0917 - private; the public functions name their arguments
    model: Any, concern: str, act: str, person: str, role: str, what: str, record: Record | None
) -> Evidence:
    said = {"act": act, "concern": concern, "what": what}
    return _say(model, "concern", said, person=person, role=role, record=record, follows=True)


def confirm_entry(
    model: Any, entry: str, *, person: str, role: str | None = None, record: Record | None = None
) -> Evidence:
    """Confirms what somebody else wrote down for a person on a server with logins.

    Args:
        model: which model; see the module.
        entry: id of the entry, or its first digits.
        person: for whom it was written down, and who confirms.
        role: in which role; that of the entry where None.
        record: where to write.

    Raises:
        NotFound: no such entry waits for a confirmation.
        Refused: it was written down for somebody else.
    """
    check_person(person)
    if role is not None:
        check_role(role)
    record = _record(record)
    about = record.about(model)
    entries = record.entries(about)
    payload = check_confirmation(entries, entry, person)
    role = role or next(e.role for e in entries if e.id == payload["entry"])
    return record.append(about, KIND, payload, person=person, role=role)


def log_pulse(
    model: Any, *, person: str, role: str, useful: int, would_use: int, record: Record | None = None
) -> Evidence:
    """Records two answers, 1 to 5: "useful for my work", "I would use it tomorrow".

    Users answer for themselves; a builder (data_scientist, engineer) guesses the users' answer.
    """
    said = {"useful": useful, "would_use": would_use}
    return _say(model, "pulse", said, person=person, role=role, record=record)


def log_outcomes(
    model: Any,
    report: LiftReport,
    *,
    person: str | None = None,
    role: str | None = None,
    again: bool = False,
    record: Record | None = None,
) -> Evidence:
    """Records an outcome check; returns the last one, writing nothing, where it has the same figures.

    Args:
        model: the version whose outcomes they are.
        report: what ``spot_mlflow_checks.check_outcomes`` returned.
        person: who checked, where known.
        role: in which role.
        again: write an entry also where these figures are on record already.
        record: where to write.

    Raises:
        InvalidInput: no promise was recorded for this version, the report was checked against
            another one, or it leaves out units of the last check without a reason.
    """
    if not isinstance(report, LiftReport):
        raise InvalidInput(
            f"report is a {type(report).__name__}, must be what check_outcomes returned"
        )
    check_speaker("outcomes", person, role)
    record = _record(record)
    about = _versioned(record.about(model))
    adoption = record.adoption(about)
    promised = adoption.predicted
    if promised is None:
        raise InvalidInput(
            f"no predicted lift is recorded for {about.ref}",
            fix=f"First: spot promise {about.ref.typed} lift.yaml",
        )
    if promised.digest != report.predicted.digest:
        raise InvalidInput(
            f"the outcomes were checked against contract {report.predicted.digest[:12]}, "
            f"{promised.digest[:12]} was promised for {about.ref}",
            fix="Check them against the promise, or record the new promise first.",
        )
    last = outcomes.latest_moments(record, adoption)
    report = outcomes.as_stored(report, last)
    known = None if again else outcomes.on_record(report, adoption, last)
    if known is not None:
        return next(e for e in adoption.entries if e.id == known["entry"])
    entry = outcomes.outcome_entry(outcomes.with_history(report, adoption, last), adoption)
    return record.append(about, "outcomes", person=person, role=role, **entry)


def sign_off(
    model: Any,
    *,
    target: str,
    person: str,
    role: str,
    note: str = "",
    record: Record | None = None,
) -> Evidence:
    """Signs off a version for a target ("Production", "@champion"); binds to its promise."""
    said = {"target": target, "note": note}
    return _say(
        model,
        "sign-off",
        said,
        person=person,
        role=role,
        record=record,
        follows=True,
        versioned=True,
    )


def waive(
    model: Any,
    *,
    target: str,
    requirement: str,
    reason: str,
    approver: str,
    expires: date | str | None = None,
    role: str | None = None,
    record: Record | None = None,
) -> Evidence:
    """Waives one requirement of a version for a limited time, with a reason; always shown.

    Args:
        model: which version.
        target: for which target.
        requirement: its name, as the gate prints it.
        reason: why.
        approver: who takes responsibility; not the one who asks for the transition.
        expires: last day; 30 days from now where None, 90 at most.
        role: the approver's role, where known.
        record: where to write.
    """
    record = _record(record)
    record.ways.check_target(target)
    about = _versioned(record.about(model))
    payload = check_waiver(
        target=target,
        requirement=requirement,
        reason=reason,
        approver=approver,
        expires=expires,
        now=utc(None),
        policy=current_policy(record),
    )
    return record.append(about, "waiver", payload, person=approver, role=role)


def get_adoption(model: Any, *, record: Record | None = None) -> Adoption:
    """Returns everything known about a model version, in one call."""
    return _record(record).adoption(model)


def check_gate(
    model: Any, target: str, *, requester: str | None = None, record: Record | None = None
) -> GateDecision:
    """Asks whether a version may go to a target; asks only, nothing is recorded.

    Args:
        model: which version.
        target: a stage ("Production") or an alias ("@champion").
        requester: who would ask for the transition; the login where None.
        record: where to read.
    """
    record = _record(record)
    record.ways.check_target(target)
    adoption, policy = adoption_under_policy(record, _versioned(record.about(model)))
    adoption = record.with_files(adoption)
    return decide(adoption, target, policy=policy, requester=who_asks(record, requester))
