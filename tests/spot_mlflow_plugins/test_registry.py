from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from ready_record import block, make_ready

from spot_mlflow.record import Record
from spot_mlflow_plugins.guard import GateMixin
from spot_mlflow_plugins.registry import EVIDENCE_URI, get_store

pytestmark = pytest.mark.filterwarnings("ignore:.*transition_model_version_stage.*:FutureWarning")


def registered() -> dict[str, Any]:
    """Returns scheme -> what MLflow loads for it, of ours."""
    found = entry_points(group="mlflow.model_registry_store")
    return {e.name: e.load() for e in found if e.name.startswith("spot+")}


def test_every_driver_that_mlflow_supports_has_its_scheme() -> None:
    """MLflow looks a plugin up by the whole scheme, so that each database needs one, and http(s)."""
    from mlflow.store.db.db_types import DATABASE_ENGINES

    schemes = registered()
    assert {f"spot+{d}" for d in DATABASE_ENGINES} | {"spot+http", "spot+https"} <= set(schemes)
    assert {"spot+postgresql+psycopg", "spot+postgresql+psycopg2", "spot+mysql+pymysql"} <= set(
        schemes
    )
    assert set(schemes.values()) == {get_store}


def test_a_remote_registry_is_gated_for_its_user(plain_server: str) -> None:
    """Through `spot+http://` a plain server's registry is gated, advisory: the plain URI is not."""
    gated = MlflowClient(plain_server, f"spot+{plain_server}")
    plain = MlflowClient(plain_server, plain_server)
    name = "gated-over-http"
    plain.create_registered_model(name)
    plain.create_model_version(name, source="s3://nowhere/model")
    block(Record(plain_server, plain_server), name)
    with pytest.raises(MlflowException, match="may not go to Production"):
        gated.transition_model_version_stage(name, "1", "Production")
    with pytest.raises(MlflowException, match="reserved"):
        gated.set_registered_model_tag(name, "spot.readiness", "5")
    make_ready(Record(plain_server, plain_server), f"{name}/1")
    gated.set_registered_model_alias(name, "champion", "1")
    assert plain.get_model_version_by_alias(name, "champion").version == "1"
    plain.set_registered_model_alias(name, "prod", "1")


def test_evidence_is_read_where_the_operator_says_not_where_the_client_says(
    mlflow_uri: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client cannot bring evidence of its own by its tracking URI; the environment can name another."""
    other = f"sqlite:///{tmp_path / 'other.db'}"
    registry = MlflowClient(mlflow_uri, mlflow_uri)
    registry.create_registered_model("churn")
    registry.create_model_version("churn", source="s3://nowhere/model")
    block(Record(mlflow_uri, mlflow_uri))
    make_ready(Record(client=MlflowClient(other, mlflow_uri)), "churn/1")
    block(Record(client=MlflowClient(other, mlflow_uri)))
    client = MlflowClient(other, f"spot+{mlflow_uri}")
    with pytest.raises(MlflowException, match="never assessed"):
        client.set_registered_model_alias("churn", "champion", "1")
    monkeypatch.setenv(EVIDENCE_URI, other)
    store = get_store(f"spot+{mlflow_uri}", tracking_uri=mlflow_uri)
    store.set_registered_model_alias("churn", "champion", "1")
    assert str(store.get_model_version_by_alias("churn", "champion").version) == "1"


def test_the_store_is_mlflows_own_with_the_gate_in_front(mlflow_uri: str) -> None:
    """Everything that is not gated is MLflow's, on the database that the rest of the URI names."""
    store = get_store(f"spot+{mlflow_uri}")
    assert isinstance(store, GateMixin)
    assert store.db_uri == mlflow_uri
    assert store.search_registered_models() == []
