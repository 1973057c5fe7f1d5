"""``EntryStore``: writes and reads the entries of all models; it knows neither policies nor summaries."""

from __future__ import annotations

import contextlib
import logging
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from spot_mlflow.adoption import Adoption, ModelFacts, build_adoption
from spot_mlflow.person import check_speaker
from spot_mlflow.record import companion, reading, references, remote
from spot_mlflow.record.companion import REGISTRY
from spot_mlflow.record.connection import open_client, registry_of
from spot_mlflow.record.direct import registry_uri as address_of
from spot_mlflow.record.entry import Draft, Reading
from spot_mlflow.record.facts import every_model, every_name, facts_of, registered_model
from spot_mlflow.record.faults import mlflow_errors
from spot_mlflow.record.login import login
from spot_mlflow.record.memory import Memory
from spot_mlflow.record.reading import counted
from spot_mlflow.record.references import ModelRef
from spot_mlflow.record.registry_ways import RegistryWays, ways_of
from spot_mlflow.record.signature import signature_digest
from spot_mlflow.record.subject import Subject
from spot_mlflow.reporting.message.listed import UPDATED
from spot_mlflow.reporting.words.registries import registry_sentence
from spot_mlflow.validation import utc

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from mlflow import MlflowClient
    from mlflow.entities import Experiment, LoggedModel

    from spot_mlflow.evidence import Evidence
    from spot_mlflow.record.writer import Writer

_LOG = logging.getLogger(__name__)


class EntryStore:
    """The entries of all models on one MLflow.

    ``Record`` adds what rests on all that: the policy, the summaries, verification.

    Args:
        tracking_uri: where MLflow is; MLflow's own setting where None.
        registry_uri: where the registry is; None: at ``tracking_uri``, or where MLflow's own settings say,
            if ``tracking_uri`` is theirs.
        client: a client to use instead of the URIs.
        writer: how entries are written; found out where None (a gated server has a route for it).
        recorded_by: who writes entries down; the login where None. One who speaks under a pseudonym
            writes under it as well.
    """

    def __init__(
        self,
        tracking_uri: str | None = None,
        registry_uri: str | None = None,
        *,
        client: MlflowClient | None = None,
        writer: Writer | None = None,
        recorded_by: str | None = None,
    ) -> None:
        self.client = client or open_client(tracking_uri, registry_uri)
        # With its gate, which the client goes past.
        self.registry_uri = (
            address_of(client) if client else registry_of(tracking_uri, registry_uri)
        )
        self._writer = writer
        self._recorded_by = recorded_by
        self.memory = Memory(self.client)

    @property
    def writer(self) -> Writer:
        """How entries are written here."""
        if self._writer is None:
            self._writer = remote.writer_for(self.client)
        return self._writer

    @property
    def ways(self) -> RegistryWays:
        """What the registry can hold."""
        return ways_of(self.client)

    def _errors(self, where: str) -> AbstractContextManager[None]:
        """Returns ``mlflow_errors`` that name the server this record asks."""
        return mlflow_errors(where, at=str(self.client.tracking_uri))

    # -- what is there ---------------------------------------------------------------------

    def about(self, model: Any) -> Subject:
        """Finds the model version that ``model`` means, for one operation on it."""
        if isinstance(model, Subject):
            return model
        if isinstance(model, ModelRef):
            return Subject(model)
        facts, version = references.locate(self.client, model)
        return Subject(ModelRef(facts.name, version, facts.created), facts)

    def named(self, name: str, version: str | None = None) -> Subject:
        """Finds exactly the model of a name: no reading of "name/3" or "name@alias"."""
        facts = self.facts(name)
        return Subject(ModelRef(facts.name, version, facts.created), facts)

    def resolve(self, model: Any) -> ModelRef:
        """Finds the model version that ``model`` means; see ``record.references``."""
        return self.about(model).ref

    def models(self) -> list[str]:
        """Returns the names of all registered models, sorted; prompts are none."""
        with self._errors("the registry"):
            return sorted(every_name(self.client))

    def portfolio(self) -> list[tuple[str, Mapping[str, str]]]:
        """Returns (name, tags) of every registered model, read in pages of 1,000."""
        with self._errors("the registry"):
            return every_model(self.client)

    def facts(self, name: str) -> ModelFacts:
        """Returns what the registry says of a model; its versions are asked for where needed."""
        with self._errors(f"model {name!r}"):
            return facts_of(self.client, registered_model(self.client, name))

    def facts_about(self, subject: Subject) -> ModelFacts:
        """Returns what the registry says of the model of an operation."""
        if subject.facts is None:
            subject.facts = self.facts(subject.ref.name)
        return subject.facts

    def home_of(self, subject: Subject, *, sure: bool = False) -> Experiment | None:
        """Returns the companion experiment of an operation's model, or None where there is none.

        Args:
            subject: the model, and what was read of it; its home is looked for once.
            sure: whether to ask the registry for the model's tags where that was not done yet.

        Raises:
            RecordDamaged: it was deleted, or it is gone and the model's tags show that there was one.
        """
        if not subject.looked:
            ref = subject.ref
            with self._errors(f"the record of {ref.name!r}" if ref.name else "the policies"):
                subject.home = companion.find(
                    self.client,
                    ref,
                    known_written=lambda: self._was_written(subject, sure=sure),
                )
            subject.looked = True
        return subject.home

    def entries(self, of: ModelRef | Subject, *, recent: bool = False) -> list[Evidence]:
        """Returns the complete entries of a model, oldest first.

        Args:
            of: the model, or ``REGISTRY``.
            recent: read only what this object has not seen yet; edits of what it has seen are not
                noticed. For summaries, never for decisions.
        """
        subject = self.about(of)
        found = self._by_route(subject.ref)
        if found is not None:
            return found
        return counted(subject.ref, self.readings_of(subject, recent=recent))

    def _by_route(self, ref: ModelRef) -> list[Evidence] | None:
        """Returns a model's entries by a gated server's route; None where runs are read."""
        if not ref.name or not isinstance(self.writer, remote.RouteWriter):
            return None
        return self.writer.entries(ref)

    def readings(self, ref: ModelRef) -> list[Reading]:
        """Returns every run of the companion experiment as it was read, those with faults too."""
        return list(self.readings_of(Subject(ref)))

    def readings_of(self, subject: Subject, *, recent: bool = False) -> Collection[Reading]:
        """Returns ``readings`` of an operation's model, read once."""
        home = self.home_of(subject)
        if subject.readings is None:
            ref = subject.ref
            with self._errors(f"the record of {ref.name!r}" if ref.name else "the policies"):
                subject.readings = () if home is None else self.memory.read(home, recent=recent)
        return subject.readings

    def adoption(
        self,
        model: Any,
        version: str | None = None,
        now: datetime | None = None,
        *,
        recent: bool = False,
    ) -> Adoption:
        """Returns everything known about a model version: one unfiltered search of its record."""
        subject = self.about(model)
        facts, entries = self.state(subject, recent=recent)
        return build_adoption(facts, entries, version=version or subject.ref.version, now=utc(now))

    def adoption_and_registry(
        self, model: Any, version: str | None = None
    ) -> tuple[Adoption, list[Evidence], Mapping[str, str]]:
        """Returns ``adoption``, and entries and tags as ``registry`` does: one search for both."""
        subject = self.about(model)
        ref, facts = subject.ref, self.facts_about(subject)
        own = self.home_of(subject)
        with self._errors(f"the record of {ref.name!r}" if ref.name else "the policies"):
            shared = companion.find_registry(self.client)
            found = reading.read_all(
                self.client,
                [e.experiment_id for e in (own, shared) if e is not None],
                deleted_of=None if shared is None else shared.experiment_id,
            )
        subject.readings = () if own is None else list(found[own.experiment_id].values())
        others = () if shared is None else found[shared.experiment_id].values()
        entries = counted(ref, subject.readings)
        adoption = build_adoption(facts, entries, version=version or ref.version, now=utc(None))
        tags = {} if shared is None else dict(shared.tags)
        return adoption, counted(REGISTRY, others), tags

    def registry(self, *, recent: bool = False) -> tuple[list[Evidence], Mapping[str, str]]:
        """Returns the entries of the registry as a whole, deleted ones included, and its tags.

        Args:
            recent: read only what this object has not seen yet.

        Raises:
            RecordDamaged: the record was deleted, or is kept under another prefix.
        """
        with self._errors("the policies"):
            home = companion.find_registry(self.client)
            if home is None:
                return [], {}
            found = self.memory.read(home, recent=recent, deleted=True)
            return counted(REGISTRY, found), dict(home.tags)

    def with_files(self, adoption: Adoption) -> Adoption:
        """Returns what is known with where the version's files are, where a gated server says so."""
        if adoption.version is None or not isinstance(self.writer, remote.RouteWriter):
            return adoption
        files = self.writer.files(adoption.facts.name, adoption.version)
        return replace(adoption, files=files)

    def state(
        self, of: ModelRef | Subject, *, recent: bool = False
    ) -> tuple[ModelFacts, Sequence[Evidence]]:
        """Returns what the registry and the record say of a model, in this order.

        ``recent`` as in ``entries``.
        """
        subject = self.about(of)
        return self.facts_about(subject), self.entries(subject, recent=recent)

    def signature_digest(self, of: ModelRef | Subject) -> str | None:
        """Returns the digest of the version's model signature; None where it has none to read."""
        subject = self.about(of)
        facts, number = self.facts_about(subject), str(subject.ref.version)
        return signature_digest(self.client, facts, number, self._logged_model(subject))

    # -- what is written -------------------------------------------------------------------

    def append(
        self,
        of: ModelRef | Subject,
        kind: str,
        payload: Mapping[str, Any],
        *,
        person: str | None = None,
        role: str | None = None,
        at: datetime | None = None,
        metrics: Sequence[tuple[str, float, int]] = (),
        artifacts: Mapping[str, bytes] | None = None,
        dataset: tuple[str, str, str] | None = None,
        recorded_by: str | None = None,
        refresh: bool = True,
        entry_id: str | None = None,
    ) -> Evidence:
        """Writes one entry, whole or not at all, and brings the summary up to date.

        Args:
            of: the model version in question; with what this operation has read of it already.
            kind: what sort of entry.
            payload: what is said; JSON values.
            person: who says it.
            role: in which role.
            at: when; now where None.
            metrics: (name, value, step) for MLflow's charts.
            artifacts: path in the run -> content.
            dataset: (name, digest, source) of the data read.
            recorded_by: who writes it down; the login where None.
            refresh: whether to bring tags and description up to date; once after many entries.
            entry_id: UUID of the entry, hex; made up where None.

        Raises:
            InvalidInput: who speaks is missing or cannot be recorded; nothing is written.
            Unavailable: MLflow did not answer; the entry, if begun, does not count.
            RecordDamaged: the record was deleted.
        """
        check_speaker(kind, person, role)
        subject = self.about(of)
        ref = subject.ref
        with self._errors(f"model {ref.name!r}"):
            # A gated server looks itself what an entry follows, and where it goes.
            logged: LoggedModel | None = None
            before: Collection[Reading] = ()
            sent = isinstance(self.writer, remote.RouteWriter)
            if not sent:
                self.home_of(subject, sure=True)
                before = self.readings_of(subject, recent=True)
                logged = self._logged_model(subject) if metrics else None
            draft = Draft(
                ref=ref,
                kind=kind,
                payload=payload,
                person=person,
                role=role,
                at=utc(at),
                recorded_by=self._recorder(recorded_by),
                parents=reading.heads(before),
                metrics=tuple(metrics),
                artifacts=dict(artifacts or {}),
                dataset=dataset,
                model_id="" if logged is None else str(logged.model_id),
                id=entry_id or uuid.uuid4().hex,
            )
            if not sent:
                first = subject.home is None and bool(self.ways.lacks)
                said = first and companion.first_of_all(self.client)
                subject.home = companion.as_home(self.client, ref, subject.home)
                if said:
                    self._say_what_lacks()
            evidence = self.writer.write(draft, subject.home)
            self.memory.wrote(evidence.run_id)
        if refresh and ref.name:
            self._refresh_after(subject, evidence)
        return evidence

    def _refresh_after(self, subject: Subject, evidence: Evidence) -> None:
        """Brings the summary up to date after an entry, where there are summaries."""

    def _say_what_lacks(self) -> None:
        """Says what this registry cannot hold: once, when its first record begins."""
        _LOG.warning("%s", registry_sentence(self.ways.name, self.ways.lacks, self.ways.page))

    def _was_written(self, subject: Subject, *, sure: bool) -> bool:
        """Whether the registry says that there was a record."""
        if not subject.ref.name or not (sure or subject.facts):
            return False
        return UPDATED in self.facts_about(subject).tags

    def _logged_model(self, subject: Subject) -> LoggedModel | None:
        """Returns the LoggedModel of the version in question, which has its metrics and its files."""
        from mlflow.exceptions import MlflowException

        ref = subject.ref
        if not subject.logged_asked and ref.name:
            version = self.facts_about(subject).version(ref.version)
            if version is not None and version.model_id:
                with contextlib.suppress(MlflowException):  # it is gone
                    subject.logged = self.client.get_logged_model(version.model_id)
            subject.logged_asked = True
        return subject.logged

    def _recorder(self, given: str | None) -> str:
        chosen = given if given is not None else self._recorded_by
        return chosen if chosen is not None else login()
