"""The documented line makes a light client of the wheel: mlflow-skinny and three small packages, no more."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest

from spot_mlflow_cli.main import SECTIONS

ROOT = Path(__file__).resolve().parents[2]
# An environment is installed from the registry: that takes as long as it takes.
pytestmark = [pytest.mark.journey, pytest.mark.timeout(1800)]

WHO = "--person Ann --role business"
OTHER = "--person Bo --role business"
TO = "--to Production"
# What a pipeline does, in this order: each ends well. REQUEST and CONCERN are the ids of the latest ones.
WORKS = [
    "promise light/1 lift.yaml",
    f"assess light --from answers.yaml {WHO}",
    f"involve light --phase scope --kind contributed {WHO}",
    f"concern raise light --severity major --what cost {WHO}",
    "concern answer light CONCERN --what solved --person Bo --role engineer",
    f"concern confirm light CONCERN {WHO}",
    f"concern reopen light CONCERN --what again {WHO}",
    f"pulse light --useful 4 --would-use 4 {WHO}",
    f"request light/1 {TO} --why ready {WHO}",
    f"approve light REQUEST {OTHER}",
    f"reject light REQUEST --reason early {OTHER}",
    f"request light/1 {TO} --why now {WHO}",
    f"withdraw light REQUEST {WHO}",
    f"sign-off light/1 {TO} {WHO}",
    f"waive light/1 {TO} --requirement sign_off --reason test --approver Bo",
    f"gate light/1 {TO}",
    f"gate light/1 {TO} --dry-run",
    f"history light {TO}",
    "policy show",
    "policy schema",
    "verify light",
    "audit",
    "export light -o light.jsonl",
    "doctor",
    "completion bash",
]
# The rest: a command may name the package that it needs, and has written nothing then.
MAY_NEED = [
    "outcomes light/1 outcomes.csv",
    "outcomes --all",
    "log light/1",
    "init outcomes.csv -o made.yaml",
    "init --all",
    "plan lift.yaml",
    "assign lift.yaml",
    "ask light --role business -o letters",
    "worksheet light --as yaml -o -",
    "confirm light --person Ann",
    "todo",
    "show light",
    "portfolio",
    "digest",
    "report light -o report.html",
    "card light",
    "benchmark light",
    "policy set --mode warn",
    f"break-glass light/2 {TO} --reason fire",
    f"rollback light {TO}",
    "restore accept --reason older",
    "import light.jsonl",
    "rebind light",
    "erase Zoe",
]
ELSEWHERE = {"demo", "server"}  # of the whole package, and long

# Runs each line in one process and prints how it ended and how many entries were added.
SCRIPT = """
import io, json, sys
from contextlib import redirect_stderr, redirect_stdout
from mlflow import MlflowClient
from spot_mlflow import get_adoption, get_requests
from spot_mlflow_cli.main import main

client = MlflowClient()
client.create_registered_model("light")
for _ in range(2):
    client.create_model_version("light", source="s3://elsewhere/m")

def entries():
    homes = [e.experiment_id for e in client.search_experiments() if e.name.startswith("spot")]
    found = client.search_runs(homes, max_results=1000) if homes else []
    return [r for r in found if r.data.tags.get("spot.kind") != "decision"]  # the server's own answers

def latest(word):
    if word == "REQUEST":
        return get_requests("light")[-1].id
    return get_adoption("light").involvement.concerns[-1].id if word == "CONCERN" else word

found = []
for line in json.load(sys.stdin):
    words = [latest(w) for w in line.split()]
    before, said, code = len(entries()), io.StringIO(), 0
    with redirect_stdout(said), redirect_stderr(said):
        try:
            main(words)
        except SystemExit as e:
            code = e.code or 0
    found.append([line, code, len(entries()) - before, said.getvalue()])
heavy = {"numpy", "pandas", "scipy", "matplotlib", "great_expectations", "duckdb", "rich", "jinja2"}
print(json.dumps({"found": found, "heavy": sorted(heavy & set(sys.modules))}))
"""


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that was made by the line of the page, with this checkout's wheel."""
    folder = tmp_path_factory.mktemp("light")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    subprocess.run([*command, str(ROOT)], check=True, capture_output=True, timeout=300)
    page = (ROOT / "docs" / "light-client.md").read_text()
    (line,) = re.findall(r"```sh\n(pip install -r .*)\n```", page)
    wheel = next(folder.glob("*.whl"))
    assert line.endswith(" spot-mlflow")
    venv.create(folder / "env", with_pip=True)
    programs = folder / "env" / "bin"
    done = subprocess.run(
        ["sh", "-ec", line.removesuffix("spot-mlflow") + str(wheel)], cwd=ROOT, check=False,
        capture_output=True, text=True, timeout=900,
        env={**clean_environment(), "PATH": f"{programs}:{os.environ['PATH']}", "PIP_QUIET": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return programs


def clean_environment() -> dict[str, str]:
    """Returns an environment in which nothing of this checkout can be imported by accident."""
    dropped = ("MLFLOW_", "COV_", "PYTHON", "PYTEST", "SPOT_")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
    return {**kept, "MLFLOW_DISABLE_TELEMETRY": "true"}


@pytest.fixture(scope="module")
def ended(
    light: Path, gated_server: Any, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[int, int, str]]:
    """How each command ended against a gated server: exit status, entries added, what it said."""
    folder = tmp_path_factory.mktemp("light-work")
    (folder / "lift.yaml").write_text(
        "metric: got\npredicted: {lift: 0.3, se: 0.02}\ncolumns: {arm: any, outcome: got}\n"
    )
    (folder / "answers.yaml").write_text("answers: {S1: 3}\n")
    (folder / "outcomes.csv").write_text("any,got\n" + "1,1\n1,0\n0,0\n0,1\n" * 50)
    uri = gated_server.url
    done = subprocess.run(
        [light / "python", "-W", "ignore", "-c", SCRIPT], cwd=folder, capture_output=True, text=True,
        input=json.dumps(WORKS + MAY_NEED), timeout=900, check=False,
        env={**clean_environment(), "MLFLOW_TRACKING_URI": uri, "SPOT_HOME": str(folder / "home")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["heavy"] == []
    return {line: (code, added, text) for line, code, added, text in said["found"]}


def test_nothing_heavy_is_installed(light: Path) -> None:
    """Neither for arithmetic nor for frames, pictures, checks or databases."""
    heavy = "numpy pandas scipy matplotlib great_expectations duckdb sqlalchemy rich jinja2 sklearn"
    code = (
        f"from importlib.util import find_spec; print([m for m in {heavy.split()} if find_spec(m)])"
    )
    done = subprocess.run(
        [light / "python", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
    version = subprocess.run(
        [light / "spot", "--version"], capture_output=True, text=True, check=True
    )
    assert version.stdout.startswith("spot, version")


@pytest.mark.parametrize("line", WORKS)
def test_a_pipeline_needs_no_more(line: str, ended: dict[str, tuple[int, int, str]]) -> None:
    """Promise, people, requests, gate, history, policy, verification: each ends as on a whole package."""
    code, _, text = ended[line]
    assert code == 0, text


@pytest.mark.parametrize("line", MAY_NEED)
def test_no_entry_is_written_by_a_command_that_fails(
    line: str, ended: dict[str, tuple[int, int, str]]
) -> None:
    """It works, or it names the package it needs, or says what is wrong; in the last two nothing is written."""
    code, added, text = ended[line]
    assert "Traceback" not in text
    assert "unexpected" not in text
    if code:
        assert added == 0, text
    if "which a light client does not have" in text:
        assert code == 2
        assert "pip install spot-mlflow" in text


def test_the_tables_have_every_command() -> None:
    """A new command is tried as well."""
    known = {name for commands in SECTIONS.values() for name in commands}
    assert {line.split()[0] for line in WORKS + MAY_NEED} | ELSEWHERE == known
