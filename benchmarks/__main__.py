"""Runs every ``bench_*`` module (or those named) and writes ``benchmarks/results.json``."""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
PACKAGES = ("mlflow", "great-expectations", "pandas", "numpy", "scipy", "duckdb", "narwhals")


def main(wanted: list[str]) -> int:
    """Runs the benchmarks; an earlier run's other topics stay in the file."""
    topics = sorted(p.stem.removeprefix("bench_") for p in HERE.glob("bench_*.py"))
    unknown = set(wanted) - set(topics)
    if unknown:
        print(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(topics)}")
        return 2
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for topic in wanted or topics:
        print(f"== {topic}", flush=True)
        start = time.perf_counter()
        figures = importlib.import_module(f"benchmarks.bench_{topic}").run()
        print(json.dumps(figures, indent=2, default=str), flush=True)
        results[topic] = {
            "figures": figures,
            "seconds": round(time.perf_counter() - start, 1),
            "measured": time.strftime("%Y-%m-%d"),
            "python": platform.python_version(),
            "cores": os.cpu_count(),
            "packages": {p: version(p) for p in PACKAGES},
        }
        RESULTS.write_text(json.dumps(results, indent=2, default=str) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
