from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from datetime import datetime, timezone
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.models import ModelSignature, infer_signature
from mlflow.types.schema import ColSpec, ParamSchema, ParamSpec, Schema
from servers import free_port, stop, wait_for
from sklearn.linear_model import LogisticRegression

import spot_mlflow as spot
from spot_mlflow import InvalidInput

N = 400
CONTRACT = {
    "metric": "stays", "predicted": 0.02, "assignment": {"salt": "churn/2027", "holdout": 0.3},
    "columns": {"arm": "arm", "treated": "offer", "holdout": "control", "outcome": "y", "unit": "customer"},
}  # fmt: skip
X = pd.DataFrame(np.random.default_rng(0).normal(size=(N, 2)), columns=["a", "b"])
Y = (X["a"] + X["b"] > 0).astype(int)
ROWS = X.assign(customer=[f"Ü{i:04d}" for i in range(N)])
ARMS = spot.assign_arms(ROWS, CONTRACT)["arm"].tolist()


@pytest.fixture
def inner(mlflow_uri):
    """A registered classifier, as a training script logs it."""
    fitted = LogisticRegression().fit(X, Y)
    return mlflow.sklearn.log_model(
        fitted,
        name="inner",
        registered_model_name="churn",
        signature=infer_signature(X, fitted.predict(X)),
        pip_requirements=["scikit-learn"],
    )


class Doubling(mlflow.pyfunc.PythonModel):
    """A model of frames with params, whose result has columns of its own."""

    def predict(self, context, model_input, params=None):  # noqa: ARG002, D102 - MLflow's signature
        times = (params or {}).get("times", 2)
        return pd.DataFrame({"twice": times * model_input["a"], "word": ["w"] * len(model_input)})


@pytest.fixture
def doubling(mlflow_uri):
    """It, logged with params in its signature."""
    signature = ModelSignature(
        Schema([ColSpec("double", "a"), ColSpec("double", "b")]),
        Schema([ColSpec("double", "twice"), ColSpec("string", "word")]),
        ParamSchema([ParamSpec("times", "long", 2)]),
    )
    return mlflow.pyfunc.log_model(
        name="doubling", python_model=Doubling(), signature=signature, pip_requirements=["pandas"]
    )


def loaded(info):
    """The logged model as a batch job loads it."""
    return mlflow.pyfunc.load_model(info.model_uri)


def test_predictions_come_with_the_arm_of_the_contract(inner):
    """The arm is that of assign_arms, the prediction that of the model inside."""
    info = spot.with_holdout(inner, CONTRACT, registered_model_name="churn_with_holdout")
    before = datetime.now(timezone.utc)
    found = mlflow.pyfunc.load_model("models:/churn_with_holdout/1").predict(ROWS)
    assert list(found.columns) == [
        "customer",
        "prediction",
        "score",
        "arm",
        "model_version",
        "decided_at",
    ]
    assert found["arm"].tolist() == ARMS
    plain = mlflow.pyfunc.load_model("models:/churn/1").predict(X)
    assert found["prediction"].tolist() == plain.tolist()
    assert found["score"].tolist() == plain.astype(float).tolist()
    assert set(found["model_version"]) == {"1"}
    at = datetime.fromisoformat(found["decided_at"].iloc[0])
    assert before <= at <= datetime.now(timezone.utc)
    assert [c.name for c in info.signature.inputs.inputs] == ["customer", "a", "b"]
    assert [c.name for c in info.signature.outputs.inputs] == list(found.columns)


def test_the_result_is_the_first_half_of_an_outcome_log(inner):
    """With outcomes beside it, it is checked against the promise as it stands."""
    from spot_mlflow_checks import check_outcomes

    promise = CONTRACT | {
        "columns": CONTRACT["columns"]
        | {"decided_at": "decided_at", "model_version": "model_version"}
    }
    log = loaded(spot.with_holdout(inner, promise)).predict(ROWS).assign(y=np.arange(N) % 2)
    report = check_outcomes(log, promise, model_version="1")
    check = next(c for c in report.checks if c.name == "arms_as_assigned")
    assert check.success
    assert report.to_dict()["arms_recomputed"]["units"] == N


def test_the_prediction_of_the_holdout_can_be_withheld(inner, doubling):
    """Nobody can act on what is not there; the treated have theirs."""
    held = np.array(ARMS) == "control"
    found = loaded(spot.with_holdout(inner, CONTRACT, withhold=True)).predict(ROWS)
    assert found["prediction"].isna().tolist() == held.tolist()
    assert found["score"].isna().tolist() == held.tolist()
    assert set(found["prediction"].dropna()) == {0.0, 1.0}
    words = loaded(spot.with_holdout(doubling, CONTRACT, withhold=True)).predict(ROWS)
    assert words["word"].isna().tolist() == held.tolist()


def test_params_reach_the_model_inside(doubling):
    """Its own columns come back, and its params go on working."""
    found = loaded(spot.with_holdout(doubling, CONTRACT))
    assert found.metadata.signature.params.params[0].name == "times"
    np.testing.assert_allclose(found.predict(ROWS)["twice"], 2 * ROWS["a"])
    np.testing.assert_allclose(found.predict(ROWS, params={"times": 5})["twice"], 5 * ROWS["a"])
    assert list(found.predict(ROWS).columns) == [
        "customer",
        "twice",
        "word",
        "arm",
        "model_version",
        "decided_at",
    ]


def test_the_share_cannot_be_changed_at_load(inner):
    """model_config changes nothing: the recorded assignment is what counts."""
    info = spot.with_holdout(inner, CONTRACT)
    changed = mlflow.pyfunc.load_model(info.model_uri, model_config={"share": 0.9, "salt": "x"})
    assert changed.predict(ROWS)["arm"].tolist() == ARMS


@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_evaluate_goes_on_working(inner, kind):
    """Of its URI, with the one column that MLflow's evaluators take: the figures of the model inside."""
    info = spot.with_holdout(inner, CONTRACT)
    said = {
        "targets": "y",
        "model_type": kind,
        "evaluators": ["default"],
        "evaluator_config": {"default": {"log_model_explainability": False}},
    }
    found = mlflow.models.evaluate(
        info.model_uri, ROWS.assign(y=Y), model_config={"only": "prediction"}, **said
    )
    plain = mlflow.models.evaluate(inner.model_uri, X.assign(y=Y), **said).metrics
    figures = {"accuracy_score", "f1_score", "mean_squared_error"} & plain.keys()
    assert figures
    assert {k: found.metrics[k] for k in figures} == {k: plain[k] for k in figures}
    with pytest.raises(mlflow.MlflowException, match="must be one of customer, prediction, score"):
        mlflow.pyfunc.load_model(info.model_uri, model_config={"only": "x"}).predict(ROWS)


@pytest.mark.parametrize(
    ("ids", "message"),
    [([None] * N, "the id is missing"), ([""] * N, "the id is missing")],
)
def test_an_id_that_is_missing_is_refused(inner, ids, message):
    """As where arms are assigned in a frame."""
    model = loaded(spot.with_holdout(inner, CONTRACT))
    with pytest.raises(mlflow.MlflowException, match=message):
        model.predict(ROWS.assign(customer=ids))
    with pytest.raises(mlflow.MlflowException, match="Incompatible input types"):
        model.predict(ROWS.assign(customer=np.arange(N) / 2))


def test_whole_numbers_are_ids_too(inner):
    """With their type in the signature."""
    model = loaded(spot.with_holdout(inner, CONTRACT, id_type="long"))
    found = model.predict(ROWS.assign(customer=range(N)))
    assert (
        found["arm"].tolist()
        == spot.assign_arms(pd.DataFrame({"customer": range(N)}), CONTRACT)["arm"].tolist()
    )


def test_what_cannot_carry_a_holdout_is_refused(inner, mlflow_uri):
    """Without an assignment, without column names, or with a column twice."""
    with pytest.raises(InvalidInput, match="the contract has no assignment"):
        spot.with_holdout(inner, {k: v for k, v in CONTRACT.items() if k != "assignment"})
    nameless = mlflow.sklearn.log_model(
        LogisticRegression().fit(X.to_numpy(), Y),
        name="n",
        signature=infer_signature(X.to_numpy(), Y.to_numpy()),
        pip_requirements=["scikit-learn"],
    )
    with pytest.raises(InvalidInput, match="no column names"):
        spot.with_holdout(nameless, CONTRACT)
    bare = mlflow.sklearn.log_model(
        LogisticRegression().fit(X, Y), name="b", pip_requirements=["scikit-learn"]
    )
    with pytest.raises(InvalidInput, match="no signature"):
        spot.with_holdout(bare, CONTRACT)
    twice = CONTRACT | {"columns": CONTRACT["columns"] | {"arm": "prediction"}}
    with pytest.raises(InvalidInput, match="'prediction' twice"):
        spot.with_holdout(inner, twice)


def test_a_schedule_by_segment_reads_the_segment(inner):
    """The step of the day and of the row's segment."""
    promise = CONTRACT | {
        "columns": CONTRACT["columns"] | {"segment": "part"},
        "assignment": {"salt": "s", "schedule": [{"from": "2020-01-01", "holdout": 0.1}, {"segment": "n", "holdout": 0.9}]},
    }  # fmt: skip
    rows = ROWS.assign(part=["n", "s"] * (N // 2))
    found = loaded(spot.with_holdout(inner, promise)).predict(rows)
    assert found["arm"].tolist() == spot.assign_arms(rows, promise)["arm"].tolist()
    assert list(found.columns[:2]) == ["customer", "part"]


def test_it_answers_behind_mlflow_models_serve(inner, tmp_path):
    """The real server on loopback, in the environment that is there; its code alone, without ours."""
    info = spot.with_holdout(inner, CONTRACT, withhold=True)
    port, log = free_port(), tmp_path / "serve.log"
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", info.model_uri, "--env-manager", "local",
               "--host", "127.0.0.1", "--port", str(port)]  # fmt: skip
    here = Path(sys.executable).parent  # where the server's own commands are
    environment = {**os.environ, "PATH": f"{here}:{os.environ['PATH']}"}
    with log.open("wb") as out:
        server = subprocess.Popen(
            command, stdout=out, stderr=out, env=environment, cwd=tmp_path, start_new_session=True
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/ping", server, log)
        answered = asked(port, {"dataframe_split": ROWS.head(20).to_dict("split", index=False)})[
            "predictions"
        ]
        assert [row["arm"] for row in answered] == ARMS[:20]
        assert [row["prediction"] is None for row in answered] == [
            a == "control" for a in ARMS[:20]
        ]
        with pytest.raises(urllib.error.HTTPError) as refused:
            asked(
                port,
                {"dataframe_split": ROWS.head(2).assign(customer="").to_dict("split", index=False)},
            )
        assert refused.value.code == 400
        assert "the id is missing" in refused.value.read().decode()
    finally:
        stop(server)


def asked(port, body):
    """What the server answers."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/invocations",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - loopback
        return json.load(answer)


def test_spark_scores_with_it(inner, spark):
    """spark_udf gives a struct with the same arms."""
    info = spot.with_holdout(inner, CONTRACT)
    udf = mlflow.pyfunc.spark_udf(spark, info.model_uri, env_manager="local")
    frame = spark.createDataFrame(ROWS.head(40))
    rows = frame.select("customer", udf("customer", "a", "b").alias("scored")).collect()
    arms = {row["customer"]: row["scored"]["arm"] for row in rows}
    assert arms == dict(zip(ROWS["customer"], ARMS[:40], strict=False))
