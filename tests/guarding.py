"""A gated registry in this process: what a client is refused, and what the gate decided."""

from __future__ import annotations

from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from ready_record import block

from spot_mlflow.record import Record


def churn(uri: str) -> MlflowClient:
    """Registers two versions of churn and returns a client that goes through the gate."""
    client = MlflowClient(tracking_uri=uri, registry_uri=f"spot+{uri}")
    client.create_registered_model("churn")
    for _ in range(2):
        client.create_model_version("churn", source="s3://nowhere/model")
    block(record(client))
    return client


def record(client: MlflowClient) -> Record:
    """Returns the record behind a gated client."""
    return Record(client.tracking_uri, client._registry_uri)


def decisions(client: MlflowClient) -> list[dict[str, Any]]:
    """Returns what the gate decided on churn, oldest first."""
    known = record(client)
    return [dict(e.payload) for e in known.entries(known.resolve("churn")) if e.kind == "decision"]


def refused(call: Any, *arguments: Any, **named: Any) -> str:
    """Calls what must be refused with PERMISSION_DENIED (HTTP 403), and returns the message."""
    with pytest.raises(MlflowException) as e:
        call(*arguments, **named)
    assert e.value.error_code == "PERMISSION_DENIED"
    assert e.value.get_http_status_code() == 403
    return str(e.value.message)
