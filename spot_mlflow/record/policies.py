"""The policy in force: the newest one in the registry's own record, else the default."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spot_mlflow.gate.policy import Policy, default_policy
from spot_mlflow.record.store import REGISTRY, Record
from spot_mlflow.validation import parse_document

if TYPE_CHECKING:
    from spot_mlflow.evidence import Evidence


def current_policy(record: Record) -> Policy:
    """Returns the policy in force; the default, in mode observe, where none was ever set."""
    found = [e for e in record.entries(REGISTRY) if e.kind == "policy"]
    if not found:
        return default_policy()
    return parse_document(Policy, found[-1].payload["policy"], where="the recorded policy")


def set_policy(record: Record, policy: Policy, *, person: str | None = None) -> Evidence:
    """Records a policy; it is in force from now on."""
    payload = {"policy": policy.model_dump(mode="json", exclude_none=True)}
    return record.append(REGISTRY, "policy", payload, person=person)
