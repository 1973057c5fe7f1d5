"""What people get wrong: each answered by one clear message and the documented status, nothing written."""

from __future__ import annotations

import pytest

CONTRACT = """
metric: got
predicted: {lift: 0.35, se: 0.02}
minimum_viable: 0.1
columns: {arm: any, outcome: got}
"""
ANSWERS = "{S1: 3, P1: 4}"
LOG = "any,got\n" + "1,1\n0,0\n1,0\n0,1\n" * 50

# name -> (command with {folder}, files to write, exit status, words that the message must hold)
CASES = {
    "unknown model": ("promise chorn lift.yaml", {}, 2, ["no registered model 'chorn'", "'churn'"]),
    "unknown version": ("promise churn/9 lift.yaml", {}, 2, ["no version '9'", "it has 1"]),
    "no such contract": ("promise churn/1 other.yaml", {}, 2, ["other.yaml", "no such file"]),
    "misspelt key": (
        "promise churn/1 lift.yaml",
        {"lift.yaml": CONTRACT.replace("metric", "metrik")},
        2,
        ["lift.yaml", "unknown key 'metrik'", "did you mean 'metric'?"],
    ),
    "broken YAML": (
        "promise churn/1 lift.yaml",
        {"lift.yaml": "metric: [unclosed\n"},
        2,
        ["lift.yaml, line", "not valid YAML"],
    ),
    "level 6": (
        "assess churn --from answers.yaml --person Kim --role business",
        {"answers.yaml": "{S1: 6}"},
        2,
        ["S1", "6", "5"],
    ),
    "unknown question": (
        "assess churn --from answers.yaml --person Kim --role business",
        {"answers.yaml": "{S9: 3}"},
        2,
        ["S9"],
    ),
    "no arm column": (
        "outcomes churn/1 log.csv",
        {"log.csv": "arm,got\n1,1\n0,0\n"},
        2,
        ["log.csv", "'any'"],
    ),
    "one arm only": (
        "outcomes churn/1 log.csv",
        {"log.csv": "any,got\n1,1\n1,0\n"},
        2,
        ["log.csv", "holdout"],
    ),
    "empty file": ("outcomes churn/1 log.csv", {"log.csv": ""}, 2, ["log.csv", "empty"]),
    "no rows": ("outcomes churn/1 log.csv", {"log.csv": "any,got\n"}, 2, ["log.csv"]),
    "outcomes that are text": (
        "outcomes churn/1 log.csv",
        {"log.csv": "any,got\n" + "1,yes please\n0,rather not\n" * 20},
        2,
        ["log.csv", "got"],
    ),
    "no such log": ("outcomes churn/1 nowhere.parquet", {}, 2, ["nowhere.parquet"]),
    "unknown requirement": (
        "policy set policy.yaml",
        {"policy.yaml": "name: p\nversion: '1'\ntargets: {Production: {asessment_age: 90d}}\n"},
        2,
        ["policy.yaml", "asessment_age", "assessment_age"],
    ),
}  # fmt: skip


@pytest.fixture
def promised(mlflow_uri, tmp_path):
    """A registered model with a promise, and files that are right."""
    from mlflow import MlflowClient

    import spot_mlflow as spot

    client = MlflowClient(mlflow_uri)
    client.create_registered_model("churn")
    client.create_model_version("churn", source="file:///nowhere")
    (tmp_path / "lift.yaml").write_text(CONTRACT)
    (tmp_path / "answers.yaml").write_text(ANSWERS)
    (tmp_path / "log.csv").write_text(LOG)
    spot.log_predicted_lift("churn/1", str(tmp_path / "lift.yaml"))
    return client


def state(client):
    """Returns all that was ever recorded, and the model's tags."""
    experiments = [e.experiment_id for e in client.search_experiments()]
    runs = client.search_runs(experiments)
    return sorted(r.info.run_id for r in runs), client.get_registered_model("churn").tags


@pytest.mark.journey
@pytest.mark.parametrize("case", CASES, ids=lambda c: c.replace(" ", "-"))
def test_bad_input_is_answered_and_nothing_is_written(case, promised, tmp_path, capfd):
    """One line says what is wrong, where and what to do; the status is 2; MLflow is as before."""
    from spot_mlflow_cli.main import main

    command, files, status, words = CASES[case]
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    before = state(promised)
    with pytest.raises(SystemExit) as stopped:
        main(command.split())
    error = capfd.readouterr().err
    assert stopped.value.code == status, error
    for word in words:
        assert word in error
    assert "Traceback" not in error
    assert state(promised) == before


def test_outcomes_take_a_report_only(promised):
    """What is no report is refused by its type, and nothing is written."""
    import spot_mlflow as spot

    before = state(promised)
    with pytest.raises(spot.InvalidInput, match="a dict, must be what check_outcomes returned"):
        spot.log_outcomes("churn/1", {"verdict": "met"})
    assert state(promised) == before
