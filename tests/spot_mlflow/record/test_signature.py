from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.models import Model, ModelSignature, get_model_info
from mlflow.types.schema import ColSpec, Schema

import spot_mlflow as spot
from spot_mlflow.evidence import digest_of
from spot_mlflow.record import Record

if TYPE_CHECKING:
    from pathlib import Path


def registered(uri: str, files: Path, *columns: str) -> None:
    """Registers churn/1 at this MLflow, its files telling these input columns."""
    files.mkdir()
    signature = ModelSignature(inputs=Schema([ColSpec("double", c) for c in columns]))
    model = Model(signature=signature)
    model.add_flavor("python_function", loader_module="x", data="d")
    model.save(str(files / "MLmodel"))
    client = MlflowClient(uri, uri)
    client.create_registered_model("churn")
    client.create_model_version("churn", files.as_uri())


def test_a_promise_holds_the_signature_of_its_own_server(mlflow_uri, tmp_path, contract):
    """A record given by hand is asked itself, whatever server the process has set."""
    other = f"sqlite:///{tmp_path / 'other.db'}"
    shutil.copy(tmp_path / "mlflow.db", tmp_path / "other.db")
    registered(mlflow_uri, tmp_path / "here", "age")
    registered(other, tmp_path / "there", "age", "income")
    here = spot.log_predicted_lift("churn/1", contract).payload["signature"]
    there = spot.log_predicted_lift("churn/1", contract, record=Record(other, other))
    assert here == digest_of(get_model_info("models:/churn/1").signature.to_dict())
    assert there.payload["signature"] not in {None, here}
    mlflow.set_tracking_uri(other)
    mlflow.set_registry_uri(other)
    again = spot.log_predicted_lift("churn/1", contract, record=Record(mlflow_uri, mlflow_uri))
    assert again.payload["signature"] == here


@pytest.mark.parametrize("source", ["runs:/{run}/m", "models:/{model}", "{files}"])
def test_the_signature_is_read_wherever_the_version_came_from(mlflow_uri, source):
    """By a run, a logged model or a plain place: the digest is that of the signature MLflow tells."""
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    signature = ModelSignature(inputs=Schema([ColSpec("double", "age")]))
    with mlflow.start_run():
        info = mlflow.sklearn.log_model(fitted, name="m", signature=signature, pip_requirements=[])
    client = MlflowClient()
    client.create_registered_model("churn")
    files = client.get_logged_model(info.model_id).artifact_location
    place = source.format(run=info.run_id, model=info.model_id, files=files)
    client.create_model_version("churn", place, run_id=info.run_id)
    record = Record()
    assert record.signature_digest(record.resolve("churn/1")) == digest_of(signature.to_dict())


def test_a_version_without_files_has_no_signature(churn):
    """Nothing to read is None, never an error: a promise needs no signature."""
    record = Record()
    assert record.signature_digest(record.resolve(churn)) is None
