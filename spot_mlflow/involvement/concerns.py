"""Concerns as threads: raised, answered, and confirmed or reopened by the one who raised them.

A concern is over when the person who raised it says so, not when somebody has answered. The rules
stand here; the record only keeps the acts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import InvalidInput, NotFound, Refused
from spot_mlflow.person import check_text, person_key
from spot_mlflow.roles import USERS
from spot_mlflow.spoken import how_known, named
from spot_mlflow.validation import check_choice, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from spot_mlflow.evidence import Evidence

SEVERITY_WEIGHTS: Final[dict[str, int]] = {"blocking": 3, "major": 2, "minor": 1}
CLOSED_SHARE: Final[dict[str, float]] = {
    "open": 0.0,
    "answered": 0.5,  # an answer counts half until the one who asked is content
    "confirmed": 1.0,
    "reopened": 0.0,
}
ENTRY_KEY: Final = "entry"  # of an act on a concern: the whole id of what it acts on
ACTS: Final = ("raised", "answered", "confirmed", "reopened")


@dataclass(frozen=True, slots=True)
class ConcernAct:
    """One act in a concern's thread; ``known`` as of a ``Concern``."""

    act: str
    person: str | None
    role: str | None
    at: datetime
    what: str
    known: str = ""

    @property
    def speaker(self) -> str:
        """Who acted, and how that is known where no login says so."""
        return named(self.person, self.known)


@dataclass(frozen=True, slots=True)
class Concern:
    """A concern with its thread.

    Attributes:
        id: "c" and five or more hex digits.
        severity: blocking, major or minor.
        status: open, answered, confirmed or reopened.
        raised_by: who raised it, or what stands in the name's place; role: in which role.
        raised_at: when, UTC.
        version: model version in question, or None.
        what: the concern in the words of the person who raised it.
        thread: every act, oldest first.
        age_days: whole days since it was raised, until it was confirmed.
        erased: whether the name of the person who raised it was erased on request.
        entry: whole id of the entry that raised it.
        known: "by link" or "unverified" where no login says who raised it, else "".
    """

    id: str
    severity: str
    status: str
    raised_by: str | None
    role: str | None
    raised_at: datetime
    version: str | None
    what: str
    thread: tuple[ConcernAct, ...] = field(default=())
    age_days: int = 0
    erased: bool = False
    entry: str = ""
    known: str = ""

    @property
    def speaker(self) -> str:
        """Who raised it, and how that is known where no login says so."""
        return named(self.raised_by, self.known)

    @property
    def closed(self) -> bool:
        """Whether the person who raised it has confirmed the answer."""
        return self.status == "confirmed"

    @property
    def waits_for(self) -> str:
        """Whose turn it is: "an answer", "confirmation", or "" where nobody's."""
        return {"answered": "confirmation", "confirmed": ""}.get(self.status, "an answer")


def concern_id(entry_id: str, *, digits: int = 5) -> str:
    """Returns a concern's id: "c" and the first hex digits of the raising entry's UUID.

    >>> concern_id("3f2a9b10-0000-4000-8000-000000000000")
    'c3f2a9'
    """
    return "c" + entry_id.replace("-", "")[:digits].lower()


def concerns_of(entries: Iterable[Evidence], *, now: datetime) -> tuple[Concern, ...]:
    """Returns the concerns, oldest first; acts of ``now`` or before, in any order.

    A confirmation or a reopening by somebody else than the person who raised it stays in the thread
    and changes nothing; so does an act on a concern that nobody raised, and the confirmation of a blocking
    one by a mailed link.
    """
    acts = sorted(
        (e for e in entries if e.kind == "concern" and e.at <= now), key=lambda e: (e.at, e.id)
    )
    concerns: dict[str, Concern] = {}  # by the whole id of the entry that raised it
    shown: dict[str, str] = {}  # id that people use -> whole id
    for e in acts:
        if e.payload.get("act") == "raised":
            id_ = _shown_id(e, shown)
            shown[id_] = e.id
            concerns[e.id] = _raised(id_, e)
    for e in acts:
        key = str(e.payload.get(ENTRY_KEY) or shown.get(str(e.payload.get("concern"))))
        if key in concerns and e.payload.get("act") != "raised":
            concerns[key] = _after(concerns[key], e)
    ordered = sorted(concerns.values(), key=lambda c: (c.raised_at, c.id))
    return tuple(replace(c, age_days=_age(c, now)) for c in ordered)


def free_concern_id(entry_id: str, taken: Iterable[str]) -> str:
    """Returns the shortest id of a concern that no other one has: five digits nearly always.

    Args:
        entry_id: of the entry that raises it; its own, since it cannot be chosen to hit another's.
        taken: ids of the model's concerns.
    """
    others = set(taken)
    found = (concern_id(entry_id, digits=n) for n in (5, 8, 12, 32))
    return next((i for i in found if i not in others), concern_id(entry_id, digits=32))


def _shown_id(e: Evidence, shown: Mapping[str, str]) -> str:
    """Returns the id that people use for a concern: what was said counts where it is its own."""
    said = str(e.payload.get("concern") or concern_id(e.id))
    if concern_id(e.id, digits=32).startswith(said) and said not in shown:
        return said
    return concern_id(e.id, digits=12) if said in shown else free_concern_id(e.id, shown)


def may_close(concern: Concern, person: str | None, role: str | None) -> bool:
    """Whether this person may confirm or reopen: the person who raised it.

    Where that name was erased on request, any user may, since the person who raised it cannot be told.
    """
    if concern.erased or concern.raised_by is None:
        return role in USERS
    return person_key(person) == person_key(concern.raised_by)


def check_raise(*, what: str, severity: str, concern: str | None = None) -> dict[str, Any]:
    """Returns the payload of a new concern.

    Args:
        what: the concern, in the words of the one who raises it.
        severity: blocking, major or minor.
        concern: its id, from ``concern_id``; left out where None.

    Raises:
        InvalidInput: empty text, unknown severity, or an id that none of ours looks like.
    """
    if concern is not None and re.fullmatch(r"c[0-9a-f]{5,32}", concern) is None:
        raise InvalidInput(
            f"id == {concern!r}, must be c and 5 or more hex digits", where="concern"
        )
    payload = {
        "act": "raised",
        "what": check_text("what", what, where="concern"),
        "severity": check_choice("severity", severity, SEVERITY_WEIGHTS, where="concern"),
    }
    return payload if concern is None else {"concern": concern, **payload}


def check_follow_up(
    concerns: Iterable[Concern],
    *,
    concern: str,
    act: str,
    person: str | None,
    role: str | None = None,
    what: str = "",
) -> dict[str, Any]:
    """Checks an answer, a confirmation or a reopening, and returns its payload.

    Args:
        concerns: the model's concerns as they stand now.
        concern: id of the one acted on, or an unambiguous beginning of it.
        act: answered, confirmed or reopened.
        person: who acts.
        role: in which role.
        what: the answer, or why it is confirmed or reopened; only a confirmation may be silent.

    Raises:
        NotFound: no such concern, the nearest one named.
        Refused: somebody else raised it.
        InvalidInput: it cannot be done in the concern's present state, or the text is empty.
    """
    check_choice("act", act, ACTS[1:], where="concern")
    found = find_concern(concerns, concern)
    if act in ("confirmed", "reopened") and not may_close(found, person, role):
        whose = f"only {found.raised_by}, who raised it," if not found.erased else "only a user"
        verb = "confirm" if act == "confirmed" else "reopen"
        raise Refused(
            f"{whose} may {verb} it, not {person}",
            where=found.id,
            fix="Ask them, or answer it with `spot concern answer`.",
        )
    _check_state(found, act)
    text = check_text("what", what, required=act != "confirmed", where=found.id)
    said = {"concern": found.id, "act": act, "what": text}
    return {**said, ENTRY_KEY: found.entry} if found.entry else said


def _check_state(concern: Concern, act: str) -> None:
    if act == "answered":
        if concern.closed:
            raise InvalidInput(
                "it is confirmed already",
                where=concern.id,
                fix="The person who raised it may reopen it.",
            )
        return
    needed = ("answered",) if act == "confirmed" else ("answered", "confirmed")
    if concern.status not in needed:
        raise InvalidInput(
            f"status == {concern.status!r}, must be {' or '.join(needed)} to be {act}",
            where=concern.id,
            fix="It needs an answer first: `spot concern answer`."
            if concern.status in ("open", "reopened")
            else "Raise a new concern if there is one.",
        )


def find_concern(concerns: Iterable[Concern], id_: str) -> Concern:
    """Returns a concern by its id, or by an unambiguous beginning of it.

    Raises:
        NotFound: none, or several, with the known ones named.
    """
    known = {c.id: c for c in concerns}
    wanted = str(id_).strip().lower()
    if wanted in known:
        return known[wanted]
    starting = [c for i, c in known.items() if len(wanted) > 1 and i.startswith(wanted)]
    if len(starting) == 1:
        return starting[0]
    hint = nearest(wanted, known)
    raise NotFound(
        f"no concern {id_!r}{hint}",
        fix=f"Concerns: {', '.join(known)}." if known else "No concern has been raised.",
    )


def _raised(id_: str, e: Evidence) -> Concern:
    what = str(e.payload.get("what", ""))
    known = how_known(e.payload, e.recorded_by)
    act = ConcernAct("raised", e.person, e.role, e.at, what, known)
    severity = str(e.payload.get("severity", "major"))
    return Concern(
        id_,
        severity,
        "open",
        e.person,
        e.role,
        e.at,
        e.version,
        what,
        (act,),
        erased=e.erased,
        entry=e.id,
        known=known,
    )


def _after(concern: Concern, e: Evidence) -> Concern:
    act = str(e.payload.get("act"))
    if act not in ACTS or e.at < concern.raised_at:
        return concern
    known = how_known(e.payload, e.recorded_by)
    step = ConcernAct(act, e.person, e.role, e.at, str(e.payload.get("what", "")), known)
    thread = (*concern.thread, step)
    if act == "answered":
        status = concern.status if concern.closed else "answered"
    else:
        counts = may_close(concern, e.person, e.role) and not _too_weak(concern, act, known)
        status = act if counts else concern.status
    return replace(concern, status=status, thread=thread)


def _too_weak(concern: Concern, act: str, known: str) -> bool:
    """Whether a confirmation cannot close the concern: a mailed link never clears a blocking one."""
    return (act, known, concern.severity) == ("confirmed", "by link", "blocking")


def _age(concern: Concern, now: datetime) -> int:
    end = now
    if concern.closed:
        end = max(a.at for a in concern.thread if a.act == "confirmed")
    return max(0, (end - concern.raised_at).days)
