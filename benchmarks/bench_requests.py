"""What a pending request for each of 1,000 models costs the pages.

Two gated servers, one worker each, over SQLite: the same 1,000 models with the same records, in one of
them a request for Production waits for each model. That without requests is the baseline. What counts is the
processor time of the server, which other work on the machine does not change as it changes first bytes. Every
page is asked for in turn of the two, ten times a round; ``me`` is the page of somebody who decides on all of these
requests, ``me_other`` that of somebody who decides on none. For the first ``me``, a worker reads the record of each
model: its cost is a figure of its own. Nothing is measured before both servers have verified their records.

``SPOT_BENCH_MODELS=100`` is for a look.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import statistics
import tempfile
import time
import uuid
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.bench_pages import (
    FULL,
    MODELS,
    QUIET,
    SEARCH,
    first_byte,
    multiply,
    prepare,
    processor_seconds,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from servers import MlflowServer

ROUNDS: Final = 21 if FULL else 7
ASKED: Final = 10  # times a round: the clock of a process counts hundredths of a second
VERSIONS: Final = 2
_QUIET_FOR: Final = 5.0  # seconds
_IDLE: Final = 0.05  # of one processor
SIDES: Final = ("without", "pending")
PAGES: Final[dict[str, tuple[str, dict[str, str]]]] = {
    "models": ("spot/models", {}),
    "week": ("spot/", {}),
    "me": ("spot/me", {"person": "Bea", "role": "business"}),
    "me_other": ("spot/me", {"person": "Cem", "role": "frontline"}),
    "model": ("spot/model", {"name": "bulk-0000-retention", "version": str(VERSIONS)}),
}


def run() -> dict[str, object]:
    """Returns processor milliseconds of the pages without and with requests, their ratios, and sizes."""
    from gated import gated_mlflow_server

    with tempfile.TemporaryDirectory(prefix="spot-bench-") as folder:
        homes = prepared(Path(folder))
        with (
            gated_mlflow_server(homes["without"], workers=1, environment=QUIET) as without,
            gated_mlflow_server(homes["pending"], workers=1, environment=QUIET) as pending,
        ):
            servers = {"without": without, "pending": pending}
            check(servers)
            for server in servers.values():
                settle(server.url)
            return {
                "models": MODELS,
                "baseline": "the same models and records without a request",
                "rounds": ROUNDS,
                **first_time(servers),
                **in_turn(servers),
            }


def prepared(folder: Path) -> dict[str, Path]:
    """Makes the two homes: one model through the record, the others as copies of its rows."""
    import spot_mlflow as spot
    from spot_mlflow.record import Record

    homes = {side: folder / side for side in SIDES}
    name = prepare(homes["without"], versions=VERSIONS, drawn=1)
    shutil.copytree(homes["without"], homes["pending"])
    uri = f"sqlite:///{homes['pending'] / 'mlflow.db'}"
    spot.request_promotion(
        f"{name}/{VERSIONS}", target="Production", why="It beats the incumbent", person="Dan",
        role="data_scientist", record=Record(uri, uri),
    )  # fmt: skip
    for home in homes.values():
        multiply(home / "mlflow.db", name)
        multiply_record(home / "mlflow.db", name)
    return homes


def multiply_record(database: Path, name: str) -> None:
    """Copies the model's record for each of its copies, every entry rewritten for the model that it is of."""
    from spot_mlflow.record.companion import name_of
    from spot_mlflow.record.references import ModelRef

    with closing(sqlite3.connect(database)) as base, base:
        base.row_factory = sqlite3.Row
        home = dict(
            base.execute(
                "select * from experiments where name = ?", (name_of(ModelRef(name, None, 0)),)
            ).fetchone()
        )
        marks = _rows(base, "experiment_tags", "experiment_id = ?", home["experiment_id"])
        runs = _rows(
            base, "runs", "experiment_id = ? order by start_time, rowid", home["experiment_id"]
        )
        parts = {
            table: {r["run_uuid"]: _rows(base, table, "run_uuid = ?", r["run_uuid"]) for r in runs}
            for table in ("tags", "params")
        }
        models = base.execute("select name, creation_time from registered_models").fetchall()
        first = 1 + base.execute("select max(experiment_id) from experiments").fetchone()[0]
        others = [(m["name"], m["creation_time"]) for m in models if m["name"] != name]
        for number, (model, created) in enumerate(others, first):
            ref = ModelRef(model, None, created)
            _insert(base, "experiments", [{**home, "experiment_id": number, "name": name_of(ref)}])
            said = {"spot.model": model, "spot.model.created": str(created)}
            _insert(
                base, "experiment_tags",
                [{**m, "experiment_id": number, "value": said.get(m["key"], m["value"])} for m in marks],
            )  # fmt: skip
            written: dict[str, str] = {}  # digest of an entry -> that of its copy
            for row in runs:
                tags, params = (parts[t][row["run_uuid"]] for t in ("tags", "params"))
                copy = uuid.uuid4().hex
                tags, params = rewritten(tags, params, ref, written)
                _insert(base, "runs", [{**row, "run_uuid": copy, "experiment_id": number}])
                _insert(base, "tags", [{**t, "run_uuid": copy} for t in tags])
                _insert(base, "params", [{**p, "run_uuid": copy} for p in params])


Rows = list[dict[str, Any]]


def rewritten(tags: Rows, params: Rows, ref: Any, written: dict[str, str]) -> tuple[Rows, Rows]:
    """Returns tags and params of an entry as they are where it is of another model."""
    from spot_mlflow.evidence import canonical, digest_of
    from spot_mlflow.record import entry

    parts = sorted((p["key"], p["value"]) for p in params if p["key"].startswith(entry.PART))
    envelope = json.loads("".join(value[1:-1] for _, value in parts))
    old = digest_of(envelope)
    envelope |= {"id": uuid.uuid4().hex, "model": ref.name, "created": ref.created}
    envelope["parents"] = [written[p] for p in envelope["parents"]]
    written[old] = digest_of(envelope)
    told = {
        entry.ENTRY: envelope["id"], entry.MODEL: ref.name, entry.CREATED: str(ref.created),
        entry.DIGEST: written[old],
    }  # fmt: skip
    texts = entry.split(canonical(envelope))
    return (
        [{**t, "value": told.get(t["key"], t["value"])} for t in tags],
        [{**params[0], "key": f"{entry.PART}{i:05d}", "value": v} for i, v in enumerate(texts)],
    )


def _rows(base: sqlite3.Connection, table: str, where: str, value: Any) -> Rows:
    found = base.execute(f"select * from {table} where {where}", (value,))  # noqa: S608 - named above
    return [dict(row) for row in found]


def _insert(base: sqlite3.Connection, table: str, rows: Rows) -> None:
    if rows:
        into = f"insert into {table} ({','.join(rows[0])}) values ({','.join('?' * len(rows[0]))})"  # noqa: S608 - as above
        base.executemany(into, [tuple(row.values()) for row in rows])


def check(servers: dict[str, MlflowServer]) -> None:
    """Checks that a copy has the request that it should have, and a record without a fault."""
    import requests

    for side, server in servers.items():
        model = {"model": PAGES["model"][1]["name"]}
        route = f"{server.url}/ajax-api/2.0/spot/requests"
        found = requests.get(route, params=model, timeout=300).json()["requests"]
        assert [r["status"] for r in found] == ["open"] * (side == "pending"), found  # noqa: S101


def settle(url: str) -> None:
    """Waits until a server has nothing to do: it verifies its records beside the service, with rests."""
    while processor_seconds(lambda: time.sleep(_QUIET_FOR), url) > _IDLE * _QUIET_FOR:
        pass


def first_time(servers: dict[str, MlflowServer]) -> dict[str, float]:
    """Returns what the first ``me`` of a worker costs, which reads all records, and MLflow's search of the models."""

    def spent(server: MlflowServer, path: str, query: dict[str, str]) -> float:
        return processor_seconds(lambda: first_byte(server.url, path, query), server.url)

    first = {side: spent(server, *PAGES["me"]) for side, server in servers.items()}
    search = spent(servers["pending"], SEARCH, {"max_results": str(MODELS)})
    return {
        **{f"me_first_cpu_s_{side}": round(s, 2) for side, s in first.items()},
        "me_first_cpu_ratio": round(first["pending"] / first["without"], 3),
        "search_cpu_s": round(search, 2),
        "me_first_of_search": round(first["pending"] / search, 2),
    }


def in_turn(servers: dict[str, MlflowServer]) -> dict[str, float]:
    """Returns processor time and size of the pages: medians over the rounds, and the median of their ratios."""
    seen: dict[tuple[str, str], list[float]] = {(key, s): [] for key in PAGES for s in SIDES}
    sizes: dict[tuple[str, str], int] = {}
    for turn in range(ROUNDS + 1):  # the first one is not counted
        for key, side in _turns(turn):
            url, (path, query) = servers[side].url, PAGES[key]

            def ask(url: str = url, path: str = path, query: dict[str, str] = query) -> int:
                return [first_byte(url, path, query)[1] for _ in range(ASKED)][-1]

            sizes[key, side] = first_byte(url, path, query)[1]
            if turn:
                seen[key, side].append(processor_seconds(ask, url))
    found: dict[str, float] = {}
    for key in PAGES:
        without, pending = (seen[key, side] for side in SIDES)
        ratios = [b / a for a, b in zip(without, pending, strict=True)]
        found[f"{key}_cpu_ms_without"] = round(1000 * statistics.median(without) / ASKED, 1)
        found[f"{key}_cpu_ms_pending"] = round(1000 * statistics.median(pending) / ASKED, 1)
        found[f"{key}_ratio"] = round(statistics.median(ratios), 2)
        found[f"{key}_kb_pending"] = round(sizes[key, "pending"] / 1000, 1)
    return found


def _turns(turn: int) -> Iterator[tuple[str, str]]:
    """Yields page and side, the two sides in changing order."""
    order: Iterable[str] = SIDES if turn % 2 else reversed(SIDES)
    sides = tuple(order)
    yield from ((key, side) for key in PAGES for side in sides)


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
