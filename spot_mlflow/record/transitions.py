"""Gives a target to a version, through the registry as the user configured it, gated or not."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from spot_mlflow.record.decisions import adoption_for_decision, record_decision
from spot_mlflow.record.faults import mlflow_errors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spot_mlflow.gate.decision import GateDecision
    from spot_mlflow.record.store import Record


def give(record: Record, decision: GateDecision) -> None:
    """Gives a version its target and sees to it that this is in the record.

    A stage is taken from the versions that have it; an alias moves by itself.

    Args:
        record: where decisions are recorded.
        decision: an allowed one; a gated registry decides again by itself, and records.

    Raises:
        Refused: the gate of the registry says no.
        Unavailable: MLflow did not answer.
    """
    from mlflow import MlflowClient

    before = adoption_for_decision(record, decision.model, decision.version)
    holders = [v.version for v in before.facts.holders(decision.target)]
    replaced = [v for v in holders if v != decision.version]
    with mlflow_errors(f"model {decision.model!r}", at=record.client.tracking_uri):
        client = MlflowClient(record.client.tracking_uri, record.registry_uri)
        if decision.target.startswith("@"):
            alias = _spelling(client, decision.model, decision.target[1:])
            client.set_registered_model_alias(decision.model, alias, decision.version)
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # stages are deprecated, and used
                client.transition_model_version_stage(
                    decision.model, decision.version, decision.target, True
                )
    _see_recorded(record, decision, before.facts.created, replaced, len(before.decisions))


def _spelling(client: object, model: str, alias: str) -> str:
    """Returns an alias as it is spelt in the registry: MLflow tells "Champion" from "champion"."""
    aliases = client.get_registered_model(model).aliases  # type: ignore[attr-defined] # an MlflowClient
    return next((str(a) for a in dict(aliases or {}) if str(a).casefold() == alias), alias)


def _see_recorded(
    record: Record, decision: GateDecision, created: int, replaced: Sequence[str], known: int
) -> None:
    """Records the decision where no gate did: on a registry without one."""
    after = adoption_for_decision(record, decision.model, decision.version)
    if any(d.payload.get("applied") for d in after.decisions[known:]):
        return
    record_decision(
        record, decision, created=created, applied=True, replaced={decision.target: replaced}
    )
