from __future__ import annotations

import pytest
from mlflow import MlflowClient

import spot_mlflow as spot
from spot_mlflow.errors import Unavailable
from spot_mlflow.record import Record


@pytest.mark.parametrize("gone", [False, True], ids=["there", "deleted"])
def test_figures_stand_on_the_logged_model_too(mlflow_uri, contract, gone):
    """MLflow's own page of the logged model shows them; a model that was deleted loses no entry."""
    import mlflow
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    info = mlflow.sklearn.log_model(
        fitted, name="m", registered_model_name="churn", pip_requirements=[]
    )
    if gone:
        MlflowClient().delete_logged_model(info.model_id)
    promised = spot.log_predicted_lift("churn/1", contract)
    assert [e.id for e in spot.get_adoption("churn").entries] == [promised.id]
    if not gone:
        figures = {m.key: m.value for m in mlflow.get_logged_model(info.model_id).metrics}
        assert figures["predicted_lift"] == contract["predicted"]["lift"]


def test_an_artifact_store_that_cannot_be_written_is_named(churn, tmp_path, contract):
    """A file where the folder should be: one error of ours with the place, and no entry counts."""
    taken = tmp_path / "taken"
    taken.write_text("a file where a folder should be")
    MlflowClient().create_experiment("spot/churn", artifact_location=f"{taken.as_uri()}/artifacts")
    with pytest.raises(
        Unavailable, match=f"artifact store at {taken.as_uri()}.* cannot be written"
    ):
        spot.log_predicted_lift(churn, contract)
    record = Record()
    assert record.entries(record.resolve(churn)) == []
