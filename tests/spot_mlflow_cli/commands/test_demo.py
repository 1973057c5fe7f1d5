"""The demo's folder and what it prints; the story itself is told in tests/journeys."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from spot_mlflow.errors import InvalidInput
from spot_mlflow_cli.commands import demo


@pytest.mark.parametrize("name", ["spot-demo", "spot-demo.earlier"])
def test_what_is_no_demo_is_never_thrown_away(tmp_path, name):
    """A folder of the user's own, of either name, is refused and stays as it is."""
    mine = tmp_path / name / "thesis.txt"
    mine.parent.mkdir()
    mine.write_text("three years")
    with pytest.raises(InvalidInput, match="not a demo"), demo._fresh(tmp_path / "spot-demo"):
        pass
    assert mine.read_text() == "three years"


def test_a_stop_brings_the_earlier_demo_back(tmp_path):
    """Whatever ends the story, the folder is as it was before."""
    folder = tmp_path / "spot-demo"

    def tell(text, stop=None):
        with demo._fresh(folder):
            (folder / "mlflow.db").write_text(text)
            if stop is not None:
                raise stop

    tell("first")
    with pytest.raises(KeyboardInterrupt):
        tell("half", stop=KeyboardInterrupt)
    assert (folder / "mlflow.db").read_text() == "first"
    assert [p.name for p in tmp_path.iterdir()] == ["spot-demo"]


def test_an_empty_folder_is_used_where_it_is(tmp_path, monkeypatch):
    """Who stands in an empty folder and says ``--folder .`` is not left in one that is gone."""
    monkeypatch.chdir(tmp_path)
    with demo._fresh(tmp_path):
        pass
    assert Path.cwd().samefile(tmp_path)
    assert (Path.cwd() / demo.MARK).exists()


def test_a_program_is_named_so_that_it_runs(tmp_path, monkeypatch):
    """On the path it is its name; else, as in an environment that is not active, where it stands."""
    folder = tmp_path / "an env" / "bin"
    folder.mkdir(parents=True)
    program = folder / "mlflow"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    monkeypatch.setenv("PATH", str(folder))
    assert demo._typed("mlflow") == "mlflow"
    monkeypatch.setenv("PATH", "/nowhere")
    assert demo._typed("mlflow") == f"'{program}'"


def test_the_tutorials_data_are_the_halves_of_the_experiment(tmp_path, spot):
    """``--data`` writes everybody of the villages once, and never over a file that is there."""
    import pandas as pd

    status, said, _ = spot("demo", "--data", "--folder", str(tmp_path / "new"))
    assert status == 0
    rows = {n: pd.read_csv(tmp_path / "new" / n) for n in ("history.csv", "outcomes.csv")}
    assert not set(rows["history.csv"]["village"]) & set(rows["outcomes.csv"]["village"])
    assert sum(map(len, rows.values())) == 4_793  # 27 of 4,820 have no village
    assert "history.csv (2,342 rows)" in said
    status, _, complaint = spot("demo", "--data", "--folder", str(tmp_path / "new"))
    assert status == 2
    assert "exists already" in complaint
