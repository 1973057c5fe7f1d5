"""Import time: ``import spot_mlflow`` against ``import mlflow``, and what ``spot --help`` loads."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

ROUNDS = 7


def run() -> dict[str, object]:
    """Measures in fresh processes, interleaved."""
    code = {
        "python": "pass",
        "mlflow": "import mlflow",
        "mlflow + spot_mlflow": "import mlflow, spot_mlflow",
        "spot_mlflow": "import spot_mlflow",
        "spot --help": "import sys; sys.argv=['spot','--help']; from spot_mlflow_cli.main import main; main()",
    }
    seconds: dict[str, list[float]] = {k: [] for k in code}
    for _ in range(ROUNDS):
        for name, text in code.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", text], check=True, stdout=subprocess.DEVNULL)
            seconds[name].append(time.perf_counter() - start)
    median = {k: statistics.median(v) for k, v in seconds.items()}
    return {
        "seconds, median": {k: round(v, 3) for k, v in median.items()},
        "baseline": "import mlflow",
        "import mlflow, spot_mlflow / import mlflow": round(
            median["mlflow + spot_mlflow"] / median["mlflow"], 3
        ),
        "spot --help / import mlflow": round(median["spot --help"] / median["mlflow"], 3),
    }
