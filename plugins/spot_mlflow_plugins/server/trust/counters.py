"""What this server has counted, over all its workers and restarts; no name of a model or person is in it.

Each worker keeps its counts in a file of its own, in a folder of its host; a scrape reaches one worker and
adds up the files of all. What is lost with them is a graph, so nothing here ever stops a request.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import socket
import threading
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from spot_mlflow_plugins.server.trust.signing import home

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_logger: Final = logging.getLogger("mlflow.spot")
_TOTAL: Final = "ended"  # name of the file with the counts of workers that have ended
BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds

# name -> (type, what it counts); a sample whose name is not here is not shown.
METRICS: Final[Mapping[str, tuple[str, str]]] = {
    "spot_decisions_total": ("counter", "Decisions of the gate, by outcome, on changes and on questions."),
    "spot_refusals_total": ("counter", "Requirements that were not met in refused decisions."),
    "spot_undecided_total": ("counter", "Changes that could not be decided: evidence or policy could not be read."),
    "spot_decision_seconds": ("histogram", "Time to decide on a change."),
    "spot_entries_total": ("counter", "Entries of evidence written, by kind."),
    "spot_limited_total": ("counter", "Requests answered 429 (rate) or 413 (body)."),
    "spot_anchor_waiting_entries": ("gauge", "Entries that are written and not remembered beside the database yet."),
}  # fmt: skip

# Shown at 0 before they happen: of a series that begins with 1, Prometheus sees no increase, and no alarm.
_FROM_ZERO: Final = (
    'spot_decisions_total{on="change",outcome="break-glass"}',
    "spot_undecided_total",
)


class Counters:
    """The counts of this process, written to its file at each change."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid = 0
        self._samples: dict[str, float] = {}

    def add(self, name: str, amount: float = 1, **labels: str) -> None:
        """Adds to a counter; never raises."""
        self._change({sample(name, labels): amount})

    def time(self, name: str, seconds: float) -> None:
        """Adds a time to a histogram; never raises."""
        found = {f"{name}_sum": seconds, f"{name}_count": 1.0}
        for bound in (*map(str, BUCKETS), "+Inf"):
            inside = bound == "+Inf" or seconds <= float(bound)
            found[sample(f"{name}_bucket", {"le": bound})] = float(inside)
        self._change(found)

    def set(self, name: str, value: float) -> None:
        """Sets a gauge of this process; never raises."""
        with self._lock:
            unchanged = self._pid == os.getpid() and self._samples.get(name, 0.0) == value
        if not unchanged:
            self._change({name: value}, gauge=True)

    def _change(self, amounts: Mapping[str, float], *, gauge: bool = False) -> None:
        try:
            with self._lock:
                if self._pid != os.getpid():  # a new process, or a fork of one that has counted
                    self._pid = os.getpid()
                    self._samples = {
                        k: v for k, v in _read(_file(self._pid)).items() if not _is_gauge(k)
                    }
                for key, amount in amounts.items():
                    self._samples[key] = amount if gauge else self._samples.get(key, 0.0) + amount
                _write(_file(self._pid), self._samples)
        except OSError as e:
            _logger.warning("not counted: %s", e)


COUNTERS: Final = Counters()


def sample(name: str, labels: Mapping[str, str]) -> str:
    """Returns a sample's name as Prometheus writes it; values are words of ours."""
    if not labels:
        return name
    inside = ",".join(f'{k}="{_escaped(v)}"' for k, v in sorted(labels.items()))
    return f"{name}{{{inside}}}"


def exposition() -> str:
    """Returns all counts in Prometheus' text format 0.0.4."""
    found = {**dict.fromkeys(_FROM_ZERO, 0.0), **_all()}
    lines: list[str] = []
    for name, (kind, what) in METRICS.items():
        lines += [f"# HELP {name} {what}", f"# TYPE {name} {kind}"]
        own = {k: v for k, v in found.items() if _family(k) == name}
        if kind != "histogram" and not own:
            own = {name: 0.0} if kind == "gauge" else {}
        lines += [f"{key} {own[key]:g}" for key in sorted(own, key=_order)]
    return "\n".join(lines) + "\n"


def _all() -> dict[str, float]:
    """Returns the sums over all workers; the files of those that have ended become one."""
    sums: dict[str, float] = {}
    with _alone():
        ended = _read(_folder() / f"{_TOTAL}.json")
        gone: list[Path] = []
        for path in sorted(_folder().glob("*.json")):
            found = _read(path)
            if path.stem != _TOTAL and not _alive(path.stem):
                found = {k: v for k, v in found.items() if not _is_gauge(k)}
                for key, value in found.items():
                    ended[key] = ended.get(key, 0.0) + value
                gone.append(path)
            for key, value in found.items():
                sums[key] = sums.get(key, 0.0) + value
        if gone:
            _write(_folder() / f"{_TOTAL}.json", ended)
            for path in gone:
                path.unlink(missing_ok=True)
    return sums


@contextmanager
def _alone() -> Iterator[None]:
    _folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    with (_folder() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True


def _read(path: Path) -> dict[str, float]:
    try:
        return {str(k): float(v) for k, v in json.loads(path.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _write(path: Path, samples: Mapping[str, float]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{uuid.uuid4().hex}")
    draft.write_text(json.dumps(samples), encoding="utf-8")
    draft.replace(path)


def _file(pid: int) -> Path:
    return _folder() / f"{pid}.json"


def _folder() -> Path:
    return home() / "metrics" / (socket.gethostname() or "host")


def _family(key: str) -> str:
    name = key.partition("{")[0]
    for end in ("_bucket", "_sum", "_count"):
        if name.removesuffix(end) in METRICS:
            return name.removesuffix(end)
    return name


def _is_gauge(key: str) -> bool:
    return METRICS.get(_family(key), ("", ""))[0] == "gauge"


def _order(key: str) -> tuple[str, float, str]:
    """Buckets by their bound, and after them the sum and the count."""
    name, _, labels = key.partition("{")
    bound = labels.removeprefix('le="').removesuffix('"}') if name.endswith("_bucket") else ""
    return name, float(bound.replace("+Inf", "inf")) if bound else 0.0, key


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
