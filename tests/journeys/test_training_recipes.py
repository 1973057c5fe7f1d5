"""Every recipe of the page on training scripts runs as it stands there, against a real MLflow server."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.journey

PAGE = Path(__file__).resolve().parents[2] / "docs" / "training-scripts.md"
RECIPES = dict(re.findall(r"```python\n# (\w+)\n(.*?)```", PAGE.read_text(), flags=re.DOTALL))
CONTRACT = {
    "metric": "stayed",
    "predicted": {"lift": 0.05, "se": 0.004},
    "columns": {"arm": "offered", "outcome": "stayed"},
}


@pytest.fixture
def names(plain_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """What a recipe may use, with MLflow set to a server."""
    import mlflow
    from sklearn.linear_model import LogisticRegression

    import spot_mlflow as spot

    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
    mlflow.set_tracking_uri(plain_server)
    mlflow.set_registry_uri(plain_server)
    x, y = [[float(i % 7)] for i in range(40)], [i % 2 for i in range(40)]
    yield {
        "__name__": "__main__", "mlflow": mlflow, "spot": spot, "uri": plain_server, "x": x, "y": y,
        "contract": CONTRACT, "LogisticRegression": LogisticRegression,
    }  # fmt: skip
    while mlflow.active_run() is not None:
        mlflow.end_run()


def play(recipe: str, names: dict[str, Any]) -> dict[str, Any]:
    """Runs a recipe and returns the names it leaves."""
    exec(RECIPES[recipe], names)  # noqa: S102 - our own page
    return names


def promises(model: str) -> list[str | None]:
    """The versions for which a promise is on record."""
    import spot_mlflow as spot

    return [e.version for e in spot.get_adoption(model).entries if e.kind == "prediction"]


@pytest.mark.parametrize(
    ("recipe", "model"),
    [
        ("autolog", "churn-autolog"),
        ("nested", "churn-nested"),
        ("register", "churn-registered"),
        ("trees", "churn-trees"),
    ],
)
def test_one_promise_for_the_version_that_was_trained(recipe, model, names) -> None:
    """Twice in a row: each run's promise is for its own version."""
    for version in ("1", "2"):
        play(recipe, names)
        assert promises(model)[-1] == version
    assert promises(model) == ["1", "2"]


def test_each_server_answers_for_its_own_model(names, mlflow_uri) -> None:
    """The signature in a promise is that of the named server's model, whatever MLflow is set to."""
    import mlflow
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    from spot_mlflow.record import Record

    uri = names["uri"]
    for at, columns in ((uri, 1), (mlflow_uri, 2)):
        mlflow.set_tracking_uri(at)
        mlflow.set_registry_uri(at)
        x = np.array([[float(i)] * columns for i in range(20)])
        model = LogisticRegression().fit(x, [i % 2 for i in range(20)])
        signature = mlflow.models.infer_signature(x, model.predict(x))
        mlflow.sklearn.log_model(
            model, name="model", registered_model_name="churn", signature=signature
        )
    play("servers", {**names, "other_uri": mlflow_uri})  # MLflow is set to the second
    found = [
        Record(at, at).adoption("churn/1").entries[-1].payload["signature"]
        for at in (uri, mlflow_uri)
    ]
    assert all(found)
    assert found[0] != found[1]


def registered(name: str, count: int) -> list[str]:
    """Registers versions and returns what names them."""
    from mlflow import MlflowClient

    client = MlflowClient()
    client.create_registered_model(name)
    made = [client.create_model_version(name, source="s3://nowhere/m") for _ in range(count)]
    return [f"{name}/{v.version}" for v in made]


def test_threads_promise_for_their_own_versions(names) -> None:
    """Eight versions by four threads: each has one promise, and the record is sound."""
    from spot_mlflow.record import Record

    found = play("threads", {**names, "versions": registered("threads", 8)})
    assert found["promised"] == [str(i) for i in range(1, 9)]
    assert sorted(map(str, promises("threads"))) == [str(i) for i in range(1, 9)]
    assert not Record().verify("threads").findings


def test_processes_of_joblib_record_on_the_server_they_are_told(names) -> None:
    """Each model has its version and its promise."""
    assert play("joblib", names)["trained"] == ["1", "1"]
    assert promises("north") == promises("south") == ["1"]


@pytest.mark.spark
def test_executors_of_spark_record_on_the_server_they_are_told(names, spark) -> None:
    """Workers that share nothing with the driver but text."""
    versions = registered("executors", 4)
    found = play("spark", {**names, "spark": spark, "versions": versions})
    assert found["promised"] == ["1", "2", "3", "4"]
    assert sorted(map(str, promises("executors"))) == ["1", "2", "3", "4"]


def test_tasks_hand_on_a_version_by_its_name(names) -> None:
    """Two processes one after the other, as a scheduler starts them; the gate's answer is the second's end."""

    def task(call: str) -> str:
        code = f"{RECIPES['airflow']}\nprint('returned', {call})"
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False,
            timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        return next(x.split()[1] for x in done.stdout.splitlines() if x.startswith("returned"))

    version = task(f"train_task({names['uri']!r}, {CONTRACT!r})")
    assert version == "churn-dag/1"
    assert task(f"gate_task({names['uri']!r}, {version!r})") == version


def test_every_recipe_of_the_page_has_a_test() -> None:
    """A new recipe needs a test."""
    tried = set(
        re.findall(
            r'play\("(\w+)"|RECIPES\[\'(\w+)\'\]|\("(\w+)", "churn', Path(__file__).read_text()
        )
    )
    assert {name for found in tried for name in found if name} == set(RECIPES)
