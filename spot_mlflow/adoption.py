"""Everything known about one model, put together from its evidence; pure, no MLflow.

``build_adoption`` is the one way from entries to what people and the gate see.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from spot_mlflow.evidence import digest_of
from spot_mlflow.figures import things
from spot_mlflow.involvement.appeal import Appeal, appeal_of
from spot_mlflow.involvement.log import Involvement, involvement_of
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.readiness.instrument import default_instrument
from spot_mlflow.readiness.panel import Readiness, readiness_of
from spot_mlflow.shown import Shown, notebook
from spot_mlflow.taken_down import unconfirmed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from spot_mlflow.evidence import Evidence


@dataclass(frozen=True, slots=True)
class VersionFacts:
    """What the registry says of one version.

    Attributes:
        version: its number, as text.
        created: creation time, UTC.
        stage: "None", "Staging", "Production" or "Archived".
        aliases: aliases that point at it, case-folded.
        run_id: training run, or "".
        signature: digest of the model signature, or "".
        model_id: LoggedModel, or "".
    """

    version: str
    created: datetime
    stage: str = "None"
    aliases: tuple[str, ...] = ()
    run_id: str = ""
    signature: str = ""
    model_id: str = ""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """Where a version's files are, as a gated server found them.

    Attributes:
        where: "inside" the server's own artifacts, which it keeps as they are while they are live;
            "outside" of them; or "unresolved" where the source leads to nothing.
        source: as it was registered.
        manifest: digest of the list of the files with their own digests, or "" where there is none.
        arriving: until when files may still arrive by an address that was given out (ISO 8601), or "".
        checked: when the files were last hashed again (ISO 8601), or "".
        changed: what differed from the manifest then, in words.
    """

    where: Literal["inside", "outside", "unresolved"]
    source: str
    manifest: str = ""
    arriving: str = ""
    checked: str = ""
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GoneEvidence:
    """What a gated server remembers of a record that has it no more, as after an older database.

    Attributes:
        entries: in words, oldest first.
        blocking: ids of the blocking concerns that were open.
        fault: why nobody can say what is missed, or "".
    """

    entries: tuple[str, ...]
    blocking: tuple[str, ...] = ()
    fault: str = ""


class Versions(Protocol):
    """The versions of a model: a registry may have thousands, so each question names what it needs."""

    def newest(self) -> VersionFacts | None:
        """Returns the newest version, or None where there is none."""
        ...

    def numbered(self, number: str) -> VersionFacts | None:
        """Returns the version of a number, or None."""
        ...

    def in_stage(self, stage: str) -> Sequence[VersionFacts]:
        """Returns the versions in a stage (case-folded), oldest first."""
        ...

    def named(self, alias: str) -> Sequence[VersionFacts]:
        """Returns the versions that an alias (case-folded) points at, oldest first."""
        ...

    def __iter__(self) -> Iterator[VersionFacts]:
        """Yields every version, oldest first."""
        ...


class KnownVersions(tuple["VersionFacts", ...]):
    """Versions that are all known already, oldest first."""

    __slots__ = ()

    def newest(self) -> VersionFacts | None:
        """Returns the newest version, or None where there is none."""
        return self[-1] if self else None

    def numbered(self, number: str) -> VersionFacts | None:
        """Returns the version of a number, or None."""
        return next((v for v in self if v.version == number), None)

    def in_stage(self, stage: str) -> Sequence[VersionFacts]:
        """Returns the versions in a stage (case-folded), oldest first."""
        return [v for v in self if v.stage.casefold() == stage]

    def named(self, alias: str) -> Sequence[VersionFacts]:
        """Returns the versions that an alias (case-folded) points at, oldest first."""
        return [v for v in self if alias in v.aliases]


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What the registry says of a model.

    Attributes:
        name: registered name.
        created: creation timestamp in milliseconds; with the name, the identity of the model.
        versions: oldest first.
        tags: tags of the registered model.
        description: of the registered model.
    """

    name: str
    created: int
    versions: Versions = field(default_factory=KnownVersions, compare=False)
    tags: Mapping[str, str] = field(default_factory=dict)
    description: str = ""

    @property
    def newest(self) -> str | None:
        """Number of the newest version; None where there is none."""
        found = self.versions.newest()
        return None if found is None else found.version

    def version(self, number: str | None) -> VersionFacts | None:
        """Returns the facts of one version, or None."""
        return None if number is None else self.versions.numbered(number)

    def holders(self, target: str) -> tuple[VersionFacts, ...]:
        """Returns the versions that hold a target now: a stage, or an alias written "@name"."""
        wanted = target.casefold()
        found = self.versions.named(wanted[1:]) if wanted[:1] == "@" else None
        return tuple(self.versions.in_stage(wanted) if found is None else found)


@dataclass(frozen=True, repr=False)
class Adoption(Shown):
    """Everything known about one version of a model.

    Attributes:
        facts: what the registry says.
        version: the version in question; the newest where none was asked for; None without versions.
        name: product name its users chose, or the registered name.
        readiness: the panel's result.
        involvement: the user-involvement log, concerns included.
        appeal: what users and builders think of its appeal.
        predictions: version -> the contract last recorded for it.
        checks: version -> outcome checks (``LiftReport.to_dict`` with "at"), oldest first.
        sign_offs: sign-off entries, oldest first.
        waivers: waiver entries, oldest first.
        decisions: decisions of the gate, oldest first.
        entries: all complete entries, oldest first.
        now: the moment this was true, UTC.
        files: where the version's files are; None where no gated server says so.
        gone: recorded entries that are no longer there; None where nothing is missing.
    """

    facts: ModelFacts
    version: str | None
    name: str
    readiness: Readiness
    involvement: Involvement
    appeal: Appeal
    predictions: Mapping[str, PredictedLift]
    checks: Mapping[str, tuple[Mapping[str, Any], ...]]
    sign_offs: tuple[Evidence, ...]
    waivers: tuple[Evidence, ...]
    decisions: tuple[Evidence, ...]
    entries: tuple[Evidence, ...]
    now: datetime
    files: FileFacts | None = None
    gone: GoneEvidence | None = None

    def __repr__(self) -> str:
        """Returns whom it is about, and how much is known."""
        version = f"version {self.version}" if self.version else "no version yet"
        return f"<Adoption of {self.facts.name!r}, {version}: {things(len(self.entries), 'entry', 'entries')}>"

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values, as ``spot show --format json`` prints them (``docs/json.md``)."""
        return dict(notebook().adoption_dict(self))

    @property
    def predicted(self) -> PredictedLift | None:
        """The contract of the version in question."""
        return self.predictions.get(self.version or "")

    @property
    def latest_check(self) -> Mapping[str, Any] | None:
        """The newest outcome check of the version in question."""
        found = self.checks.get(self.version or "", ())
        return found[-1] if found else None

    @property
    def unconfirmed(self) -> tuple[Evidence, ...]:
        """What was written down for people who have not confirmed it yet, oldest first."""
        return unconfirmed(self.entries)

    @property
    def state_digest(self) -> str:
        """Digest of the evidence this was built from; changes with every new entry."""
        return digest_of(sorted(e.digest for e in self.entries))


# Key of an assessment or an involvement event in a role that the server's operator did not give: it
# is on record and counts for nothing.
UNLISTED: Final = "unlisted"


def build_adoption(
    facts: ModelFacts,
    entries: Sequence[Evidence],
    *,
    version: str | None,
    now: datetime,
) -> Adoption:
    """Puts together what is known.

    Args:
        facts: what the registry says.
        entries: complete evidence of the model, any order.
        version: version to speak of; None for the newest.
        now: the moment to judge ages at, UTC.
    """
    ordered = tuple(sorted(entries, key=lambda e: (e.at, e.id)))
    version = facts.newest if version is None else version

    def of(*kinds: str) -> tuple[Evidence, ...]:
        return tuple(e for e in ordered if e.kind in kinds and not e.payload.get(UNLISTED))

    predictions = {
        e.version: PredictedLift.stored(e.payload["contract"])
        for e in of("prediction")
        if e.version is not None
    }
    checks: dict[str, tuple[Mapping[str, Any], ...]] = {}
    for e in of("outcomes"):
        result = {**e.payload, "at": e.at.isoformat(), "run_id": e.run_id, "entry": e.id}
        checks[e.version or ""] = (*checks.get(e.version or "", ()), result)
    involvement = involvement_of(of("involvement", "concern"), version=version, now=now)
    return Adoption(
        facts=facts,
        version=version,
        name=involvement.product_name or facts.name,
        readiness=readiness_of(
            of("assessment"), default_instrument(), now=now, notes=of("discussion")
        ),
        involvement=involvement,
        appeal=appeal_of(of("pulse")),
        predictions=predictions,
        checks=checks,
        sign_offs=of("sign-off"),
        waivers=of("waiver"),
        decisions=of("decision"),
        entries=ordered,
        now=now,
    )
