"""Who follows a page of the documentation, command by command, arrives where the page says."""

from __future__ import annotations

from pathlib import Path

import pytest
from own_tables import write_own_tables
from pages_as_scripts import run

DOCS = Path(__file__).resolve().parents[2] / "docs"

pytestmark = [pytest.mark.journey, pytest.mark.timeout(1800)]


def test_the_tutorial(tmp_path, monkeypatch):
    """From an empty folder to the verdict, with the output that the page shows."""
    monkeypatch.setenv("SPOT_HOME", str(tmp_path / "home"))
    assert run(DOCS / "tutorial.md", tmp_path) >= 7


def test_own_tables_and_an_own_model(tmp_path, monkeypatch):
    """From exports of other systems and a model of trees to the gap and the gate."""
    monkeypatch.setenv("SPOT_HOME", str(tmp_path / "home"))
    write_own_tables(tmp_path)
    assert run(DOCS / "own-data.md", tmp_path) == 5


def test_a_promise_from_a_backtest(tmp_path):
    """The contract, the picture and the evaluator of the page, on the data that ship."""
    from spot_mlflow_cli.demo.field_experiment import write_halves

    write_halves(tmp_path)
    assert run(DOCS / "backtest.md", tmp_path) == 3
    assert (
        "<svg" in (tmp_path / "backtest.html").read_text()
        or "data:image/svg" in (tmp_path / "backtest.html").read_text()
    )
