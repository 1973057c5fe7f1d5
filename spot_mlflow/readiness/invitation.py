"""Invitations: one person is asked by a mailed link to answer in one role; pure.

An invitation is an entry whose person is the one who is asked, and whose recorder is who asks.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import InvalidInput
from spot_mlflow.person import person_key
from spot_mlflow.validation import utc

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime

    from spot_mlflow.evidence import Evidence

KIND: Final = "invitation"
OPEN_FOR: Final = timedelta(days=14)  # unless the invitation says otherwise
LONGEST: Final = timedelta(days=60)


def check_invitation(until: date | str | None, *, now: datetime) -> dict[str, Any]:
    """Returns the payload of an invitation: the last day on which its link takes answers.

    Args:
        until: that day; in 14 days where None.
        now: UTC.

    Raises:
        InvalidInput: the day is not within 60 days from now.
    """
    end = (now + OPEN_FOR if until is None else utc(until)).date()
    last = (now + LONGEST).date()
    if not now.date() <= end <= last:
        raise InvalidInput(
            f"until == {end.isoformat()}, must be between today and {last.isoformat()}"
        )
    return {"until": end.isoformat()}


def ends(invitation: Evidence) -> datetime:
    """Returns when a link takes answers no longer, UTC: after its last day."""
    return utc(str(invitation.payload["until"])) + timedelta(days=1)


def replaced(invitation: Evidence, entries: Iterable[Evidence]) -> bool:
    """Whether the same person was asked anew in the same role, so that the older link is void."""
    own = (invitation.at, invitation.id)
    return any(
        e.kind == KIND
        and e.role == invitation.role
        and person_key(e.person) == person_key(invitation.person)
        and (e.at, e.id) > own
        for e in entries
    )
