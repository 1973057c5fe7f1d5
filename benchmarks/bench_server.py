"""What the gate costs on a server: gated changes, calls it does not concern, and throughput.

Three servers, one worker each, are asked in a drawn order, call by call: plain MLflow twice (their
ratio is the noise, the A/A control) and the gated one; over SQLite, and over PostgreSQL for the
throughput. Each ratio is a median over rounds, with its 95 % interval. A gated change (alias ``champion``) is
compared with a plain change through the same server (alias ``blue``), for a model with 10 and one
with 10,000 entries of evidence. ``SPOT_BENCH_FULL=1`` asks more often.
"""

from __future__ import annotations

import math
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

FULL = os.environ.get("SPOT_BENCH_FULL") == "1"
ROUNDS = 200 if FULL else 60
CALLS = 1500 if FULL else 500  # of each kind: the interval of their ratio is then about +-1 %
BURSTS, BURST = (150, 10) if FULL else (40, 6)
WARM = 3
ENTRIES = 10_000
CLIENTS = 8
# The same hash seed for all: two equal servers with different ones differ for as long as they live.
QUIET = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "PYTHONHASHSEED": "0"}


def run() -> dict[str, object]:
    """Returns medians in milliseconds, and ratios against plain MLflow in the same run."""
    from gated import gated_mlflow_server
    from servers import mlflow_server

    with tempfile.TemporaryDirectory(prefix="spot-bench-") as folder, ExitStack() as stack:
        homes = [Path(folder, name) for name in ("plain", "control", "gated")]
        for home in homes:
            home.mkdir()
        few, many = prepare(homes[2])
        for other in homes[:2]:  # the same tables for all three
            shutil.copy(homes[2] / "mlflow.db", other / "mlflow.db")
        plain = stack.enter_context(mlflow_server(homes[0], environment=QUIET))
        control = stack.enter_context(mlflow_server(homes[1], environment=QUIET))
        gated = stack.enter_context(gated_mlflow_server(homes[2], workers=1, environment=QUIET))
        urls = {"plain": plain.url, "control": control.url, "gated": gated.url}
        figures = {
            "rounds": ROUNDS,
            "calls": CALLS,
            **gated_changes(gated.url, few, many),
            **untouched_calls(urls),
        }
    return {**figures, **throughput_over_postgresql()}


def throughput_over_postgresql() -> dict[str, object]:
    """Returns the throughput of three servers over PostgreSQL.

    Over SQLite eight writers wait for one lock by sleeping, and the figure is that of the sleeps.
    """
    from gated import gated_mlflow_server, new_database
    from servers import mlflow_server, postgres_server

    with tempfile.TemporaryDirectory(prefix="spot-bench-") as folder, ExitStack() as stack:
        database = stack.enter_context(postgres_server())
        urls: dict[str, str] = {}
        for name in ("plain", "control", "gated"):
            home = Path(folder, name)
            home.mkdir()
            backend = new_database(database)
            server = (
                gated_mlflow_server(home, backend=backend, workers=1, environment=QUIET)
                if name == "gated"
                else mlflow_server(home, backend=backend, environment=QUIET)
            )
            urls[name] = stack.enter_context(server).url
        return throughput(urls)


def prepare(home: Path) -> tuple[str, str]:
    """Makes two models with 10 and with ``ENTRIES`` entries in a database; returns their names."""
    from mlflow import MlflowClient

    uri = f"sqlite:///{home / 'mlflow.db'}"
    client = MlflowClient(uri, uri)
    names = ("few", "many")
    for name, entries in zip(names, (10, ENTRIES), strict=True):
        client.create_registered_model(name)
        client.create_model_version(name, "file:///nowhere", await_creation_for=None)
        client.create_model_version(name, "file:///nowhere", await_creation_for=None)
        write_entries(client, name, entries)
    return names


def write_entries(client: Any, name: str, count: int) -> None:
    """Writes assessments of many people straight into the tables; by calls it would take minutes."""
    import sqlalchemy as sa

    from spot_mlflow.readiness.assessment import parse_answers
    from spot_mlflow.readiness.instrument import default_instrument
    from spot_mlflow.record import Record
    from spot_mlflow.record.companion import ensure
    from spot_mlflow.record.entry import PART, Draft, split

    record, instrument = Record(client=client), default_instrument()
    ref = record.resolve(f"{name}/1")
    experiment_id = int(ensure(client, ref).experiment_id)
    payload = parse_answers(dict.fromkeys(instrument.ids, 3), instrument)
    runs, tags, params = [], [], []
    roles = ("executive", "business", "frontline", "data_scientist", "engineer")
    for i in range(count):
        draft = Draft(ref, "assessment", payload, person=f"Person {i % 500}", role=roles[i % 5])
        text = draft.text()
        parts, run_id = split(text), uuid.uuid4().hex
        start = int(draft.at.timestamp() * 1000)
        runs.append(
            {
                "run_uuid": run_id, "name": run_id, "source_type": "LOCAL", "status": "FINISHED",
                "start_time": start, "end_time": start, "lifecycle_stage": "active",
                "experiment_id": experiment_id, "user_id": "bench", "source_name": "",
                "entry_point_name": "", "source_version": "",
                "artifact_uri": f"mlflow-artifacts:/{experiment_id}/{run_id}/artifacts",
            }
        )  # fmt: skip
        tags += [
            {"run_uuid": run_id, "key": k, "value": v}
            for k, v in draft.tags(text, len(parts)).items()
        ]
        params += [
            {"run_uuid": run_id, "key": f"{PART}{j:05d}", "value": p} for j, p in enumerate(parts)
        ]
    engine = sa.create_engine(client.tracking_uri)
    with engine.begin() as c:
        for table, rows in (("runs", runs), ("tags", tags), ("params", params)):
            found = sa.Table(table, sa.MetaData(), autoload_with=c)
            for start in range(0, len(rows), 5_000):
                c.execute(sa.insert(found), rows[start : start + 5_000])
    engine.dispose()


def interleaved(works: dict[str, Callable[[], None]], rounds: int) -> dict[str, list[float]]:
    """Runs all works in turn and returns the seconds of each.

    The order is drawn anew every round: were it fixed, or only rotated, each would always run in the
    wake of the same other one, which alone makes up to 2 % between two equal servers.
    """
    order = random.Random(1)  # noqa: S311 - an order, no secret
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(WARM):
        for work in works.values():
            work()
    for _ in range(rounds):
        for name in order.sample(list(works), len(works)):
            start = time.perf_counter()
            works[name]()
            times[name].append(time.perf_counter() - start)
    return times


@dataclass(frozen=True)
class Ratio:
    """How much longer something takes than plain MLflow, with what that is worth.

    Attributes:
        gated: median ratio of the gated server to the two plain ones.
        low: lower end of its 95 % confidence interval.
        high: upper end.
        control: median ratio of the two plain servers.
        control_low: lower end of its 95 % confidence interval.
        control_high: upper end.
    """

    gated: float
    low: float
    high: float
    control: float
    control_low: float
    control_high: float

    def figures(self, name: str) -> dict[str, object]:
        """Returns them under the names they have in the results."""
        return {
            f"{name}_ratio": round(self.gated, 3),
            f"{name}_ratio_95": [round(self.low, 3), round(self.high, 3)],
            f"{name}_ratio_control": round(self.control, 3),
            f"{name}_ratio_control_95": [round(self.control_low, 3), round(self.control_high, 3)],
        }


def compared(seen: dict[str, list[float]]) -> Ratio:
    """Compares round by round, so that what slows all servers for a while falls out.

    The ratio of a round is the gated server's time to the geometric mean of the two plain ones. The
    interval of its median is that of order statistics, which asks for no distribution.
    """
    rounds = list(zip(seen["gated"], seen["plain"], seen["control"], strict=True))
    gated = sorted(g / math.sqrt(p * c) for g, p, c in rounds)
    control = sorted(c / p for _, p, c in rounds)
    return Ratio(*_median(gated), *_median(control))


def _median(ordered: list[float]) -> tuple[float, float, float]:
    """Returns the median and the ends of its 95 % interval: Hettmansperger, binomial ranks."""
    n = len(ordered)
    away = 1.96 * math.sqrt(n) / 2
    low, high = math.floor(n / 2 - away), math.ceil(n / 2 + away)
    return statistics.median(ordered), ordered[max(low, 0)], ordered[min(high, n - 1)]


def gated_changes(url: str, few: str, many: str) -> dict[str, object]:
    """Returns what a gated change costs over a plain one, by size of the record."""
    from mlflow import MlflowClient

    client = MlflowClient(url, url)
    turn = {"n": 0}

    def change(name: str, alias: str) -> None:
        turn["n"] += 1
        client.set_registered_model_alias(name, alias, str(turn["n"] % 2 + 1))

    found: dict[str, object] = {}
    for name, entries in ((few, 10), (many, ENTRIES)):
        works: dict[str, Callable[[], None]] = {
            "plain": lambda name=name: change(name, "blue"),  # type: ignore[misc] # bound now
            "control": lambda name=name: change(name, "green"),  # type: ignore[misc] # bound now
            "gated": lambda name=name: change(name, "champion"),  # type: ignore[misc] # bound now
        }
        medians = {k: 1000 * statistics.median(v) for k, v in interleaved(works, ROUNDS).items()}
        found[f"change_plain_ms_{entries}"] = round(medians["plain"], 2)
        found[f"change_gated_ms_{entries}"] = round(medians["gated"], 2)
        found[f"change_extra_ms_{entries}"] = round(medians["gated"] - medians["plain"], 2)
        found[f"change_control_ms_{entries}"] = round(medians["control"] - medians["plain"], 2)
    return found


def untouched_calls(urls: dict[str, str]) -> dict[str, object]:
    """Returns the ratio of calls that the gate does not concern, against plain MLflow."""
    from mlflow import MlflowClient

    clients = {name: MlflowClient(url, url) for name, url in urls.items()}
    runs = {name: c.create_run("0").info.run_id for name, c in clients.items()}
    calls: dict[str, Callable[[str], object]] = {
        "log_metric": lambda n: clients[n].log_metric(runs[n], "loss", time.time()),
        "create_run": lambda n: clients[n].create_run("0"),
        "get_run": lambda n: clients[n].get_run(runs[n]),
    }
    found: dict[str, object] = {}
    for call, work in calls.items():
        works: dict[str, Callable[[], None]] = {
            n: lambda n=n, work=work: (work(n), None)[1]  # type: ignore[misc] # bound now
            for n in urls
        }
        times = interleaved(works, CALLS)
        found[f"{call}_plain_ms"] = round(1000 * statistics.median(times["plain"]), 2)
        found |= compared(times).figures(call)
    return found


def throughput(urls: dict[str, str]) -> dict[str, object]:
    """Returns calls a second of ``CLIENTS`` clients logging at once, against plain MLflow."""
    from mlflow import MlflowClient

    everyone: dict[str, list[tuple[Any, str]]] = {}
    for name, url in urls.items():
        clients = [MlflowClient(url, url) for _ in range(CLIENTS)]
        everyone[name] = [(c, c.create_run("0").info.run_id) for c in clients]

    def burst(name: str, pool: ThreadPoolExecutor) -> None:
        def work(i: int) -> None:
            client, run_id = everyone[name][i]
            for n in range(BURST):
                client.log_metric(run_id, "loss", float(n), step=n)

        list(pool.map(work, range(CLIENTS)))

    with ThreadPoolExecutor(CLIENTS) as pool:
        works: dict[str, Callable[[], None]] = {n: partial(burst, n, pool) for n in urls}
        times = interleaved(works, BURSTS)
    rates = {n: [1 / t for t in ts] for n, ts in times.items()}
    calls = CLIENTS * BURST
    return {
        "throughput_plain_per_s": round(calls * statistics.median(rates["plain"]), 1),
        **compared(rates).figures("throughput"),
    }


if __name__ == "__main__":
    import json

    print(json.dumps(run(), indent=1))
