"""Tests of where a record is verified."""

from __future__ import annotations

import pytest
from mlflow import MlflowClient

import spot_mlflow as spot
from spot_mlflow.errors import InvalidInput
from spot_mlflow.record import REGISTRY, Record


def test_a_record_is_verified_where_it_is(mlflow_uri: str) -> None:
    """Without a gated server, from the entries themselves; the registry's own too."""
    client = MlflowClient(mlflow_uri, mlflow_uri)
    client.create_registered_model("churn")
    client.create_model_version("churn", source="s3://nowhere/model")
    spot.log_pulse("churn", person="Bo", role="business", useful=4, would_use=4)
    found = Record().verify("churn")
    assert (found.entries, found.sound) == (1, True)
    assert Record().verify(REGISTRY).sound


def test_files_are_hashed_by_a_gated_server_alone(mlflow_uri: str) -> None:
    """Elsewhere nobody keeps them as they were; the message says what to do."""
    MlflowClient(mlflow_uri, mlflow_uri).create_registered_model("churn")
    with pytest.raises(InvalidInput, match="gated server"):
        Record().verify("churn", files=True)
