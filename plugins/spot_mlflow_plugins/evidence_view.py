"""The record as decisions need it, kept up to date: a snapshot in memory and what is newer.

A decision asks the database one small question for each experiment: has anything been added? Only
then are runs read. An entry that was seen complete is kept as it was: its digest bound it, so an
edit or deletion after that is found by ``spot verify`` and cannot take an objection out of a
decision. Where tracking is not a database of this process, what is newer is read every time.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final

from spot_mlflow.adoption import KnownVersions, ModelFacts, VersionFacts, build_adoption
from spot_mlflow.errors import RecordDamaged, Unavailable
from spot_mlflow.gate.decision import NO_GROUNDS, state_digest
from spot_mlflow.record import companion
from spot_mlflow.record.companion import REGISTRY
from spot_mlflow.record.faults import mlflow_errors
from spot_mlflow.record.policies import policies_in
from spot_mlflow.record.reading import counted
from spot_mlflow.record.references import ModelRef
from spot_mlflow.record.subject import Subject
from spot_mlflow.reporting.message.listed import UPDATED
from spot_mlflow.validation import utc
from spot_mlflow_plugins import mlflow_private as private

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.evidence import Evidence
    from spot_mlflow.record import Record
    from spot_mlflow.record.policies import Policies

# Ages are taken anew for every decision; what else depends on the hour (a round of answers, a cap
# of the involvement score) is at most this old, and no requirement rests on it.
FRESH: Final = timedelta(seconds=60)
_ABSENT: Final = 30.0  # seconds
MOST_MODELS: Final = (
    1000  # whose entries are kept in memory; others are read when they are asked for
)
MOST_BUILT: Final = 32  # versions of one model


@dataclass(frozen=True)
class Basis:
    """What of an experiment a decision rests on.

    Attributes:
        experiment_id: of the experiment.
        pulse: of it, when it was read.
        runs: ids of all runs that were looked at.
    """

    experiment_id: str
    pulse: private.Pulse
    runs: frozenset[str]


@dataclass
class _Seen:
    """What is known of one experiment: its pulse when it was read, and the entries that count."""

    experiment_id: str
    pulse: private.Pulse | None
    entries: tuple[Evidence, ...]  # oldest first
    decisions: tuple[Evidence, ...]
    runs: frozenset[str] = frozenset()  # all that were looked at, also those that do not count
    state: str = ""  # digest of the entries that are grounds for a decision
    grounds: int = 0  # how many those are
    built: dict[str, Adoption] = field(default_factory=dict)  # by version


@dataclass(frozen=True)
class _KnownPolicies:
    """What is known of policies: the pulse of their experiment ("" where there is none) when read."""

    experiment_id: str
    pulse: private.Pulse | None
    policies: Policies
    until: float  # monotonic: how long "there is none under any name" counts
    runs: frozenset[str] = frozenset()  # that were there when it was read


class EvidenceView:
    """Policy and adoptions, as of the moment they are asked for; not shared between threads.

    Args:
        record: where evidence is.
    """

    def __init__(self, record: Record) -> None:
        self.record = record
        self._store = private.tracking_store_of(record.client)
        self._registry = private.registry_store_of(record.client)
        # By workspace as well: each has a policy, and models, of its own.
        self._seen: OrderedDict[tuple[str, ModelRef], _Seen] = OrderedDict()  # latest read last
        self._policies: dict[str, _KnownPolicies] = {}

    def policies(self) -> Policies:
        """Returns what the record says of policies, the one in force first of all.

        Raises:
            RecordDamaged: it cannot be read, or it is gone.
            Unavailable: the record did not answer.
        """
        workspace = private.workspace_of(self._store)
        known = self._policies.get(workspace)
        if known is not None and known.pulse is not None:
            pulse = private.pulse_of(self._store, known.experiment_id)
            if pulse == known.pulse:
                return known.policies
        if known is not None and not known.experiment_id and time.monotonic() < known.until:
            by_name = self.record.client.get_experiment_by_name(companion.name_of(REGISTRY))
            if by_name is None:  # as it was: nobody has set a policy yet
                return known.policies
        fresh = self._policies[workspace] = self._read_policies()
        return fresh.policies

    def _read_policies(self) -> _KnownPolicies:
        with mlflow_errors("the policies"):
            home = companion.find_registry(self.record.client)
        key = "" if home is None else str(home.experiment_id)
        # Both before reading: what comes later shows.
        pulse = private.pulse_of(self._store, key) if key else None
        runs = frozenset(private.runs_of(self._store, key) if key else ())
        until = time.monotonic() + _ABSENT
        return _KnownPolicies(key, pulse, policies_in(self.record), until, runs)

    def facts(self, model: str) -> ModelFacts:
        """Returns what the registry says of a model now; ``Record.facts`` in fewer statements.

        Raises:
            NotFound: no such model.
        """
        with mlflow_errors(f"model {model!r}"):
            rows = private.model_rows(self._registry, model)
        if rows is None:
            return self.record.facts(model)
        aliases: dict[str, list[str]] = {}
        for alias, version in rows.aliases.items():
            aliases.setdefault(version, []).append(alias.casefold())
        versions = KnownVersions(
            VersionFacts(
                version=version,
                created=datetime.fromtimestamp(created / 1000, timezone.utc),
                stage=stage,
                aliases=tuple(sorted(aliases.get(version, ()))),
                run_id=run_id,
            )
            for version, created, stage, run_id in rows.versions
        )
        return ModelFacts(rows.name, rows.created, versions, rows.tags)

    def adoption(self, facts: ModelFacts, version: str) -> tuple[Adoption, str]:
        """Returns all that is known of a version, and the digest of the evidence it rests on.

        Args:
            facts: what the registry says now.
            version: the version to speak of.
        """
        ref = ModelRef(facts.name, None, facts.created)
        seen = self._up_to_date(ref, known_written=UPDATED in facts.tags)
        now = utc(None)
        if seen is None:
            return build_adoption(facts, (), version=version, now=now), state_digest(())
        return self._built(seen, facts, version, now), seen.state

    def decisions(self, facts: ModelFacts) -> tuple[Evidence, ...]:
        """Returns the decisions recorded for a model, oldest first; none where it cannot be read."""
        try:
            ref = ModelRef(facts.name, None, facts.created)
            seen = self._up_to_date(ref, known_written=False)
        except (RecordDamaged, Unavailable):  # what is given up is given up all the same
            return ()
        return seen.decisions if seen is not None else ()

    def basis(self, facts: ModelFacts) -> tuple[Basis, ...]:
        """Returns what the answers just given rest on: the policy's record and the model's own."""
        ref = ModelRef(facts.name, None, facts.created)
        policies = self._policies.get(private.workspace_of(self._store))
        found = (policies, self._seen.get(self._key(ref)))
        return tuple(
            Basis(s.experiment_id, s.pulse, s.runs)
            for s in found
            if s is not None and s.pulse is not None
        )

    def still(self, bases: Iterable[Basis]) -> bool:
        """Says whether nothing was recorded since that a decision could rest on; takes no lock."""
        for basis in bases:
            if private.pulse_of(self._store, basis.experiment_id) == basis.pulse:
                continue
            kinds = private.kinds_of_runs(self._store, basis.experiment_id)
            if any(k not in NO_GROUNDS for run, k in kinds.items() if run not in basis.runs):
                return False
        return True

    def add(self, ref: ModelRef, decision: Evidence) -> None:
        """Takes in a decision that was just written, so that it need not be read again."""
        seen = self._seen.get(self._key(ModelRef(ref.name, None, ref.created)))
        if seen is None or seen.pulse is None:
            return
        seen.entries = (*seen.entries, decision)
        seen.runs |= {decision.run_id}
        seen.decisions = (*seen.decisions, decision)
        # Were there another entry at the same time, the next pulse differs and all is read.
        seen.pulse = seen.pulse.plus_one()

    def _up_to_date(self, ref: ModelRef, *, known_written: bool) -> _Seen | None:
        seen = self._seen.get(self._key(ref))
        if seen is not None and seen.pulse is not None:
            pulse = private.pulse_of(self._store, seen.experiment_id)
            if pulse == seen.pulse:
                return seen
        return self._read(ref, seen, known_written=known_written)

    def _read(self, ref: ModelRef, before: _Seen | None, *, known_written: bool) -> _Seen | None:
        """Reads what is new; None where nothing was ever recorded."""
        experiment = companion.find(self.record.client, ref, known_written=lambda: known_written)
        if experiment is None:
            return None
        key = str(experiment.experiment_id)
        pulse = private.pulse_of(self._store, key)  # before reading: what comes later shows
        readings = self.record.readings_of(Subject(ref, None, experiment, True), recent=True)
        unread = private.runs_of(self._store, key) - {r.run_id for r in readings}
        if unread:  # begun earlier than the newest, as by a clock that is slow
            readings = self.record.readings_of(Subject(ref, None, experiment, True))
        entries = tuple(counted(ref, readings))
        runs = frozenset(r.run_id for r in readings)
        decisions = tuple(e for e in entries if e.kind == "decision")
        grounds = sum(e.kind not in NO_GROUNDS for e in entries)
        if before is not None and before.experiment_id == key and before.grounds == grounds:
            before.pulse, before.entries, before.decisions = pulse, entries, decisions
            before.runs = runs
            return before
        fresh = _Seen(key, pulse, entries, decisions, runs, state_digest(entries), grounds)
        self._seen[self._key(ref)] = fresh
        self._seen.move_to_end(self._key(ref))
        if len(self._seen) > MOST_MODELS:
            self._seen.popitem(last=False)
        return fresh

    def _key(self, ref: ModelRef) -> tuple[str, ModelRef]:
        return private.workspace_of(self._store), ref

    def _built(self, seen: _Seen, facts: ModelFacts, version: str, now: datetime) -> Adoption:
        built = seen.built.get(version)
        if built is None or not timedelta(0) <= now - built.now <= FRESH:
            built = build_adoption(facts, seen.entries, version=version, now=now)
            if len(seen.built) >= MOST_BUILT:
                seen.built.clear()
            seen.built[version] = built
        return replace(built, facts=facts, decisions=seen.decisions, entries=seen.entries, now=now)
