"""A pipeline or a serving image has mlflow-skinny: no numpy, no pandas, nothing that draws."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from gated import gated_mlflow_server

pytestmark = pytest.mark.journey

# What MLflow's own client does without; an import of any of these fails, as where it is not installed.
SCRIPT = """
import json, sys

HEAVY = {"numpy", "pandas", "scipy", "matplotlib", "great_expectations", "duckdb", "narwhals"}

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in HEAVY:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())

import spot_mlflow as spot
from mlflow import MlflowClient
from spot_mlflow.record import Record

client = MlflowClient()
client.create_registered_model("thin")
client.create_model_version("thin", source="s3://elsewhere/m")
columns = {"arm": "any", "outcome": "got"}
who = {"person": "Ann", "role": "business"}
spot.log_predicted_lift("thin/1", {"metric": "got", "predicted": 0.35, "columns": columns})
spot.log_assessment("thin", {"S1": 3}, **who)
spot.log_involvement("thin", phase="scope", kind="contributed", **who)
concern = spot.raise_concern("thin", what="who calls them?", severity="major", **who)
spot.answer_concern("thin", concern, what="the branches", person="Bo", role="engineer")
spot.confirm_concern("thin", concern, **who)
spot.log_pulse("thin", useful=4, would_use=5, **who)
spot.sign_off("thin/1", target="Production", **who)
spot.waive("thin/1", target="Production", requirement="sign_off", reason="a test", approver="Cy",
           role="executive")
print(json.dumps({
    "kinds": [e.kind for e in spot.get_adoption("thin").entries],
    "missing": len(spot.check_gate("thin/1", "Production").requirements),
    "sound": not Record().verify("thin").findings,
    "headline": client.get_registered_model("thin").tags["spot"],
    "heavy": sorted(HEAVY & set(sys.modules)),
}))
"""
KINDS = [
    "prediction", "assessment", "involvement", "concern", "concern", "concern", "pulse", "sign-off",
    "waiver",
]  # fmt: skip


def said_by_thin_client(uri: str, folder) -> dict[str, object]:
    """Runs the script in a process of its own and returns what it printed."""
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT]
    environment = {**os.environ, "MLFLOW_TRACKING_URI": uri, "MLFLOW_REGISTRY_URI": uri}
    ran = subprocess.run(
        command, capture_output=True, text=True, env=environment, cwd=folder, check=False
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert "not up to date" not in ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


def test_everything_a_pipeline_records_is_recorded_without_numpy(mlflow_uri, tmp_path):
    """Each entry is written once, summed up and judged; nothing heavy is even looked for."""
    said = said_by_thin_client(mlflow_uri, tmp_path)
    assert said["kinds"] == KINDS
    assert said["missing"]
    assert said["sound"]
    assert said["headline"]
    assert said["heavy"] == []


def test_the_same_through_a_gated_server(tmp_path):
    """The server writes and sums up; the client needs no more than on a plain one."""
    with gated_mlflow_server(tmp_path, workers=1) as server:
        said = said_by_thin_client(server.url, tmp_path)
    assert [k for k in said["kinds"] if k != "decision"] == KINDS
    assert said["sound"]


COMMANDS = """
import io, json, sys
from contextlib import redirect_stderr, redirect_stdout

HEAVY = {"numpy", "pandas", "scipy", "rich", "jinja2", "matplotlib", "great_expectations", "duckdb", "narwhals"}

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in HEAVY:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
from mlflow import MlflowClient
client = MlflowClient()
client.create_registered_model("typed")
client.create_model_version("typed", source="s3://elsewhere/m")
from spot_mlflow_cli.main import main

who = ["--person", "Ann", "--role", "business"]
ended = {}
for line in (
    ["promise", "typed/1", "lift.yaml"],
    ["involve", "typed", "--phase", "scope", "--kind", "contributed", *who],
    ["request", "typed/1", "--to", "Production", "--why", "it is ready", *who],
    ["gate", "typed/1", "--to", "Production", "--dry-run"],
    ["history", "typed", "--to", "Production"],
    ["policy", "show"],
    ["verify", "typed"],
    ["show", "typed"],
):
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        try:
            main(line)
        except SystemExit as e:
            ended[line[0]] = [e.code or 0, said.getvalue()]
print(json.dumps(ended))
"""


def test_the_commands_of_a_pipeline_need_neither_numpy_nor_rich(gated_server, tmp_path):
    """Promise, people, request, gate, history, policy and verify end well; others name the package they need."""
    (tmp_path / "lift.yaml").write_text(
        "metric: got\npredicted: {lift: 0.3, se: 0.02}\ncolumns: {arm: any, outcome: got}\n"
    )
    uri = gated_server.url
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", COMMANDS], capture_output=True, text=True, check=False,
        cwd=tmp_path, env={
            **os.environ, "MLFLOW_TRACKING_URI": uri, "MLFLOW_REGISTRY_URI": uri,
            "PYTHONPATH": os.pathsep.join(sys.path),
        },
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr[-2000:]
    ended = json.loads(ran.stdout.splitlines()[-1])
    needs = ended.pop("show")
    assert {name: code for name, (code, _) in ended.items() if code} == {}, ended
    assert needs[0] == 2
    assert "which a light client does not have. pip install spot-mlflow" in needs[1]
