"""The score behind the words: four parts, and caps that no amount of activity lifts.

35 points for phases covered, 20 for breadth, 15 for recency, 30 for closure of concerns.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor
from typing import TYPE_CHECKING, Final, Literal

from spot_mlflow.involvement.concerns import CLOSED_SHARE, SEVERITY_WEIGHTS, Concern
from spot_mlflow.roles import ROLE_TABLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

WEIGHTS: Final[Mapping[str, float]] = {
    "coverage": 35.0,
    "breadth": 20.0,
    "recency": 15.0,
    "closure": 30.0,
}
ENOUGH_PEOPLE: Final = 3
ENOUGH_ROLES: Final = 2
HALF_LIFE_DAYS: Final = 90.0
SILENT_DAYS: Final = 180
CAP_BLOCKING: Final = 49
CAP_NO_REVIEW: Final = 59
CAP_SILENT: Final = 59
CAP_NO_FRONTLINE: Final = 79


@dataclass(frozen=True, slots=True)
class Activity:
    """What users did: phases covered (of all), people, roles, the newest day, whether asked."""

    phases: frozenset[str]
    of: tuple[str, ...]
    people: frozenset[str]
    roles: frozenset[str]
    last_at: datetime | None
    asked: bool


CapName = Literal["blocking concern open", "no review", "silent", "no frontline"]


@dataclass(frozen=True, slots=True)
class Cap:
    """A limit that holds now: its name, the highest score it allows, and why."""

    name: CapName
    limit: int
    why: str


@dataclass(frozen=True, slots=True)
class Score:
    """The score with its parts in points, its caps (lowest first), and the sum before the caps."""

    score: int
    raw: float
    parts: Mapping[str, float]
    caps: tuple[Cap, ...]


def score_of(activity: Activity, concerns: Sequence[Concern], *, now: datetime) -> Score:
    """Returns the score; 0 where no user has ever taken part (nobody could have raised a concern)."""
    shares = {
        "coverage": len(activity.phases) / len(activity.of),
        "breadth": breadth(len(activity.people), len(activity.roles)),
        "recency": recency(activity.last_at, now),
        "closure": closure(concerns, asked=activity.asked),
    }
    if not activity.people and not concerns:
        shares["closure"] = 0.0
    parts = {name: WEIGHTS[name] * share for name, share in shares.items()}
    raw = sum(parts.values())
    caps = caps_of(activity, concerns, now=now)
    limit = min((c.limit for c in caps), default=100)
    # Half a point rounds up, always: banker's rounding would make 48.5 and 49.5 differ by two.
    return Score(min(floor(raw + 0.5), limit), raw, parts, caps)


def breadth(people: int, roles: int) -> float:
    """Returns the mean of people / 3 and roles / 2, each at most 1.

    >>> breadth(3, 2), breadth(1, 1), breadth(9, 1)
    (1.0, 0.41666666666666663, 0.75)
    """
    return (min(1.0, people / ENOUGH_PEOPLE) + min(1.0, roles / ENOUGH_ROLES)) / 2


def recency(last_at: datetime | None, now: datetime) -> float:
    """Returns 1 today, a half after 90 days, a quarter after 180, 0 where nobody took part."""
    if last_at is None:
        return 0.0
    age = max(0.0, (now - last_at).total_seconds() / 86400)
    return float(2.0 ** (-age / HALF_LIFE_DAYS))


def closure(concerns: Sequence[Concern], *, asked: bool) -> float:
    """Returns the share of concerns closed, weighted 3/2/1 by severity; answered counts half.

    Without any concern: 1 where somebody was asked and had none, else a half, since silence may
    mean that nobody asked.
    """
    if not concerns:
        return 1.0 if asked else 0.5
    weights = [SEVERITY_WEIGHTS.get(c.severity, 2) for c in concerns]
    closed = [w * CLOSED_SHARE[c.status] for w, c in zip(weights, concerns, strict=True)]
    return sum(closed) / sum(weights)


def caps_of(activity: Activity, concerns: Sequence[Concern], *, now: datetime) -> tuple[Cap, ...]:
    """Returns the caps that hold now, lowest first."""
    caps = []
    blocking = [c for c in concerns if c.severity == "blocking" and not c.closed]
    if blocking:
        oldest = max(blocking, key=lambda c: (c.age_days, c.id))
        caps.append(
            Cap("blocking concern open", CAP_BLOCKING, _blocking_words(oldest, len(blocking)))
        )
    if "review" not in activity.phases:
        caps.append(Cap("no review", CAP_NO_REVIEW, "no user has reviewed the model"))
    if activity.last_at is None:
        caps.append(Cap("silent", CAP_SILENT, "no user has taken part yet"))
    elif (now - activity.last_at).days >= SILENT_DAYS:
        days = (now - activity.last_at).days
        caps.append(Cap("silent", CAP_SILENT, f"no user has taken part for {days} days"))
    if "frontline" not in activity.roles:
        caps.append(Cap("no frontline", CAP_NO_FRONTLINE, "no frontline employee has taken part"))
    return tuple(sorted(caps, key=lambda c: c.limit))


def words_of(activity: Activity, concerns: Sequence[Concern]) -> str:
    """Returns the log in words: "4 of 5 phases, 6 people, 1 open concern"."""
    open_ = sum(not c.closed for c in concerns)
    return (
        f"{len(activity.phases)} of {len(activity.of)} phases, "
        f"{count(len(activity.people), 'person', 'people')}, "
        f"{count(open_, 'open concern')}"
    )


def explain(
    activity: Activity, concerns: Sequence[Concern], result: Score, *, now: datetime
) -> tuple[str, ...]:
    """Returns the score line by line: the result with what limits it, each part, each cap."""
    binding = next((c for c in result.caps if floor(result.raw + 0.5) > c.limit), None)
    first = f"{result.score} of 100"
    if binding is not None:
        first += f", limited by {_held_down(binding)}"
    missing = [p for p in activity.of if p not in activity.phases]
    said = {
        "coverage": f"{len(activity.phases)} of {len(activity.of)} phases"
        + (f"; not yet: {', '.join(missing)}" if missing else ""),
        "breadth": f"{count(len(activity.people), 'person', 'people')} of {ENOUGH_PEOPLE}, "
        f"{count(len(activity.roles), 'role')} of {ENOUGH_ROLES}",
        "recency": "nobody yet"
        if activity.last_at is None
        else f"last active {_ago(activity.last_at, now)}",
        "closure": _closure_words(activity, concerns),
    }
    lines = [
        f"{name}: {result.parts[name]:.0f} of {WEIGHTS[name]:.0f} ({said[name]})"
        for name in WEIGHTS
    ]
    capped = [f"at most {c.limit}: {c.why}" for c in result.caps]
    return (first, *lines, *capped)


def count(n: int, one: str, many: str = "") -> str:
    """Returns "1 person", "6 people", "no open concerns" as a reader would say it.

    >>> count(1, "open concern"), count(0, "open concern"), count(6, "person", "people")
    ('1 open concern', 'no open concerns', '6 people')
    """
    number = "no" if n == 0 else f"{n:,}"
    return f"{number} {one if n == 1 else many or one + 's'}"


def _blocking_words(concern: Concern, number: int) -> str:
    raiser = ROLE_TABLE.get(concern.role or "")
    of = "the builders" if raiser is None else raiser.party
    more = f", and {number - 1} more" if number > 1 else ""
    state = "an answered but unconfirmed" if concern.status == "answered" else "an open"
    return f"{state} blocking concern of {of}, {count(concern.age_days, 'day')} old{more}".replace(
        "no days old", "raised today"
    )


def _held_down(cap: Cap) -> str:
    if cap.name == "blocking concern open":
        return cap.why
    return f"this: {cap.why}"


def _closure_words(activity: Activity, concerns: Sequence[Concern]) -> str:
    if not concerns:
        return "somebody was asked and had no concerns" if activity.asked else "nobody was asked"
    closed = sum(c.closed for c in concerns)
    answered = sum(c.status == "answered" for c in concerns)
    more = f", {answered} answered and not yet confirmed" if answered else ""
    return f"{closed} of {count(len(concerns), 'concern')} confirmed{more}"


def _ago(then: datetime, now: datetime) -> str:
    days = max(0, (now - then).days)
    return "today" if days == 0 else f"{count(days, 'day')} ago"
