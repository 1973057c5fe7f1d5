"""Derived tags and description: for people to read and search, never what the gate decides on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from spot_mlflow.adoption import build_adoption
from spot_mlflow.gate.decision import decide
from spot_mlflow.gate.targets import same_target
from spot_mlflow.record import companion
from spot_mlflow.record.faults import in_spite_of_races
from spot_mlflow.record.policies import COPY_TAG, policies_in
from spot_mlflow.reporting.message.summary import description_block, merge_description, summary_tags
from spot_mlflow.validation import utc

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spot_mlflow.adoption import Adoption, ModelFacts
    from spot_mlflow.evidence import Evidence
    from spot_mlflow.gate.decision import GateDecision
    from spot_mlflow.gate.policy import Policy
    from spot_mlflow.record.references import ModelRef
    from spot_mlflow.record.store import Record

    Link = tuple[str, str]  # words, address

_MARK: Final = 12  # digits of an entry's id
_ROUNDS: Final = 50  # of writing until all agrees; each more means that someone else was faster
UPDATED: Final = "spot.updated"  # when, and from which newest entry the model's tags were derived
TARGET: Final = "Production"  # the one whose answer everybody wants to see
CHART: Final = "lift-gap.png"
REPORT: Final = "report.html"


def refresh(
    record: Record, ref: ModelRef, *, mine: str | None = None, policy: Policy | None = None
) -> None:
    """Writes tags and description of the model, and of the version spoken of.

    Several writers may do so at once, each from the state it saw, and no MLflow call writes them
    all. So a writer goes on until it has read a record and tags that agree. Who finds an entry
    newer than its own, of which the tags do not know yet, may leave: the writer of that entry has
    still to read what was written here, and will set it right.

    Args:
        record: where.
        ref: the model; its version gets tags of its own.
        mine: id of the entry just written, or None to see it through in any case.
        policy: the one in force where it does not stand in the record; else its newest.
    """
    links: tuple[Link, ...] | None = None
    mark: str | None = None
    for _ in range(_ROUNDS):
        facts, entries = record.state(ref, recent=True)
        latest = _latest(entries)
        if mine not in (None, latest) and not _knows(facts, latest):
            return
        if policy is None:
            known = policies_in(record, recent=True)
            policy, mark = known.in_force, known.mark
        if mark is not None and facts.tags.get(COPY_TAG) != mark:
            in_spite_of_races(
                partial(record.client.set_registered_model_tag, facts.name, COPY_TAG, mark)
            )
        links = _record_links(record, ref) if links is None else links
        if not _written_anew(record, ref, facts, entries, policy=policy, links=links):
            return


def _written_anew(
    record: Record,
    ref: ModelRef,
    facts: ModelFacts,
    entries: Sequence[Evidence],
    *,
    policy: Policy,
    links: tuple[Link, ...],
) -> bool:
    """Writes what differs, the mark of the newest entry last; returns whether anything did."""
    spoken, latest = version_spoken_of(facts, entries), _latest(entries)
    told = {
        v: _Told.of(
            record.with_files(build_adoption(facts, entries, version=v, now=utc(None))),
            policy,
            links,
        )
        for v in dict.fromkeys((spoken, ref.version))
    }
    wrote = False
    for version in sorted(v for v in told if v):
        wrote |= _write_version(record, told[version])
    wrote |= _write_model(record, told[spoken])
    # Without an entry there is no mark either: it says that there is a record.
    if latest and (wrote or not _knows(facts, latest)):
        mark = f"{utc(None):%Y-%m-%dT%H:%M:%SZ} (entry {latest[:_MARK]})"
        in_spite_of_races(
            partial(record.client.set_registered_model_tag, facts.name, UPDATED, mark)
        )
        wrote = True
    return wrote


def _latest(entries: Sequence[Evidence]) -> str:
    return entries[-1].id if entries else ""


def _knows(facts: ModelFacts, latest: str) -> bool:
    """Whether the model's tags were derived from a record with that newest entry."""
    return f"(entry {latest[:_MARK]})" in facts.tags.get(UPDATED, "")


def version_spoken_of(facts: ModelFacts, entries: Sequence[Evidence]) -> str | None:
    """Returns the version that the model's own summary is about.

    The newest version with a promise, else the newest there is, or None.
    """
    promised = {e.version for e in entries if e.kind == "prediction"}
    numbers = [v.version for v in facts.versions]
    return next(iter([v for v in reversed(numbers) if v in promised] or numbers[-1:]), None)


@dataclass(frozen=True)
class _Told:
    """What a summary tells: all that is known of a version, and the gate's answer for it."""

    adoption: Adoption
    decision: GateDecision | None
    links: tuple[Link, ...]

    @classmethod
    def of(
        cls,
        adoption: Adoption,
        policy: Policy,
        links: tuple[Link, ...],
    ) -> _Told:
        """Puts it together; without a version there is nothing to decide."""
        version = adoption.version
        if version is None or not any(same_target(TARGET, t) for t in policy.targets):
            return cls(adoption, None, links)
        return cls(adoption, decide(adoption, TARGET, policy=policy, version=version), links)

    @property
    def tags(self) -> dict[str, str]:
        """The summary tags."""
        return summary_tags(self.adoption, decision=self.decision)

    def description(self, present: str) -> str:
        """Returns the description with the managed block; a person's words around it stay."""
        check = self.adoption.latest_check
        chart, links = None, self.links
        if check is not None:
            run = check["run_id"]
            chart = f"get-artifact?path={quote(CHART)}&run_uuid={run}"
            links = (("report", f"get-artifact?path={quote(REPORT)}&run_uuid={run}"), *links)
        block = description_block(self.adoption, chart=chart, links=links, decision=self.decision)
        return merge_description(present, block)


def _record_links(record: Record, ref: ModelRef) -> tuple[Link, ...]:
    """Returns the address of the evidence, relative to MLflow's own page, where there is any."""
    experiment = companion.find(record.client, ref)
    if experiment is None:
        return ()
    return (("evidence", f"#/experiments/{experiment.experiment_id}/runs"),)


def _write_model(record: Record, told: _Told) -> bool:
    facts, client = told.adoption.facts, record.client
    changed = _changed(told.tags, facts.tags)
    changed.pop(UPDATED, None)  # the mark, which is written last
    for key, value in changed.items():
        in_spite_of_races(partial(client.set_registered_model_tag, facts.name, key, value))
    text = told.description(facts.description)
    if text != facts.description:
        client.update_registered_model(facts.name, description=text)
    return bool(changed) or text != facts.description


def _write_version(record: Record, told: _Told) -> bool:
    name, version = told.adoption.facts.name, str(told.adoption.version)
    client = record.client
    current = client.get_model_version(name, version)
    changed = _changed(told.tags, dict(current.tags or {}))
    for key, value in changed.items():
        in_spite_of_races(partial(client.set_model_version_tag, name, version, key, value))
    before = current.description or ""
    text = told.description(before)
    if text != before:
        client.update_model_version(name, version, description=text)
    return bool(changed) or text != before


def _changed(wanted: Mapping[str, str], present: Mapping[str, str]) -> dict[str, str]:
    """Returns the tags that differ; the time of the summary changes only with something else."""
    differing = {k: v for k, v in wanted.items() if present.get(k) != v}
    return differing if set(differing) - {UPDATED} else {}
