"""Takes a record that was exported elsewhere into this MLflow, bound to the model here.

The file is read twice. The first time everything about it is checked and nothing written: an altered
file leaves no trace. The second time each entry is written as a run that does not count yet; one
``rebind`` entry at the end makes all of them count at once. An import that was stopped goes on where it
stopped when it is run again, and one that is done writes nothing.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from spot_mlflow.errors import Conflict, InvalidInput, NotFound, Refused
from spot_mlflow.origins import KIND as REBIND
from spot_mlflow.origins import Origin, payloads
from spot_mlflow.record import companion
from spot_mlflow.record.entry import (
    ENTRY,
    ERASED,
    KIND,
    PART,
    PERSON,
    RECORDER,
    SALT,
    TAKEN,
    envelope_fault,
    split,
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
from spot_mlflow.record.faults import mlflow_errors
from spot_mlflow.record.rebinding import taken_in
from spot_mlflow.record.remote import RouteWriter
from spot_mlflow.record.subject import Subject
from spot_mlflow.record.writer import PlainWriter

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterator, Mapping

    from mlflow import MlflowClient
    from mlflow.entities import Experiment

    from spot_mlflow.evidence import Evidence
    from spot_mlflow.record.entry import Reading
    from spot_mlflow.record.export_file import Line
    from spot_mlflow.record.references import ModelRef
    from spot_mlflow.record.store import Record

_PLACES: Final = (
    "s3://",
    "gs://",
    "wasbs://",
    "abfss://",
    "dbfs:/",
    "hdfs://",
    "https://",
    "http://",
)
ANCHORS: Final = "spot.anchors"  # tag of the policies' experiment on a gated server's database


class Keeper(Protocol):
    """What a gated server does with entries that it takes in: it remembers them."""

    def __call__(self, experiment_id: str, entries: Collection[Evidence]) -> None:
        """Remembers entries before they count."""
        ...


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
class Imported:
    """What an import did.

    Attributes:
        model: name of the model here.
        origin: where the record comes from.
        entries: how many the file has.
        written: how many of them were written now.
        counted: how many of them count only from now on.
        erased: in how many a name was erased now, as it is in the file.
        created: versions that were made here, without files.
        left_out: files that the export does not have.
    """

    model: str
    origin: Origin
    entries: int
    written: int = 0
    counted: int = 0
    erased: int = 0
    created: tuple[str, ...] = ()
    left_out: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values."""
        kept = {k: getattr(self, k) for k in self.__dataclass_fields__ if k != "origin"}
        return {**kept, "created": list(self.created), "origin": self.origin.to_dict()}


@dataclass
class _Entry:
    """An entry while its lines are read."""

    line: Line
    tags: Mapping[str, str]
    text: str
    envelope: Mapping[str, Any]
    files: dict[str, str] = field(default_factory=dict)  # path -> digest, as far as they came

    @property
    def digest(self) -> str:
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
    for item in _items(path):
        if isinstance(item, _Entry):
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


def _items(path: Path) -> Iterator[_Entry | Line | bytes]:
    """Yields the head, each entry, the bytes of its files, and the end, all checked.

    A file's bytes come after its entry; the next entry, or the end, comes once they are whole.
    """
    entry: _Entry | None = None
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


def _artifact(path: Path, line: Line, entry: _Entry | None) -> dict[str, Any]:
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


def _entry(path: Path, line: Line) -> _Entry:
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
    return _Entry(line, tags, text, envelope)


def take_in(
    record: Record,
    checked: Checked,
    model: str | None = None,
    *,
    create: bool = False,
    keep: Keeper | None = None,
    by: str | None = None,
) -> Imported:
    """Takes a checked file in; see the module.

    Args:
        record: where to write.
        checked: what ``check_file`` returned.
        model: name of the model here; as it was called there where None.
        create: whether to make the model and versions that are not there, without files.
        keep: what a gated server does with the entries before they count.
        by: who takes it in.

    Raises:
        Refused: it is a gated server's record, and this client is not its operator.
        NotFound: no such model here, or a version that entries are about is not there.
        InvalidInput: the file was changed since it was checked.
    """
    check_right(record, keep, "import FILE")
    name = model or checked.origin.model
    made = _make_model(record, checked, name) if create else ()
    try:
        about = record.named(name)
    except NotFound as e:
        fix = (
            "Copy the model first, name it with --model, or use --create to make it without files."
        )
        raise NotFound(e.what, where=e.where, fix=fix) from None
    _check_versions(record, about, checked)
    with mlflow_errors(f"the record of {name!r}", at=str(record.client.tracking_uri)):
        found = companion.find(record.client, about.ref)
        home = companion.as_home(record.client, about.ref, found)
        record.memory.read(home, recent=False)
        here = {r.evidence.digest: r for r in record.memory.read(home, recent=True) if r.evidence}
        done = Imported(name, checked.origin, len(checked.entries), created=made)
        _write_missing(record, checked, home, here, done)
        _count_all(record, checked, about.ref, home, done, keep=keep, by=by)
    record.refresh(about.ref)
    return done


def check_right(record: Record, keep: Keeper | None, command: str) -> None:
    """Refuses what only the operator of a gated server may do.

    Args:
        record: where it would be done.
        keep: how the server remembers entries; None without its key.
        command: what the operator would type.

    Raises:
        Refused: always, on such a server without its key.
    """
    fix = (
        "The operator can do it on the server's host, with its SPOT_MLFLOW_HOME: "
        f"spot --tracking-uri DATABASE {command}"
    )
    if isinstance(record.writer, RouteWriter):
        raise Refused("only the operator of a gated server can import records", fix=fix)
    if keep is None and is_gated_database(record.client):
        raise Refused(
            "this is the database of a gated server, whose key is not on this computer", fix=fix
        )


def is_gated_database(client: MlflowClient) -> bool:
    """Says whether a gated server remembers the entries of this MLflow."""
    home = companion.find(client, companion.REGISTRY)
    return home is not None and ANCHORS in home.tags


def _make_model(record: Record, checked: Checked, name: str) -> tuple[str, ...]:
    """Makes the model and the versions that are not there; a version's number is the next one."""
    from mlflow.exceptions import MlflowException

    client = record.client
    with mlflow_errors(f"model {name!r}", at=client.tracking_uri):
        try:
            client.create_registered_model(name)
        except MlflowException as e:
            if e.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        facts = record.facts(name)
        wanted = {str(v["version"]): str(v.get("source") or "") for v in checked.versions}
        last = max((int(v.version) for v in facts.versions), default=0)
        made: list[str] = []
        for number in range(last + 1, max(map(int, wanted), default=0) + 1):
            source = wanted.get(str(number), "")
            place = (
                source
                if source.startswith(_PLACES)
                else f"elsewhere:/{checked.origin.model}/{number}"
            )
            new = client.create_model_version(name, place, await_creation_for=0)
            if str(number) in wanted:
                made.append(str(new.version))
            else:
                client.delete_model_version(name, str(new.version))
    return tuple(made)


def _check_versions(record: Record, about: Subject, checked: Checked) -> None:
    """Entries are about version numbers: those that the other registry had must be here, too.

    Raises:
        NotFound: naming those that are not.
    """
    there = {str(v["version"]) for v in checked.versions}
    here = {v.version for v in record.facts_about(about).versions}
    missing = sorted(checked.spoken & there - here, key=int)
    if missing:
        raise NotFound(
            f"entries are about version{'s' * (len(missing) > 1)} {', '.join(missing)}, which "
            f"model {about.ref.name!r} does not have here",
            fix="Copy the versions under their numbers first, or use --create to make them without files.",
        )


def _write_missing(
    record: Record,
    checked: Checked,
    home: Experiment,
    here: Mapping[str, Reading],
    done: Imported,
) -> None:
    """Writes the entries that are not here; what was begun by an import that stopped is left as it is."""
    writer = record.writer if isinstance(record.writer, PlainWriter) else PlainWriter(record.client)
    with tempfile.TemporaryDirectory(prefix="spot-import-") as scratch:
        for entry, folder in _with_files(checked, Path(scratch), here):
            done.left_out += len(entry.line.said["left_out"])
            if entry.digest in here:
                done.erased += _erase_as_there(record, entry, here[entry.digest])
            else:
                _write(writer, entry, home, folder, checked)
                done.written += 1
            shutil.rmtree(folder, ignore_errors=True)


def _with_files(
    checked: Checked, scratch: Path, here: Container[str]
) -> Iterator[tuple[_Entry, Path]]:
    """Yields each entry with a folder of its files; those of entries that are here are passed over.

    Raises:
        InvalidInput: the file is not the one that was checked.
    """
    entry: _Entry | None = None
    folder, out = scratch, None
    for number, item in enumerate(_items(checked.path)):
        if isinstance(item, bytes):
            if out is not None:
                with out.open("ab") as f:
                    f.write(item)
            continue
        if isinstance(item, _Entry) or item.kind == "end":
            if entry is not None:
                yield entry, folder
            entry = item if isinstance(item, _Entry) else None
            folder, out = scratch / str(number), None
        elif item.kind == "artifact" and entry is not None:
            out = None if entry.digest in here else folder / item.said["path"]
            if out is not None:
                out.parent.mkdir(parents=True, exist_ok=True)
                out.touch()
        if not isinstance(item, _Entry) and item.kind == "end" and item.chain != checked.chain:
            raise InvalidInput(
                "was changed while it was read", where=str(checked.path), fix="Import it again."
            )


def _write(
    writer: PlainWriter, entry: _Entry, home: Experiment, folder: Path, checked: Checked
) -> None:
    said = entry.line.said
    writer.copy(
        home,
        tags={**entry.tags, TAKEN: checked.chain},
        params={f"{PART}{i:05d}": part for i, part in enumerate(split(entry.text))},
        name=f"{entry.tags[KIND]} {entry.tags[ENTRY][:6]}",
        metrics=[(str(n), float(v), int(t), int(s)) for n, v, t, s in said["metrics"]],
        dataset=said["dataset"],
        folder=folder if folder.exists() else None,
    )


def _erase_as_there(record: Record, entry: _Entry, here: Reading) -> int:
    """Erases a name that the file has erased and that still stands here; returns how many."""
    if ERASED not in entry.tags or here.evidence is None or here.evidence.erased:
        return 0
    client, run = record.client, here.run_id
    client.set_tag(run, ERASED, "true")
    for tag in (PERSON, RECORDER):
        if tag in entry.tags:
            client.set_tag(run, tag, entry.tags[tag])
    client.delete_tag(run, SALT)
    return 1


def _count_all(
    record: Record,
    checked: Checked,
    ref: ModelRef,
    home: Experiment,
    done: Imported,
    *,
    keep: Keeper | None,
    by: str | None,
) -> None:
    """Writes the entry that makes all others count, once they are all there and remembered."""
    readings = list(record.memory.read(home, recent=False))
    present = {r.evidence.digest: r for r in readings if r.evidence is not None}
    missing = checked.entries.keys() - present.keys()
    if missing:
        raise Conflict(
            f"{len(missing)} entries were written but are missing",
            where=f"the record of {ref.name!r}",
            fix="Somebody else is changing the record; import it again.",
        )
    known = taken_in(ref.created, readings)
    own = {d for d, r in present.items() if r.envelope.get("created") == ref.created}
    new = checked.entries.keys() - known - own
    if done.erased:
        client, token = record.client, f"(taken in {checked.chain[:6]})"
        client.set_experiment_tag(home.experiment_id, ERASED, token)
    if not new:
        return
    entries = [e for d in new if (e := present[d].evidence) is not None]
    bind(record, ref, home, entries, origin=checked.origin, how="import", keep=keep, by=by)
    done.counted = len(new)


def bind(
    record: Record,
    ref: ModelRef,
    home: Experiment,
    entries: Collection[Evidence],
    *,
    origin: Origin,
    how: str,
    keep: Keeper | None,
    by: str | None,
) -> None:
    """Makes entries of another model count for this one.

    Args:
        record: where.
        ref: the model here.
        home: its companion experiment, which holds them.
        entries: what is to count.
        origin: where they come from.
        how: "import" or "rebind".
        keep: what a gated server does with them before.
        by: who says so.
    """
    if keep is not None:
        keep(str(home.experiment_id), entries)
    for payload in payloads(origin, (e.digest for e in entries), how):
        about = Subject(ref, home=home, looked=True)
        record.append(about, REBIND, payload, recorded_by=by, refresh=False)
