"""Puts the evidence of ``ready_model`` into a real MLflow, as of today."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from ready_model import CONTRACT, ready

from spot_mlflow.gate.policy import default_policy
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.record.entry import Draft
from spot_mlflow.record.policies import set_policy

if TYPE_CHECKING:
    from spot_mlflow.record import Record


def make_ready(record: Record, model: str, *, without: tuple[str, ...] = ()) -> None:
    """Records all that the default policy asks of a version ("churn/3"), less some parts."""
    ref = record.resolve(model)
    at = datetime.now(timezone.utc) - timedelta(days=2)
    for e in ready(without=without):
        # What `append` does, without reading heads and registry anew for each entry.
        draft = Draft(ref=ref, kind=e.kind, payload=e.payload, person=e.person, role=e.role, at=at)
        record.writer.write(draft)


def promise(record: Record, model: str, **changed: Any) -> None:
    """Records a lift contract, changed in some keys."""
    contract = PredictedLift.load({**CONTRACT, **changed})
    payload = {
        "contract": contract.to_dict(),
        "contract_digest": contract.digest,
        "signature": None,
    }
    record.append(record.resolve(model), "prediction", payload, refresh=False)


def block(record: Record, pattern: str | None = None) -> None:
    """Puts the default policy in force, in mode block, for all models or a pattern."""
    set_policy(record, default_policy().with_mode("block", pattern=pattern))
