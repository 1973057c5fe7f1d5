"""Remembers outside the database which entries there are, so that a deleted tail shows.

One append-only file for each companion experiment, a line an entry. Each line carries a keyed
digest of the one before, so that a line cannot be taken out or changed without the key. Entries
that stood there before the server was gated are taken in once, at the server's first start.

Format 2 of a line also says of which kind and version the entry is, and what it did to a concern: an
objection is known although an older database, restored, has it no more. A line that was torn by a
crash is reported and carried on behind.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final

from spot_mlflow.evidence import canonical
from spot_mlflow_plugins.server.trust.torn_lines import end, lines, regular

if TYPE_CHECKING:
    from collections.abc import Container, Iterable
    from pathlib import Path

    from spot_mlflow.evidence import Evidence
    from spot_mlflow_plugins.server.trust.signing import Signer

_NAMED: Final = 10  # faults of one file
ACCEPTED: Final = "accepted"  # kind of a line that ends what is missed: see ``accept``


@dataclass(frozen=True, slots=True)
class Concern:
    """What an entry did to a concern.

    Attributes:
        id: of the concern.
        act: raised, answered, confirmed, ...
        severity: as it was raised, else "".
    """

    id: str
    act: str
    severity: str = ""


@dataclass(frozen=True, slots=True)
class Anchor:
    """One remembered entry.

    Attributes:
        entry: its id.
        digest: its digest.
        at: when it was recorded, ISO 8601.
        adopted: whether it was there, unsigned, before the server was gated.
        kind: sort of entry, "" in lines of format 1.
        version: of the model, or None.
        concern: what it did to a concern, or None.
        gone: ids of entries that are missed no longer, in a line of the kind "accepted".
    """

    entry: str
    digest: str
    at: str
    adopted: bool = False
    kind: str = ""
    version: str | None = None
    concern: Concern | None = None
    gone: tuple[str, ...] = ()


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

    @property
    def store(self) -> str | None:
        """The id of this memory; None where it has none yet."""
        try:
            return (self._folder / "store").read_text(encoding="utf-8").strip() or None
        except FileNotFoundError:
            return None

    def name(self, store: str) -> None:
        """Gives this memory its id."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self._folder / f".store.{os.getpid()}"
        draft.write_text(f"{store}\n", encoding="utf-8")
        draft.replace(self._folder / "store")

    def check(self, experiment_id: str) -> None:
        """Looks whether entries can be remembered, before one is written.

        Raises:
            OSError: the folder or the file cannot be read or written.
        """
        with self._opened(experiment_id):
            pass

    def add(
        self, experiment_id: str, entries: Iterable[Evidence], *, adopted: bool = False
    ) -> None:
        """Appends entries; several workers may do so at once.

        Not forced to the disk: a power failure may take the memory of the last moment, never an
        entry, and waiting for the disk would cost more than all the rest of a decision.

        Raises:
            OSError: the folder cannot be written.
        """
        self._append(experiment_id, [_anchor(e, adopted=adopted) for e in entries])

    def accept(self, experiment_id: str, entry: Evidence, gone: Iterable[str]) -> None:
        """Ends the missing of entries that an older database, restored, does not have.

        Args:
            experiment_id: of the companion.
            entry: which says who accepted it, and why.
            gone: ids of the entries.

        Raises:
            OSError: the folder cannot be written.
        """
        at = entry.at.isoformat()
        line = Anchor(entry.id, entry.digest, at, kind=ACCEPTED, gone=tuple(gone))
        self._append(experiment_id, [line])

    def of(self, experiment_id: str) -> tuple[list[Anchor], str]:
        """Returns the remembered entries, and how the file was tampered with or torn, or "".

        What follows a line that cannot be trusted is read all the same.

        Raises:
            OSError: the file cannot be read.
        """
        path = self._path(experiment_id)
        if not path.exists():
            return [], ""
        found: list[Anchor] = []
        faults: list[str] = []
        previous = ""
        with regular(path.open("rb")) as f:
            fcntl.flock(f, fcntl.LOCK_SH)
            for number, raw in enumerate(lines(f), 1):
                said = _said(raw)
                if said is None:
                    if raw.strip():
                        faults.append(f"line {number}: torn, what it remembered is lost")
                    continue
                if self._genuine(said, previous):
                    found.append(_read(said))
                    if found[-1].kind == ACCEPTED:  # and with it what was wrong before
                        faults.clear()
                else:
                    faults.append(f"line {number}: not as the server wrote it")
                previous = str(said["mac"])
        return found, f"{path}, {_listed(faults)}" if faults else ""

    def since(
        self, experiment_id: str, offset: int, previous: str
    ) -> tuple[list[Anchor], int, str]:
        """Returns the entries remembered behind a place in the file, and the place and keyed digest to go on from.

        Args:
            experiment_id: of the companion.
            offset: where to begin, in bytes: 0, or as it was returned.
            previous: keyed digest of the line before: "", or as it was returned.

        Raises:
            OSError: the file cannot be read.
        """
        found: list[Anchor] = []
        with regular(self._path(experiment_id).open("rb")) as f:
            fcntl.flock(f, fcntl.LOCK_SH)
            f.seek(offset)
            for raw in lines(f):
                if not raw.endswith(b"\n"):
                    break  # torn, and not carried on yet
                offset += len(raw)
                said = _said(raw)
                if said is not None:
                    if self._genuine(said, previous):
                        found.append(_read(said))
                    previous = str(said["mac"])
        return found, offset, previous

    def experiments(self) -> list[str]:
        """Returns the experiments that something is remembered of."""
        return sorted(p.stem for p in self._folder.glob("*.jsonl"))

    def state(self, experiment_id: str) -> tuple[int, int] | None:
        """Returns what changes with every line (size and time), or None where there is no file."""
        try:
            found = self._path(experiment_id).stat()
        except FileNotFoundError:
            return None
        return found.st_size, found.st_mtime_ns

    def _append(self, experiment_id: str, anchors: Iterable[Anchor]) -> None:
        with self._opened(experiment_id) as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            last, whole = end(f, _said)
            previous = "" if last is None else str(last["mac"])
            new = [] if whole else [b"\n"]  # behind a torn line, not into it
            for anchor in anchors:
                said = _line(anchor)
                previous = _mac(self._signer.keys[0], previous, said)
                new.append(json.dumps({**said, "mac": previous}).encode() + b"\n")
            f.write(b"".join(new))

    def _opened(self, experiment_id: str) -> IO[bytes]:
        path = self._path(experiment_id)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return regular(path.open("a+b"))

    def _path(self, experiment_id: str) -> Path:
        return self._folder / f"{experiment_id}.jsonl"

    def _genuine(self, said: dict[str, Any], previous: str) -> bool:
        unsigned = {k: v for k, v in said.items() if k != "mac"}
        try:
            macs = [_mac(key, previous, unsigned) for key in self._signer.keys]
        except ValueError:  # numbers or characters that the server never writes
            return False
        return any(hmac.compare_digest(mac.encode(), said["mac"].encode()) for mac in macs)


def described(a: Anchor) -> str:
    """Returns an entry in words: what kind, of which version, when, and its id."""
    of = f" of version {a.version}" if a.version else ""
    return f"{a.kind or 'entry'}{of} {a.entry} of {a.at}"


def missed(remembered: Iterable[Anchor], present: Container[str]) -> list[Anchor]:
    """Returns what is remembered, is not there, and was not accepted as gone."""
    every = list(remembered)
    accepted = {entry for a in every for entry in a.gone}
    return [
        a
        for a in every
        if a.kind != ACCEPTED and a.entry not in present and a.entry not in accepted
    ]


def open_blocking(remembered: Iterable[Anchor]) -> set[str]:
    """Returns the concerns that were raised as blocking, and not confirmed as met since."""
    severity: dict[str, str] = {}
    act: dict[str, str] = {}
    for a in sorted(remembered, key=lambda a: a.at):
        if a.concern is not None:
            act[a.concern.id] = a.concern.act
            if a.concern.act == "raised":
                severity.setdefault(a.concern.id, a.concern.severity)
    return {c for c, s in severity.items() if s == "blocking" and act[c] != "confirmed"}


def folder_of(home: Path, backend_uri: str) -> Path:
    """Returns the folder of a backend below ``home``; the same whatever the password is."""
    from urllib.parse import urlsplit

    parts = urlsplit(backend_uri)
    place = f"{parts.scheme.split('+')[0]}://{(parts.hostname or '').lower()}:{parts.port or ''}"
    digest = hashlib.sha256(f"{place}{parts.path}".encode()).hexdigest()[:16]
    return home / "anchors" / digest


def _anchor(e: Evidence, *, adopted: bool) -> Anchor:
    concern = None
    if e.kind == "concern":
        said = (str(e.payload.get(k) or "") for k in ("concern", "act", "severity"))
        concern = Concern(*said)
    return Anchor(e.id, e.digest, e.at.isoformat(), adopted, e.kind, e.version, concern)


def _line(a: Anchor) -> dict[str, Any]:
    said: dict[str, Any] = {"v": 2, "id": a.entry, "digest": a.digest, "at": a.at, "kind": a.kind}
    if a.version is not None:
        said["version"] = a.version
    if a.concern is not None:
        said["concern"] = [a.concern.id, a.concern.act, a.concern.severity]
    if a.adopted:
        said["adopted"] = True
    return {**said, "gone": list(a.gone)} if a.gone else said


def _read(said: dict[str, Any]) -> Anchor:
    concern = Concern(*said["concern"]) if "concern" in said else None
    return Anchor(
        entry=said["id"],
        digest=said["digest"],
        at=said["at"],
        adopted=said.get("adopted", False),
        kind=said.get("kind", ""),
        version=said.get("version"),
        concern=concern,
        gone=tuple(said.get("gone", ())),
    )


def _said(raw: bytes) -> dict[str, Any] | None:
    """Returns what a line says; None where it is torn."""
    try:
        said = json.loads(raw)
    except ValueError:
        return None
    texts = ("id", "digest", "at", "mac")
    whole = isinstance(said, dict) and all(isinstance(said.get(k), str) for k in texts)
    return said if whole else None


def _listed(faults: list[str]) -> str:
    more = len(faults) - _NAMED
    return "; ".join(faults[:_NAMED]) + (f"; and {more:,} more" if more > 0 else "")


def _mac(key: bytes, previous: str, said: dict[str, Any]) -> str:
    if said.get("v") == 2:  # noqa: PLR2004 - the format
        text = f"{previous}\0{canonical(said)}"
        return hmac.new(key, b"spot-mlflow anchor 2\0" + text.encode(), hashlib.sha256).hexdigest()
    adopted = str(bool(said.get("adopted", False)))
    text = "\0".join([previous, said["id"], said["digest"], said["at"], adopted])
    return hmac.new(key, b"spot-mlflow anchor 1\0" + text.encode(), hashlib.sha256).hexdigest()
