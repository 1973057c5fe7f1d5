"""What the record says of earlier holders of a target; a rollback to one is never blocked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spot_mlflow.gate.targets import fold, same_target

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.evidence import Evidence
    from spot_mlflow.gate.decision import GateDecision


def held_before(adoption: Adoption, version: str, target: str) -> bool:
    """Whether a version holds the target now, or held it according to the record.

    A decision counts once it was carried out (``applied``); the versions that it replaced count as
    well, so that one that held the target before the gate came can be gone back to. A decision
    recorded under another name of the model counts only where it was made in mode "block":
    otherwise renaming a model into a stricter pattern would carry an unchecked version along.
    """
    if any(v.version == version for v in adoption.facts.holders(target)):
        return True
    return any(
        version in _holders(d.payload, target, adoption.facts.name) for d in adoption.decisions
    )


def _holders(payload: Any, target: str, name: str) -> Iterable[str]:
    if not payload.get("applied"):
        return ()
    given = (
        payload.get("basis") != "break-glass"
    )  # it ends; what came in by it is no one to go back to
    same_name = fold(str(payload.get("model", ""))) == fold(name)
    if not same_name and payload.get("mode") != "block":
        return ()
    held: list[str] = []
    if given and same_target(str(payload.get("target", "")), target):
        held.append(str(payload.get("version")))
    for other, versions in dict(payload.get("replaced") or {}).items():
        if same_target(str(other), target):
            held += [str(v) for v in versions]
    return held


def already_recorded(decisions: Sequence[Evidence], decision: GateDecision) -> bool:
    """Whether the record holds this very answer already, so that a loop does not inflate it.

    The same question on the same evidence and policy, by the same requester, with the same answer,
    and nothing decided for that target in between. Decisions that were carried out always count anew.
    """
    for entry in reversed(decisions):
        said = entry.payload
        if str(said.get("version")) != decision.version:
            continue
        if not same_target(str(said.get("target", "")), decision.target):
            continue
        keys = ("outcome", "state", "policy_digest", "requester")
        failing = [r["name"] for r in said.get("requirements", ()) if not r.get("met")]
        return (
            not said.get("applied")
            and all(said.get(k) == getattr(decision, k) for k in keys)
            and failing == [r.name for r in decision.requirements if not r.met]
        )
    return False


def earlier_holders(adoption: Adoption, target: str) -> tuple[str, ...]:
    """Returns the versions that held a target and hold it no longer, the last one first.

    Versions that were deleted since are left out.
    """
    now = {v.version for v in adoption.facts.holders(target)}
    held: list[str] = []
    for decision in adoption.decisions:
        # What was replaced held it before what replaced it.
        for version in reversed(list(_holders(decision.payload, target, adoption.facts.name))):
            held = [v for v in held if v != version] + [version]
    facts = adoption.facts
    return tuple(v for v in reversed(held) if v not in now and facts.version(v) is not None)
