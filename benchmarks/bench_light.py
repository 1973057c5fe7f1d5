"""A light client beside a whole one: size of the environment, time to import and to answer.

The environment is made by the line of docs/light-client.md, with the wheel of this checkout. Each figure is the
processor time of a fresh process, interleaved; the baseline is ``import mlflow`` of the environment that runs this.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 7
API = "import spot_mlflow; spot_mlflow.log_predicted_lift; spot_mlflow.check_gate"
CODE = {
    "import mlflow": "import mlflow",
    "import spot_mlflow": "import spot_mlflow",
    "import mlflow and the functions": f"import mlflow; {API}",
    "spot --help": "import sys; sys.argv=['spot','--help']; from spot_mlflow_cli.main import main; main()",
}


def run() -> dict[str, object]:
    """Returns megabytes, medians in seconds, and their ratios to the whole client's."""
    with tempfile.TemporaryDirectory(prefix="spot-bench-") as folder:
        light = _light(Path(folder))
        pythons = {"light": light / "bin" / "python", "whole": Path(sys.executable)}
        seconds: dict[str, list[float]] = {f"{n}, {k}": [] for n in CODE for k in pythons}
        for _ in range(ROUNDS):
            for name, code in CODE.items():
                for kind, python in pythons.items():
                    start = _spent()
                    subprocess.run(
                        [python, "-c", code], check=True, cwd=folder, stdout=subprocess.DEVNULL
                    )
                    seconds[f"{name}, {kind}"].append(_spent() - start)
        size = _megabytes(light)
    median = {k: statistics.median(v) for k, v in seconds.items()}
    return {
        "megabytes, light": size,
        "seconds of processor time, median": {k: round(v, 3) for k, v in median.items()},
        "baseline": "the same in the whole client",
        "ratios": {n: round(median[f"{n}, light"] / median[f"{n}, whole"], 3) for n in CODE},
    }


def _spent() -> float:
    """Processor time of the processes that have ended, seconds: a busy machine changes it little."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _light(folder: Path) -> Path:
    """Makes the environment; pip itself is not counted and goes again."""
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    subprocess.run([*build, str(ROOT)], check=True, capture_output=True)
    environment = folder / "env"
    venv.create(environment, with_pip=True)
    pip = [str(environment / "bin" / "python"), "-m", "pip", "--quiet"]
    subprocess.run([*pip, "install", "-r", str(ROOT / "requirements-light.txt")], check=True)
    subprocess.run([*pip, "install", "--no-deps", str(next(folder.glob("*.whl")))], check=True)
    subprocess.run([*pip, "uninstall", "--yes", "pip", "setuptools"], check=True)
    return environment


def _megabytes(folder: Path) -> int:
    """What its files take on the disk, links not followed."""
    places = [Path(at, name) for at, _, names in os.walk(folder) for name in names]
    blocks = sum(p.lstat().st_blocks for p in places)
    return round(blocks * 512 / 1_000_000)


if __name__ == "__main__":
    import json

    print(json.dumps(run(), indent=2))
