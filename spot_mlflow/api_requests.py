"""The public functions of a version's way to a target, and of what is decided of it there.

``model`` is what ``spot_mlflow.api`` takes. Each call but the last writes one entry, whole or not at all.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from spot_mlflow.gate.promotion import find_request, requests_of
from spot_mlflow.person import check_speaker
from spot_mlflow.record.policies import adoption_under_policy
from spot_mlflow.record.shared import shared_record
from spot_mlflow.statements import STATEMENTS, Known, read_statement
from spot_mlflow.validation import utc

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from spot_mlflow.evidence import Evidence
    from spot_mlflow.gate.promotion import PromotionRequest
    from spot_mlflow.record import Record
    from spot_mlflow.record.subject import Subject


def request_promotion(
    model: Any,
    *,
    target: str,
    why: str,
    person: str,
    role: str | None = None,
    expires: date | str | None = None,
    record: Record | None = None,
) -> str:
    """Requests a target for a version and returns the request's id ("r3f2a9").

    A role that signs off for the target decides it; whoever has the right then makes the change, and the gate
    judges again. ``approve_request``, ``reject_request``, ``withdraw_request`` take its id.

    Args:
        model: which version.
        target: a stage ("Production") or an alias ("@champion").
        why: the reason, in a sentence or two.
        person: who asks; the same person cannot decide on it.
        role: in which role, where that matters.
        expires: last day on which it can be decided; 30 days from now where None, 90 at most.
        record: where to write.

    Raises:
        InvalidInput: the version holds the target already, or the same request is open.
    """
    said = {
        "act": "asked",
        "target": target,
        "why": why,
        "expires": expires if expires is None else str(expires),
    }
    written = _of_request(model, "request", said, person, role, record)
    return str(written.payload["request"])


def approve_request(
    model: Any,
    request: str,
    *,
    person: str,
    role: str,
    note: str = "",
    record: Record | None = None,
) -> Evidence:
    """Approves a request: a sign-off that also binds the version's files and the policy.

    It counts as long as any sign-off does, and until the files, the policy or the lift contract change.

    Args:
        model: which model.
        request: id of the request.
        person: who approves; not the one who asks.
        role: one that signs off for the target.
        note: a note that is kept with it.
        record: where to write.

    Raises:
        NotFound: no such request.
        InvalidInput: it is not open, or what was asked for was changed since.
        Refused: the person who asked cannot approve it, nor can a role that does not sign off.
    """
    record = record or shared_record()
    about, found = _requested(model, request, record)
    said = {"target": found.target, "note": note, "request": found.id}
    return _of_request(about, "sign-off", said, person, role, record)


def reject_request(
    model: Any, request: str, *, person: str, role: str, reason: str, record: Record | None = None
) -> Evidence:
    """Rejects a request, or takes its approval back; the arguments are those of ``approve_request``."""
    record = record or shared_record()
    about, found = _requested(model, request, record)
    said = {"act": "rejected", "request": found.id, "reason": reason}
    return _of_request(about, "request", said, person, role, record)


def withdraw_request(
    model: Any,
    request: str,
    *,
    person: str,
    role: str | None = None,
    reason: str = "",
    record: Record | None = None,
) -> Evidence:
    """Withdraws a request; only the one who asked may, and an approval ends with it."""
    record = record or shared_record()
    about, found = _requested(model, request, record)
    said = {"act": "withdrawn", "request": found.id, "reason": reason}
    return _of_request(about, "request", said, person, role, record)


def break_glass(
    model: Any,
    *,
    target: str,
    reason: str,
    person: str,
    until: datetime | str | None = None,
    record: Record | None = None,
) -> Evidence:
    """Lets a version through to a target although requirements are not met; it shows everywhere, and ends by itself.

    On a gated server an administrator's right. It is not a waiver: all requirements stay open, and
    the version does not count as one to roll back to.

    Args:
        model: which version.
        target: a stage ("Production") or an alias ("@champion").
        reason: why it cannot wait.
        person: who answers for it.
        until: when it ends; in 24 hours where None, in seven days at most.
        record: where to write.
    """
    end = until if until is None or isinstance(until, str) else until.isoformat()
    said = {"target": target, "reason": reason, "until": end}
    return _of_request(model, "break-glass", said, person, None, record)


def log_resolution(
    model: Any,
    *,
    choice: str,
    why: str,
    person: str,
    role: str,
    by: date | str | None = None,
    record: Record | None = None,
) -> Evidence:
    """Records whether a version is kept, fixed or stopped, after its newest outcome check.

    Args:
        model: which version.
        choice: "keep", "fix" or "stop".
        why: the reason, in a sentence or two.
        person: who decides.
        role: "executive" or "business".
        by: the day by which a fix must show; required for a fix, and not allowed otherwise.
        record: where to write.

    Raises:
        InvalidInput: a fix without a day, or with one more than a year away.
        Refused: the version was not checked yet, or the role does not decide.
    """
    said = {"choice": choice, "why": why, "by": by if by is None else str(by)}
    return _of_request(model, "resolution", said, person, role, record)


def get_requests(model: Any, *, record: Record | None = None) -> tuple[PromotionRequest, ...]:
    """Returns the requests for targets of a model, oldest first, each with what became of it."""
    record = record or shared_record()
    return requests_of(record.entries(record.about(model)), now=utc(None))


def _requested(model: Any, request: str, record: Record) -> tuple[Subject, PromotionRequest]:
    """Returns the version that a request asks for, and the request."""
    about = record.about(model)
    found = find_request(get_requests(about, record=record), request)
    return record.named(about.ref.name, found.version), found


def _of_request(  # noqa: PLR0917 - private; the public functions name their arguments
    model: Any,
    kind: str,
    said: Mapping[str, Any],
    person: str,
    role: str | None,
    record: Record | None,
) -> Evidence:
    """Writes a step of a request: judged by the policy, and by where the version's files are."""
    check_speaker(kind, person, role)
    record = record or shared_record()
    if said.get("target"):
        record.ways.check_target(said["target"])
    about = record.about(model)
    adoption, policy = adoption_under_policy(record, about)
    known = Known(
        person=person,
        role=role,
        adoption=record.with_files(adoption),
        policy=policy,
        entry_id=uuid.uuid4().hex,
    )
    payload = read_statement(STATEMENTS[kind], said).payload(known)
    return record.append(about, kind, payload, person=person, role=role, entry_id=known.entry_id)
