"""Puts a worksheet together for a model that may or may not be named."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from spot_mlflow.person import person_key
from spot_mlflow.readiness.instrument import default_instrument
from spot_mlflow.readiness.worksheet import Worksheet

if TYPE_CHECKING:
    from spot_mlflow.adoption import Adoption


def sheet_for(
    model: str | None,
    *,
    role: str | None,
    person: str = "",
    return_to: str = "",
    until: object = None,
    mine: bool = False,
) -> Worksheet:
    """Returns the worksheet of one role for a model; for no model where ``model`` is None.

    Raises:
        NotFound: no such model.
    """
    deadline = _day(until)
    instrument = default_instrument()
    if model is None:
        return Worksheet(instrument, "", role, "", person, deadline, return_to)
    from spot_mlflow import get_adoption

    adoption = get_adoption(model)
    return Worksheet(
        instrument,
        adoption.facts.name,
        role,
        adoption.name,
        person,
        deadline,
        return_to,
        answers_of(adoption, person, role) if mine else {},
    )


def answers_of(adoption: Adoption, person: str, role: str | None) -> dict[str, dict[str, Any]]:
    """Returns what a person answered last, in the long form."""
    found = [
        r
        for r in adoption.readiness.respondents
        if person_key(r.person) == person_key(person) and role in (None, r.role)
    ]
    newest = max(found, key=lambda r: r.at, default=None)
    if newest is None:
        return {}
    return {
        id_: {
            "now": a.now,
            "target": a.target,
            "by": a.by.isoformat() if a.by else None,
            "owner": a.owner,
            "comment": a.comment,
        }
        for id_, a in newest.answers.items()
    }


def _day(value: object) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else None
