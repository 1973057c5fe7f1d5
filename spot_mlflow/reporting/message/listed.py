"""What lists read of a model, as values in one tag: no list takes a sentence apart.

The tag names the entry that it was made after. A program of an earlier version writes the other
summary tags and leaves this one; the entry then differs, and the tag is not believed.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.gate.break_glass import broken_glass, let_in
from spot_mlflow.gate.targets import same_target
from spot_mlflow.reporting.message.todo import todo_of
from spot_mlflow.reporting.words import old_records
from spot_mlflow.reporting.words.lift_view import lift_view, tagged_verdict
from spot_mlflow.reporting.words.standing import Standing, standing_of
from spot_mlflow.verdicts import TAGGED

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.gate.decision import GateDecision
    from spot_mlflow.gate.policy import Policy

TAG: Final = "spot.facts"
UPDATED: Final = "spot.updated"
MARK: Final = 12  # digits of an entry's id
GLASS: Final = 5  # uses of break-glass that are listed, the newest
LONGEST: Final = 4_500  # characters; what waits longest without a date is left out first


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something that waits for somebody.

    Attributes:
        who: a person, or a role in words.
        due: until when, or None.
    """

    who: str
    due: date | None


@dataclass(frozen=True, slots=True)
class LoudGlass:
    """A use of break-glass that lists show: it holds, or has ended while the version is still there.

    Attributes:
        version: version number.
        target: stage or "@alias".
        until: when it ends, UTC.
    """

    version: str
    target: str
    until: datetime

    def words(self, now: datetime, held: Collection[tuple[str, str]]) -> str:
        """Returns what a list shows; "" once it has ended and the version does not have the target any more.

        Args:
            now: UTC.
            held: (version, stage or "@alias") of the model, as it is now.
        """
        said = f"BREAK-GLASS, version {self.version} to {self.target}"
        end = f"{self.until:%Y-%m-%d %H:%M} UTC"
        if now < self.until:
            return f"{said} until {end}"
        there = any(v == self.version and same_target(self.target, t) for v, t in held)
        return f"{said}; it ended on {end}" if there else ""


@dataclass(frozen=True, slots=True)
class Listed:
    """One model as lists show it.

    Attributes:
        verdict: a key of ``verdicts.TAGGED``, or "" where nothing was checked.
        standing: of the version in question, or None where nobody was asked.
        waiting: what waits for whom, most pressing first.
        arrived: share of the promised lift that arrived; None where no log can tell.
        glass: uses of break-glass to be shown, oldest first.
    """

    verdict: str
    standing: Standing | None
    waiting: tuple[Waiting, ...]
    arrived: float | None = None
    glass: tuple[LoudGlass, ...] = ()


def listed_tag(
    adoption: Adoption, decision: GateDecision | None, policy: Policy | None = None
) -> str:
    """Returns the value of the tag; under 5,000 characters.

    Args:
        adoption: what is known of the model; it has an entry.
        decision: the gate's answer for the version in question, where there is one.
        policy: says which roles decide on requests; the default one where None.
    """
    check = adoption.latest_check
    standing = None if decision is None else asdict(standing_of(adoption, decision))
    if standing is not None and standing["since"] is not None:
        standing["since"] = standing["since"].isoformat()
    waiting = [(t.who, t.due.isoformat() if t.due else None) for t in todo_of(adoption, policy)]
    said: dict[str, Any] = {
        "entry": adoption.entries[-1].id[:MARK],
        "verdict": "" if check is None else tagged_verdict(lift_view(check)),
        "standing": standing,
        "arrived": _share(check),
        "waiting": list(dict.fromkeys(waiting)),
        "glass": _glass(adoption),
    }
    while len(text := json.dumps(said, ensure_ascii=False)) > LONGEST and said["waiting"]:
        said["waiting"].pop()
    return text


def listed_from(tags: Mapping[str, str]) -> Listed:
    """Reads the tag; the other tags where there is none, or one of another state than theirs."""
    found = _read(tags)
    if found is not None:
        return found
    headline, verdict = tags.get("spot", ""), tags.get("spot.lift.verdict", "")
    told = old_records.verdict_told(headline, verdict)
    return Listed(_known(told), old_records.standing_told(headline), ())


def _read(tags: Mapping[str, str]) -> Listed | None:
    try:
        said = json.loads(tags.get(TAG, ""))
        _, behind, entry = tags.get(UPDATED, "").partition("(entry ")
        if behind and entry.rstrip(")") != said["entry"]:
            return None
        waiting = tuple(Waiting(str(who), _day(due)) for who, due in said["waiting"])
        arrived = said.get("arrived")
        return Listed(
            _known(str(said["verdict"])),
            _standing(said["standing"]),
            waiting,
            None if arrived is None else float(arrived),
            tuple(
                LoudGlass(str(version), str(target), datetime.fromisoformat(until))
                for version, target, until in said.get("glass", ())
            ),
        )
    except (ValueError, TypeError, KeyError):  # of another version, or of somebody's own making
        return None


def _glass(adoption: Adoption) -> list[tuple[str, str, str]]:
    """Returns (version, target, end) of the last uses that hold, or whose version is still there."""
    shown: dict[tuple[str, str], str] = {}
    for g in broken_glass(adoption.entries):
        targets = [g.target] if adoption.now < g.until else []
        for target in (*targets, *let_in(adoption, g)):
            shown[g.version, target] = g.until.isoformat()
    return [(*place, until) for place, until in shown.items()][-GLASS:]


def _share(check: Mapping[str, Any] | None) -> float | None:
    """Returns realized / predicted lift to three decimals; None where the log cannot tell."""
    if check is None:
        return None
    view = lift_view(check)
    found, promised = view.realized.lift, view.predicted.lift
    if view.data_fault or view.undecidable or math.isnan(found) or promised <= 0:
        return None
    return round(found / promised, 3)


def _known(verdict: str) -> str:
    return verdict if verdict in TAGGED else ""


def _standing(said: Mapping[str, Any] | None) -> Standing | None:
    if said is None:
        return None
    since = said["since"]
    return Standing(
        target=str(said["target"]),
        held=bool(said["held"]),
        since=None if since is None else datetime.fromisoformat(since),
        returning=bool(said["returning"]),
        required=int(said["required"]),
        missing=int(said["missing"]),
    )


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
