from __future__ import annotations

import sys

import pytest

from spot_mlflow.errors import InvalidInput, Unavailable
from spot_mlflow.record.connection import open_client


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg"])
def test_a_database_that_is_down_is_said_at_once(scheme):
    """Not after MLflow's fifteen attempts, and without the password."""
    uri = f"{scheme}://ann:secret@127.0.0.1:1/mlflow"
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1") as down:
        open_client(uri, uri)
    assert "secret" not in str(down.value)


def test_a_driver_that_is_missing_is_named(monkeypatch):
    """The driver is an extra; who lacks it reads what to install."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(InvalidInput, match="pip install psycopg"):
        open_client("postgresql+psycopg://127.0.0.1:2/mlflow", "sqlite://")


def test_a_gated_registry_is_opened_past_its_gate(mlflow_uri):
    """The record writes the derived tags, which the gate refuses to everybody else."""
    client = open_client(mlflow_uri, f"spot+{mlflow_uri}")
    assert client.create_registered_model("churn").name == "churn"
    client.set_registered_model_tag("churn", "spot", "not assessed")


def test_a_named_server_is_asked_for_its_own_models(mlflow_uri, another_mlflow):
    """A registry that was set for this process belongs to its own server, not to another one."""
    open_client().create_registered_model("here")
    there = open_client(another_mlflow)
    assert there.search_registered_models() == []
    there.create_registered_model("there")
    assert [m.name for m in open_client(mlflow_uri).search_registered_models()] == ["here"]
