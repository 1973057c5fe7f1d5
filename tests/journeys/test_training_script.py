"""The example training script does what it shows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "examples" / "training_script.py"
CONTRACT = """
metric: customers who stay
predicted: {lift: 0.05, se: 0.004}
minimum_viable: 0.02
columns: {arm: offered, outcome: stayed}
"""


@pytest.mark.journey
def test_the_training_script_runs_as_it_stands(tmp_path):
    """It promises, checks and asks the gate, in a folder of its own, and the lift it planted arrives."""
    import os

    kept = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_")}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(SCRIPT)], cwd=tmp_path, capture_output=True, text=True,
        timeout=300, check=False, env=kept | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines()[0].startswith(("met", "exceeded"))
    assert "retention/1" in done.stdout
    assert (tmp_path / "mlflow.db").exists()


@pytest.mark.journey
def test_the_readme_s_lines_run_as_they_stand(mlflow_uri, tmp_path):
    """The first code that anybody copies promises, checks and records, with nothing added to it."""
    import re

    import pandas as pd
    from mlflow import MlflowClient
    from sklearn.linear_model import LogisticRegression

    import spot_mlflow as spot

    (tmp_path / "lift.yaml").write_text(CONTRACT)
    (tmp_path / "outcomes").mkdir()
    log = pd.DataFrame({"offered": [0, 1] * 500, "stayed": [0, 1, 1, 1, 0, 0, 1, 1] * 125})
    log.to_parquet(tmp_path / "outcomes" / "january.parquet")
    block = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    assert block is not None
    trained, deployed = block[1].split("# weeks after deployment")
    names = {"model": LogisticRegression().fit([[0.0], [1.0]], [0, 1])}
    exec(trained, names)  # noqa: S102 - our own README
    MlflowClient().set_registered_model_alias("churn", "champion", "1")
    exec(deployed, names)  # noqa: S102 - our own README
    adoption = spot.get_adoption("churn/1")
    assert adoption.predicted is not None
    assert adoption.latest_check is not None
    assert adoption.latest_check["verdict"] == names["report"].verdict
