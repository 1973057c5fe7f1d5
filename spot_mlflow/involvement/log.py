"""The user-involvement log: who took part, in which phase, and what became of their concerns.

It measures participation (Barki & Hartwick 1994, doi:10.2307/249610): what people did, told apart
from how involved they feel; it never claims to predict lift. Users are executives, business experts
and frontline employees; what builders log is shown, and counts nothing, since a model is not made
its users' own by those who build it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import InvalidInput
from spot_mlflow.involvement.batch import check_batch, complete_batches
from spot_mlflow.involvement.concerns import Concern, concerns_of
from spot_mlflow.involvement.score import Activity, Cap, explain, score_of, words_of
from spot_mlflow.person import check_text, person_key
from spot_mlflow.roles import USERS
from spot_mlflow.validation import check_choice, utc

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from spot_mlflow.evidence import Evidence

PHASES: Final = ("naming", "scope", "features", "review", "feedback")
PARTICIPATION: Final = frozenset({"contributed", "decided", "asked-no-concerns"})
CHAMPION_KINDS: Final = frozenset({"champion", "champion-stepped-down"})
KINDS: Final = ("informed", "contributed", "decided", "asked-no-concerns", *sorted(CHAMPION_KINDS))
MAX_PRODUCT_NAME: Final = 80


@dataclass(frozen=True, slots=True)
class Involvement:
    """What the log says of a model.

    Attributes:
        score: 0 to 100, after the caps.
        words: the log in words ("4 of 5 phases, 6 people, 1 open concern").
        phases: phase -> how often a user took part in it.
        people: users who took part.
        concerns: every concern with its thread, oldest first.
        champion: the user who champions the model now, or None.
        product_name: the name its users decided on, or None.
        parts: the parts of the score before the caps, in points; they sum to ``raw``.
        caps: every cap that holds now, lowest first.
        reviews: (version or None, when) of each review by a user, oldest first.
        last_at: when a user last took part, or None.
        raw: the score before the caps.
        roles: roles of the users who took part.
        events: participations and champions, oldest first, builders' too.
        version: the version in question.
    """

    score: int
    words: str
    phases: Mapping[str, int]
    people: int
    concerns: tuple[Concern, ...]
    champion: str | None
    product_name: str | None
    parts: Mapping[str, float]
    caps: tuple[Cap, ...]
    reviews: tuple[tuple[str | None, datetime], ...]
    last_at: datetime | None
    raw: float = 0.0
    roles: frozenset[str] = frozenset()
    events: tuple[Event, ...] = ()
    version: str | None = None
    _lines: tuple[str, ...] = field(default=(), repr=False)

    @property
    def open_concerns(self) -> tuple[Concern, ...]:
        """Concerns that the one who raised them has not confirmed; answered ones are among them."""
        return tuple(c for c in self.concerns if not c.closed)

    def lines(self) -> tuple[str, ...]:
        """Returns the score explained line by line, for people."""
        return self._lines


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of the log: ``when`` it happened, as given, or when it was recorded."""

    id: str
    phase: str | None
    kind: str
    person: str | None
    role: str | None
    when: datetime
    version: str | None
    what: str = ""
    evidence: str | None = None
    recorded_by: str = ""

    @property
    def by_user(self) -> bool:
        """Whether the person took part as a user, not as a builder."""
        return self.role in USERS

    @property
    def key(self) -> str:
        """What tells people apart; an erased name is its own person."""
        return person_key(self.person) or f"erased:{self.id}"


def involvement_of(
    entries: Sequence[Evidence], *, version: str | None, now: datetime
) -> Involvement:
    """Puts the log of a model together.

    Args:
        entries: involvement and concern entries in any order; those after ``now`` are left out.
        version: the version in question, for the words on its review; None for the model.
        now: the moment to judge ages at, UTC.
    """
    known = complete_batches(e for e in entries if e.at <= now)
    events = events_of(known, now=now)
    concerns = concerns_of(known, now=now)
    users = [e for e in events if e.by_user]
    took_part = [e for e in users if e.kind in PARTICIPATION and e.phase in PHASES]
    phases = {phase: sum(e.phase == phase for e in took_part) for phase in PHASES}
    activity = _activity(users, known, concerns, phases)
    result = score_of(activity, concerns, now=now)
    return Involvement(
        score=result.score,
        words=words_of(activity, concerns),
        phases=phases,
        people=len(activity.people),
        concerns=concerns,
        champion=_champion(users),
        product_name=_product_name(users),
        parts=result.parts,
        caps=result.caps,
        reviews=tuple((e.version, e.when) for e in took_part if e.phase == "review"),
        last_at=activity.last_at,
        raw=result.raw,
        roles=activity.roles,
        events=events,
        version=version,
        _lines=explain(activity, concerns, result, now=now),
    )


def events_of(entries: Iterable[Evidence], *, now: datetime) -> tuple[Event, ...]:
    """Returns the events of the log by the time they happened; never later than ``now``."""
    events = [_event(e, now) for e in entries if e.kind == "involvement"]
    return tuple(sorted(events, key=lambda e: (e.when, e.id)))


def check_entry(
    *,
    phase: str | None,
    kind: str,
    what: str = "",
    evidence: str | None = None,
    when: date | datetime | str | None = None,
    now: datetime | None = None,
    batch: Mapping[str, Any] | None = None,
    where: str = "",
) -> dict[str, Any]:
    """Checks one entry of the log and returns its payload.

    Args:
        phase: naming, scope, features, review or feedback; may be None for a champion.
        kind: informed, contributed, decided, asked-no-concerns, champion, champion-stepped-down.
        what: what was done; for naming that is decided, the product name itself.
        evidence: link to minutes, a ticket, a recording.
        when: the day it happened; None for today.
        now: the moment of recording, UTC.
        batch: id and size of the import the entry belongs to (``attendance.batch_of``), or None.
        where: file and row, for the message.

    Raises:
        InvalidInput: unknown phase or kind, a day in the future, a product name missing.
    """
    check_choice("kind", str(kind), KINDS, where=where)
    if phase is None or phase == "":
        if kind not in CHAMPION_KINDS:
            raise InvalidInput(f"phase is empty, must be one of {', '.join(PHASES)}", where=where)
        phase = None
    else:
        check_choice("phase", str(phase), PHASES, where=where)
    text = check_text("what", what, required=False, where=where)
    if phase == "naming" and kind == "decided":
        _check_product_name(text, where)
    day = _check_day(when, utc(now), where)
    link = check_text("evidence", evidence, required=False, where=where) or None
    payload = {"phase": phase, "kind": kind, "what": text, "evidence": link, "when": day}
    return payload if batch is None else {**payload, "batch": check_batch(batch)}


def _check_product_name(name: str, where: str) -> None:
    if not name or len(name) > MAX_PRODUCT_NAME or not name.isprintable():
        raise InvalidInput(
            f"what == {name!r}, must be the product name the users chose, "
            f"one line of at most {MAX_PRODUCT_NAME} characters",
            where=where,
        )


def _check_day(when: date | datetime | str | None, now: datetime, where: str) -> str | None:
    if when is None or when == "":
        return None
    try:
        moment = utc(when)
    except InvalidInput as e:
        raise InvalidInput(f"when: {e.what}", where=where) from None
    if moment > now + timedelta(days=1):  # a day ahead: it is tomorrow east of here
        raise InvalidInput(f"when == {moment.date()}, must not be in the future", where=where)
    return moment.date().isoformat()


def _event(e: Evidence, now: datetime) -> Event:
    p: Mapping[str, Any] = e.payload
    when = min(utc(p["when"]), now) if p.get("when") else e.at
    return Event(
        id=e.id,
        phase=p.get("phase"),
        kind=str(p.get("kind", "")),
        person=e.person,
        role=e.role,
        when=when,
        version=e.version,
        what=str(p.get("what") or ""),
        evidence=p.get("evidence"),
        recorded_by=e.recorded_by,
    )


def _activity(
    users: Sequence[Event],
    entries: Iterable[Evidence],
    concerns: Sequence[Concern],
    phases: Mapping[str, int],
) -> Activity:
    """Who was active as a user: events that count, and acts on concerns."""
    counted = [e for e in users if e.kind in PARTICIPATION or e.kind == "champion"]
    acts = [e for e in entries if e.kind == "concern" and e.role in USERS]
    raised = {c.id for c in concerns}
    acts = [
        e for e in acts if e.payload.get("concern") in raised or e.payload.get("act") == "raised"
    ]
    people = [(e.key, e.role) for e in counted]
    people += [(person_key(e.person) or f"erased:{e.id}", e.role) for e in acts]
    times = [e.when for e in counted] + [e.at for e in acts]
    return Activity(
        phases=frozenset(p for p, n in phases.items() if n),
        of=PHASES,
        people=frozenset(k for k, _ in people),
        roles=frozenset(r for _, r in people if r),
        last_at=max(times, default=None),
        asked=any(e.kind == "asked-no-concerns" for e in users),
    )


def _champion(users: Sequence[Event]) -> str | None:
    """The newest champion who has not stepped down since."""
    standing: dict[str, Event] = {}
    for e in users:
        if e.kind == "champion":
            standing[e.key] = e
        elif e.kind == "champion-stepped-down":
            standing.pop(e.key, None)
    newest = max(standing.values(), key=lambda e: (e.when, e.id), default=None)
    return newest.person if newest else None


def _product_name(users: Sequence[Event]) -> str | None:
    names = [e.what for e in users if e.phase == "naming" and e.kind == "decided" and e.what]
    return names[-1] if names else None
