"""What the pages cost over 1,000 models with 10,000 versions, against MLflow's own search of the same.

One gated server, one worker, over SQLite. Pages are asked for in turn with MLflow's own search of the
thousand models through the same server, which is the baseline; the time is that of the first byte. The
processor time of a cold model page is that of the whole server process: for the first such page that a
worker ever draws, and for the next one, of another version that was never shown. While pages never shown before are drawn side by side, the list is asked for again
and again: none of its first bytes may take as long as their drawing. The start is that of a server over one
and over a thousand models, none of them started over that database before.

``SPOT_BENCH_MODELS=100`` is for a look.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

FULL = os.environ.get("SPOT_BENCH_FULL") == "1"
MODELS, VERSIONS = int(os.environ.get("SPOT_BENCH_MODELS", "1000")), 10
DRAWN = 4  # newest versions with an outcome check: two are timed alone, two beside the list
ROUNDS = 15 if FULL else 5
STARTS = 3 if FULL else 1
QUIET = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
SEARCH = "api/2.0/mlflow/registered-models/search"


def run() -> dict[str, object]:
    """Returns first bytes in milliseconds, their ratios to MLflow's search, sizes, and the starts."""
    from gated import gated_mlflow_server

    with tempfile.TemporaryDirectory(prefix="spot-bench-") as folder:
        one, many = Path(folder, "one"), Path(folder, "many")
        name = prepare(one)
        shutil.copytree(one, many)
        multiply(many / "mlflow.db", name)
        starts = {home.name: started(home) for home in (one, many)}
        with gated_mlflow_server(many, workers=1, environment=QUIET) as server:
            return {
                "models": MODELS,
                "versions": MODELS * VERSIONS,
                **pages(server.url, name),
                "start_one_s": round(starts["one"], 2),
                "start_many_s": round(starts["many"], 2),
                "start_ratio": round(starts["many"] / starts["one"], 2),
            }


def prepare(home: Path, *, versions: int = VERSIONS, drawn: int = DRAWN) -> str:
    """Makes a model with people in a database of its own, the newest versions with promise and outcome check."""
    from mlflow import MlflowClient
    from reports import short_report
    from servers import empty_mlflow

    import spot_mlflow as spot
    from spot_mlflow.readiness.instrument import default_instrument
    from spot_mlflow.record import Record

    home.mkdir()
    shutil.copy(empty_mlflow(), home / "mlflow.db")
    uri = f"sqlite:///{home / 'mlflow.db'}"
    client, record, name = MlflowClient(uri, uri), Record(uri, uri), "retention"
    client.create_registered_model(name)
    for _ in range(versions):
        client.create_model_version(name, "file:///nowhere", await_creation_for=None)
    report = short_report()
    for version in range(versions - drawn + 1, versions + 1):
        spot.log_predicted_lift(f"{name}/{version}", report.predicted, record=record)
        spot.log_outcomes(f"{name}/{version}", report, record=record)
    for person, role in (("Ann", "business"), ("Cem", "frontline"), ("Dan", "data_scientist")):
        answers = dict.fromkeys(default_instrument().ids, 3)
        spot.log_assessment(name, answers, person=person, role=role, record=record)
    client.set_registered_model_alias(name, "champion", str(versions))
    return name


def multiply(database: Path, name: str) -> None:
    """Copies the model with its versions, tags and aliases until there are ``MODELS``."""
    tables = (
        "registered_models", "registered_model_tags", "model_versions", "model_version_tags",
        "registered_model_aliases",
    )  # fmt: skip
    with closing(sqlite3.connect(database)) as base, base:
        for table in tables:
            columns = [c[1] for c in base.execute(f"pragma table_info({table})")]
            rows = base.execute(f"select * from {table} where name = ?", (name,)).fetchall()  # noqa: S608 - tables named here
            at, made = columns.index("name"), columns.index("creation_time") if table == "registered_models" else -1  # fmt: skip
            base.executemany(
                f"insert into {table} values ({','.join('?' * len(columns))})",  # noqa: S608 - the same
                [
                    [
                        f"bulk-{i:04d}-{name}" if k == at else v + i + 1 if k == made else v
                        for k, v in enumerate(row)
                    ]
                    for i in range(MODELS - 1)
                    for row in rows
                ],
            )


def started(home: Path) -> float:
    """Returns the seconds until a server answers that was never started over this database."""
    from gated import gated_mlflow_server

    seconds = []
    for n in range(STARTS):
        # A copy each: a database that was started over once asks for the key that it was started with.
        fresh = home.with_name(f"{home.name}-{n}")
        shutil.copytree(home, fresh)
        begin = time.perf_counter()
        with gated_mlflow_server(fresh, workers=1, environment=QUIET):
            seconds.append(time.perf_counter() - begin)
        shutil.rmtree(fresh)
    return statistics.median(seconds)


def pages(url: str, name: str) -> dict[str, object]:
    """Returns first byte, ratio to MLflow's search and size of each page, and what a cold one costs."""
    said = {"name": name, "version": VERSIONS}
    asked: dict[str, tuple[str, dict[str, Any]]] = {
        "search": (SEARCH, {"max_results": MODELS}),
        "models": ("spot/models", {}),
        "models_found": ("spot/models", {"q": "0999", "sort": "name"}),
        "models_csv": ("spot/models.csv", {}),
        "week": ("spot/", {}),
        "benchmark": ("spot/benchmark", {"name": name}),
        # Of 999 models the record is gone, as after a copy of the registry alone: the page says so each time.
        "me": ("spot/me", {"person": "Cem", "role": "frontline"}),
        "compare": ("spot/compare", {**said, "with": VERSIONS - 1}),
        **{
            f"model_{tab}": ("spot/model", {**said, "tab": tab})
            for tab in ("result", "causes", "people", "history", "log")
        },
    }
    cold_first, _ = first_byte(url, "spot/models", {})
    cold = [
        processor_seconds(lambda v=v: first_byte(url, "spot/model", {**said, "version": v}), url)
        for v in (VERSIONS, VERSIONS - 1)
    ]
    beside, drawing = list_beside_drawing(url, name)
    seen: dict[str, list[float]] = {key: [] for key in asked}
    sizes: dict[str, int] = {}
    for _ in range(ROUNDS):
        for key, (path, query) in asked.items():
            seconds, sizes[key] = first_byte(url, path, query)
            seen[key].append(seconds)
    medians = {key: statistics.median(found) for key, found in seen.items()}
    search = medians.pop("search")
    sizes.pop("models_csv")
    return {
        "baseline": "MLflow's own search of all these models through the same server",
        "search_ms": round(1000 * search),
        "models_cold_ms": round(1000 * cold_first),
        **{f"{key}_ms": round(1000 * s) for key, s in medians.items()},
        **{f"{key}_ratio": round(s / search, 3) for key, s in medians.items()},
        "largest_page_kb": round(max(n for key, n in sizes.items() if key != "search") / 1000, 1),
        "model_first_cpu_s": round(cold[0], 2),
        "model_cold_cpu_s": round(cold[1], 2),
        "models_beside_drawing_ms": round(1000 * beside),
        "drawing_ms": round(1000 * drawing),
    }


def list_beside_drawing(url: str, name: str) -> tuple[float, float]:
    """Returns the longest first byte of the list while other pages are drawn, and how long these took."""
    fresh = range(VERSIONS - DRAWN + 1, VERSIONS - 1)
    drawn = [
        threading.Thread(target=first_byte, args=(url, "spot/model", {"name": name, "version": v}))
        for v in fresh
    ]
    begin, longest = time.perf_counter(), 0.0
    for thread in drawn:
        thread.start()
    while any(thread.is_alive() for thread in drawn):
        longest = max(longest, first_byte(url, "spot/models", {})[0])
    return longest, time.perf_counter() - begin


def first_byte(url: str, path: str, query: dict[str, Any]) -> tuple[float, int]:
    """Returns the seconds to the first byte of an answer, and its size."""
    import requests

    begin = time.perf_counter()
    with requests.get(f"{url}/{path}", params=query, timeout=300, stream=True) as answer:
        answer.raise_for_status()
        chunks = answer.iter_content(65536)
        first = next(chunks)
        seconds = time.perf_counter() - begin
        return seconds, len(first) + sum(len(c) for c in chunks)


def processor_seconds(work: Callable[[], object], url: str) -> float:
    """Returns the processor time that the server's processes spend on something."""
    before = _used(url)
    work()
    return _used(url) - before


def _used(url: str) -> float:
    """User and system time of the processes that hold the server's socket, workers included."""
    spent = 0.0
    for pid in _listening(int(url.rpartition(":")[2])):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        spent += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return spent


def _listening(port: int) -> set[int]:
    wanted = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
            wanted.add(f"socket:[{fields[9]}]")
    found = set()
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):  # gone, or another user's
            if str(link.readlink()) in wanted:
                found.add(int(link.parts[2]))
    return found


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
