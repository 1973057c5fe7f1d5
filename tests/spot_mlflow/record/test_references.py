from __future__ import annotations

import mlflow
import numpy as np
import pytest
from mlflow import MlflowClient
from sklearn.linear_model import LogisticRegression

from spot_mlflow.errors import InvalidInput, NotFound
from spot_mlflow.record import Record


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("churn", "2"),
        ("churn/1", "1"),
        ("models:/churn/1", "1"),
        ("models:/churn@champion", "1"),
        ("churn@Champion", "1"),
        ("models:/churn/latest", "2"),
        ("models:/churn/Staging", "1"),
    ],
)
def test_text_names_a_version(churn, mlflow_uri, said, version):
    """Every way to write a model reference finds the version it means."""
    client = MlflowClient(mlflow_uri)
    client.set_registered_model_alias(churn, "champion", "1")
    client.transition_model_version_stage(churn, "1", "Staging")
    ref = Record().resolve(said)
    assert (ref.name, ref.version) == ("churn", version)
    assert ref.created == client.get_registered_model(churn).creation_timestamp


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("chrun", "did you mean 'churn'"),
        ("churn/7", "it has 1, 2"),
        ("churn@champ", "no alias 'champ'"),
        ("churn/Production", "no version in stage Production"),
    ],
)
def test_unknown_model_names_what_is_known(churn, said, message):
    """What does not exist is refused with what does."""
    with pytest.raises(NotFound, match=message):
        Record().resolve(said)


def test_nothing_that_names_a_model_is_refused(mlflow_uri):
    """A value of another kind is refused with the accepted forms."""
    with pytest.raises(InvalidInput, match="names no registered model"):
        Record().resolve(3.14)
    with pytest.raises(InvalidInput, match="names no model"):
        Record().resolve("a/b/c")


def test_model_info_and_entities_name_their_version(mlflow_uri):
    """What log_model, get_model_version and get_registered_model return names its version."""
    x, y = np.arange(8.0).reshape(4, 2), [0, 1, 0, 1]
    infos = []
    for _ in range(2):
        with mlflow.start_run():
            model = LogisticRegression().fit(x, y)
            infos.append(
                mlflow.sklearn.log_model(
                    model, name="m", registered_model_name="churn", pip_requirements=[]
                )
            )
            inside = Record().resolve("churn")
            assert inside.version == str(infos[-1].registered_model_version)
    record = Record()
    client = MlflowClient(mlflow_uri)
    assert [record.resolve(i).version for i in infos] == ["1", "2"]
    assert record.resolve(client.get_model_version("churn", "1")).version == "1"
    assert record.resolve(client.get_registered_model("churn")).version == "2"


def test_inside_a_run_a_bare_name_means_the_run_s_own_version(mlflow_uri):
    """A training script that registers means its own version, though others came after it."""
    x, y = np.arange(8.0).reshape(4, 2), [0, 1, 0, 1]
    with mlflow.start_run():
        mlflow.sklearn.log_model(
            LogisticRegression().fit(x, y),
            name="m",
            registered_model_name="churn",
            pip_requirements=[],
        )
        MlflowClient().create_model_version("churn", source="file:///nowhere")
        assert Record().resolve("churn").version == "1"
    assert Record().resolve("churn").version == "2"


def test_unregistered_model_info_says_how_to_register(mlflow_uri):
    """A model that was logged but not registered is refused with the way to register it."""
    with mlflow.start_run():
        info = mlflow.sklearn.log_model(
            LogisticRegression().fit([[0.0], [1.0]], [0, 1]), name="m", pip_requirements=[]
        )
    with pytest.raises(InvalidInput, match="registered_model_name"):
        Record().resolve(info)


def test_a_quote_in_a_name_is_no_injection(mlflow_uri):
    """A model name with an apostrophe is found like any other."""
    client = MlflowClient(mlflow_uri)
    client.create_registered_model("o'hare")
    client.create_model_version("o'hare", source="file:///nowhere")
    assert Record().resolve("o'hare").version == "1"


def test_two_models_of_one_run_are_told_apart(mlflow_uri):
    """Each ModelInfo names its own model, though one run logged and registered both."""
    fitted = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    with mlflow.start_run():
        infos = [
            mlflow.sklearn.log_model(
                fitted, name=name, registered_model_name=name, pip_requirements=[]
            )
            for name in ("churn", "upsell")
        ]
    assert [str(Record().resolve(i)) for i in infos] == ["churn/1", "upsell/1"]


def test_a_model_logged_outside_a_run_names_its_version(mlflow_uri):
    """MLflow 3 logs models without a run; ModelInfo, LoggedModel and model_uri find the version."""
    info = mlflow.sklearn.log_model(
        LogisticRegression().fit([[0.0], [1.0]], [0, 1]),
        name="m",
        registered_model_name="churn",
        pip_requirements=[],
    )
    assert info.run_id is None
    for said in (info, info.model_uri, mlflow.get_logged_model(info.model_id)):
        assert str(Record().resolve(said)) == "churn/1"
    with pytest.raises(InvalidInput, match="not registered"):
        Record().resolve(f"models:/m-{'0' * 32}")


def test_a_model_under_two_names_asks_which(mlflow_uri):
    """What is registered twice is not guessed at."""
    with mlflow.start_run():
        info = mlflow.sklearn.log_model(
            LogisticRegression().fit([[0.0], [1.0]], [0, 1]),
            name="m",
            registered_model_name="churn",
            pip_requirements=[],
        )
    mlflow.register_model(info.model_uri, "upsell")
    with pytest.raises(InvalidInput, match="churn and upsell"):
        Record().resolve(info)
    assert str(Record().resolve("upsell/1")) == "upsell/1"


@pytest.mark.parametrize(
    "name",
    [
        "a@b",
        " padded ",
        "naïve 模型 🎯",
        'say "hi"',
        "50%",
        "x" * 256,
        "#hash?a=1&b=2",
        "back\\slash",
    ],
    ids=lambda n: n[:12],
)
def test_odd_names_are_found_in_every_form(mlflow_uri, name):
    """Whatever name MLflow takes is found by name, version and alias."""
    client = MlflowClient(mlflow_uri)
    client.create_registered_model(name)
    client.create_model_version(name, source="file:///nowhere")
    client.set_registered_model_alias(name, "champion", "1")
    for said in (name, f"{name}/1", f"models:/{name}/1", f"models:/{name}@champion"):
        ref = Record().resolve(said)
        assert (ref.name, ref.version) == (name, "1"), said


def test_an_empty_registry_says_where_it_is(mlflow_uri):
    """Who forgot to say where MLflow is reads which one was asked."""
    with pytest.raises(NotFound, match="No models at sqlite:"):
        Record().resolve("churn")


def test_many_versions_are_not_all_listed(churn, mlflow_uri):
    """A message names the newest versions, not thousands."""
    client = MlflowClient(mlflow_uri)
    for _ in range(12):
        client.create_model_version(churn, source="file:///nowhere")
    with pytest.raises(NotFound, match=r"it has …, 5, 6, .*, 14$"):
        Record().resolve("churn/99")


def test_a_reference_is_typed_as_it_stands(mlflow_uri):
    """The commands that messages name can be pasted, whatever the model is called."""
    client = MlflowClient(mlflow_uri)
    client.create_registered_model("win back")
    client.create_model_version("win back", source="file:///nowhere")
    assert Record().resolve("win back").typed == "'win back/1'"
