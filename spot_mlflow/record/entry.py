"""How one entry stands in an MLflow run: tags for people, the envelope in immutable params.

The envelope is all that an entry says, as canonical JSON; its SHA-256 is the entry's digest. A
person's name is not in it: it stands in erasable run tags with a salt, and the envelope holds the
salted commitment, so that a name can be erased and the digest still agrees.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final, Literal

from spot_mlflow.errors import InvalidInput
from spot_mlflow.evidence import Evidence, canonical

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlflow.entities import Run

    from spot_mlflow.record.references import ModelRef

FORMAT: Final = 1
CHUNK: Final = 5_900  # MLflow truncates a param silently past 6,000 characters
PART: Final = "spot.part."
ENTRY, KIND, MODEL, CREATED, VERSION = (
    "spot.entry",
    "spot.kind",
    "spot.model",
    "spot.model.created",
    "spot.version",
)
ROLE, AT, DIGEST, PARTS = "spot.role", "spot.at", "spot.digest", "spot.parts"
PERSON, SALT, RECORDER, ERASED = "spot.person", "spot.salt", "spot.recorded_by", "spot.erased"
SIGNATURE: Final = "spot.signature"
TAKEN: Final = "spot.taken"  # of a run that an import wrote: digest of the file
_TOLD_BY_TAGS: Final = (
    (ENTRY, "id"),
    (KIND, "kind"),
    (VERSION, "version"),
    (ROLE, "role"),
    (AT, "at"),
)  # tag -> key of the envelope that says the same
_COMMITTED: Final = ((PERSON, "person"), (RECORDER, "recorded_by"))
# kind -> key of the payload that is the speaker's or the recorder's name once more: left out of the
# immutable envelope and put back from the tag on reading, so that it can be erased.
_NAMED_AGAIN: Final[Mapping[str, tuple[str, str]]] = {
    "decision": ("requester", RECORDER),
    "waiver": ("approver", PERSON),
}


@dataclass(frozen=True)
class Draft:
    """An entry about to be written.

    Attributes:
        ref: the model in question.
        kind: what sort of entry.
        payload: what is said; JSON values.
        person: who says it, or None.
        role: in which role, or None.
        at: when, UTC.
        recorded_by: who writes it down.
        parents: digests of the newest entries before it.
        metrics: figures for MLflow's charts: (name, value, step).
        artifacts: path in the run -> content.
        dataset: (name, digest, source) of the data an outcome check read, or None.
        model_id: LoggedModel that the metrics are of, or "".
        id: UUID.
        salt: hides the names in the envelope.
        signature: the server's signature of the digest, or "".
    """

    ref: ModelRef
    kind: str
    payload: Mapping[str, Any]
    person: str | None = None
    role: str | None = None
    at: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    recorded_by: str = ""
    parents: tuple[str, ...] = ()
    metrics: tuple[tuple[str, float, int], ...] = ()
    artifacts: Mapping[str, bytes] = field(default_factory=dict)
    dataset: tuple[str, str, str] | None = None
    model_id: str = ""
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    salt: str = field(default_factory=lambda: secrets.token_hex(16))
    signature: str = ""

    def envelope(self) -> dict[str, Any]:
        """Returns what the digest is taken of."""
        return {
            "format": FORMAT,
            "id": self.id,
            "kind": self.kind,
            "model": self.ref.name,
            "created": self.ref.created,
            "version": self.ref.version,
            "role": self.role,
            "at": self.at.isoformat(),
            "person": commitment(self.salt, self.person),
            "recorded_by": commitment(self.salt, self.recorded_by or None),
            "parents": list(self.parents),
            "artifacts": {k: hashlib.sha256(v).hexdigest() for k, v in self.artifacts.items()},
            "payload": self._nameless(),
        }

    def _nameless(self) -> dict[str, Any]:
        """Returns the payload without the name that a tag holds as well."""
        if self.kind not in _NAMED_AGAIN:
            return dict(self.payload)
        key, tag = _NAMED_AGAIN[self.kind]
        name = self.person if tag == PERSON else self.recorded_by
        return {k: v for k, v in self.payload.items() if k != key or v != name}

    def text(self) -> str:
        """Returns the canonical envelope.

        Raises:
            InvalidInput: where the payload holds what JSON or a database cannot.
        """
        try:
            text = canonical(self.envelope())
            text.encode()
        except (TypeError, ValueError) as e:
            raise InvalidInput(f"the {self.kind} cannot be written as JSON text: {e}") from None
        return text

    def evidence(self, text: str, run_id: str) -> Evidence:
        """Returns what is written, as it will be read.

        Args:
            text: of the envelope.
            run_id: of the run that holds it.
        """
        return Evidence(
            id=self.id,
            kind=self.kind,
            model=self.ref.name,
            version=self.ref.version,
            at=self.at,
            person=self.person,
            role=self.role,
            payload=self.payload,
            digest=hashlib.sha256(text.encode()).hexdigest(),
            parents=self.parents,
            run_id=run_id,
            recorded_by=self.recorded_by,
        )

    def tags(self, text: str, parts: int) -> dict[str, str]:
        """Returns the run's tags: written in one transaction with the run itself."""
        tags = {
            ENTRY: self.id,
            KIND: self.kind,
            MODEL: self.ref.name,
            CREATED: str(self.ref.created),
            AT: self.at.isoformat(),
            DIGEST: hashlib.sha256(text.encode()).hexdigest(),
            PARTS: str(parts),
            SALT: self.salt,
            "mlflow.note.content": describe(self.kind, self.payload),
        }
        optional = {
            VERSION: self.ref.version,
            ROLE: self.role,
            PERSON: self.person,
            RECORDER: self.recorded_by or None,
            SIGNATURE: self.signature or None,
        }
        return tags | {k: v for k, v in optional.items() if v is not None}


def commitment(salt: str, name: str | None) -> str | None:
    """Returns the salted SHA-256 of a name: binds to it without holding it."""
    return None if name is None else hashlib.sha256(f"{salt}\0{name}".encode()).hexdigest()


def split(text: str) -> list[str]:
    """Cuts the envelope into params' values; never truncated.

    MLflow and some databases trim white space at the ends of a value, so each part is framed.
    """
    return [f"|{text[i : i + CHUNK]}|" for i in range(0, len(text), CHUNK)]


def describe(kind: str, payload: Mapping[str, Any]) -> str:
    """Returns the sentence that MLflow's run page shows; no names."""
    facts = [
        f"{k}: {v}"
        for k, v in payload.items()
        if k in ("phase", "kind", "act", "concern", "target", "verdict", "viable", "evidence")
        and isinstance(v, str)
        and len(v) < 80  # noqa: PLR2004 - a line, not a text
    ]
    return f"S.P.O.T. {kind}" + (f" ({', '.join(facts)})" if facts else "")


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a run does not count as an entry.

    Attributes:
        trouble: what sort.
        what: one sentence without its full stop.
    """

    trouble: Literal["half written", "edited", "foreign", "newer"]
    what: str


@dataclass(frozen=True, slots=True)
class Reading:
    """One run of a companion experiment, read.

    Attributes:
        run_id: MLflow run.
        evidence: the entry, or None where it does not count.
        fault: why it does not count, or None.
        envelope: the decoded envelope where it could be read.
        signature: the server's signature, or "".
        running: whether its writer may still be at work.
        taken: whether an import wrote it.
    """

    run_id: str
    evidence: Evidence | None
    fault: Fault | None = None
    envelope: Mapping[str, Any] = field(default_factory=dict)
    signature: str = ""
    running: bool = False
    taken: bool = False


def read(run: Run) -> Reading:
    """Reads a run; complete = FINISHED and the digest of the parts matches."""
    return read_row(run.info.run_id, run.info.status, run.data.tags, run.data.params)


def read_row(
    run_id: str, status: str, tags: Mapping[str, str], params: Mapping[str, str]
) -> Reading:
    """Reads a run from its id, status, tags and params."""
    if ENTRY not in tags:
        return Reading(run_id, None, fault=Fault("foreign", "no entry of this record"))
    if status != "FINISHED":
        running = status == "RUNNING"
        what = "still being written" if running else "its writer stopped before the end"
        return Reading(run_id, None, Fault("half written", what), running=running)
    keys = sorted([k for k in params if k.startswith(PART)])
    text = "".join([params[k][1:-1] for k in keys])
    if str(len(keys)) != tags.get(PARTS):
        return Reading(run_id, None, _edited(f"{len(keys)} parts, {tags.get(PARTS)} written"))
    digest = hashlib.sha256(text.encode()).hexdigest()
    if digest != tags.get(DIGEST):
        return Reading(run_id, None, _edited("the payload does not match its digest"))
    try:
        envelope = json.loads(text)
        fault = _format_fault(envelope) or _tag_fault(tags, envelope)
        evidence = None if fault else _evidence(run_id, tags, envelope, digest)
    except (ValueError, KeyError, TypeError) as e:
        return Reading(run_id, None, _edited(f"not an entry ({e})"))
    return Reading(run_id, evidence, fault, envelope, tags.get(SIGNATURE, ""), taken=TAKEN in tags)


def envelope_fault(tags: Mapping[str, str], text: str) -> tuple[Mapping[str, Any], str | None]:
    """Returns the envelope of an entry that travels, and what is wrong with it, or None.

    Raises:
        ValueError, KeyError, TypeError: it is no envelope.
    """
    envelope = json.loads(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    if digest != tags.get(DIGEST) or canonical(envelope) != text:
        return envelope, "it does not match its digest"
    if str(len(split(text))) != tags.get(PARTS):
        return envelope, "it has a different number of parts"
    found = _format_fault(envelope) or _tag_fault(tags, envelope)
    if found is None:
        _evidence("", tags, envelope, digest)
    return envelope, None if found is None else found.what


def _edited(what: str) -> Fault:
    return Fault("edited", what)


def _format_fault(envelope: Mapping[str, Any]) -> Fault | None:
    """Returns that an entry is of a format which this version does not know, or None.

    All formats so far are read: 1. A new one keeps the old ones readable (``docs/stability.md``).
    """
    written = envelope["format"]
    if written == FORMAT:
        return None
    return Fault("newer", f"written in format {written}, this version reads up to {FORMAT}")


def _tag_fault(tags: Mapping[str, str], envelope: Mapping[str, Any]) -> Fault | None:
    """Returns how the tags contradict the envelope, or None: people read tags, so edits matter."""
    for tag, key in _TOLD_BY_TAGS:
        told, said = tags.get(tag), envelope[key]
        # An entry says these as text or not at all, so the plain comparison nearly always settles it.
        if told != said and told != (None if said is None else str(said)):
            return _edited(f"tag {tag} is {told!r}, the entry says {said!r}")
    if ERASED not in tags:
        salt = tags.get(SALT, "")
        for tag, key in _COMMITTED:
            if commitment(salt, tags.get(tag)) != envelope[key]:
                return _edited(f"tag {tag} is not the name that was recorded")
    return None


def _evidence(
    run_id: str, tags: Mapping[str, str], envelope: Mapping[str, Any], digest: str
) -> Evidence:
    payload = envelope["payload"]
    key, tag = _NAMED_AGAIN.get(envelope["kind"], ("", ""))
    if tag in tags and key not in payload:
        payload = {**payload, key: tags[tag]}
    return Evidence(
        id=envelope["id"],
        kind=envelope["kind"],
        model=envelope["model"],
        version=envelope["version"],
        at=datetime.fromisoformat(envelope["at"]),
        person=tags.get(PERSON),
        role=envelope["role"],
        payload=payload,
        digest=digest,
        parents=tuple(envelope["parents"]),
        run_id=run_id,
        recorded_by=tags.get(RECORDER, ""),
        erased=ERASED in tags,
    )
