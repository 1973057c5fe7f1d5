"""Manifests: the list of a version's files with size and SHA-256, made in the background.

A manifest is made once a version is registered, by one thread of the worker that registered it, and kept
beside the anchors, where no client writes. A decision stores its digest and never waits for it. Checked
again, it shows whether the files that are served are the files that were approved. Of files in a bucket
outside the server it holds what the bucket says of them (``buckets``).
"""

from __future__ import annotations

import hashlib
import json
import logging
import queue
import tempfile
import threading
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.evidence import digest_of
from spot_mlflow.validation import utc
from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.server.trust.kept import anchors
from spot_mlflow_plugins.server.trust.signing import home

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from spot_mlflow_plugins.server.files.places import Place, Places

_logger: Final = logging.getLogger("mlflow.spot")
_CHUNK: Final = 2**20  # bytes
_WAITING: Final = 1000  # versions; one that finds no room is hashed by `spot verify --files`


@dataclass(frozen=True)
class File:
    """One file.

    Attributes:
        path: below the artifacts destination; outside of it, its address.
        size: in bytes.
        sha256: of its content, hex; "" where it was not read, since a bucket told of it.
        etag: as an object store names this content, "" where the file was read.
        object_version: as an object store that keeps versions names it, or "".
    """

    path: str
    size: int
    sha256: str
    etag: str = ""
    object_version: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values; what is empty is left out, so that earlier digests hold."""
        return {k: v for k, v in asdict(self).items() if v != ""}


@dataclass(frozen=True)
class Manifest:
    """The files of a version at one moment.

    Attributes:
        files: sorted by path.
        at: when they were hashed, ISO 8601, UTC.
        checked: when they were last hashed again, or "".
        changed: what was found to differ then, in words.
    """

    files: tuple[File, ...]
    at: str
    checked: str = ""
    changed: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of the list; the same files have the same one."""
        return digest_of([f.to_dict() for f in self.files])

    def differences(self, other: Manifest) -> tuple[str, ...]:
        """Returns in words what is another in ``other``."""
        old, new = ({f.path: f.to_dict() for f in m.files} for m in (self, other))
        return (
            *(f"{p} is gone" for p in sorted(old.keys() - new.keys())),
            *(f"{p} was added" for p in sorted(new.keys() - old.keys())),
            *(f"{p} was changed" for p in sorted(old.keys() & new.keys()) if old[p] != new[p]),
        )


def hashed(places: Places, folders: frozenset[Place]) -> Manifest | None:
    """Hashes the files in some folders of the artifacts destination.

    Returns:
        None where one of the folders lies elsewhere, or none of them holds a file.
    """
    below = [places.served(folder) for folder in sorted(folders, key=lambda p: p.segments)]
    repository = private.plain_artifact_repository()
    files: dict[str, File] = {}
    for root in below:
        if root is None:
            return None
        for path in _files(repository, root):
            files[path] = _hashed(repository, path)
    if not files:
        return None
    return Manifest(tuple(files[p] for p in sorted(files)), utc(None).isoformat(timespec="seconds"))


def _files(repository: Any, root: str) -> Iterator[str]:
    """Yields the paths of the files in a folder, its own folders included."""
    waiting = [root]
    while waiting:
        for found in repository.list_artifacts(waiting.pop()):
            if found.is_dir:
                waiting.append(found.path)
            else:
                yield found.path


def _hashed(repository: Any, path: str) -> File:
    with tempfile.TemporaryDirectory(prefix="spot-") as folder:
        got = Path(repository.download_artifacts(path, folder))
        digest = hashlib.sha256()
        with got.open("rb") as f:
            while chunk := f.read(_CHUNK):
                digest.update(chunk)
        return File(path, got.stat().st_size, digest.hexdigest())


def kept(key: str) -> Manifest | None:
    """Returns the manifest of a version; None where there is none yet, or none that can be read."""
    try:
        said = json.loads(_file(key).read_text(encoding="utf-8"))
        files = tuple(File(**f) for f in said["files"])
        return Manifest(files, said["at"], said["checked"], tuple(said["changed"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def keep(key: str, manifest: Manifest) -> None:
    """Keeps the manifest of a version, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    path = _file(key)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{uuid.uuid4().hex}")
    draft.write_text(json.dumps(asdict(manifest)), encoding="utf-8")
    draft.replace(path)


def key_of(row: private.VersionRow, version: str) -> str:
    """Returns what a version's manifest is kept under: it survives a rename, and no other has it."""
    return json.dumps([private.current_workspace() or "", version, *row])


def _file(key: str) -> Path:

    name = hashlib.sha256(key.encode()).hexdigest()[:32]
    return home() / "manifests" / anchors().folder.name / f"{name}.json"


class Background:
    """Makes manifests one after the other, in a thread of its own.

    Args:
        make: makes one; whatever it raises is logged.
    """

    def __init__(self, make: Callable[[str, str], object]) -> None:
        self._make = make
        self._waiting: queue.Queue[tuple[str | None, str, str]] = queue.Queue(_WAITING)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def ask(self, name: str, version: str) -> None:
        """Has the manifest of a version made soon; never waits, never raises."""
        try:
            self._waiting.put_nowait((private.current_workspace(), name, version))
        except queue.Full:
            _logger.warning("no manifest of %s/%s: too many are waiting", name, version)
            return
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="spot-manifest", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            workspace, name, version = self._waiting.get()
            try:
                with private.in_workspace(workspace):
                    self._make(name, version)
            except Exception:  # the next one is made all the same
                _logger.exception("no manifest of %s/%s", name, version)
