"""The policy in force: the newest one of the registry-wide record, else the default one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spot_mlflow.errors import RecordDamaged, SpotError
from spot_mlflow.gate.policy import Policy, default_policy
from spot_mlflow.record.store import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spot_mlflow.adoption import Adoption
    from spot_mlflow.evidence import Evidence
    from spot_mlflow.record.store import Record


def current_policy(record: Record, *, recent: bool = False) -> Policy:
    """Returns the policy in force; the default, in mode observe, where none was ever set.

    Args:
        record: where to read.
        recent: read only what this ``Record`` has not seen yet.

    Raises:
        RecordDamaged: the newest policy cannot be read as one; the gate then stays shut rather than
            fall back to a weaker policy.
    """
    return policy_of(record.entries(REGISTRY, recent=recent))


def adoption_under_policy(
    record: Record, model: Any, version: str | None = None
) -> tuple[Adoption, Policy]:
    """Returns everything known about a model version and the policy in force: one search for both.

    Raises:
        NotFound: no such model or version.
        RecordDamaged: the record is gone, or the newest policy cannot be read as one.
    """
    adoption, others = record.adoption_and_registry(model, version)
    return adoption, policy_of(others)


def policy_of(entries: Iterable[Evidence]) -> Policy:
    """Returns the newest policy of these entries of the registry-wide record, oldest first.

    Raises:
        RecordDamaged: it cannot be read as a policy.
    """
    found = [e for e in entries if e.kind == "policy"]
    if not found:
        return default_policy()
    try:
        return Policy.load(found[-1].payload["policy"])
    except (KeyError, SpotError) as e:
        raise RecordDamaged(
            f"the policy recorded at {found[-1].at.isoformat()} cannot be read: {e}",
            where=f"entry {found[-1].id}",
            fix="Set it again: spot policy set POLICY.YAML",
        ) from e


def set_policy(
    record: Record, policy: Policy, *, person: str | None = None, role: str | None = None
) -> Evidence:
    """Puts a policy in force: recorded for the registry as a whole, the newest one counts."""
    payload = {"policy": policy.to_dict(), "digest": policy.digest}
    return record.append(REGISTRY, "policy", payload, person=person, role=role)
