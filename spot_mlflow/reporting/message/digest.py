"""What crossed a line since a date: verdicts, money, concerns, requests, refusals, checks, waivers.

No line names a person or tells an answer: a mail cannot be erased, and its readers may owe answers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

from spot_mlflow.figures import count, things
from spot_mlflow.gate.break_glass import broken_glass, still_there
from spot_mlflow.gate.measures import first_check_due
from spot_mlflow.gate.policy import default_policy
from spot_mlflow.gate.promotion import requests_of
from spot_mlflow.gate.waivers import waiver_end
from spot_mlflow.reporting.message.worth import money_of
from spot_mlflow.reporting.words.lift_view import lift_view, verdict_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.evidence import Evidence
    from spot_mlflow.gate.policy import Policy

Crossing = Literal[
    "verdict",
    "money",
    "concern",
    "request",
    "refusal",
    "moved",
    "overdue",
    "waiver",
    "break-glass",
    "tampering",
]
Cause = Literal["", "first check", "contract", "correction", "units", "same log"]
SOON: Final = timedelta(days=7)  # before its end a waiver is told


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that crossed a line.

    Attributes:
        model: registered name.
        version: version number, or "".
        at: when, UTC.
        kind: what sort of line.
        what: in a sentence.
        cause: why a verdict or money changed, or "".
        cause_text: the cause in words, or "".
        urgent: whether somebody must act.
    """

    model: str
    version: str
    at: datetime
    kind: Crossing
    what: str
    cause: Cause = ""
    cause_text: str = ""
    urgent: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values."""
        return {**{k: getattr(self, k) for k in self.__slots__}, "at": self.at.isoformat()}


@dataclass(frozen=True)
class Digest:
    """What crossed a line, over all models that were read.

    Attributes:
        since: from when on, UTC.
        until: until when, UTC.
        lines: by model, urgent ones first.
        models: how many models were read.
        unread: names of those that could not be read.
    """

    since: datetime
    until: datetime
    lines: tuple[Line, ...]
    models: int
    unread: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        """The first line: how much there is. It names no model: subjects are shown on locked screens."""
        named = len({line.model for line in self.lines})
        if not self.lines:
            return "S.P.O.T.: nothing to report"
        return f"S.P.O.T.: {things(len(self.lines), 'change')} in {things(named, 'model')}"

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values."""
        return {
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "subject": self.subject,
            "models": self.models,
            "unread": list(self.unread),
            "lines": [line.to_dict() for line in self.lines],
        }


def crossed(adoption: Adoption, since: datetime, policy: Policy | None = None) -> tuple[Line, ...]:
    """Returns what crossed a line of one model since a moment: urgent first, then by time.

    Args:
        adoption: everything known about it; its ``now`` is until when.
        since: from when on, UTC.
        policy: says when waivers end; the default one where None.
    """
    found = [
        *_checks(adoption),
        *_concerns(adoption),
        *_requests(adoption),
        *_decisions(adoption, since),
        *_overdue(adoption),
        *_glass(adoption),
        *_waivers(adoption, policy or default_policy(), since),
    ]
    kept = [line for line in found if since <= line.at <= adoption.now]
    return tuple(sorted(kept, key=lambda line: (not line.urgent, line.at, line.what)))


def _checks(adoption: Adoption) -> Iterator[Line]:
    name = adoption.facts.name
    for version, checks in adoption.checks.items():
        previous: Mapping[str, Any] | None = None
        for check in checks:
            line = Line(name, version, datetime.fromisoformat(str(check["at"])), "verdict", "")
            yield from _verdict(line, check, previous)
            previous = check


def _verdict(
    line: Line, check: Mapping[str, Any], previous: Mapping[str, Any] | None
) -> Iterator[Line]:
    """Yields a verdict that is another than before, and money that came to be earned or lost."""
    view = lift_view(check)
    cause, text = _cause(check, previous)
    line = replace(line, cause=cause, cause_text=text)
    states = [(str(c.get("verdict")), str(c.get("viable"))) for c in (check, previous) if c]
    if len(states) == 1 or states[0] != states[1]:
        before = f"; before: {', '.join(states[1])}" if len(states) > 1 else ""
        what = f"version {line.version}: {verdict_words(view)}, {view.viable}{before}"
        bad = check.get("verdict") == "shortfall" or check.get("viable") == "not viable"
        yield replace(line, what=what, urgent=bad)
    now, then = _side(check), _side(previous)
    money = money_of(view)
    if money is not None and now is not None and now != then:
        words = {1: "earned money without doubt", 0: "may earn or lose money", -1: "lost money"}
        yield replace(
            line,
            kind="money",
            what=f"version {line.version} {words[now]}: {money.realized_text} "
            f"of {money.promised_text} promised",
            urgent=now < 0,
        )


def _side(check: Mapping[str, Any] | None) -> int | None:
    """Returns on which side of zero the money is: 1, 0 where its interval holds it, -1; None without."""
    money = None if check is None else money_of(lift_view(check))
    if money is None:
        return None
    low, high = money.realized.low, money.realized.high
    return 1 if low > 0 else -1 if high < 0 else 0


def _cause(check: Mapping[str, Any], previous: Mapping[str, Any] | None) -> tuple[Cause, str]:
    """Returns what made a check say something else than the one before."""
    if previous is None:
        return "first check", "the first check"
    if check.get("contract_digest") != previous.get("contract_digest"):
        return "contract", "another lift contract"
    if check.get("restated"):
        return "correction", "outcomes were corrected"
    more = int(check.get("matured") or 0) - int(previous.get("matured") or 0)
    if more > 0:
        return "units", f"{count(more)} new units"
    return "same log", "the same units were checked again"


def _concerns(adoption: Adoption) -> Iterator[Line]:
    verbs = {"raised": "was raised", "reopened": "was reopened", "confirmed": "was settled"}
    for c in adoption.involvement.concerns:
        for act in c.thread:
            if act.act not in verbs:
                continue
            what = f'{c.severity} concern {c.id} {verbs[act.act]}: "{c.what}"'
            urgent = c.severity == "blocking" and act.act != "confirmed"
            yield Line(adoption.facts.name, c.version or "", act.at, "concern", what, urgent=urgent)


def _requests(adoption: Adoption) -> Iterator[Line]:
    name = adoption.facts.name
    for r in requests_of(adoption.entries, now=adoption.now):
        line = Line(name, r.version, r.at, "request", "")
        asks = f"request {r.id}: version {r.version} to {r.target}"
        yield replace(line, what=f'{asks} was asked, "{r.why}"', urgent=r.status == "open")
        if r.decided_at is not None:
            said = f', "{r.reason}"' if r.reason else ""
            yield replace(line, at=r.decided_at, what=f"{asks} was {r.status}{said}")
        elif r.status == "expired":
            yield replace(line, at=r.ends, what=f"{asks} expired undecided")


def _decisions(adoption: Adoption, since: datetime) -> Iterator[Line]:
    """Yields what was moved, and of equal refusals and attempts one line with their number."""
    together: dict[tuple[str, str, str], list[Evidence]] = {}
    for d in adoption.decisions:
        said = d.payload
        version, target = str(said.get("version") or ""), str(said.get("target", ""))
        if d.at < since:
            continue
        if said.get("applied"):
            yield _moved(adoption, d, version, target)
        elif said.get("basis") == "tampering" or said.get("outcome") == "refused":
            together.setdefault((str(said.get("basis")), version, target), []).append(d)
    for (basis, version, target), found in together.items():
        yield _refused(adoption, basis, version, target, found)


def _moved(adoption: Adoption, d: Evidence, version: str, target: str) -> Line:
    said = d.payload
    gave_up = said.get("basis") in ("removal", "deletion")
    verb = (
        "gave up" if gave_up else "went back to" if said.get("basis") == "rollback" else "went to"
    )
    short = {"observed": ", with requirements not met", "warned": ", with requirements not met"}
    extra = short.get(str(said.get("outcome")), "")
    others = {"waived": ", with a waiver", "break-glass": " by BREAK-GLASS"}
    extra = others.get(str(said.get("outcome")), extra)
    what = f"version {version} {verb} {target}{extra}"
    return Line(adoption.facts.name, version, d.at, "moved", what)


def _refused(
    adoption: Adoption, basis: str, version: str, target: str, found: Sequence[Evidence]
) -> Line:
    last = found[-1]
    times = sum(int(d.payload.get("attempts") or 1) for d in found)
    often = "" if times == 1 else f", {times} times"
    if basis == "tampering":
        what = f"somebody tried to {target}{often}; it was refused"
        return Line(adoption.facts.name, version, last.at, "tampering", what, urgent=True)
    missing = [
        str(r.get("title") or r.get("name"))
        for r in last.payload.get("requirements") or ()
        if not r.get("met") and not r.get("waived")
    ]
    lacks = f": {'; '.join(missing)}" if missing else ""
    what = f"version {version} was refused {target}{often}{lacks}"
    return Line(adoption.facts.name, version, last.at, "refusal", what)


def _overdue(adoption: Adoption) -> Iterator[Line]:
    """Yields the versions in use whose first outcome check became overdue."""
    facts = adoption.facts
    for version in adoption.predictions:
        held = facts.version(version)
        if held is None or held.stage == "Archived" or adoption.checks.get(version):
            continue
        due = first_check_due(adoption, version)
        if due is not None and due + timedelta(days=1) <= adoption.now:
            what = f"version {version}: its first outcome check was due but is missing"
            yield Line(facts.name, version, due + timedelta(days=1), "overdue", what, urgent=True)


def _glass(adoption: Adoption) -> Iterator[Line]:
    """Yields each use of break-glass, and its end while the version has the target still."""
    for g in broken_glass(adoption.entries):
        line = Line(adoption.facts.name, g.version, g.at, "break-glass", "", urgent=True)
        used = f"BREAK-GLASS for version {g.version} to {g.target}"
        yield replace(line, what=f'{used} until {g.until:%Y-%m-%d %H:%M} UTC, "{g.reason}"')
        if still := still_there(adoption, g):
            yield replace(line, at=g.until, what=f"{used} has ended, and {still}")


def _waivers(adoption: Adoption, policy: Policy, since: datetime) -> Iterator[Line]:
    """Yields waivers that were given, that end within a week, and that have ended."""
    for w in adoption.waivers:
        end = waiver_end(w, policy)
        line = Line(adoption.facts.name, w.version or "", w.at, "waiver", "")
        waived = f"waiver of {w.payload.get('requirement')} for {w.payload.get('target')}"
        said = str(w.payload.get("reason", ""))
        yield replace(line, what=f'{waived} was given, "{said}"')
        last = (end - timedelta(days=1)).date().isoformat()
        if end <= adoption.now:
            yield replace(line, at=end, what=f"{waived} has ended")
        elif end - SOON <= adoption.now:
            at = max(end - SOON, since)
            yield replace(line, at=at, what=f"{waived} ends on {last}", urgent=True)
