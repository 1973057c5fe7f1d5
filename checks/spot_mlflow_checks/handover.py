"""Moments on their way through Great Expectations, which passes JSON and frames only.

A batch of moments holds a ticket, and so does every result; the moments themselves wait here. Only
the latest few are kept.
"""

from __future__ import annotations

import uuid
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments

_KEPT: Final = 16
_waiting: OrderedDict[str, OutcomeMoments] = OrderedDict()


def leave(moments: OutcomeMoments) -> str:
    """Leaves moments and returns their ticket; the same moments get the same one."""
    for ticket, kept in _waiting.items():
        if kept is moments:
            return ticket
    ticket = uuid.uuid4().hex
    _waiting[ticket] = moments
    while len(_waiting) > _KEPT:
        _waiting.popitem(last=False)
    return ticket


def fetch(ticket: str) -> OutcomeMoments | None:
    """Returns the moments of a ticket, or None where they are of another process or long gone."""
    return _waiting.get(ticket)


def drop(ticket: str) -> None:
    """Forgets a ticket."""
    _waiting.pop(ticket, None)
