"""What a decision costs: by itself, and as part of an alias change on a gated registry URI.

In one process over SQLite, call by call in turn: an alias that the gate does not know on the plain
registry twice (their ratio is the noise, the A/A control), and a gated alias through
``spot+sqlite://``; with 10 and with 10,000 entries of evidence. ``bench_server`` measures the same
through a server. Times are wall clock, medians; ``cpu`` figures are this process's own time, which a
busy machine disturbs less.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.timing import in_turn

if TYPE_CHECKING:
    from collections.abc import Callable

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1] / "tests")]

FULL = os.environ.get("SPOT_BENCH_FULL") == "1"
ROUNDS = 200 if FULL else 40
ENTRIES = (10, 10_000)


def run() -> dict[str, object]:
    """Returns medians in milliseconds, and ratios against plain MLflow in the same run."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    return {"rounds": ROUNDS, **{f"entries_{n}": _measure(n) for n in ENTRIES}}


def _measure(entries: int) -> dict[str, float]:
    from filled_record import fill
    from mlflow import MlflowClient
    from ready_record import block

    from spot_mlflow.gate.decision import decide
    from spot_mlflow.gate.policy import default_policy
    from spot_mlflow.record import Record

    with tempfile.TemporaryDirectory(prefix="spot-bench-") as folder:
        uri = f"sqlite:///{folder}/mlflow.db"
        plain, gated = MlflowClient(uri, uri), MlflowClient(uri, f"spot+{uri}")
        plain.create_registered_model("churn")
        for _ in range(2):
            plain.create_model_version("churn", "s3://nowhere/model", await_creation_for=None)
        record = Record(uri, uri)
        block(record)
        fill(record, uri, "churn/1", entries)
        first = _once(lambda: gated.set_registered_model_alias("churn", "champion", "1"))
        wall, cpu = in_turn(
            {
                "plain": lambda: plain.set_registered_model_alias("churn", "blue", "1"),
                "control": lambda: plain.set_registered_model_alias("churn", "green", "1"),
                "gated": lambda: gated.set_registered_model_alias("churn", "champion", "1"),
            },
            rounds=ROUNDS,
        )
        adoption = record.adoption("churn/1")
        policy = default_policy()
        alone, _ = in_turn(
            {"decide": lambda: decide(adoption, "@champion", policy=policy)}, rounds=ROUNDS
        )
    return {
        "plain_ms": wall["plain"],
        "control_ratio": wall["control"] / wall["plain"],
        "gated_ms": wall["gated"],
        "gated_minus_plain_ms": wall["gated"] - wall["plain"],
        "plain_cpu_ms": cpu["plain"],
        "gated_minus_plain_cpu_ms": cpu["gated"] - cpu["plain"],
        "first_gated_ms": first,
        "decide_alone_ms": alone["decide"],
    }


def _once(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return 1e3 * (time.perf_counter() - start)


if __name__ == "__main__":
    import json

    print(json.dumps(run(), indent=2))
