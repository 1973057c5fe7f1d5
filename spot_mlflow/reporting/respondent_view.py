"""What one reader is shown of a model: a respondent sees the others' answers once their own are in.

Whoever sees the others' answers first is pulled towards them (anchoring: Tversky & Kahneman 1974,
doi:10.1126/science.185.4157.1124), and a panel would agree without meaning it. So the levels are
kept from those who are asked and have not answered; readers who are not asked, and the gate, which
decides on all answers, go on as ever.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from spot_mlflow.gate.requirements import requirement_texts
from spot_mlflow.person import person_key

if TYPE_CHECKING:
    from spot_mlflow.adoption import Adoption
    from spot_mlflow.gate.decision import GateDecision

HIDDEN: Final = "shown once your own answers are in"
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
    ready, key = adoption.readiness, person_key(person)
    if not ready.people or ready.has_answered(person):
        return False
    asked = ready.roles | set(ready.missing_roles)
    if role is not None:
        return role in asked
    return bool(key) and any(
        e.role in asked and e.kind in _TOOK_PART and person_key(e.person) == key
        for e in adoption.entries
    )


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
    if decision is not None:
        texts = requirement_texts()
        told = tuple(
            replace(r, measured=HIDDEN, fix="", who="")
            if r.name in texts and texts[r.name].group == "Levels"
            else r
            for r in decision.requirements
        )
        decision = replace(decision, requirements=told)
    return adoption, decision
