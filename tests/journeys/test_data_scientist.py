"""The data scientist's path of docs/paths.md: the page's own code, run as a training script."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from terminal import run_spot

PAGE = Path(__file__).resolve().parents[2] / "docs" / "paths.md"
CONTRACT = """
metric: customers who stay
predicted: {lift: 0.05, se: 0.004, source: backtest}
minimum_viable: 0.02
tolerance: 0.02
treatment_share: 0.8
measurement: {owner: Kim, first_check: 2027-04-15}
columns: {unit: customer, arm: offered, outcome: stayed}
"""
TRAINED = """
from sklearn.linear_model import LogisticRegression
model = LogisticRegression().fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The script of the page, run once in a folder of its own; returns (folder, what it printed)."""
    import os

    folder = tmp_path_factory.mktemp("script")
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (folder / "train.py").write_text(TRAINED + code, encoding="utf-8")
    (folder / "lift.yaml").write_text(CONTRACT, encoding="utf-8")
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "SPOT_"))}
    env |= {"MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "train.py"], cwd=folder, capture_output=True, text=True,
        timeout=600, check=False, env=env | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return folder, done.stdout


@pytest.fixture
def folder(trained, tmp_path, monkeypatch):
    """The folder where it was trained, with its MLflow in force."""
    import mlflow

    uri = f"sqlite:///{trained[0]}/mlflow.db"
    before = mlflow.get_tracking_uri()
    monkeypatch.setenv("SPOT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    yield trained[0]
    mlflow.set_tracking_uri(before)
    mlflow.set_registry_uri(None)


@pytest.mark.journey
def test_the_script_leaves_promise_and_answers_beside_the_model(folder, trained):
    """Tags of the model, the version that this run made, her answers; and what is missing, said."""
    from mlflow import MlflowClient

    import spot_mlflow as spot

    tags = MlflowClient().get_registered_model("churn").tags
    assert tags["spot.technology"] == "3"
    assert tags["spot"].startswith("promised 5.0 points, not checked yet")
    adoption = spot.get_adoption("churn")
    assert adoption.predicted is not None
    assert adoption.predicted.predicted.lift == 0.05
    (mine,) = adoption.readiness.respondents
    assert (mine.person, mine.role, len(mine.answers)) == ("Dana", "data_scientist", 6)
    run = MlflowClient().get_run(adoption.facts.version("1").run_id)
    assert run.info.status == "FINISHED"
    experiment = MlflowClient().get_experiment(run.info.experiment_id)
    assert not experiment.name.startswith("spot/")  # evidence is kept apart from training runs
    assert "churn/1 may go to Production in mode observe, but" in trained[1]
    assert "spot ask churn --role " in trained[1]


@pytest.mark.journey
def test_the_steps_after_the_script(folder, monkeypatch):
    """Plan, gate, ask, the review's list, a concern answered, the check, and the morning's list."""
    import numpy as np
    import pandas as pd

    monkeypatch.chdir(folder)
    # The commands stand on the page as they are run here.
    page = PAGE.read_text(encoding="utf-8")
    for command in (
        "spot plan lift.yaml", "spot gate churn --to Production", "spot ask churn --role business",
        "spot concern answer", "spot todo", "spot card churn/1",
    ):  # fmt: skip
        assert command.replace("churn/1", "churn/3") in page, command
    planned = run_spot("plan", "lift.yaml", "--per-day", 200, "--baseline", 0.6)
    assert planned.status == 0, planned.err
    missing = run_spot("gate", "churn", "--to", "Production")
    assert missing.status == 0  # in mode observe everything may go
    assert "spot ask churn --role" in missing.out
    asked = run_spot("ask", "churn", "--role", "business", "--format", "eml")
    assert asked.status == 0, asked.err
    assert Path(asked.out.strip()).exists()

    Path("attendance.csv").write_text("person,role\nKim,business\nFay,frontline\nAnn,executive\n")
    done = run_spot(
        "involve", "churn", "--phase", "review", "--kind", "contributed", "--from", "attendance.csv"
    )
    assert done.status == 0, done.err
    raised = run_spot(
        "concern", "raise", "churn", "--person", "Fay", "--role", "frontline", "--severity", "major",
        "--what", "twice a week",
    )  # fmt: skip
    id_ = raised.out.strip()
    answered = run_spot(
        "concern", "answer", "churn", id_, "--person", "Dana", "--role", "data_scientist",
        "--what", "30 days",
    )  # fmt: skip
    assert answered.status == 0, answered.err

    rng = np.random.default_rng(7)
    n = 4_000
    offered = (rng.random(n) < 0.8).astype(int)
    stayed = (rng.random(n) < 0.6 + 0.05 * offered).astype(int)
    frame = pd.DataFrame({"customer": np.arange(n), "offered": offered, "stayed": stayed})
    frame.to_parquet("outcomes.parquet")
    checked = run_spot("outcomes", "churn/1", "outcomes.parquet")
    assert checked.status in (0, 1), checked.err
    shown = run_spot("show", "churn", "--format", "json").json
    assert shown["lift"] is not None
    assert shown["involvement"]["people"] == 3
    owed = run_spot("todo", "--format", "json").json
    assert f"spot concern confirm churn {id_} --person Fay --role frontline" in {
        t["command"] for t in owed
    }
    assert {t["role"] for t in owed} >= {"business", "frontline", "executive", "engineer"}
    card = run_spot("card", "churn/1")
    assert card.status == 0, card.err
    assert "customers who stay" in card.out
