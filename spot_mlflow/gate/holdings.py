"""Which version held a target when, from the decisions that were carried out; pure, and never guessed.

What was changed past the gate shows only as a difference: a version that holds a target and was never
given it, or one that was given it and has it no more. Of such, begin or end is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.gate.targets import same_target
from spot_mlflow.validation import utc

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date

    from spot_mlflow.adoption import ModelFacts
    from spot_mlflow.evidence import Evidence

_GIVES: Final = ("requirements", "rollback", "break-glass", "unread")
_DAY: Final = timedelta(days=1)
_LAST: Final = datetime.max.replace(tzinfo=timezone.utc)


@dataclass(frozen=True, slots=True)
class Holding:
    """One time in which a version held a target.

    Attributes:
        target: stage or "@alias".
        version: version number.
        since: when it was given the target, UTC; None where that is unknown.
        until: when it gave the target up, UTC; None while it holds it, or where that is unknown.
        current: whether it holds the target now.
        not_before: where ``since`` is unknown: the last moment at which it is known not to have held it
            by this, or None.
        gone_by: where the end is unknown: the first moment at which it was seen to be gone.
        by: who asked for the change that gave it, or None.
        outcome: of the decision that gave it, or "".
        policy: ``name@version`` that decided, or "".
        decision: id of the entry of that decision, or "".
        ended_by: id of the entry of the decision that ended it, or "".
    """

    target: str
    version: str
    since: datetime | None
    until: datetime | None = None
    current: bool = False
    not_before: datetime | None = None
    gone_by: datetime | None = None
    by: str | None = None
    outcome: str = ""
    policy: str = ""
    decision: str = ""
    ended_by: str = ""

    @property
    def end_known(self) -> bool:
        """Whether it is known when it ended, or that it did not."""
        return self.current or self.until is not None

    def surely_in(self, begin: datetime, end: datetime, now: datetime) -> bool:
        """Whether it held the target at some moment of [begin, end) without doubt.

        Of one whose begin is unknown all that is known is the last moment at which it was seen.
        """
        last = now if self.current else self.until
        if self.since is None:
            return last is not None and (begin <= last < end or begin < last <= end)
        if self.current:
            return self.since < end and begin <= now
        return self.since < end and (begin <= self.since if last is None else begin < last)

    def perhaps_in(self, begin: datetime, end: datetime) -> bool:
        """Whether nobody can say of some moment of [begin, end) if it held the target."""
        last = self.until or self.gone_by
        if self.since is None:
            started = self.not_before is None or self.not_before < end
            return started and (last is None or begin < last)
        if self.end_known:
            return False
        return self.since < end and (last is None or begin < last)

    def lasted(self, now: datetime) -> timedelta:
        """Returns how long it held the target for certain until ``now``."""
        if self.since is None:
            return timedelta(0)
        end = now if self.current else self.until
        return timedelta(0) if end is None else max(timedelta(0), min(end, now) - self.since)

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values; ``since`` and ``until`` are null where unknown, ``until`` while it holds."""
        return {
            "target": self.target,
            "version": self.version,
            "since": None if self.since is None else self.since.isoformat(),
            "since_known": self.since is not None,
            "until": None if self.until is None else self.until.isoformat(),
            "until_known": self.end_known,
            "current": self.current,
            "by": self.by,
            "outcome": self.outcome,
            "policy": self.policy,
            "decision": self.decision,
            "ended_by": self.ended_by,
        }


@dataclass(frozen=True, slots=True)
class Standing:
    """Who held a target at a time.

    Attributes:
        begin: first moment asked about, UTC.
        end: first moment after it.
        holdings: those that held it without doubt, oldest first.
        known: whether these are all there were.
    """

    begin: datetime
    end: datetime
    holdings: tuple[Holding, ...]
    known: bool


@dataclass(frozen=True)
class History:
    """Which versions held one target, and when.

    Attributes:
        model: registered name.
        target: stage or "@alias".
        holdings: oldest first; those with an unknown start come where they were first seen.
        recorded_from: the first change of the target that is on record, or None where there is none.
        created: when the model was registered, UTC: before that nobody held anything.
        now: the moment this was true, UTC.
    """

    model: str
    target: str
    holdings: tuple[Holding, ...]
    recorded_from: datetime | None
    created: datetime
    now: datetime

    def at(self, when: datetime | date | str) -> Standing:
        """Returns who held the target on a day (UTC), or at a moment where a time is given.

        Raises:
            InvalidInput: it is not a date.
        """
        begin = utc(when)
        moment = isinstance(when, datetime) or (isinstance(when, str) and len(when.strip()) > 10)  # noqa: PLR2004 - a date
        length = timedelta(microseconds=1) if moment else _DAY
        end = min(begin, _LAST - length) + length
        sure = tuple(h for h in self.holdings if h.surely_in(begin, end, self.now))
        doubt = any(h.perhaps_in(begin, end) for h in self.holdings)
        before = end <= self.created
        covered = self.recorded_from is not None and begin >= self.recorded_from
        return Standing(begin, end, sure, before or (covered and not doubt and begin <= self.now))

    def held_for(self, version: str) -> timedelta:
        """Returns how long a version is known to have held the target, all periods together."""
        spans = [h.lasted(self.now) for h in self.holdings if h.version == version]
        return sum(spans, timedelta(0))

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values."""
        first = self.recorded_from
        return {
            "model": self.model,
            "target": self.target,
            "recorded_from": None if first is None else first.isoformat(),
            "holdings": [h.to_dict() for h in self.holdings],
        }


def history_of(
    facts: ModelFacts, decisions: Iterable[Evidence], target: str, *, now: datetime
) -> History:
    """Returns which versions held a target when.

    Args:
        facts: what the registry says now.
        decisions: of the gate on this model, any order.
        target: stage or "@alias".
        now: the moment of ``facts``, UTC.
    """
    told = _Told(target)
    changes = sorted((d for d in decisions if d.payload.get("applied")), key=lambda d: (d.at, d.id))
    for d in changes:
        told.add(d)
    told.compare({v.version for v in facts.holders(target)}, now)
    created = datetime.fromtimestamp(facts.created / 1000, timezone.utc)
    return History(facts.name, target, tuple(told.holdings), told.first, created, now)


def targets_of(facts: ModelFacts, decisions: Iterable[Evidence]) -> tuple[str, ...]:
    """Returns the targets that a version of the model holds, or held on record; stages first."""
    found: list[str] = []
    for d in decisions:
        if d.payload.get("applied"):
            gives = d.payload.get("basis", "requirements") in _GIVES
            found += [str(d.payload.get("target"))] if gives else []
            found += map(str, dict(d.payload.get("replaced") or {}))
    found += [s for s in ("Staging", "Production") if facts.holders(s)]
    found += [f"@{alias}" for v in facts.versions for alias in v.aliases]
    kept: list[str] = []
    for target in found:
        if target not in ("None", "Archived") and not any(same_target(target, k) for k in kept):
            kept.append(target)
    return tuple(sorted(kept, key=lambda t: (t.startswith("@"), t)))


@dataclass
class _Told:
    """The changes of one target, read one after the other."""

    target: str
    holdings: list[Holding] = field(default_factory=list)
    first: datetime | None = None
    last: datetime | None = None

    def add(self, decision: Evidence) -> None:
        """Takes in a decision that was carried out."""
        said, at = decision.payload, decision.at
        gave_up = list(_given_up(said, self.target))
        named = same_target(str(said.get("target", "")), self.target)
        gives = named and said.get("basis", "requirements") in _GIVES
        entered = str(said.get("version")) if gives else None
        if not gave_up and entered is None:
            return
        for version in gave_up:
            if version != entered:
                self._close(version, at, decision.id)
        if entered is not None:
            if self.target.startswith("@"):  # an alias has one holder: the others are gone
                self._lose({v for v in self._open() if v != entered}, at)
            if entered not in self._open():
                self._begin(entered, decision)
        self.first, self.last = self.first or at, at

    def compare(self, holders: set[str], now: datetime) -> None:
        """Compares with what the registry says now."""
        for version, place in self._open().items():
            if version in holders:
                self.holdings[place] = replace(self.holdings[place], current=True)
        self._lose(set(self._open()) - holders, now)
        for version in sorted(holders - set(self._open()), key=_number):
            begin = Holding(
                self.target, version, None, current=True, not_before=self._not_before(version)
            )
            self.holdings.append(begin)

    def _open(self) -> dict[str, int]:
        """Returns version -> place of its holding that has not ended."""
        return {
            h.version: i
            for i, h in enumerate(self.holdings)
            if h.until is None and h.gone_by is None
        }

    def _not_before(self, version: str) -> datetime | None:
        """Returns when the version was last known not to hold the target; None where it never was.

        Whoever was given an alias held it alone; a stage may have had other versions all the time.
        """
        if self.target.startswith("@"):
            return self.last
        ends = [h.until or h.gone_by for h in self.holdings if h.version == version]
        return max((e for e in ends if e is not None), default=None)

    def _begin(self, version: str, d: Evidence) -> None:
        said = d.payload
        # It had the target already, where the model got another name, or where the gate let a version
        # go back of which the record knows no earlier time.
        back = said.get("basis") == "rollback" and all(h.version != version for h in self.holdings)
        since = None if said.get("renamed") or back else d.at
        begin = Holding(
            self.target,
            version,
            since,
            not_before=self._not_before(version),
            by=said.get("requester"),
            outcome=str(said.get("outcome", "")),
            policy=str(said.get("policy", "")),
            decision=d.id,
        )
        self.holdings.append(begin)

    def _close(self, version: str, at: datetime, decision: str) -> None:
        place = self._open().get(version)
        if place is None:
            unseen = Holding(self.target, version, None, not_before=self._not_before(version))
            self.holdings.append(unseen)
            place = len(self.holdings) - 1
        self.holdings[place] = replace(self.holdings[place], until=at, ended_by=decision)

    def _lose(self, versions: set[str], seen: datetime) -> None:
        for version, place in self._open().items():
            if version in versions:
                self.holdings[place] = replace(self.holdings[place], gone_by=seen)


def _given_up(said: Any, target: str) -> Iterator[str]:
    for other, versions in dict(said.get("replaced") or {}).items():
        if same_target(str(other), target):
            yield from (str(v) for v in versions)


def _number(version: str) -> tuple[int, str]:
    return (int(version), version) if version.isdecimal() else (0, version)
