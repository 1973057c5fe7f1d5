from __future__ import annotations

import pytest

from spot_mlflow_cli.commands.server import own_store, pages_at

DATABASE = "postgresql://mlflow:secret@db/mlflow"


def test_the_database_of_the_training_scripts_is_served() -> None:
    """Without another store named, so that the models are there; as a variable, since options show passwords."""
    said = {"MLFLOW_TRACKING_URI": DATABASE}
    assert own_store((), said) == {"MLFLOW_BACKEND_STORE_URI": DATABASE}


@pytest.mark.parametrize(
    ("args", "more"),
    [
        (("--backend-store-uri", "sqlite:///a.db"), {}),
        (("--backend-store-uri=sqlite:///a.db",), {}),
        ((), {"MLFLOW_BACKEND_STORE_URI": "sqlite:///a.db"}),
        ((), {"MLFLOW_TRACKING_URI": "http://127.0.0.1:5000"}),
        ((), {"MLFLOW_TRACKING_URI": "./mlruns"}),
        ((), {"MLFLOW_TRACKING_URI": ""}),
    ],
)
def test_a_store_that_is_named_is_served_instead(args, more) -> None:
    """By an option or a variable; what is no database cannot be served."""
    assert own_store(args, {"MLFLOW_TRACKING_URI": DATABASE, **more}) == {}


def test_the_address_of_the_pages_follows_the_options_of_mlflow() -> None:
    """Host, port and prefix, after a space or an equals sign, else the variables, else MLflow's own."""
    assert pages_at((), {}) == "http://127.0.0.1:5000/spot/"
    assert pages_at((), {"MLFLOW_PORT": "5001"}) == "http://127.0.0.1:5001/spot/"
    args = ("-h", "0.0.0.0", "--port=8080", "--static-prefix", "/ml")  # noqa: S104 - nothing listens
    assert pages_at(args, {"MLFLOW_PORT": "5001"}) == "http://0.0.0.0:8080/ml/spot/"
