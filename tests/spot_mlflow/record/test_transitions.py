from __future__ import annotations

from mlflow import MlflowClient

from spot_mlflow.api import check_gate
from spot_mlflow.record import Record
from spot_mlflow.record.transitions import give


def test_a_target_is_given_where_the_record_is(mlflow_uri, another_mlflow):
    """Two servers have the same model: the one that the record is on moves, MLflow's own setting stays."""
    for uri in (mlflow_uri, another_mlflow):
        client = MlflowClient(uri, uri)
        client.create_registered_model("churn")
        client.create_model_version("churn", source="s3://nowhere/model")
    record = Record(another_mlflow)
    give(record, check_gate("churn/1", "@champion", record=record))
    assert MlflowClient(mlflow_uri).get_registered_model("churn").aliases == {}
    moved = MlflowClient(another_mlflow, another_mlflow).get_registered_model("churn")
    assert {k: str(v) for k, v in moved.aliases.items()} == {"champion": "1"}
    assert [d.payload["applied"] for d in record.adoption("churn").decisions] == [True]
