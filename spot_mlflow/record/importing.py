"""Takes a record that was exported elsewhere into this MLflow, bound to the model here.

The file is read twice. The first time everything about it is checked and nothing written: an altered
file leaves no trace. The second time each entry is written as a run that does not count yet; one
``rebind`` entry at the end makes all of them count at once. An import that was stopped goes on where it
stopped when it is run again, and one that is done writes nothing.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from spot_mlflow.errors import Conflict, NotFound, Refused
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
    split,
)
from spot_mlflow.record.faults import mlflow_errors
from spot_mlflow.record.import_file import Checked, FileEntry, with_files
from spot_mlflow.record.rebinding import taken_in
from spot_mlflow.record.remote import RouteWriter
from spot_mlflow.record.subject import Subject
from spot_mlflow.record.writer import PlainWriter

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from mlflow import MlflowClient
    from mlflow.entities import Experiment

    from spot_mlflow.evidence import Evidence
    from spot_mlflow.record.entry import Reading
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
        for entry, folder in with_files(checked, Path(scratch), here):
            done.left_out += len(entry.line.said["left_out"])
            if entry.digest in here:
                done.erased += _erase_as_there(record, entry, here[entry.digest])
            else:
                _write(writer, entry, home, folder, checked)
                done.written += 1
            shutil.rmtree(folder, ignore_errors=True)


def _write(
    writer: PlainWriter, entry: FileEntry, home: Experiment, folder: Path, checked: Checked
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


def _erase_as_there(record: Record, entry: FileEntry, here: Reading) -> int:
    """Erases a name that the file has erased and that is still here; returns how many."""
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
