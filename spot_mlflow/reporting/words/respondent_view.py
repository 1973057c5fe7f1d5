"""What one reader is shown of a model: a respondent sees the others' answers once their own are in.

Whoever sees the others' answers first is pulled towards them (anchoring: Tversky & Kahneman 1974,
doi:10.1126/science.185.4157.1124), and a panel would agree without meaning it. So the levels are
kept from those who are asked and have not answered; readers who are not asked, and the gate, which
decides on all answers, go on as ever.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.gate.requirements import requirement_texts
from spot_mlflow.person import person_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.evidence import Evidence
    from spot_mlflow.gate.decision import GateDecision

HIDDEN: Final = "shown once your own answers are in"
_NOT_ANSWERS: Final = ("instrument", "unlisted")  # keys of an assessment
_TOOK_PART: Final = frozenset({"involvement", "concern", "pulse", "prediction"})


def owes_answers(adoption: Adoption, person: str | None, role: str | None = None) -> bool:
    """Whether this reader is asked for answers that are not in yet.

    Asked is who reads in a role that some question is put to: in the role given, or in one in which
    the person took part in the model according to its record.

    Args:
        adoption: everything known.
        person: the reader, None where nobody knows who reads.
        role: the role in which they read, where they say so.
    """
    if role is None:
        return person_key(person) in who_owes(adoption)
    ready = adoption.readiness
    asked = bool(ready.people) and not ready.has_answered(person)
    return asked and role in _asked_roles(adoption)


def who_owes(adoption: Adoption) -> frozenset[str]:
    """Returns everybody who took part in a role that is asked, and has not answered; by ``person_key``.

    Args:
        adoption: everything known.
    """
    asked = _asked_roles(adoption)
    if not adoption.readiness.people:
        return frozenset()
    took_part = {
        person_key(e.person) for e in adoption.entries if e.role in asked and e.kind in _TOOK_PART
    }
    answered = {person_key(r.person) for r in adoption.readiness.respondents}
    return frozenset(took_part - answered - {""})


def _asked_roles(adoption: Adoption) -> frozenset[str]:
    return adoption.readiness.roles | set(adoption.readiness.missing_roles)


def without_answers(entries: Iterable[Evidence]) -> list[Evidence]:
    """Returns the entries of a model as one who owes answers may read them.

    Who answered and when stays; what they answered, what notes say of it, and the levels that the
    gate measured do not. Everything else is as it was.
    """
    return [_without_answers(e) for e in entries]


def _without_answers(e: Evidence) -> Evidence:
    if e.kind == "assessment":
        said: dict[str, Any] = {k: v for k, v in e.payload.items() if k in _NOT_ANSWERS}
        return replace(e, payload={**said, "answers": {}}, withheld=True)
    if e.kind == "discussion":
        return replace(e, payload={**e.payload, "note": HIDDEN}, withheld=True)
    if e.kind == "decision":
        told = _without_levels(e.payload.get("requirements") or ())
        return replace(e, payload={**e.payload, "requirements": told}, withheld=True)
    return e


def _without_levels(requirements: Sequence[Any]) -> list[dict[str, Any]]:
    """Returns what a recorded decision measured, but for levels."""
    found = [dict(r) for r in requirements if isinstance(r, dict)]
    return [
        {**r, "measured": HIDDEN, "fix": "", "who": ""} if _is_of_levels(r.get("name")) else r
        for r in found
    ]


def _is_of_levels(name: object) -> bool:
    texts = requirement_texts()
    return isinstance(name, str) and name in texts and texts[name].group == "Levels"


def seen_by(
    adoption: Adoption,
    decision: GateDecision | None,
    person: str | None,
    role: str | None = None,
) -> tuple[Adoption, GateDecision | None]:
    """Returns what this reader is shown: the same, or without levels where they owe answers.

    The gate's answer stays what it is; only the levels it measured are left out.

    Args:
        adoption: everything known.
        decision: the gate's answer, made on everything known.
        person: the reader, None where nobody knows who reads.
        role: the role in which they read, where they say so.
    """
    if not owes_answers(adoption, person, role):
        return adoption, decision
    adoption = replace(adoption, readiness=adoption.readiness.seen_by(person))
    return adoption, None if decision is None else decision_without_levels(decision)


def decision_without_levels(decision: GateDecision) -> GateDecision:
    """Returns the gate's answer without the levels it measured."""
    told = tuple(
        replace(r, measured=HIDDEN, fix="", who="") if _is_of_levels(r.name) else r
        for r in decision.requirements
    )
    return replace(decision, requirements=told)
