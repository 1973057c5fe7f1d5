"""The policy in force: the newest one of the registry-wide record, else the default one.

A policy that was set cannot vanish: beside its entry, a copy of it stands in a tag of the record's
experiment, and its digest in a tag of every model and in the decisions made by it. An entry that was
deleted counts as long as it can be read; where only a digest is left, nothing is decided. The way out
is another policy, or ``retire_policy``.
"""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import RecordDamaged, SpotError
from spot_mlflow.evidence import canonical
from spot_mlflow.gate.policy import Policy, default_policy
from spot_mlflow.person import check_text
from spot_mlflow.record import companion, direct
from spot_mlflow.record.companion import REGISTRY
from spot_mlflow.record.decisions import IN_FORCE
from spot_mlflow.record.faults import in_spite_of_races
from spot_mlflow.record.remote import RouteWriter
from spot_mlflow.record.verification import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from spot_mlflow.adoption import Adoption, ModelFacts
    from spot_mlflow.evidence import Evidence
    from spot_mlflow.record.entry_store import EntryStore

COPY_TAG: Final = "spot.policy"  # of the registry's experiment: the policy; of a model: which one
_LONGEST: Final = 4_900  # characters of an experiment's tag
_AGAIN: Final = (
    "Set it again: spot policy set POLICY.YAML, or end it: spot policy retire --reason TEXT"
)


@dataclass(frozen=True, slots=True)
class Policies:
    """What the record says of policies.

    Attributes:
        in_force: the policy in force; the default where none was ever set.
        entry: id of its entry, "" where none was ever set.
        at: when it was set, or None.
        known: digests of all policies that can be read.
        sure: whether a gated server said so, which keeps the policy beside its database: there is
            then nothing to compare it with.
    """

    in_force: Policy
    entry: str
    at: datetime | None
    known: frozenset[str]
    sure: bool = False

    @property
    def mark(self) -> str | None:
        """What a model's tag says of the policy in force; None where none was ever set."""
        return None if self.at is None else f"{self.in_force.digest} {self.at.isoformat()}"

    def check(self, facts: ModelFacts, decisions: Iterable[Evidence]) -> None:
        """Compares with what the model's tag and its decisions say was in force.

        Args:
            facts: of the model.
            decisions: of the gate on the model.

        Raises:
            RecordDamaged: one of them names a newer policy that cannot be read.
        """
        digest, _, at = facts.tags.get(COPY_TAG, "").partition(" ")
        self._check_named(digest, _moment(at), f"model {facts.name!r}", "its tag")
        for e in decisions:
            if e.payload.get(IN_FORCE):
                named = str(e.payload.get("policy_digest", ""))
                self._check_named(named, e.at, f"model {facts.name!r}", f"decision {e.id[:12]}")

    def _check_named(self, digest: str, at: datetime | None, where: str, what: str) -> None:
        if self.sure or not digest or at is None or digest in self.known:
            return
        if self.at is None or at > self.at:
            raise RecordDamaged(
                f"{what} names a policy ({digest[:12]}) that was in force and is gone",
                where=where,
                fix=_AGAIN,
            )


def current_policy(record: EntryStore) -> Policy:
    """Returns the policy in force; the default, in mode observe, where none was ever set.

    Args:
        record: where to read.

    Raises:
        RecordDamaged: the newest policy cannot be read as one, or it is gone; the gate then stays shut
            rather than fall back to a weaker policy.
    """
    return policies_in(record).in_force


def policies_in(record: EntryStore, *, recent: bool = False) -> Policies:
    """Returns what the record says of policies; a gated server is asked for the one in force there.

    Args:
        record: where to read.
        recent: read only what this ``Record`` has not seen yet.

    Raises:
        RecordDamaged: as ``current_policy``.
    """
    if isinstance(record.writer, RouteWriter) and (said := record.writer.policy()) is not None:
        policy = Policy.load(said["policy"])
        return Policies(policy, "", None, frozenset([policy.digest]), sure=True)
    entries, tags = record.registry(recent=recent)
    return policies_of(entries, tags)


def adoption_under_policy(
    record: EntryStore, model: Any, version: str | None = None
) -> tuple[Adoption, Policy]:
    """Returns everything known about a model version and the policy in force: one search for both.

    Raises:
        NotFound: no such model or version.
        RecordDamaged: the record is gone, or the newest policy cannot be read as one, or is gone.
    """
    if isinstance(record.writer, RouteWriter):
        return record.adoption(model, version), policies_in(record).in_force
    adoption, others, tags = record.adoption_and_registry(model, version)
    found = policies_of(others, tags)
    found.check(adoption.facts, adoption.decisions)
    return adoption, found.in_force


def policies_of(entries: Iterable[Evidence], tags: Mapping[str, str]) -> Policies:
    """Returns what entries and tags of the registry-wide record say of policies.

    Args:
        entries: oldest first, deleted ones included.
        tags: of the experiment.

    Raises:
        RecordDamaged: the newest cannot be read as a policy.
    """
    found = [e for e in entries if e.kind == "policy"]
    copy = _copy_in(tags)
    known = frozenset(
        [str(e.payload.get("digest", "")) for e in found]
        + ([copy["digest"]] if copy and "policy" in copy else [])
        + [default_policy().digest]
    )
    if copy is not None and (not found or _moment(copy["at"]) > found[-1].at):  # type: ignore[operator] # checked
        return _from_copy(copy, known)
    if not found:
        return Policies(default_policy(), "", None, known)
    newest = found[-1]
    try:
        policy = Policy.load(newest.payload["policy"])
    except (KeyError, SpotError) as e:
        raise RecordDamaged(
            f"the policy recorded at {newest.at.isoformat()} cannot be read: {e}",
            where=f"entry {newest.id}",
            fix=_AGAIN,
        ) from e
    return Policies(policy, newest.id, newest.at, known | {policy.digest})


def set_policy(
    record: EntryStore, policy: Policy, *, person: str | None = None, role: str | None = None
) -> Evidence:
    """Puts a policy in force: recorded for the registry as a whole, the newest one counts."""
    payload = {"policy": policy.to_dict(), "digest": policy.digest}
    return record_policy(record, payload, person=person, role=role)


def retire_policy(
    record: EntryStore, *, reason: str, person: str | None = None, role: str | None = None
) -> Evidence:
    """Ends the policy in force, readable or lost: the default one, in mode observe, follows it.

    Args:
        record: where to write.
        reason: why; it stays on record.
        person: who ends it.
        role: in which role.

    Raises:
        InvalidInput: no reason is given.
    """
    policy = default_policy()
    payload = {
        "policy": policy.to_dict(),
        "digest": policy.digest,
        "retired": check_text("reason", reason),
    }
    return record_policy(record, payload, person=person, role=role)


def record_policy(record: EntryStore, payload: Mapping[str, Any], **said: Any) -> Evidence:
    """Records a policy's payload, and puts the copies beside it that it cannot vanish without.

    Args:
        record: where to write.
        payload: with ``policy`` and ``digest``.
        **said: who, as ``Record.append`` takes it.
    """
    entry = record.append(REGISTRY, "policy", payload, **said)
    if not isinstance(record.writer, RouteWriter):  # else the server saw to it
        copy_policy(record, entry)
    return entry


def copy_policy(record: EntryStore, entry: Evidence) -> None:
    """Writes a policy into the tag of its experiment, and which one it is into every model's."""
    client = record.client
    home = companion.find(client, REGISTRY)
    if home is not None:
        text = _copy_of(entry)
        in_spite_of_races(partial(client.set_experiment_tag, home.experiment_id, COPY_TAG, text))
    mark = f"{entry.payload['digest']} {entry.at.isoformat()}"
    others = [name for name, tags in record.portfolio() if tags.get(COPY_TAG) != mark]
    direct.tag_models(client, others, record.ways.key(COPY_TAG), mark)


def findings(record: EntryStore) -> tuple[Finding, ...]:
    """Returns what is wrong with the registry's record of policies, beside its entries.

    Names entries that were deleted, a copy whose entry is gone, and a policy that only models name.
    """
    try:
        entries, tags = record.registry()
        found = policies_of(entries, tags)
    except RecordDamaged as e:
        return (Finding("missing", "", str(e)),)
    active = {e.id for e in record.entries(REGISTRY)}
    gone = [
        Finding("missing", e.run_id, f"the policy of {e.at.isoformat()} was deleted")
        for e in entries
        if e.kind == "policy" and e.id not in active
    ]
    if found.at is not None and found.entry not in {e.id for e in entries}:
        what = f"the entry of policy {found.in_force.label}, in force, is gone; its copy is used"
        gone.append(Finding("missing", "", what))
    return (*gone, *_named_by_models(record, found))


def _named_by_models(record: EntryStore, found: Policies) -> Sequence[Finding]:
    for name, tags in record.portfolio():
        digest, _, at = tags.get(COPY_TAG, "").partition(" ")
        when = _moment(at)
        if digest and digest not in found.known and when and (not found.at or when > found.at):
            what = f"model {name!r} names a policy ({digest[:12]}) that was in force and is gone"
            return [Finding("missing", "", what)]
    return []


def _copy_of(entry: Evidence) -> str:
    """Returns the tag's text: the policy itself, packed where it is long, its digest at least."""
    said = {"id": entry.id, "at": entry.at.isoformat(), "digest": entry.payload["digest"]}
    plain = canonical({**said, "policy": entry.payload["policy"]})
    if len(plain) <= _LONGEST:
        return plain
    packed = base64.b64encode(zlib.compress(canonical(entry.payload["policy"]).encode(), 9))
    whole = canonical({**said, "packed": packed.decode()})
    return whole if len(whole) <= _LONGEST else canonical(said)


def _copy_in(tags: Mapping[str, str]) -> dict[str, Any] | None:
    """Returns the copy in the experiment's tag, unpacked; None where there is none.

    Raises:
        RecordDamaged: there is one, and it cannot be read.
    """
    text = tags.get(COPY_TAG)
    if not text:
        return None
    try:
        said = json.loads(text)
        if _moment(said["at"]) is None:
            raise ValueError("no date")  # noqa: TRY301 - like what cannot be read
        if "packed" in said:
            unpacked = zlib.decompressobj().decompress(base64.b64decode(said["packed"]), 10_000_000)
            said["policy"] = json.loads(unpacked)
        return {**said, "digest": str(said["digest"]), "id": str(said["id"])}
    except (KeyError, TypeError, ValueError, zlib.error) as e:
        raise RecordDamaged(
            f"the copy of the policy in tag {COPY_TAG!r} cannot be read: {type(e).__name__}",
            where="the policies",
            fix=_AGAIN,
        ) from e


def _from_copy(copy: Mapping[str, Any], known: frozenset[str]) -> Policies:
    """Returns the policy of a copy whose entry is gone.

    Raises:
        RecordDamaged: it holds the digest only, or another policy than that of its digest.
    """
    try:
        policy = Policy.load(copy["policy"])
    except (KeyError, SpotError):
        policy = None
    if policy is None or policy.digest != copy["digest"]:
        raise RecordDamaged(
            f"the policy of {copy['at']} ({copy['digest'][:12]}), in force, is gone",
            where="the policies",
            fix=_AGAIN,
        )
    return Policies(policy, copy["id"], _moment(copy["at"]), known)


def _moment(text: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at if at.tzinfo is not None else None
