"""Decisions of the gate, read and recorded: each one is itself evidence."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.adoption import Adoption, build_adoption
from spot_mlflow.gate.repeated import already_recorded
from spot_mlflow.record.entry import Draft
from spot_mlflow.record.faults import mlflow_errors
from spot_mlflow.record.reading import counted
from spot_mlflow.record.references import ModelRef
from spot_mlflow.record.remote import RouteWriter
from spot_mlflow.validation import utc

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spot_mlflow.evidence import Evidence
    from spot_mlflow.gate.decision import GateDecision
    from spot_mlflow.record.entry_store import EntryStore

_LOG: Final = "involvement"
_SPEAKING: Final = frozenset({"sign-off", "waiver", _LOG})  # kinds whose person a requirement names
_PARENTS: Final = 8  # as many as any other entry follows
IN_FORCE: Final = "in_force"  # key of a decision: made by the policy in force, not by a given one
NAMED_ELSEWHERE: Final = "(name in its own entry)"


def adoption_for_decision(record: EntryStore, model: str, version: str) -> Adoption:
    """Returns what a decision rests on, reading only what this ``Record`` has not seen yet.

    An entry that was seen complete is kept as it was: its digest bound it, so an edit or deletion
    after that is found by ``verify`` and cannot take an objection out of a decision.

    Args:
        record: best one that lives as long as its process; it is not shared between threads.
        model: registered name.
        version: version number.
    """
    about = record.named(model, version)
    entries = counted(about.ref, record.readings_of(about, recent=True))
    return build_adoption(record.facts_about(about), entries, version=version, now=utc(None))


def record_decision(
    record: EntryStore,
    decision: GateDecision,
    *,
    created: int,
    known: Sequence[Evidence] = (),
    applied: bool = False,
    replaced: Mapping[str, Sequence[str]] | None = None,
    in_force: bool = False,
) -> Evidence | None:
    """Records a decision, unless it is the same refusal over again.

    Args:
        record: where to write.
        decision: what was decided.
        created: creation timestamp of the registered model, milliseconds.
        known: what the decision was made on, decisions included, oldest first; the newest are
            what the entry follows.
        applied: whether the target was really given, or given up.
        replaced: target -> versions that gave it up for this.
        in_force: whether it was made by a policy that was set here; not by the default, nor by one
            that was given with the question.

    Returns:
        The entry, or None where an equal one was there.
    """
    decisions = [e for e in known if e.kind == "decision"]
    if not applied and already_recorded(decisions, decision):
        return None
    if isinstance(record.writer, RouteWriter):  # a gated server records what it decides itself
        return record.writer.decide(decision)
    draft = decision_draft(
        decision,
        created=created,
        known=known,
        applied=applied,
        replaced=replaced,
        in_force=in_force,
    )
    # Not through `append`, which reads registry and record anew: the decision was made on both, and
    # the summary rests on the evidence, not on decisions.
    with mlflow_errors(f"model {decision.model!r}", at=str(record.client.tracking_uri)):
        return record.writer.write(draft)


def decision_draft(
    decision: GateDecision,
    *,
    created: int,
    known: Sequence[Evidence] = (),
    applied: bool = False,
    replaced: Mapping[str, Sequence[str]] | None = None,
    in_force: bool = False,
) -> Draft:
    """Returns the entry of a decision; the arguments are those of ``record_decision``."""
    payload: dict[str, Any] = {**decision.to_dict(), "applied": applied}
    payload["requirements"] = _without_names(payload["requirements"], known)
    if in_force:
        payload[IN_FORCE] = True
    if replaced:
        payload["replaced"] = {k: sorted(v) for k, v in replaced.items() if v}
    return Draft(
        ref=ModelRef(decision.model, decision.version or None, created),
        kind="decision",
        payload=payload,
        recorded_by=decision.requester or "",
        parents=tuple(sorted({e.digest for e in known[-_PARENTS:]})),
    )


def _without_names(
    requirements: Sequence[Mapping[str, Any]], known: Sequence[Evidence]
) -> list[dict[str, Any]]:
    """Returns what was measured without who signed, waived or champions.

    Their names stand in their own entries, where they can be erased; this one is immutable.
    """
    speaking = [e for e in known if e.kind in _SPEAKING]  # of very many entries few are
    speakers = {e.person for e in speaking if e.kind != _LOG or e.payload.get("kind") == "champion"}
    names = sorted(filter(None, speakers), key=len, reverse=True)
    if not names:
        return [dict(r) for r in requirements]
    any_name = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, names))})(?!\w)")
    return [
        {
            key: any_name.sub(NAMED_ELSEWHERE, value)
            if key in ("measured", "waived") and isinstance(value, str)
            else value
            for key, value in r.items()
        }
        for r in requirements
    ]
