"""What was decided after an outcome check: keep the model, fix it, or stop it; pure.

A resolution answers one state of the evidence. A further check in the same state does not ask again; one
in another state does, and so does a fix whose day has passed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from spot_mlflow.days import date_of
from spot_mlflow.errors import InvalidInput, Refused
from spot_mlflow.person import check_text
from spot_mlflow.validation import check_choice

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.evidence import Evidence

KIND: Final = "resolution"
Choice = Literal["keep", "fix", "stop"]
CHOICES: Final[tuple[Choice, ...]] = get_args(Choice)
DECIDING: Final = ("executive", "business")  # roles that decide
LONGEST: Final = timedelta(days=365)  # of a fix


@dataclass(frozen=True, slots=True)
class Resolution:
    """One decision on record.

    Attributes:
        choice: keep, fix or stop.
        check: id of the outcome check that it answers.
        on: the day it was made.
        by: until when a fix is to show, or None.
    """

    choice: Choice
    check: str
    on: date
    by: date | None


def resolutions(entries: Iterable[Evidence], version: str | None) -> tuple[Resolution, ...]:
    """Returns the decisions on a version, oldest first; what names no choice is none."""
    found = sorted((e for e in entries if e.kind == KIND), key=lambda e: (e.at, e.id))
    return tuple(
        Resolution(
            e.payload["choice"],
            str(e.payload.get("check") or ""),
            e.at.date(),
            date_of(e.payload.get("by")),
        )
        for e in found
        if e.version == version and e.payload.get("choice") in CHOICES
    )


def check_resolution(
    adoption: Adoption, *, choice: str, why: str | None, by: str | None, role: str | None
) -> dict[str, Any]:
    """Returns the payload of a decision on the newest outcome check of the version in question.

    Args:
        adoption: what is known of the model.
        choice: keep, fix or stop.
        why: the reason.
        by: until when a fix is to show, ISO; only a fix has one, and it must have one.
        role: of who decides.

    Raises:
        InvalidInput: what was decided is incomplete.
        Refused: there is nothing to decide on, or the role does not decide.
    """
    chosen = check_choice("choice", choice, CHOICES)
    if role not in DECIDING:
        raise Refused(
            f"a {role or 'person without a role'} does not decide whether a model stays",
            fix=f"Ask the {' or the '.join(DECIDING)} role to decide.",
        )
    check = adoption.latest_check
    if check is None:
        raise Refused(
            f"version {adoption.version} has no outcome check to decide on",
            fix="Check its outcomes first: spot outcomes.",
        )
    return {
        "choice": chosen,
        "why": check_text("why", why),
        "by": _end(by, chosen, adoption.now.date()),
        "check": check["entry"],
    }


def _end(by: str | None, choice: str, today: date) -> str | None:
    if choice != "fix":
        return None
    end = date_of(by)
    if end is None or not today < end <= today + LONGEST:
        raise InvalidInput(
            f"by == {by!r}, must be a date within a year from now",
            fix="Give the date by which the fix must show, for example 2027-01-30.",
        )
    return end.isoformat()
