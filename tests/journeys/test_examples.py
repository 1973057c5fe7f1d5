"""Each example runs as it is, and arrives at the verdict that its invented world was made for."""

from __future__ import annotations

import math
import runpy
from pathlib import Path

import pytest

import spot_mlflow as spot

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

pytestmark = pytest.mark.journey


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("churn_uplift", "churn-uplift"),
        ("pricing_money", "pricing"),
        ("ratio_by_store", "recommender"),
        ("support_assistant", "support-assistant"),
    ],
)
def test_an_example_keeps_its_promise(mlflow_uri, name, model):
    """What the world was given arrives, and MLflow shows it beside what was promised."""
    main = runpy.run_path(str(EXAMPLES / f"{name}.py"))["main"]
    assert main(mlflow_uri) == "met"
    adoption = spot.get_adoption(f"{model}/1")
    assert adoption.latest_check is not None
    realized, promised = adoption.latest_check["realized"], adoption.predicted.predicted
    # Both are estimates; a boosted model is not trained to the same digit twice.
    both = math.hypot(promised.se or 0, (realized["high"] - realized["low"]) / 3.92)
    assert abs(realized["lift"] - promised.lift) < 1.96 * both


def test_the_notebook_runs_from_training_to_the_verdict(mlflow_uri, tmp_path):
    """Each cell runs in a fresh kernel; plan, model, decision and report are shown as pages, the verdict in words."""
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    notebook = nbformat.read(EXAMPLES / "training_to_verdict.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert all(not cell.outputs for cell in notebook.cells if cell.cell_type == "code")
    nbclient.NotebookClient(
        notebook, timeout=540, startup_timeout=540, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    shown = [o.data for cell in notebook.cells for o in cell.get("outputs", ()) if "data" in o]
    pages = [data["text/html"] for data in shown if "text/html" in data]
    assert len(pages) == 5
    assert "Promise kept" in pages[3]
    assert "data:image/svg+xml" in pages[3]
    assert spot.get_adoption("reminder/1").latest_check["verdict"] == "met"
