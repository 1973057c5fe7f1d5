"""Writes a model's record as one file; see ``export_file`` for its form."""

from __future__ import annotations

import base64
import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.record import reading
from spot_mlflow.record.entry import (
    AT,
    CREATED,
    DIGEST,
    ENTRY,
    ERASED,
    KIND,
    MODEL,
    PART,
    PARTS,
    PERSON,
    RECORDER,
    ROLE,
    SALT,
    VERSION,
    read,
)
from spot_mlflow.record.export_file import FORMAT, PART_BYTES, Chained, read_lines
from spot_mlflow.record.faults import mlflow_errors
from spot_mlflow.record.reading import counted
from spot_mlflow.record.transport import without_password
from spot_mlflow.statements import MOMENTS
from spot_mlflow.validation import utc
from spot_mlflow.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlflow.entities import Run

    from spot_mlflow.record.export_file import Seal
    from spot_mlflow.record.store import Record
    from spot_mlflow.record.subject import Subject

    Fetch = Callable[[Run, str, str], str]  # run, path, folder -> local path

TAGS: Final = (
    ENTRY, KIND, MODEL, CREATED, VERSION, ROLE, AT, DIGEST, PARTS, SALT, PERSON, RECORDER, ERASED,
    "mlflow.note.content",
)  # fmt: skip
SMALL: Final = "holds cells of fewer than ten people"
_REPORTS: Final = (MOMENTS, "report.json", "report.html", "report.md")


def export_lines(
    record: Record,
    about: Subject,
    *,
    by: str,
    server: str | None = None,
    seal: Seal | None = None,
    fetch: Fetch | None = None,
    without: frozenset[str] = frozenset(),
) -> Iterator[bytes]:
    """Yields the lines of an export: what counts of a model's record, with its files.

    Args:
        record: where.
        about: the model.
        by: who exports it.
        server: address of the MLflow, for people; that of the client where None.
        seal: what signs the file; not signed where None.
        fetch: gets a file of a run; by MLflow's client where None.
        without: ids of runs to leave out.

    Raises:
        RecordDamaged: the record is gone.
        Unavailable: MLflow did not answer.
    """
    entries = 0
    fetch = fetch or (
        lambda run, path, to: record.client.download_artifacts(run.info.run_id, path, to)
    )
    ref, facts = about.ref, record.facts_about(about)
    home = record.home_of(about, sure=True)
    mine = {e.run_id for e in counted(ref, record.readings_of(about))} - without
    out = Chained()
    said = {
        "format": FORMAT,
        "model": ref.name,
        "created": ref.created,
        "server": without_password(server or str(record.client.tracking_uri)),
        "exported": utc(None).isoformat(),
        "by": by,
        "spot": __version__,
        "versions": [_version(facts, v.version) for v in facts.versions],
    }
    yield out.line("export", said)
    with mlflow_errors(f"the record of {ref.name!r}", at=record.client.tracking_uri):
        for run in reading.runs(record.client, [home.experiment_id]) if home is not None else ():
            if run.info.run_id in mine:
                yield from _entry(record, out, run, fetch)
                entries += 1
    yield out.end(entries, seal)


def _version(facts: Any, number: str) -> dict[str, str]:
    found = facts.versions.entity(number)
    return {"version": number, "source": str(found.source or ""), "run": str(found.run_id or "")}


def _entry(record: Record, out: Chained, run: Run, fetch: Fetch) -> Iterator[bytes]:
    """Yields an entry and its files, one after the other: a large one is never in memory."""
    params, tags = run.data.params, run.data.tags
    text = "".join(params[k][1:-1] for k in sorted(p for p in params if p.startswith(PART)))
    found = read(run)
    with tempfile.TemporaryDirectory(prefix="spot-export-") as folder:
        wanted = found.envelope.get("artifacts", {})
        files, lost = _fetched(run, wanted, fetch, folder)
        small = _REPORTS if _small(found.envelope, files) else ()
        lost |= {path: SMALL for path in small if path in files}
        files = {p: f for p, f in files.items() if p not in lost}
        yield out.line(
            "entry",
            {
                "tags": {k: tags[k] for k in TAGS if k in tags},
                "text": text,
                "metrics": _metrics(record, run),
                "dataset": _dataset(run),
                "left_out": lost,
            },
        )
        for path, file in files.items():
            yield out.line(
                "artifact", {"path": path, "size": file.stat().st_size, "sha256": wanted[path]}
            )
            with file.open("rb") as f:
                while part := f.read(PART_BYTES):
                    yield out.line("part", base64.b64encode(part).decode())


def _fetched(
    run: Run, wanted: dict[str, str], fetch: Fetch, folder: str
) -> tuple[dict[str, Path], dict[str, str]]:
    """Returns the files that are as they were recorded, and why the others are left out."""
    files: dict[str, Path] = {}
    lost: dict[str, str] = {}
    for path, digest in wanted.items():
        try:
            file = Path(fetch(run, path, folder))
            same = _sha256(file) == digest
        except Exception as e:  # noqa: BLE001 - every artifact store fails in its own way
            lost[path] = f"cannot be read ({type(e).__name__})"
            continue
        if same:
            files[path] = file
        else:
            lost[path] = "is not as it was recorded"
    return files, lost


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as f:
        while part := f.read(PART_BYTES):
            digest.update(part)
    return digest.hexdigest()


def _small(envelope: Any, files: dict[str, Path]) -> bool:
    """Whether a check of an earlier version stored cells of fewer than ten people."""
    if envelope.get("kind") != "outcomes" or MOMENTS not in files:
        return False
    import json

    from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
    from spot_mlflow.lift.promise.contract import PredictedLift
    from spot_mlflow.lift.stored.cells import without_small_cells

    try:
        moments = OutcomeMoments.from_dict(json.loads(files[MOMENTS].read_text(encoding="utf-8")))
        predicted = PredictedLift.load(envelope["payload"]["contract"])
        return without_small_cells(moments, predicted) is not moments
    except Exception:  # noqa: BLE001 - whatever was stored: what cannot be looked at stays here
        return True


def _metrics(record: Record, run: Run) -> list[list[Any]]:
    """Returns name, value, time and step of every point."""
    return [
        [name, m.value, m.timestamp, m.step]
        for name in sorted(run.data.metrics)
        for m in record.client.get_metric_history(run.info.run_id, name)
    ]


def _dataset(run: Run) -> list[str] | None:
    found = run.inputs.dataset_inputs if run.inputs else []
    if not found:
        return None
    d = found[0].dataset
    return [str(d.name), str(d.digest), str(d.source_type), str(d.source)]


def left_out_in(path: Path) -> list[tuple[str, str, str]]:
    """Returns (entry, file, why) of what an export does not have."""
    return [
        (str(line.said["tags"][ENTRY]), file, why)
        for line in read_lines(path)
        if line.kind == "entry"
        for file, why in line.said["left_out"].items()
    ]
