"""Takes the check of a model version in hand, so that two schedulers do not do it at once.

A claim is a tag of the model version, ``outcome-check.<id>``, with a name of its own for each: MLflow
has no lock, and writes of one tag overwrite each other, so whoever asks writes a tag and then reads
those of the others. Of two that ask at once at least one sees the other and withdraws; that holds for
all processes that share an MLflow whose registry is one database, on any host. A claim is kept alive by
a counter in it. One whose process is gone is taken away: at once where it ran here, else after its
counter has stood still for ``PATIENCE`` seconds by the clock of the one who waits. A process that could
not show a sign of life for as long counts its own claim as lost, and records nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import socket
import threading
import time
import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import InvalidInput, SpotError
from spot_mlflow.record.faults import mlflow_errors
from spot_mlflow.record.registry_ways import ways_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlflow import MlflowClient
    from typing_extensions import Self

    Target = tuple[str, str]  # model, version

TAG: Final = "outcome-check."
BEAT: Final = 10.0  # seconds between signs of life
PATIENCE: Final = 45.0
_ROUNDS: Final = 8  # of asking, where others ask at the same moment
_PAUSE: Final = 0.4  # seconds, times the round and by chance


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim on a check, as its tag says it.

    Attributes:
        key: its tag.
        host: where its process runs.
        pid: of the process.
        place: host, boot and process namespace: the pid means something within these alone.
        since: when it was made, ISO 8601, UTC.
        held: whether the check is in hand; else it was asked for.
        beat: grows while its process lives.
    """

    key: str
    host: str
    pid: int
    place: str
    since: str
    held: bool = False
    beat: int = 0

    @classmethod
    def new(cls) -> Claim:
        """Returns a claim of this process."""
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        return cls(
            f"{TAG}{uuid.uuid4().hex[:16]}", socket.gethostname(), os.getpid(), _place(), now
        )

    @classmethod
    def read(cls, key: str, value: str) -> Claim:
        """Reads a tag; what is no claim of ours is one that nobody keeps alive."""
        try:
            said = json.loads(value)
            return cls(
                key,
                str(said["host"]),
                int(said["pid"]),
                str(said["place"]),
                str(said["since"]),
                bool(said["held"]),
                int(said["beat"]),
            )
        except (ValueError, KeyError, TypeError):
            return cls(key, "unknown", 0, "", "", held=True)

    @property
    def value(self) -> str:
        """What the tag holds."""
        said = {k: getattr(self, k) for k in ("host", "pid", "place", "since", "held", "beat")}
        return json.dumps(said)

    @property
    def died_here(self) -> bool:
        """Whether its process ran here and is gone."""
        if self.place != _place() or os.name != "posix":  # elsewhere signal 0 is one that stops it
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False
        return False


class Claims:
    """The claims of one process; as a context it keeps them alive and gives them back at the end.

    Args:
        client: MLflow; used from a thread of its own, too.
        beat: seconds between signs of life.
        patience: seconds after which the silence of another means that it is gone.
    """

    def __init__(
        self, client: MlflowClient, *, beat: float = BEAT, patience: float = PATIENCE
    ) -> None:
        self._client = client
        self._beat, self._patience = beat, patience
        self._mine: dict[Target, Claim] = {}
        self._shown: dict[
            Target, float
        ] = {}  # time of the last sign of life, which clocks all tell
        self._heard: dict[str, tuple[str, float]] = {}  # key -> what it said last, since when
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep_alive, name="claims", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        for target in list(self._mine):
            with contextlib.suppress(SpotError):  # it will be found to be dead
                self.release(*target)

    def take(self, name: str, version: str) -> Claim | None:
        """Takes a check in hand.

        Returns:
            None where it is in hand here now, else the claim of who has it.

        Raises:
            SpotError: MLflow did not answer, or tags of the version may not be set by this user.
        """
        target, other = (name, version), None
        for round_ in range(_ROUNDS):
            with self._errors(target):
                other = self._ask(target)
            if other is None or other.held:
                break
            time.sleep(random.random() * _PAUSE * (round_ + 1))  # noqa: S311 - not a secret
        return other

    def take_once_free(
        self, name: str, version: str, stop: threading.Event | None = None
    ) -> Claim | None:
        """Takes a check in hand as ``take`` does, once it is known whether who has it is alive.

        Args:
            name: of the model.
            version: its number.
            stop: ends the wait when set; who had the check then counts as alive.
        """
        stop = stop or self._ended
        seen = other = self.take(name, version)
        while other is not None and other == seen and not stop.wait(self._patience / 20):
            other = self.take(name, version)
        return other

    def kept(self, name: str, version: str) -> bool:
        """Whether a claim of this process still counts; asked before anything is recorded."""
        target = name, version
        claim = self._mine.get(target)
        if claim is None or self._is_lost(target):
            return False
        with self._errors(target):
            return claim.key in self._tags(target)

    def release(self, name: str, version: str) -> None:
        """Gives a check back."""
        with self._lock:
            claim = self._mine.pop((name, version), None)
        if claim is not None:
            with self._errors((name, version)):
                self._remove((name, version), claim.key)

    def _ask(self, target: Target) -> Claim | None:
        """Asks once; returns whose claim is in the way."""
        claim = Claim.new()
        self._write(target, claim)
        others = [c for c in self._others(target, claim.key) if not self._is_gone(target, c)]
        if others:
            self._remove(target, claim.key)
            return next((c for c in others if c.held), others[0])
        held = _beating(claim)
        with self._lock:
            self._mine[target], self._shown[target] = held, time.time()
        self._write(target, held)
        return None

    def _others(self, target: Target, own: str) -> Iterator[Claim]:
        for key, value in self._tags(target).items():
            if key != own:
                yield Claim.read(key, value)

    def _is_gone(self, target: Target, claim: Claim) -> bool:
        """Whether the process of a claim is gone; its tag then goes, too."""
        now = time.monotonic()
        said, since = self._heard.get(claim.key, ("", now))
        if said != claim.value:
            since = now
        self._heard[claim.key] = (claim.value, since)
        if not claim.died_here and now - since < self._patience:
            return False
        self._remove(target, claim.key)
        return True

    def _keep_alive(self) -> None:
        while not self._ended.wait(self._beat):
            self.show_life()

    def show_life(self) -> None:
        """Gives a sign of life for each claim that still exists and has not been silent for too long."""
        with self._lock:
            self._mine = {t: _beating(c) for t, c in self._mine.items()}
            mine = dict(self._mine)
        for target, claim in mine.items():
            with contextlib.suppress(Exception):  # tried again; in the end the claim is lost
                if not self._is_lost(target) and claim.key in self._tags(target):
                    self._write(target, claim)
                    self._remove_if_given_back(target, claim.key)
                    if not self._is_lost(target):  # a late one does not bring a claim back
                        self._shown[target] = time.time()

    def _remove_if_given_back(self, target: Target, key: str) -> None:
        """Takes away what a sign of life wrote while its claim was given back."""
        with self._lock:
            kept = self._mine.get(target)
        if kept is None or kept.key != key:
            self._remove(target, key)

    def _is_lost(self, target: Target) -> bool:
        """Whether others may have taken a claim of this process for dead."""
        return time.time() - self._shown[target] >= self._patience - self._beat

    def _tags(self, target: Target) -> Mapping[str, str]:
        tags = ways_of(self._client).own(self._client.get_model_version(*target).tags or {})
        return {k: v for k, v in tags.items() if k.startswith(TAG)}

    def _write(self, target: Target, claim: Claim) -> None:
        ways = ways_of(self._client)
        if not ways.version_tags:
            raise InvalidInput(
                f"versions have no tags in {ways.name}, so a check cannot be claimed",
                fix="Check one version at a time: spot outcomes MODEL SOURCE.",
            )
        self._client.set_model_version_tag(*target, key=ways.key(claim.key), value=claim.value)

    def _remove(self, target: Target, key: str) -> None:
        key = ways_of(self._client).key(key)
        self._client.delete_model_version_tag(*target, key=key)

    def _errors(self, target: Target) -> Any:
        where = f"the claim on the check of {target[0]}/{target[1]}"
        return mlflow_errors(where, at=str(self._client.tracking_uri))


def _beating(claim: Claim) -> Claim:
    return replace(claim, held=True, beat=claim.beat + 1)


def _place() -> str:
    """Names where a pid means the same process: host, boot and namespace, as far as they are known."""
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
    with contextlib.suppress(OSError):
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join(parts)
