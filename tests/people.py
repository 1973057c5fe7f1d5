"""Evidence about people for tests: entries as the record hands them out, without an MLflow."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta, timezone
from typing import Any

from spot_mlflow.evidence import Evidence, digest_of
from spot_mlflow.involvement.appeal import check_pulse
from spot_mlflow.involvement.concerns import check_raise, concern_id
from spot_mlflow.involvement.log import check_entry
from spot_mlflow.readiness.assessment import parse_answers, parse_discussion
from spot_mlflow.readiness.instrument import shipped_instrument

NOW = datetime(2026, 11, 1, 12, tzinfo=timezone.utc)
INSTRUMENT = shipped_instrument()


def entry(  # noqa: PLR0917 - an entry has as many fields, and tests name them by place
    kind: str,
    payload: dict[str, Any],
    person: str | None,
    role: str | None,
    days: float = 0,
    version: str | None = None,
    **more: Any,
) -> Evidence:
    """One entry recorded ``days`` before NOW."""
    return Evidence(
        id=more.pop("id", None) or uuid.uuid4().hex,
        kind=kind,
        model="churn",
        version=version,
        at=NOW - timedelta(days=days),
        person=person,
        role=role,
        payload=payload,
        digest=digest_of(payload),
        **more,
    )


def assessment(
    person: str | None, role: str, answers: dict[str, Any], days: float = 0, **more: Any
) -> Evidence:
    """One respondent's answers."""
    return entry("assessment", parse_answers(answers, INSTRUMENT), person, role, days, **more)


def event(
    person: str | None, role: str, phase: str | None, kind: str, days: float = 0, **more: Any
) -> Evidence:
    """One entry of the involvement log."""
    said = {k: more.pop(k) for k in ("what", "evidence", "when") if k in more}
    payload = check_entry(phase=phase, kind=kind, now=NOW, **said)
    return entry("involvement", payload, person, role, days, **more)


def raised(
    person: str | None,
    role: str,
    severity: str,
    days: float = 0,
    what: str = "too many calls",
    **more: Any,
) -> Evidence:
    """A concern as it is raised."""
    id_ = uuid.uuid4().hex
    payload = check_raise(what=what, severity=severity, concern=concern_id(id_))
    return entry("concern", payload, person, role, days, id=id_, **more)


def act(
    on: Evidence, what: str, person: str | None, role: str, days: float = 0, **more: Any
) -> Evidence:
    """An answer, a confirmation or a reopening of a concern, not checked."""
    payload = {"concern": on.payload["concern"], "act": what, "what": "said"}
    return entry("concern", payload, person, role, days, **more)


def pulse(person: str, role: str, useful: int, would_use: int, days: float = 0) -> Evidence:
    """A pulse."""
    return entry("pulse", check_pulse(useful, would_use, role=role), person, role, days)


def note(question: str, days: float = 0) -> Evidence:
    """A discussion note on a question."""
    payload = parse_discussion(question, "talked over", INSTRUMENT)
    return entry("discussion", payload, "Kim", "business", days)
