from __future__ import annotations

import json

import mlflow
import numpy as np
import pandas as pd
import pytest
import yaml

from spot_mlflow.errors import InvalidInput
from spot_mlflow.lift.promise.backtest import backtest
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow_plugins.evaluator import SpotEvaluator, metrics_of


@pytest.fixture(scope="module")
def history() -> pd.DataFrame:
    """Randomized history with a score that knows who gains."""
    rng = np.random.default_rng(1)
    score, treated = rng.random(3000), rng.integers(0, 2, 3000)
    visit = (rng.random(3000) < 0.2 + 0.3 * (score - 0.3) * treated).astype(int)
    return pd.DataFrame(
        {"score": score, "treated": treated, "age": 20 + 50 * score, "visit": visit}
    )


CONFIG = {"treated": "treated", "top": 0.3, "metric": "visit"}


def evaluate(data: pd.DataFrame, config, **how):
    """One evaluation by MLflow itself, in a run of its own."""
    with mlflow.start_run() as run:
        found = mlflow.models.evaluate(
            data=data,
            targets="visit",
            model_type="uplift",
            evaluators="spot",
            evaluator_config=config,
            **how,
        )
    return found, mlflow.get_run(run.info.run_id)


@pytest.mark.usefixtures("mlflow_uri")
def test_mlflow_finds_the_evaluator_and_logs_the_backtest(history):
    """By its entry point: metrics in the run, the decile table and the contract as artifacts."""
    found, run = evaluate(history, CONFIG, predictions="score")
    known = backtest(history.score, history.treated, history.visit, top=0.3)
    assert found.metrics == pytest.approx(metrics_of(known))
    assert run.data.metrics["spot_lift"] == pytest.approx(known.lift.lift)
    assert run.data.metrics["spot_qini"] == pytest.approx(known.qini)
    table = json.loads(mlflow.artifacts.load_text(found.artifacts["spot_backtest.json"].uri))
    assert len(table["deciles"]) == 10
    written = yaml.safe_load(mlflow.artifacts.load_text(found.artifacts["spot_lift.yaml"].uri))
    contract = PredictedLift.load(written)
    assert contract.predicted.lift == pytest.approx(known.lift.lift)
    assert (contract.metric, contract.columns.arm) == ("visit", "treated")


@pytest.mark.usefixtures("mlflow_uri")
def test_a_model_is_asked_for_its_scores(history):
    """A pyfunc model predicts from the features, the treatment not among them."""

    class Age(mlflow.pyfunc.PythonModel):
        """Scores by age alone."""

        def predict(self, context, model_input, params=None):  # noqa: ARG002 - MLflow's signature
            """Fails where it is handed the treatment."""
            assert list(model_input.columns) == ["age"]
            return model_input["age"].to_numpy()

    info = mlflow.pyfunc.log_model(name="age", python_model=Age(), pip_requirements=["mlflow"])
    found, _ = evaluate(history[["age", "treated", "visit"]], CONFIG, model=info.model_uri)
    known = backtest(history.age, history.treated, history.visit, top=0.3)
    assert found.metrics["spot_lift"] == pytest.approx(known.lift.lift)


@pytest.mark.usefixtures("mlflow_uri")
def test_other_evaluations_are_left_alone(history):
    """Without the treatment in its configuration it takes no part, though MLflow asks every plugin."""
    with mlflow.start_run() as run:
        found = mlflow.models.evaluate(
            data=history.assign(guess=(history.score > 0.5).astype(int)),
            targets="visit",
            predictions="guess",
            model_type="classifier",
            evaluator_config={"log_explainer": False, "log_model_explainability": False},
        )
    assert not any(k.startswith("spot_") for k in found.metrics)
    assert not any(k.startswith("spot_") for k in mlflow.get_run(run.info.run_id).data.metrics)


@pytest.mark.parametrize("config", [None, {}, {"top": 0.3}])
def test_it_is_opt_in(config):
    """Only a configuration that names the treatment lets it run."""
    assert not SpotEvaluator.can_evaluate(model_type="classifier", evaluator_config=config)
    assert SpotEvaluator.can_evaluate(model_type=None, evaluator_config={"treated": "t"})


@pytest.mark.usefixtures("mlflow_uri")
@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"treated": "treeted"}, "no column 'treeted'; did you mean 'treated'"),
        ({"treated": "treated", "topp": 0.3}, "unknown key 'topp'; did you mean 'top'"),
    ],
)
def test_a_wrong_configuration_is_named(history, config, message):
    """With the nearest known word."""
    with pytest.raises(InvalidInput, match=message):
        evaluate(history, config, predictions="score")


@pytest.mark.usefixtures("mlflow_uri")
def test_nothing_is_logged_of_data_that_cannot_be_used(history):
    """Faulty data raise before the first metric."""
    bad = history.assign(treated=1)
    with mlflow.start_run() as run, pytest.raises(InvalidInput, match="must be 0 and 1"):
        mlflow.models.evaluate(
            data=bad,
            targets="visit",
            predictions="score",
            model_type="uplift",
            evaluators="spot",
            evaluator_config=CONFIG,
        )
    assert mlflow.get_run(run.info.run_id).data.metrics == {}
