"""Peak memory of a check on Parquet, in a process of its own: ten times the rows, about the same."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.checks_data import parquet

FULL = bool(os.environ.get("SPOT_BENCH_FULL"))
SMALL, LARGE = (5_000_000, 50_000_000) if FULL else (1_000_000, 10_000_000)
_CODE = """
import resource, sys
from benchmarks.checks_data import AS_OF, CONTRACT
from spot_mlflow_checks import check_outcomes
report = check_outcomes(sys.argv[1], CONTRACT, as_of=AS_OF)
assert "units" in report.moments.passes
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def run() -> dict[str, object]:
    """Measures the peak resident memory (MiB) at both sizes, identity checks included."""
    peak = {rows: _peak(parquet(rows)) for rows in (SMALL, LARGE)}
    left = [p.name for p in Path(tempfile.gettempdir()).glob("spot-spill-*")]
    return {
        "rows": [SMALL, LARGE],
        "peak, MiB": [peak[SMALL], peak[LARGE]],
        "ratio": round(peak[LARGE] / peak[SMALL], 3),
        "spill folders left": len(left),
    }


def _peak(path: str) -> int:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _CODE, path],
        check=True, capture_output=True, text=True, cwd=Path(__file__).parents[1],
    )  # fmt: skip
    return int(done.stdout.split()[-1])
