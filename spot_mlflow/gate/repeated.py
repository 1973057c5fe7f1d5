"""Whether the record holds an answer of the gate already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spot_mlflow.gate.targets import same_target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spot_mlflow.evidence import Evidence
    from spot_mlflow.gate.decision import GateDecision


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
