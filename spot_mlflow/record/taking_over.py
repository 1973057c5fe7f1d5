"""Takes a record over for a model that other tools copied, restored or registered anew.

Such tools copy models and runs, and the copy has another creation time, so that the record beside it
counts for nobody. Here it is bound to the model by an entry that says so (``rebinding``).
"""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from spot_mlflow.errors import InvalidInput, NotFound, Refused
from spot_mlflow.origins import Origin
from spot_mlflow.record import companion
from spot_mlflow.record.entry import CREATED, MODEL
from spot_mlflow.record.exporting import export_lines
from spot_mlflow.record.faults import mlflow_errors
from spot_mlflow.record.import_file import check_file
from spot_mlflow.record.importing import Imported, bind, check_right, take_in
from spot_mlflow.record.reading import counted
from spot_mlflow.record.rebinding import taken_in
from spot_mlflow.record.references import ModelRef
from spot_mlflow.record.subject import Subject
from spot_mlflow.record.transport import without_password

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlflow.entities import Experiment

    from spot_mlflow.record.entry import Reading
    from spot_mlflow.record.importing import Keeper
    from spot_mlflow.record.store import Record


def take_over(
    record: Record,
    model: str,
    source: str | None = None,
    *,
    keep: Keeper | None = None,
    by: str | None = None,
) -> Imported:
    """Takes the record of an earlier model over for the model of this name.

    Args:
        record: where both are.
        model: registered name.
        source: name of the earlier model, or of its experiment; the same name where None.
        keep: what a gated server does with the entries before they count.
        by: who says so.

    Raises:
        NotFound: there is no record of an earlier model.
        Refused: its model is still there, or this is a gated server's record without its key.
        InvalidInput: several records could be meant.
    """
    check_right(record, keep, "rebind MODEL")
    about = record.named(model)
    ref = about.ref
    with mlflow_errors(f"the record of {model!r}", at=str(record.client.tracking_uri)):
        own = companion.find(record.client, ref)
        found = _earlier(record, ref, source)
        readings = list(record.memory.read(found, recent=False))
        old = _bound_to(found, readings, source or model)
        entries = counted(old, readings)
        server = without_password(str(record.client.tracking_uri))
        origin = Origin(old.name, old.created, server)
        known = taken_in(ref.created, readings)
        done = Imported(model, origin, len(entries))
        if own is not None:
            return _copied(record, old, found, ref, keep=keep, by=by)
        new = [e for e in entries if e.digest not in known]
        if new:
            bind(record, ref, found, new, origin=origin, how="rebind", keep=keep, by=by)
            done.counted = len(new)
        client, place = record.client, found.experiment_id
        client.set_experiment_tag(place, MODEL, ref.name)
        client.set_experiment_tag(place, CREATED, str(ref.created))
    record.refresh(ref)
    return done


def _earlier(record: Record, ref: ModelRef, source: str | None) -> Experiment:
    """Returns the experiment of an earlier model."""
    client, name = record.client, source or ref.name
    found = {str(e.experiment_id): e for e in _named(record, name)}
    mine = [
        e for e in found.values()
        if e.lifecycle_stage == "active" and e.tags.get(CREATED) != str(ref.created)
    ]  # fmt: skip
    gone = [e for e in mine if not companion.is_alive(client, e)]
    if len(gone) == 1:
        return gone[0]
    if gone:
        names = ", ".join(repr(e.name) for e in gone)
        raise InvalidInput(f"several records could be meant: {names}", fix="Say --from NAME.")
    if mine:
        raise Refused(
            f"the record {mine[0].name!r} is that of a model that is still there",
            fix="A copy inherits nothing. To copy the record as well: spot export, then spot import --model.",
        )
    raise NotFound(
        f"there is no record of an earlier model {name!r}",
        fix="Name it with --from, or bring it with: spot import FILE",
    )


def _named(record: Record, name: str) -> Iterable[Experiment]:
    """Yields the experiments that a name may mean: the model's, or the experiment's own."""
    client = record.client
    for title in (name, companion.name_of(ModelRef(name, None, 0))):
        found = client.get_experiment_by_name(title)
        if found is not None and found.name:
            yield found
    quoted = f'"{name}"' if "'" in name else f"'{name}'"
    yield from client.search_experiments(filter_string=f"tags.`{MODEL}` = {quoted}")


def _bound_to(found: Experiment, readings: Iterable[Reading], name: str) -> ModelRef:
    """Returns the model that a record was bound to: by its tags, else as most entries say."""
    said = found.tags.get(CREATED)
    if said and said.isdecimal():
        return ModelRef(found.tags.get(MODEL) or name, None, int(said))
    births = Counter(
        (str(r.envelope["model"]), int(r.envelope["created"])) for r in readings if r.evidence
    )
    if not births:
        raise NotFound(f"experiment {found.name!r} holds no entries")
    (model, created), _ = births.most_common(1)[0]
    return ModelRef(model, None, created)


def _copied(
    record: Record,
    old: ModelRef,
    found: Experiment,
    ref: ModelRef,
    *,
    keep: Keeper | None,
    by: str | None,
) -> Imported:
    """Copies the entries into the record that the model has begun already."""
    about = Subject(old, record.facts(ref.name), found, looked=True)
    with tempfile.TemporaryDirectory(prefix="spot-rebind-") as folder:
        path = Path(folder, "record.jsonl")
        with path.open("wb") as f:
            f.writelines(export_lines(record, about, by=by or ""))
        return take_in(record, check_file(path), ref.name, keep=keep, by=by)
