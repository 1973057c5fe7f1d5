"""Derived tags and description: for people to read and search, never what the gate decides on."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from spot_mlflow.adoption import build_adoption
from spot_mlflow.gate.case import ANYBODY
from spot_mlflow.gate.decision import decide
from spot_mlflow.gate.targets import same_target
from spot_mlflow.person import person_key
from spot_mlflow.record import direct
from spot_mlflow.record.entry import ERASED
from spot_mlflow.record.policies import COPY_TAG
from spot_mlflow.record.reading import as_read, counted
from spot_mlflow.record.subject import Subject
from spot_mlflow.reporting.message.history import TAG as HISTORY
from spot_mlflow.reporting.message.history import History, history_of, history_tag
from spot_mlflow.reporting.message.listed import MARK as _MARK
from spot_mlflow.reporting.message.listed import TAG as FACTS
from spot_mlflow.reporting.message.listed import UPDATED
from spot_mlflow.reporting.message.summary import description_block, merge_description, summary_tags
from spot_mlflow.validation import utc

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mlflow.entities import Experiment

    from spot_mlflow.adoption import Adoption, ModelFacts
    from spot_mlflow.evidence import Evidence
    from spot_mlflow.gate.decision import GateDecision
    from spot_mlflow.gate.policy import Policy
    from spot_mlflow.record.entry_store import EntryStore
    from spot_mlflow.record.references import ModelRef

    PolicyTold = Callable[[ModelFacts], tuple[Policy, str | None]]
    Link = tuple[str, str]  # words, address

_ROUNDS: Final = 50  # of writing until all agrees; each more means that someone else was faster
TARGET: Final = "Production"  # the one whose answer everybody wants to see
CHART: Final = "lift-gap.svg"
FIRST_CHART: Final = "lift-gap.png"  # of a check that does not name its picture
REPORT: Final = "report.html"


def refresh_after(
    record: EntryStore, subject: Subject, evidence: Evidence, policy_told: PolicyTold
) -> None:
    """Brings tags and descriptions up to date after an entry, as ``refresh`` does.

    Where nobody else has written for a while, what this operation has read before the entry is still
    so, and only what was written since is read. Else everything is read again.

    Args:
        record: where.
        subject: the model, and what was read of it before the entry was written.
        evidence: the entry.
        policy_told: the policy whose answer the summary tells, and its mark.
    """
    home = subject.home
    if home is not None and record.memory.alone(home):
        facts = record.facts_about(subject)
        entries = [*counted(subject.ref, subject.readings or ()), as_read(evidence)]
        entries.sort(key=lambda e: (e.at, e.id))
        told = _Telling(record, subject.ref, home, policy_told)
        told.written_anew(facts, entries)
        if not record.memory.news(home) and not _erased_since(record, home, told, entries):
            return
    refresh(record, subject.ref, policy_told, mine=evidence.id)


def refresh(
    record: EntryStore,
    ref: ModelRef,
    policy_told: PolicyTold,
    *,
    others: Sequence[str] = (),
    mine: str | None = None,
) -> None:
    """Writes tags and description of the model, and of the versions in question.

    Several writers may do so at once, each from the state it saw, and not every MLflow writes them
    all in one call. So a writer goes on until it has read a record and tags that agree. Who finds an
    entry newer than its own, of which the tags do not know yet, may leave: the writer of that entry
    has still to read what was written here, and will set it right.

    Args:
        record: where.
        ref: the model; its version gets tags of its own.
        policy_told: the policy whose answer the summary tells, and its mark.
        others: further versions that get tags of their own.
        mine: id of the entry just written, or None to see it through in any case.
    """
    told: _Telling | None = None
    for _ in range(_ROUNDS):
        subject = Subject(ref)
        facts, entries = record.state(subject, recent=True)
        latest = _latest(entries)
        if mine not in (None, latest) and not _knows(facts, latest):
            return
        told = told or _Telling(record, ref, subject.home, policy_told, others)
        if not told.written_anew(facts, entries):
            return


def _erased_since(
    record: EntryStore, home: Experiment, told: _Telling, entries: Sequence[Evidence]
) -> bool:
    """Whether a name may have come back: one was just written, and names were erased meanwhile."""
    names = {re.escape(person_key(e.person)) for e in entries if e.person}
    text = person_key(" ".join(told.wrote))
    if not names or not re.search(rf"(?<!\w)(?:{'|'.join(names)})(?!\w)", text):
        return False
    now = record.client.get_experiment(home.experiment_id)
    return bool(now.tags.get(ERASED) != home.tags.get(ERASED))


@dataclass
class _Telling:
    """What stays the same while one summary is written: the policy is read once.

    Attributes:
        record: where.
        ref: the model; its version gets tags of its own.
        home: the companion experiment.
        policy_told: how the policy in force is asked for.
        others: further versions that get tags of their own.
        policy: the one in force and its mark, once they were asked for.
        wrote: the texts that were written.
    """

    record: EntryStore
    ref: ModelRef
    home: Experiment | None
    policy_told: PolicyTold
    others: Sequence[str] = ()
    policy: tuple[Policy, str | None] | None = None
    wrote: list[str] = field(default_factory=list)

    def written_anew(self, facts: ModelFacts, entries: Sequence[Evidence]) -> bool:
        """Writes what differs, the mark of the newest entry last; returns whether anything did."""
        spoken, latest = version_spoken_of(facts, entries), _latest(entries)
        self.policy = self.policy or self.policy_told(facts)
        policy, copy = self.policy
        mark = {COPY_TAG: copy} if copy and facts.tags.get(COPY_TAG) != copy else {}
        told = {
            v: self._told(build_adoption(facts, entries, version=v, now=utc(None)), policy)
            for v in dict.fromkeys((spoken, self.ref.version, *self.others))
        }
        wrote = False
        for version in sorted(v for v in told if v):
            current = facts.versions.entity(version)  # type: ignore[attr-defined] # the record's own
            if current is not None:  # else it was deleted in the meantime
                present = facts.versions.tags(version)  # type: ignore[attr-defined] # as above
                found = self._changes(
                    told[version], present, current.description or "", versioned=True
                )
                wrote |= self._write(facts.name, version, *found)
        tags, text = self._changes(told[spoken], facts.tags, facts.description, versioned=False)
        tags.pop(UPDATED, None)  # the mark, which is written last
        # Without an entry there is no mark either: it says that there is a record.
        if latest and (wrote or tags or text is not None or not _knows(facts, latest)):
            moment = f"{utc(None):%Y-%m-%dT%H:%M:%SZ}"
            mark[UPDATED] = f"{moment} (entry {latest[:_MARK]})"
        mark = self.record.ways.fitted(mark, facts.tags, versioned=False)
        self._write(facts.name, None, {**tags, **mark}, text)
        return wrote or bool(tags) or text is not None or UPDATED in mark

    def _changes(
        self, told: _Told, tags: Mapping[str, str], description: str, *, versioned: bool
    ) -> tuple[dict[str, str], str | None]:
        """Returns the tags that differ from those there are, and the description if it does."""
        ways = self.record.ways
        # Lists read the tags of models, not of versions.
        said = {k: v for k, v in told.tags.items() if not versioned or k != FACTS}
        said |= {} if versioned else told.history(tags, longest=ways.longest)
        wanted = ways.fitted(said, tags, versioned=versioned)
        text = told.description(description)
        return _changed(wanted, tags), None if text == description else text

    def _write(
        self, name: str, version: str | None, tags: dict[str, str], description: str | None
    ) -> bool:
        """Writes what changes, where anything does."""
        if not tags and description is None:
            return False
        written = {self.record.ways.key(k): v for k, v in tags.items()}
        direct.write_summary(
            self.record.client, name, version, tags=written, description=description
        )
        self.wrote += [*tags.values(), description or ""]
        return True

    def _told(self, adoption: Adoption, policy: Policy) -> _Told:
        links: tuple[Link, ...] = ()
        if self.home is not None:  # the address of the evidence, relative to MLflow's own page
            links = (("evidence", f"#/experiments/{self.home.experiment_id}/runs"),)
        target = self.record.ways.told_target(TARGET, policy.targets)
        return _Told.of(self.record.with_files(adoption), policy, links, target)


def _latest(entries: Sequence[Evidence]) -> str:
    return entries[-1].id if entries else ""


def _knows(facts: ModelFacts, latest: str) -> bool:
    """Whether the model's tags were derived from a record with that newest entry."""
    return f"entry {latest[:_MARK]}" in facts.tags.get(UPDATED, "")


def version_spoken_of(facts: ModelFacts, entries: Sequence[Evidence]) -> str | None:
    """Returns the version that the model's own summary is about.

    The newest version with a promise, else the newest there is, or None.
    """
    promised = {e.version for e in entries if e.kind == "prediction" and e.version}
    newest_first = sorted(promised, key=int, reverse=True)
    found = (n for n in newest_first if facts.version(n) is not None)
    return next(found, None) or facts.newest


@dataclass(frozen=True)
class _Told:
    """What a summary tells: all that is known of a version, and the gate's answer for it."""

    adoption: Adoption
    decision: GateDecision | None
    links: tuple[Link, ...]
    policy: Policy

    @classmethod
    def of(
        cls,
        adoption: Adoption,
        policy: Policy,
        links: tuple[Link, ...],
        target: str,
    ) -> _Told:
        """Puts it together; without a version there is nothing to decide."""
        version = adoption.version
        if version is None or not any(same_target(target, t) for t in policy.targets):
            return cls(adoption, None, links, policy)
        decision = decide(adoption, target, policy=policy, version=version, requester=ANYBODY)
        return cls(adoption, decision, links, policy)

    @property
    def tags(self) -> dict[str, str]:
        """The summary tags."""
        return summary_tags(self.adoption, decision=self.decision, policy=self.policy)

    def history(self, present: Mapping[str, str], *, longest: int) -> dict[str, str]:
        """Returns the tag of the model's history; nothing where it has none and had none."""
        found = history_of(self.adoption)
        told = found != History() or HISTORY in present
        return {HISTORY: history_tag(found, longest=longest)} if told else {}

    def description(self, present: str) -> str:
        """Returns the description with the managed block; a person's words around it stay."""
        check = self.adoption.latest_check
        chart, links = None, self.links
        if check is not None:
            run = check["run_id"]
            picture = CHART if check.get("chart") == CHART else FIRST_CHART
            chart = f"get-artifact?path={quote(picture)}&run_uuid={run}"
            links = (("report", f"get-artifact?path={quote(REPORT)}&run_uuid={run}"), *links)
        block = description_block(self.adoption, chart=chart, links=links, decision=self.decision)
        return merge_description(present, block)


def _changed(wanted: Mapping[str, str], present: Mapping[str, str]) -> dict[str, str]:
    """Returns the tags that differ; the time of the summary changes only with something else."""
    differing = {k: v for k, v in wanted.items() if present.get(k) != v}
    return differing if set(differing) - {UPDATED} else {}
