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


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_two_points_of_one_day_stand_on_the_logged_model(database, mlflow_uri, tmp_path, request):
    """MLflow keys them by name, time, step and run: a second check of the day must not be refused."""
    import mlflow

    from spot_mlflow.record import Record

    if database == "postgresql":
        uri = request.getfixturevalue("postgres_database")
        mlflow.set_tracking_uri(uri)  # the fixture sets back what was there before
        mlflow.set_registry_uri(uri)
    client = MlflowClient()
    folder = client.create_experiment("e", artifact_location=(tmp_path / "art").as_uri())
    run = client.create_run(folder).info.run_id
    model = client.create_logged_model(folder, name="m", source_run_id=run)
    client.finalize_logged_model(model.model_id, "READY")
    client.create_registered_model("churn")
    client.create_model_version("churn", f"models:/{model.model_id}", run, model_id=model.model_id)
    record = Record()
    points = [("realized_lift", 0.02, 27), ("realized_lift", 0.03, 27), ("realized_lift", 0.03, 27)]
    entry = record.append(record.resolve("churn/1"), "note", {}, metrics=points)
    history = client.get_metric_history(entry.run_id, "realized_lift")
    assert sorted(m.value for m in history) == [0.02, 0.03, 0.03]
    assert client.get_run(entry.run_id).data.metrics["realized_lift"] == 0.03
    on_model = client.get_logged_model(model.model_id).metrics
    assert {m.value for m in on_model} == {0.02, 0.03}
