"""Who said what, as it stands today: of one person in one role the newest answer to each question.

An answer given earlier is superseded, not deleted: it stays in the record.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING

from spot_mlflow.person import person_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from spot_mlflow.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Answer:
    """One person's answer to one question; ``now`` is None for "don't know"."""

    now: int | None
    at: datetime
    target: int | None = None
    by: date | None = None
    owner: str | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Respondent:
    """One person in one role.

    Attributes:
        person: as recorded, None where the name was erased.
        role: in which they answered.
        at: when their newest answer came, UTC.
        answers: question id -> the newest answer.
        key: tells people apart without regard to case or blanks; an erased name is its own person.
    """

    person: str | None
    role: str
    at: datetime
    answers: Mapping[str, Answer] = field(default_factory=dict)
    key: str = ""


def current_respondents(entries: Iterable[Evidence]) -> tuple[Respondent, ...]:
    """Returns the respondents with their newest answers, sorted by role, person and time."""
    merged: dict[tuple[str, str], Respondent] = {}
    for entry in sorted(entries, key=lambda e: (e.at, e.id)):
        key = person_key(entry.person) or f"erased:{entry.id}"
        role = entry.role or ""
        before = merged.get((key, role))
        answers = dict(before.answers) if before else {}
        for question, given in entry.payload.get("answers", {}).items():
            answers[question] = _answer(given, entry.at)
        merged[key, role] = Respondent(entry.person, role, entry.at, answers, key)
    return tuple(merged[k] for k in sorted(merged, key=lambda k: (k[1], k[0])))


def _answer(given: Mapping[str, object], at: datetime) -> Answer:
    by = given.get("by")
    now, target = given.get("now"), given.get("target")
    return Answer(
        now=now if isinstance(now, int) else None,
        at=at,
        target=target if isinstance(target, int) else None,
        by=date.fromisoformat(str(by)[:10]) if by else None,
        owner=str(given["owner"]) if given.get("owner") else None,
        comment=str(given["comment"]) if given.get("comment") else None,
    )
