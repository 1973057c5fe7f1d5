from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from mlflow import MlflowClient
from ready_record import block, make_ready
from warm_spot import folder_of_spot

from spot_mlflow.record import Record
from spot_mlflow_cli.main import SECTIONS

ROOT = Path(__file__).resolve().parents[2]
CI = ROOT / "examples" / "ci"


@pytest.mark.parametrize("name", ["github-actions.yml", "gitlab-ci.yml"])
def test_the_workflows_are_yaml_and_call_commands_that_exist(name: str) -> None:
    """Each example parses, and every `spot` command in it is one of ours."""
    text = (CI / name).read_text(encoding="utf-8")
    assert yaml.safe_load(text)
    commands = set(re.findall(r"\bspot ([a-z-]+) ", text))
    assert commands <= {c for section in SECTIONS.values() for c in section}
    assert "gate" in commands


def test_the_github_workflow_puts_no_input_into_a_command() -> None:
    """Inputs reach the shell as variables only: text inside a command could be another command."""
    workflow = yaml.safe_load((CI / "github-actions.yml").read_text(encoding="utf-8"))
    runs = [
        step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step
    ]
    assert not [run for run in runs if "${{" in run]


def pre_deploy(*arguments: str, uri: str) -> subprocess.CompletedProcess[str]:
    """Runs the script with the `spot` of this environment."""
    environment = {
        **os.environ,
        "MLFLOW_TRACKING_URI": uri,
        "PATH": f"{folder_of_spot()}:{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    return subprocess.run(
        [str(CI / "pre_deploy.sh"), *arguments],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )


def test_the_deployment_runs_only_after_the_gate(mlflow_uri: str, tmp_path: Path) -> None:
    """Refused: status 1 and nothing deployed. Allowed: the command runs, and its status counts."""
    client = MlflowClient(mlflow_uri)
    client.create_registered_model("churn")
    client.create_model_version("churn", source="s3://nowhere/model")
    block(Record())
    mark = tmp_path / "deployed"
    refused = pre_deploy("churn/1", "@champion", "touch", str(mark), uri=mlflow_uri)
    assert (refused.returncode, mark.exists()) == (1, False)
    assert "may not go to @champion" in refused.stderr
    make_ready(Record(), "churn/1")
    assert pre_deploy("churn/1", "@champion", "touch", str(mark), uri=mlflow_uri).returncode == 0
    assert mark.exists()
    assert pre_deploy("churn/1", "@champion", "sh", "-c", "exit 7", uri=mlflow_uri).returncode == 7
    assert pre_deploy("churn/1", "@champion", uri=mlflow_uri).returncode == 2
