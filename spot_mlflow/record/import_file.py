"""The file of an export, read and checked: chain, signature, entries, names and files."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from spot_mlflow.errors import InvalidInput
from spot_mlflow.origins import Origin
from spot_mlflow.record.entry import (
    envelope_fault,
)
from spot_mlflow.record.export_file import (
    FORMAT,
    check_path,
    check_seal,
    decoded,
    fault,
    read_lines,
)
from spot_mlflow.record.exporting import TAGS

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping
    from pathlib import Path

    from spot_mlflow.record.export_file import Line


@dataclass(frozen=True)
class Checked:
    """A file that was found to be whole.

    Attributes:
        path: of the file.
        origin: where the record comes from.
        versions: as the registry there had them: number, source and run.
        entries: digest -> id of each entry.
        spoken: versions that entries are about.
        chain: digest of the whole file.
        bytes: size of all files of all entries together.
    """

    path: Path
    origin: Origin
    versions: tuple[Mapping[str, str], ...]
    entries: Mapping[str, str]
    spoken: frozenset[str]
    chain: str
    bytes: int


@dataclass
class FileEntry:
    """An entry while its lines are read.

    Attributes:
        line: of the file, with metrics and data set.
        tags: of the run.
        text: of the envelope.
        envelope: what the text says.
        files: path -> digest, as far as they came.
    """

    line: Line
    tags: Mapping[str, str]
    text: str
    envelope: Mapping[str, Any]
    files: dict[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def check_file(path: Path) -> Checked:
    """Reads a file and checks all of it: chain, signature, entries, names and files.

    Raises:
        InvalidInput: naming the line that cannot be taken in.
    """
    head: dict[str, Any] = {}
    entries: dict[str, str] = {}
    ids: set[str] = set()
    spoken: set[str] = set()
    total, chain, key = 0, "", ""
    for item in _lines_checked(path):
        if isinstance(item, FileEntry):
            entry = str(item.envelope["id"])
            if entry in ids:
                raise fault(path, item.line.number, f"repeats entry {entry[:12]}")
            ids.add(entry)
            entries[item.digest] = entry
            if item.envelope["version"]:
                spoken.add(str(item.envelope["version"]))
        elif isinstance(item, bytes):
            total += len(item)
        elif item.kind == "export":
            head = _head(path, item)
        elif item.kind == "end":
            if not isinstance(item.said, dict) or item.said.get("entries") != len(entries):
                raise fault(path, item.number, "does not count the entries before it")
            chain, key = item.chain, check_seal(path, item)
    told = {k: str(head.get(k) or "") for k in ("model", "server", "exported")}
    origin = Origin(**told, created=int(head["created"]), key=key, file=chain)
    versions = tuple(head["versions"])
    return Checked(path, origin, versions, entries, frozenset(spoken), chain, total)


def _head(path: Path, line: Line) -> dict[str, Any]:
    said = line.said
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        raise fault(path, line.number, f"is not of format {FORMAT}: a newer version wrote it")
    numbers = [
        v
        for v in said.get("versions", ())
        if isinstance(v, dict) and str(v.get("version", "")).isdecimal()
    ]
    whole = isinstance(said.get("model"), str) and isinstance(said.get("created"), int)
    if not whole or len(numbers) != len(said.get("versions", ())):
        raise fault(path, line.number, "does not say whose record it is")
    return dict(said)


def _lines_checked(path: Path) -> Iterator[FileEntry | Line | bytes]:
    """Yields the head, each entry, the bytes of its files, and the end, all checked.

    A file's bytes come after its entry; the next entry, or the end, comes once they are whole.
    """
    entry: FileEntry | None = None
    artifact: dict[str, Any] | None = None
    size, digest = 0, hashlib.sha256()
    for line in read_lines(path):
        if artifact is not None and line.kind != "part":
            if size != artifact["size"] or digest.hexdigest() != artifact["sha256"]:
                raise fault(path, line.number, f"comes before {artifact['path']} is whole")
            artifact = None
        if line.kind == "entry":
            entry = _entry(path, line)
            yield entry
        elif line.kind == "artifact":
            artifact = _artifact(path, line, entry)
            size, digest = 0, hashlib.sha256()
            yield line
        elif line.kind == "part":
            if artifact is None:
                raise fault(path, line.number, "belongs to no file")
            part = decoded(path, line)
            size += len(part)
            if size > artifact["size"]:
                raise fault(path, line.number, f"makes {artifact['path']} longer than it was")
            digest.update(part)
            yield part
        else:
            yield line


def _artifact(path: Path, line: Line, entry: FileEntry | None) -> dict[str, Any]:
    said = line.said
    if entry is None or not isinstance(said, dict) or set(said) != {"path", "size", "sha256"}:
        raise fault(path, line.number, "is not the first line of an export")
    name = check_path(path, line.number, said["path"])
    known = entry.envelope["artifacts"]
    if (
        known.get(name) != said["sha256"]
        or name in entry.files
        or not isinstance(said["size"], int)
    ):
        raise fault(path, line.number, f"is not the file {name} that its entry recorded")
    entry.files[name] = said["sha256"]
    return said


def _entry(path: Path, line: Line) -> FileEntry:
    """Returns an entry whose tags, envelope and digest agree, as ``verify`` asks of a run."""
    said = line.said
    try:
        tags, text = dict(said["tags"]), said["text"]
        if not set(tags) <= set(TAGS) or not all(isinstance(v, str) for v in tags.values()):
            raise fault(path, line.number, "has tags that no entry has")
        envelope, wrong = envelope_fault(tags, text)
        for artifact in envelope.get("artifacts", ()):
            check_path(path, line.number, artifact)
        metrics = [(str(n), float(v), int(t), int(s)) for n, v, t, s in said["metrics"]]
        data = said["dataset"]
        if data is not None and [type(d) for d in data] != [str] * 4:
            raise fault(path, line.number, "has an invalid data set")
    except (KeyError, TypeError, ValueError, AttributeError) as e:
        if isinstance(e, InvalidInput):
            raise
        raise fault(path, line.number, "is not an entry") from None
    if wrong is not None:
        raise fault(path, line.number, f"is not the entry that was recorded: {wrong}")
    del metrics
    return FileEntry(line, tags, text, envelope)


def with_files(
    checked: Checked, scratch: Path, here: Container[str]
) -> Iterator[tuple[FileEntry, Path]]:
    """Yields each entry with a folder of its files; those of entries that are here are passed over.

    Args:
        checked: the file, which is read again.
        scratch: an empty folder for the files.
        here: digests of the entries that are here.

    Raises:
        InvalidInput: the file is not the one that was checked.
    """
    entry: FileEntry | None = None
    folder, out = scratch, None
    for number, item in enumerate(_lines_checked(checked.path)):
        if isinstance(item, bytes):
            if out is not None:
                with out.open("ab") as f:
                    f.write(item)
            continue
        if isinstance(item, FileEntry) or item.kind == "end":
            if entry is not None:
                yield entry, folder
            entry = item if isinstance(item, FileEntry) else None
            folder, out = scratch / str(number), None
        elif item.kind == "artifact" and entry is not None:
            out = None if entry.digest in here else folder / item.said["path"]
            if out is not None:
                out.parent.mkdir(parents=True, exist_ok=True)
                out.touch()
        if not isinstance(item, FileEntry) and item.kind == "end" and item.chain != checked.chain:
            raise InvalidInput(
                "was changed while it was read", where=str(checked.path), fix="Import it again."
            )
