"""``Record``: writes and reads the evidence of all models on one MLflow."""

from __future__ import annotations

import getpass
import logging
import os
import uuid
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.adoption import Adoption, ModelFacts, VersionFacts, build_adoption
from spot_mlflow.errors import SpotError
from spot_mlflow.person import check_speaker
from spot_mlflow.record import companion, reading, references, remote
from spot_mlflow.record.connection import open_client
from spot_mlflow.record.entry import ERASED, Draft, Reading
from spot_mlflow.record.faults import mlflow_errors
from spot_mlflow.record.once import RegistryOnce
from spot_mlflow.record.reading import counted
from spot_mlflow.record.signature import signature_digest
from spot_mlflow.validation import utc

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from mlflow import MlflowClient

    from spot_mlflow.evidence import Evidence
    from spot_mlflow.record.references import ModelRef
    from spot_mlflow.record.verification import Verification
    from spot_mlflow.record.writer import Writer

_LOG = logging.getLogger(__name__)
REGISTRY: Final = companion.REGISTRY  # evidence of no model in particular: policies
_MOST_SEEN: Final = 1000  # experiments whose entries one object keeps
UPDATED_TAG: Final = "spot.updated"


class Record:
    """The evidence of all models on one MLflow.

    One object may be kept as long as a process lives; ``entries(..., recent=True)`` then reads only
    what is new. It is not shared between threads.

    Args:
        tracking_uri: where MLflow is; MLflow's own setting where None.
        registry_uri: where the registry is; MLflow's own setting where None.
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
        self._writer = writer
        self._recorded_by = recorded_by
        self._seen: dict[str, dict[str, Reading]] = {}
        self._registry: dict[str, dict[str, Reading]] = {}
        self._erased: dict[str, str | None] = {}  # experiment -> mark of the erasure last seen

    @property
    def writer(self) -> Writer:
        """How entries are written here."""
        if self._writer is None:
            self._writer = remote.writer_for(self.client)
        return self._writer

    def _errors(self, where: str) -> AbstractContextManager[None]:
        """Returns ``mlflow_errors`` that name the server this record asks."""
        return mlflow_errors(where, at=str(self.client.tracking_uri))

    # -- what is there ---------------------------------------------------------------------

    def resolve(self, model: Any) -> ModelRef:
        """Finds the model version that ``model`` means; see ``record.references``."""
        return references.resolve(self.client, model)

    def models(self) -> list[str]:
        """Returns the names of all registered models, sorted; prompts are none."""
        return sorted(name for name, _ in self.portfolio())

    def portfolio(self) -> list[tuple[str, Mapping[str, str]]]:
        """Returns (name, tags) of every registered model, read in pages of 1,000."""
        found: list[tuple[str, Mapping[str, str]]] = []
        token: str | None = None
        with self._errors("the registry"):
            while True:
                page = self.client.search_registered_models(max_results=1000, page_token=token)
                found.extend((m.name, dict(m.tags or {})) for m in page)
                token = page.token
                if not token:
                    return found

    def facts(self, name: str) -> ModelFacts:
        """Returns what the registry says of a model and its versions: two calls at most."""
        return self._facts(name, self.client)

    def _facts(self, name: str, client: Any) -> ModelFacts:
        with self._errors(f"model {name!r}"):
            model = client.get_registered_model(name)
            versions = references.versions_of(client, model)
        aliases: dict[str, list[str]] = {}
        for alias, version in dict(model.aliases or {}).items():
            aliases.setdefault(str(version), []).append(str(alias).casefold())
        return ModelFacts(
            name=model.name,
            created=int(model.creation_timestamp or 0),
            versions=tuple(
                VersionFacts(
                    version=str(v.version),
                    created=datetime.fromtimestamp(v.creation_timestamp / 1000, timezone.utc),
                    stage=v.current_stage or "None",
                    aliases=tuple(sorted(aliases.get(str(v.version), ()))),
                    run_id=v.run_id or "",
                    model_id=references.logged_model_id(v),
                )
                for v in versions
            ),
            tags=dict(model.tags or {}),
            description=model.description or "",
        )

    def entries(self, ref: ModelRef, *, recent: bool = False) -> list[Evidence]:
        """Returns the complete entries of a model, oldest first.

        Args:
            ref: the model, or ``REGISTRY``.
            recent: read only what this object has not seen yet; edits of what it has seen are not
                noticed. For summaries, never for decisions.
        """
        found = self._by_route(ref)
        return counted(ref, self.readings(ref, recent=recent)) if found is None else found

    def _by_route(self, ref: ModelRef) -> list[Evidence] | None:
        """Returns a model's entries by a gated server's route; None where runs are read."""
        if not ref.name or not isinstance(self.writer, remote.RouteWriter):
            return None
        return self.writer.entries(ref)

    def readings(
        self, ref: ModelRef, *, recent: bool = False, known_written: bool = False
    ) -> list[Reading]:
        """Returns every run of the companion experiment as it was read, those with faults too."""
        with self._errors(f"the record of {ref.name!r}" if ref.name else "the policies"):
            experiment = companion.find(self.client, ref, known_written=known_written)
            if experiment is None:
                return []
            key, erased = experiment.experiment_id, experiment.tags.get(ERASED)
            # A name that was erased must not come back from what was read before.
            known = recent and self._erased.get(key) == erased
            seen = self._seen.get(key) if known else None
            if seen is None:
                seen = reading.read_all(self.client, [key])[key]
            else:
                reading.read_new(self.client, key, seen)
            if key not in self._seen and len(self._seen) >= _MOST_SEEN:
                self._seen.clear()  # read anew when they are asked for; a registry may have many
            self._seen[key], self._erased[key] = seen, erased
            return list(seen.values())

    def adoption(
        self,
        model: Any,
        version: str | None = None,
        now: datetime | None = None,
        *,
        recent: bool = False,
    ) -> Adoption:
        """Returns everything known about a model version: one unfiltered search of its record."""
        registry: Any = RegistryOnce(self.client)
        ref = references.resolve(registry, model)
        facts, entries = self._state(ref, registry, recent=recent)
        return build_adoption(facts, entries, version=version or ref.version, now=utc(now))

    def adoption_and_registry(
        self, model: Any, version: str | None = None, now: datetime | None = None
    ) -> tuple[Adoption, list[Evidence], Mapping[str, str]]:
        """Returns ``adoption``, and entries and tags as ``registry`` does: one search for both."""
        registry: Any = RegistryOnce(self.client)
        ref = references.resolve(registry, model)
        facts = self._facts(ref.name, registry)
        with self._errors(f"the record of {ref.name!r}" if ref.name else "the policies"):
            own = companion.find(self.client, ref, known_written=UPDATED_TAG in facts.tags)
            shared = companion.find_registry(self.client)
            found = reading.read_all(
                self.client,
                [e.experiment_id for e in (own, shared) if e is not None],
                deleted_of=None if shared is None else shared.experiment_id,
            )
        entries, others = (
            counted(of, found[e.experiment_id].values()) if e is not None else []
            for of, e in ((ref, own), (REGISTRY, shared))
        )
        adoption = build_adoption(facts, entries, version=version or ref.version, now=utc(now))
        return adoption, others, {} if shared is None else dict(shared.tags)

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
            key = home.experiment_id
            seen = self._registry.get(key) if recent else None
            if seen is None:
                seen = reading.read_all(self.client, [key], deleted_of=key)[key]
            else:
                reading.read_new(self.client, key, seen)
            self._registry[key] = seen
            return counted(REGISTRY, seen.values()), dict(home.tags)

    def with_files(self, adoption: Adoption) -> Adoption:
        """Returns what is known with where the version's files are, where a gated server says so."""
        if adoption.version is None or not isinstance(self.writer, remote.RouteWriter):
            return adoption
        files = self.writer.files(adoption.facts.name, adoption.version)
        return replace(adoption, files=files)

    def state(
        self, ref: ModelRef, *, recent: bool = False
    ) -> tuple[ModelFacts, Sequence[Evidence]]:
        """Returns what the registry and the record say of a model, in this order.

        Args:
            ref: the model.
            recent: as in ``entries``.
        """
        return self._state(ref, self.client, recent=recent)

    def _state(
        self, ref: ModelRef, client: Any, *, recent: bool
    ) -> tuple[ModelFacts, Sequence[Evidence]]:
        facts = self._facts(ref.name, client)
        said = self._by_route(ref)
        if said is not None:
            return facts, said
        known_written = UPDATED_TAG in facts.tags
        readings = self.readings(ref, recent=recent, known_written=known_written)
        return facts, counted(ref, readings)

    def signature_digest(self, ref: ModelRef) -> str | None:
        """Returns the digest of the version's model signature; None where it has none to read."""
        return signature_digest(self.client, ref)

    def verify(self, model: Any, *, files: bool = False) -> Verification:
        """Checks that no evidence of a model was edited, deleted or half written.

        A gated server is asked: it has the key and remembers which entries there were.

        Args:
            model: which model, or ``REGISTRY``.
            files: whether to have the files of its versions hashed again, too.

        Raises:
            InvalidInput: files are asked for, and no gated server is there to hash them.
        """
        from spot_mlflow.record.checking import verified

        ref = REGISTRY if model == REGISTRY else self.resolve(model)
        return verified(self, ref, files=files)

    # -- what is written -------------------------------------------------------------------

    def append(
        self,
        ref: ModelRef,
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
            ref: the model version spoken of.
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
        with self._errors(f"model {ref.name!r}"):
            # A gated server looks itself what an entry follows.
            sent = isinstance(self.writer, remote.RouteWriter)
            home = None if sent else companion.find(self.client, ref)
            known_written = not sent and home is None and self._was_written(ref)
            draft = Draft(
                ref=ref,
                kind=kind,
                payload=payload,
                person=person,
                role=role,
                at=utc(at),
                recorded_by=self._recorder(recorded_by),
                parents=() if home is None else reading.heads(self.client, home.experiment_id),
                metrics=tuple(metrics),
                artifacts=dict(artifacts or {}),
                dataset=dataset,
                model_id=self._model_id(ref) if metrics else "",
                id=entry_id or uuid.uuid4().hex,
            )
            evidence = self.writer.write(draft, known_written=known_written)
        if refresh and ref.name:
            self._refresh_after(ref, evidence)
        return evidence

    def _refresh_after(self, ref: ModelRef, evidence: Evidence) -> None:
        """The entry stands: a summary that lags must not look as if nothing had been recorded."""
        try:
            self.refresh(ref, mine=evidence.id)
        except SpotError as e:
            _LOG.warning(
                "The %s is recorded, but the summary tags are not up to date: %s", evidence.kind, e
            )

    def _was_written(self, ref: ModelRef) -> bool:
        """Whether the registry says that there was a record."""
        return bool(ref.name) and UPDATED_TAG in self.facts(ref.name).tags

    def _model_id(self, ref: ModelRef) -> str:
        """Returns the LoggedModel that a version's metrics are logged on, or "" where it is gone."""
        from mlflow.exceptions import MlflowException

        version = self.facts(ref.name).version(ref.version) if ref.name else None
        if version is None or not version.model_id:
            return ""
        try:
            return str(self.client.get_logged_model(version.model_id).model_id)
        except MlflowException:
            return ""

    def _recorder(self, given: str | None) -> str:
        chosen = given if given is not None else self._recorded_by
        return chosen if chosen is not None else login()

    def refresh(self, ref: ModelRef, *, mine: str | None = None) -> None:
        """Derives summary tags and description anew from the record.

        Args:
            ref: the model.
            mine: id of the entry just written; where others write too, the last one sees to it.
        """
        from spot_mlflow.record.summary import refresh

        with self._errors(f"model {ref.name!r}"):
            if isinstance(self.writer, remote.RouteWriter):
                self.writer.refresh(ref)
            else:
                refresh(self, ref, mine=mine)


def login() -> str:
    """Returns who is at work here: MLflow's user name, else the login of the system."""
    name = os.environ.get("MLFLOW_TRACKING_USERNAME")
    if name:
        return name
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no such login, as in some containers
        return ""
