"""Remembers outside the database which entries there are, so that a deleted tail shows.

One append-only file for each companion experiment, a line an entry. Each line carries a keyed
digest of the one before, so that a line cannot be taken out or changed without the key. Entries
that stood there before the server was gated are taken in once, at the server's first start.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from spot_mlflow.evidence import Evidence
    from spot_mlflow_plugins.server.signing import Signer


@dataclass(frozen=True, slots=True)
class Anchor:
    """One remembered entry.

    Attributes:
        entry: its id.
        digest: its digest.
        at: when it was recorded, ISO 8601.
        adopted: whether it was there, unsigned, before the server was gated.
    """

    entry: str
    digest: str
    at: str
    adopted: bool = False


class Anchors:
    """The remembered entries of one backend.

    Args:
        folder: outside the database, writable by the server only.
        signer: whose first key chains the lines.
    """

    def __init__(self, folder: Path, signer: Signer) -> None:
        self._folder = folder
        self._signer = signer

    @property
    def folder(self) -> Path:
        """Where they are kept."""
        return self._folder

    @property
    def adopted(self) -> bool:
        """Whether what stood there before the first gated start was taken in."""
        return (self._folder / "adopted").exists()

    def mark_adopted(self) -> None:
        """Closes the taking in: from now on an unsigned entry is a forged one."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self._folder / "adopted").touch()

    def add(
        self, experiment_id: str, entries: Iterable[Evidence], *, adopted: bool = False
    ) -> None:
        """Appends entries; several workers may do so at once.

        Not forced to the disk: a power failure may take the memory of the last moment, never an
        entry, and waiting for the disk would cost more than all the rest of a decision.

        Raises:
            OSError: the folder cannot be written.
        """
        path = self._path(experiment_id)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with path.open("a+", encoding="utf-8") as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            previous = _last_mac(f)
            for e in entries:
                anchor = Anchor(e.id, e.digest, e.at.isoformat(), adopted)
                previous = self._mac(previous, anchor)
                f.write(json.dumps(_line(anchor, previous)) + "\n")

    def of(self, experiment_id: str) -> tuple[list[Anchor], str]:
        """Returns the remembered entries, and how the file was tampered with, or ""."""
        path = self._path(experiment_id)
        if not path.exists():
            return [], ""
        found: list[Anchor] = []
        previous = ""
        with path.open(encoding="utf-8") as f:
            fcntl.flock(f, fcntl.LOCK_SH)
            for number, said in _lines(f):
                anchor = Anchor(said["id"], said["digest"], said["at"], said.get("adopted", False))
                if not any(
                    hmac.compare_digest(_mac(key, previous, anchor), said["mac"])
                    for key in self._signer.keys
                ):
                    return found, f"{path}, line {number}: not as the server wrote it"
                previous = said["mac"]
                found.append(anchor)
        return found, ""

    def experiments(self) -> list[str]:
        """Returns the experiments that something is remembered of."""
        return sorted(p.stem for p in self._folder.glob("*.jsonl"))

    def _path(self, experiment_id: str) -> Path:
        return self._folder / f"{experiment_id}.jsonl"

    def _mac(self, previous: str, anchor: Anchor) -> str:
        return _mac(self._signer.keys[0], previous, anchor)


def folder_of(home: Path, backend_uri: str) -> Path:
    """Returns the folder of a backend below ``home``; the same whatever the password is."""
    from urllib.parse import urlsplit

    parts = urlsplit(backend_uri)
    place = f"{parts.scheme.split('+')[0]}://{(parts.hostname or '').lower()}:{parts.port or ''}"
    digest = hashlib.sha256(f"{place}{parts.path}".encode()).hexdigest()[:16]
    return home / "anchors" / digest


def _line(anchor: Anchor, mac: str) -> dict[str, Any]:
    said: dict[str, Any] = {"id": anchor.entry, "digest": anchor.digest, "at": anchor.at}
    return {**said, **({"adopted": True} if anchor.adopted else {}), "mac": mac}


def _lines(f: IO[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(f, 1):
        if line.strip():
            yield number, json.loads(line)


def _last_mac(f: IO[str]) -> str:
    """Returns the keyed digest at the end of the file, read backwards; "" where it is empty."""
    end = f.seek(0, os.SEEK_END)
    if end == 0:
        return ""
    f.seek(max(0, end - 2048))
    return str(json.loads(f.read().splitlines()[-1])["mac"])


def _mac(key: bytes, previous: str, anchor: Anchor) -> str:
    text = "\0".join([previous, anchor.entry, anchor.digest, anchor.at, str(anchor.adopted)])
    return hmac.new(key, b"spot-mlflow anchor 1\0" + text.encode(), hashlib.sha256).hexdigest()
