"""The one way to write evidence on a gated server: ``POST /ajax-api/2.0/spot/entries``.

The server stamps who and when, checks what is said with the same rules as the client library,
digests, signs and anchors it, and writes the summary tags. The route lies under ``/ajax-api/`` so
that MLflow's cross-origin protection covers it.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.adoption import UNLISTED, build_adoption
from spot_mlflow.errors import Conflict, InvalidInput, NotFound, Refused
from spot_mlflow.evidence import Evidence, canonical
from spot_mlflow.gate.break_glass import KIND as BREAK_GLASS
from spot_mlflow.person import check_person
from spot_mlflow.record import REGISTRY
from spot_mlflow.record.outcomes import figures_of, latest_moments
from spot_mlflow.record.policies import record_policy
from spot_mlflow.spoken import BY_LINK
from spot_mlflow.statements import MOMENTS, Known, PolicyInForce, read_statement
from spot_mlflow.taken_down import TAKEN_DOWN
from spot_mlflow.validation import utc
from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.quick_writer import AlreadyWritten
from spot_mlflow_plugins.server.files.model_signature import signature_digest
from spot_mlflow_plugins.server.record.pinned_policy import (
    keep_policy,
    policy_in_force,
    refuse_where_pinned,
)
from spot_mlflow_plugins.server.record.signed import (
    entry_lock,
    evidence_json,
    model_lock,
    server_record,
)
from spot_mlflow_plugins.server.routes.approvals import files_as_approved
from spot_mlflow_plugins.server.routes.entry_checks import check_payload
from spot_mlflow_plugins.server.routes.entry_request import Request
from spot_mlflow_plugins.server.routes.recomputed import agreed, loaded, recomputed
from spot_mlflow_plugins.server.routes.speakers import word_by_link, word_of
from spot_mlflow_plugins.server.trust.identity import authenticated_user, requires_login

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.record import Record
    from spot_mlflow.record.subject import Subject
    from spot_mlflow_plugins.server.routes.entry_request import Bearer


MAX_PAYLOAD: Final = 2_000_000  # characters of JSON
_SHOWN: Final = 300  # characters of what somebody tried: they chose them
_LARGEST_STEP: Final = 2**63 - 1  # of a database's integer
_NEW_ID: Final = "Send it with a new id, or without an id."
_SKEW: Final = timedelta(minutes=5)
_PATH: Final = re.compile(r"[\w-][\w.-]*(?:/[\w-][\w.-]*)*")
_ID: Final = re.compile(r"[0-9a-f]{32}")
_BOUND_TO_FILES: Final = frozenset({"sign-off", "request", "break-glass"})
_KEYS: Final = frozenset(
    [
        "id",
        "model",
        "version",
        "kind",
        "payload",
        "person",
        "role",
        "at",
        "metrics",
        "artifacts",
        "dataset",
        "recorded_by",
    ]
)


def write_entry(body: Any, bearer: Bearer | None = None) -> dict[str, Any]:
    """Writes one entry and returns it as recorded, as JSON values.

    Args:
        body: the request's JSON.
        bearer: who holds the mailed link by which it came.

    Raises:
        InvalidInput: the request is malformed; nothing is written.
        Refused: a rule says no; nothing is written.
        Unavailable: MLflow's store did not answer; what was begun does not count.
    """
    request = parse_request(body)
    record = server_record()
    try:
        with model_lock(request.model), entry_lock(request.id):
            try:
                evidence = (
                    _write_policy(record, request)
                    if request.kind == "policy" and bearer is None
                    else _write(record, request, bearer)
                )
            except AlreadyWritten:
                evidence = _written_before(record, request)
    except Refused:
        _note_refused(request)
        raise
    return evidence_json(evidence)


def _note_refused(request: Request) -> None:
    """Has the attempt recorded: somebody spoke as one who may not, or for the server."""
    # Whom they claimed to be is not kept: a name stands in erasable tags only.
    private.model_registry_store()._spot_decider.attempt(  # noqa: SLF001 - ours, set at start
        "entry",
        f"record this {request.kind}"[:_SHOWN],
        place=request.model,
        model=lambda: request.model,
        version=request.version,
    )


def parse_request(body: Any) -> Request:
    """Checks the form of a request.

    Raises:
        InvalidInput: naming the key.
    """
    if not isinstance(body, dict):
        raise InvalidInput(f"expected a JSON object, got {type(body).__name__}")
    unknown = sorted(set(body) - _KEYS)
    if unknown:
        raise InvalidInput(
            f"unknown key '{unknown[0]}'", fix=f"Known keys: {', '.join(sorted(_KEYS))}."
        )
    payload = body.get("payload")
    if not isinstance(payload, dict):
        raise InvalidInput("'payload' must be an object")
    _check_size(payload)
    return Request(
        id=_entry_id(body.get("id")),
        model=_text(body, "model") or "",
        version=_text(body, "version"),
        kind=_text(body, "kind") or "",
        payload=payload,
        person=_name(body, "person"),
        role=_text(body, "role"),
        at=_moment(body.get("at")),
        recorded_by=_name(body, "recorded_by") or "",
        metrics=_metrics(body.get("metrics")),
        artifacts=_artifacts(body.get("artifacts")),
        dataset=_dataset(body.get("dataset")),
    )


def _write(record: Record, request: Request, bearer: Bearer | None) -> Evidence:
    """Writes an entry of a model."""
    if not request.model:
        raise InvalidInput("'model' is empty", fix="Name the registered model.")
    about = _resolve(record, request)
    facts, entries = record.state(about, recent=True)
    repeated = next((e for e in entries if e.id == request.id), None)
    if repeated is not None:
        return _same(request, repeated)
    policy = policy_in_force(record)
    adoption = build_adoption(facts, entries, version=request.version, now=utc(None))
    if request.kind in _BOUND_TO_FILES:
        adoption = record.with_files(adoption)
    word = word_by_link(request, bearer) if bearer else word_of(request, adoption)
    known = Known(
        person=word.person,
        role=word.role,
        adoption=adoption,
        policy=policy,
        entry_id=request.id,
        artifacts=request.artifacts,
    )
    payload = check_payload(request.kind, request.payload, known, version=request.version)
    metrics = request.metrics
    for ours in (TAKEN_DOWN, BY_LINK):
        payload.pop(ours, None)
    if word.unlisted:
        payload[UNLISTED] = True
    if word.taken_down:
        payload[TAKEN_DOWN] = True
    if word.link:
        payload[BY_LINK] = word.link
    if request.kind == "outcomes":
        payload, metrics = _computed_here(record, request, payload, adoption)
    if request.kind == "prediction":
        payload["signature"] = signature_digest(record, about.ref)
    with files_as_approved(record, request, payload, known) as payload:
        return record.append(
            about,
            request.kind,
            payload,
            person=word.person,
            role=word.role,
            at=request.at,
            metrics=metrics,
            artifacts=request.artifacts,
            dataset=request.dataset,
            recorded_by=word.recorder,
            entry_id=request.id,
            # Others have their client ask for the summary; that the glass was broken is told at once.
            refresh=request.kind == BREAK_GLASS,
        )


def _computed_here(
    record: Record, request: Request, payload: dict[str, Any], adoption: Adoption
) -> tuple[dict[str, Any], tuple[tuple[str, float, int], ...]]:
    """Returns payload and metrics of an outcome check as the server computes them from its moments."""
    moments = loaded(request.artifacts[MOMENTS])
    report = recomputed(payload, moments, adoption, latest_moments(record, adoption))
    return agreed(payload, report), tuple(figures_of(report, adoption))


def _written_before(record: Record, request: Request) -> Evidence:
    """Returns the entry that has this id already: the same request, sent twice.

    Raises:
        Conflict: another entry has it, here or elsewhere.
    """
    of = REGISTRY if request.kind == "policy" else _resolve(record, request)
    found = next((e for e in record.entries(of) if e.id == request.id), None)
    if found is None:
        raise Conflict(f"entry {request.id} is being written, or its id is taken", fix=_NEW_ID)
    return _same(request, found)


def _same(request: Request, found: Evidence) -> Evidence:
    """Returns an entry that was sent again; what is there is never overwritten.

    Raises:
        Conflict: it is another one.
    """
    user = authenticated_user()
    asked = (request.kind, request.version or found.version)
    if (found.kind, found.version) != asked or (user is not None and found.recorded_by != user):
        raise Conflict(f"another entry has the id {request.id}", fix=_NEW_ID)
    return found


def _write_policy(record: Record, request: Request) -> Evidence:
    """Writes a policy: an administrator's word where there are logins."""
    refuse_where_pinned()
    user = authenticated_user()
    if requires_login() and not private.sender_is_admin():
        raise Refused(
            f"only an administrator of this server may set the policy, not {user}",
            fix="Ask one of them.",
        )
    entry = record_policy(
        record,
        read_statement(PolicyInForce, request.payload, where="payload").payload(Known()),
        person=user or request.person,
        role=request.role,
        recorded_by=user or request.recorded_by,
        entry_id=request.id,
    )
    keep_policy(entry)
    return entry


def _resolve(record: Record, request: Request) -> Subject:
    """Finds exactly the model that is named: no reading of "name/3" or "name@alias" here."""
    about = record.named(request.model, request.version)
    facts = record.facts_about(about)
    if request.version is not None and facts.version(request.version) is None:
        known = ", ".join(v.version for v in facts.versions) or "none"
        raise NotFound(
            f"model {request.model!r} has no version {request.version!r}; it has {known}"
        )
    return about


def _check_size(payload: Mapping[str, Any]) -> None:
    try:
        size = len(canonical(payload))
    except (TypeError, ValueError, RecursionError) as e:
        raise InvalidInput(f"'payload' cannot be written as JSON: {e}") from None
    if size > MAX_PAYLOAD:
        raise InvalidInput(f"'payload' has {size:,} characters, must have at most {MAX_PAYLOAD:,}")


def _entry_id(value: Any) -> str:
    import uuid

    if value is None:
        return uuid.uuid4().hex
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise InvalidInput(f"id == {value!r}, must be 32 hex digits")
    return value


def _text(body: Mapping[str, Any], key: str) -> str | None:
    value = body.get(key)
    if value is not None and not isinstance(value, str):
        raise InvalidInput(f"{key} == {value!r}, must be text")
    return value


def _name(body: Mapping[str, Any], key: str) -> str | None:

    value = _text(body, key)
    return check_person(value, where=key) if value and value.strip() else None


def _moment(value: Any) -> datetime:
    """A worksheet from last week is welcome; an entry from the future is not."""
    now = utc(None)
    if value is None:
        return now
    if not isinstance(value, str):
        raise InvalidInput(f"at == {value!r}, must be a date and time")
    at = utc(value)
    if at > now + _SKEW:
        raise InvalidInput(f"at == {at.isoformat()}, must not be in the future")
    return min(at, now)


def _metrics(value: Any) -> tuple[tuple[str, float, int], ...]:
    try:
        found = tuple((str(n), float(v), int(s)) for n, v, s in value or ())
    except (TypeError, ValueError, OverflowError):
        raise InvalidInput("'metrics' must be a list of [name, value, step]") from None
    for name, number, step in found:
        if not math.isfinite(number) or abs(step) > _LARGEST_STEP:
            raise InvalidInput(f"metric {name!r} must have a finite value and a 64-bit step")
    return found


def _artifacts(value: Any) -> dict[str, bytes]:
    if not isinstance(value or {}, dict):
        raise InvalidInput("'artifacts' must be an object of path and base64 text")
    found: dict[str, bytes] = {}
    for path, text in (value or {}).items():
        if not _PATH.fullmatch(path):
            raise InvalidInput(f"artifact path {path!r} must be plain names with / between them")
        try:
            found[path] = base64.b64decode(text, validate=True)
        except (binascii.Error, TypeError, ValueError):
            raise InvalidInput(f"artifact {path!r} must be base64 text") from None
    return found


def _dataset(value: Any) -> tuple[str, str, str] | None:
    if value is None:
        return None
    if not isinstance(value, list) or [type(v) for v in value] != [str, str, str]:
        raise InvalidInput("'dataset' must be [name, digest, source]")
    return value[0], value[1], value[2]
