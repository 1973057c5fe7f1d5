"""The example training script does what it shows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "training_script.py"


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
