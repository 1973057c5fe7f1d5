from __future__ import annotations

import pandas as pd
import pytest
import yaml
from click.testing import CliRunner

import spot_mlflow as spot
from spot_mlflow import InvalidInput
from spot_mlflow_checks.holdout.written import ENGINES
from spot_mlflow_cli.commands.assign import _ENGINES, command

CONTRACT = {
    "metric": "stays", "predicted": 0.02, "assignment": {"salt": "s", "holdout": 0.3},
    "columns": {"arm": "arm", "outcome": "y", "unit": "id", "treated": "offer", "holdout": "control"},
}  # fmt: skip


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a contract and scores."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lift.yaml").write_text(yaml.safe_dump(CONTRACT))
    pd.DataFrame({"id": [f"{i:04d}" for i in range(200)]}).to_csv("scored.csv", index=False)
    return tmp_path


def run(*arguments):
    """Runs the command; errors of ours come out."""
    return CliRunner().invoke(command, arguments, catch_exceptions=False)


def test_arms_are_written_beside_the_scores(here):
    """One line says where, and how many rows each arm got."""
    result = run("lift.yaml", "scored.csv", "--out", "arms.csv")
    found = pd.read_csv("arms.csv", dtype=str)
    assert found["arm"].tolist() == spot.assign_arms(found[["id"]], CONTRACT)["arm"].tolist()
    held = int((found["arm"] == "control").sum())
    assert result.output.startswith(f"Wrote arms.csv: 200 rows, control {held} (")


def test_a_file_that_is_there_is_not_written_over(here):
    """Unless it is said; the file that is read never is."""
    (here / "arms.csv").write_text("mine")
    with pytest.raises(InvalidInput, match="--force"):
        run("lift.yaml", "scored.csv", "--out", "arms.csv")
    assert (here / "arms.csv").read_text() == "mine"
    with pytest.raises(InvalidInput, match="is the file that is read"):
        run("lift.yaml", "scored.csv", "--out", "scored.csv", "--force")
    assert run("lift.yaml", "scored.csv", "--out", "arms.csv", "--force").exit_code == 0
    assert (here / "arms.csv").read_text() != "mine"


def test_the_expression_is_printed(here):
    """For every engine that there is, and no file is read."""
    assert set(_ENGINES) == set(ENGINES)
    assert "md5" in run("lift.yaml", "--sql", "duckdb").output
    assert run("lift.yaml", "scored.csv", "--sql", "duckdb").exit_code == 2
    assert run("lift.yaml").exit_code == 2
