"""What the record says of earlier holders of a target; a rollback to one is never blocked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spot_mlflow.gate.targets import fold, same_target

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spot_mlflow.adoption import Adoption


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
