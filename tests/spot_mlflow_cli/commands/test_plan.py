from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.lift.verdict.plan import plan_lift
from spot_mlflow_cli.main import spot

CONTRACT = """
metric: got
predicted: {lift: 0.04, baseline: 0.10}
tolerance: 0.015
window: 14d
columns: {arm: any, outcome: got}
"""


@pytest.fixture
def contract(tmp_path):
    """A contract on disk."""
    path = tmp_path / "lift.yaml"
    path.write_text(CONTRACT)
    return path


def run(*args):
    """Runs ``spot plan`` with errors as they are."""
    return CliRunner().invoke(spot, ["plan", *map(str, args)], catch_exceptions=True)


def test_it_says_when_one_will_know(contract):
    """One sentence first, then the days and chances of each share."""
    found = run(contract, "--holdout", 0.1, "--holdout", 0.2, "--per-day", 1000)
    assert found.exit_code == 0
    text = " ".join(found.output.split())
    assert text.startswith("The result will be known with a 10 % holdout in ")
    assert "with 20 % in" in text
    assert "if true: met" in text


def test_json_is_the_plan(contract):
    """The same figures under documented keys."""
    found = run(contract, "--holdout", 0.2, "--per-day", 500, "--format", "json")
    data = json.loads(found.output)
    row = plan_lift(PredictedLift.load(contract), holdouts=[0.2], per_day=500).holdouts[0]
    (told,) = data["holdouts"]
    assert told["holdout"] == 0.2
    assert told["days_needed"] == row.days_needed
    assert told["units_met"] == row.units_met
    assert told["chances"]["half true"]["shortfall"] == row.chances["half true"].shortfall
    assert set(data) >= {"metric", "summary", "baseline", "power", "looks", "tolerance", "notes"}


def test_never_is_null_in_json(tmp_path):
    """A promise too uncertain for its tolerance."""
    path = tmp_path / "lift.yaml"
    path.write_text(CONTRACT.replace("lift: 0.04,", "lift: 0.04, se: 0.05,"))
    data = json.loads(run(path, "--holdout", 0.5, "--format", "json").output)
    assert data["holdouts"][0]["units_needed"] is None
    assert data["summary"].startswith("No number of units will show both")


def test_markdown_is_a_table(contract):
    """One row per share; five shares where none is named."""
    lines = run(contract, "--format", "markdown").output.splitlines()
    assert sum(line.startswith("| ") for line in lines) == 2 + 5
    assert lines[2].startswith("| Holdout | units to a verdict if true")


def test_what_is_missing_is_asked_for(tmp_path):
    """Without a baseline the message names the key and the option; nothing is guessed."""
    path = tmp_path / "lift.yaml"
    path.write_text(CONTRACT.replace(", baseline: 0.10", ""))
    found = run(path)
    assert "--baseline" in str(found.exception)
    assert run(path, "--baseline", 0.1, "--holdout", 0.5).exit_code == 0
    missing = run(tmp_path / "absent.yaml")
    assert "no such file" in str(missing.exception)


@pytest.mark.parametrize("bad", [["--holdout", "1"], ["--per-day", "0"], ["--power", "0.3"]])
def test_impossible_options_are_a_usage_error(contract, bad):
    """Exit status 2, the option named."""
    found = run(contract, *bad)
    assert found.exit_code == 2
    assert bad[0] in found.output
