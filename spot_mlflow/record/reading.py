"""Reads the runs of companion experiments: all of them, or only what is new."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from spot_mlflow.errors import RecordDamaged
from spot_mlflow.evidence import canonical
from spot_mlflow.record import direct
from spot_mlflow.record.entry import Reading, read
from spot_mlflow.record.rebinding import taken_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mlflow import MlflowClient
    from mlflow.entities import Run

    from spot_mlflow.evidence import Evidence
    from spot_mlflow.record.references import ModelRef

_PAGE: Final = 5_000
_RECENT_PAGE: Final = 24
_PARENTS: Final = 8


def runs(
    client: MlflowClient, experiment_ids: Sequence[str], *, deleted: bool = False
) -> Iterator[Run]:
    """Yields every run of some experiments, in pages, unfiltered: filters cost MLflow more."""
    from mlflow.entities import ViewType

    view = ViewType.ALL if deleted else ViewType.ACTIVE_ONLY
    token: str | None = None
    while True:
        page = client.search_runs(
            list(experiment_ids), run_view_type=view, max_results=_PAGE, page_token=token
        )
        yield from page
        token = page.token
        if not token:
            return


def read_all(
    client: MlflowClient, experiment_ids: Sequence[str], *, deleted_of: str | None = None
) -> dict[str, dict[str, Reading]]:
    """Returns experiment id -> run id -> the run as it was read, with one search for all.

    Args:
        client: MLflow.
        experiment_ids: the experiments.
        deleted_of: the one of them whose deleted runs are read too.
    """
    found: dict[str, dict[str, Reading]] = {key: {} for key in experiment_ids}
    every = runs(client, experiment_ids, deleted=deleted_of is not None) if experiment_ids else ()
    for run in every:
        key = run.info.experiment_id
        if key == deleted_of or run.info.lifecycle_stage == "active":
            found[key][run.info.run_id] = read(run)
    return found


def read_new(client: MlflowClient, experiment_id: str, seen: dict[str, Reading]) -> set[str]:
    """Reads the newest runs until a page brings little new, and those still being written.

    Args:
        client: MLflow.
        experiment_id: the companion experiment.
        seen: run id -> what was read before; brought up to date.

    Returns:
        Ids of the runs that are new, or were being written and are not any more.
    """
    unfinished = {run_id for run_id, r in seen.items() if r.running}
    changed: set[str] = set()
    for ids, fresh in _newest(client, experiment_id, seen):
        for run in fresh:
            changed |= _taken_in(run, seen)
        unfinished -= ids
        if len(fresh) < _RECENT_PAGE // 2:
            break
    for run_id in sorted(unfinished):  # begun long before the newest, so not on their page
        changed |= _taken_in(client.get_run(run_id), seen)
    return changed


def _newest(
    client: MlflowClient, experiment_id: str, seen: dict[str, Reading]
) -> Iterator[tuple[set[str], list[Run]]]:
    """Yields page after page of runs, newest first: their ids, and those that are new or were running."""
    settled = {run_id for run_id, r in seen.items() if not r.running}
    ids: list[str] = []
    token: str | None = None
    for first in itertools.count(step=_RECENT_PAGE):
        found = direct.recent_runs(client, experiment_id, settled, first=first, count=_RECENT_PAGE)
        if found is None:
            page = client.search_runs([experiment_id], max_results=_RECENT_PAGE, page_token=token)
            ids, token = [r.info.run_id for r in page], page.token
            yield set(ids), [r for r in page if r.info.run_id not in settled]
        else:
            ids, fresh = found
            yield set(ids), fresh
        if len(ids) < _RECENT_PAGE or (found is None and not token):
            return


def _taken_in(run: Run, seen: dict[str, Reading]) -> set[str]:
    """Takes a run in; returns its id where that tells more than was known."""
    found, before = read(run), seen.get(run.info.run_id)
    seen[found.run_id] = found
    same = before is not None and before.running and found.running
    return set() if same else {found.run_id}


def counted(ref: ModelRef, readings: Iterable[Reading]) -> list[Evidence]:
    """Returns the entries that count, oldest first.

    An entry copied from another model, from an earlier model of the same name, or replayed under
    its own id does not count, unless a rebind entry of this model took it in; ``verify`` names it.

    Raises:
        RecordDamaged: one was written by a newer version in a format that this one does not know. To leave
            it out would be to answer from a part of the evidence.
    """
    mine: list[Evidence] = []
    found = list(readings)
    taken = taken_in(ref.created, found)
    for r in found:
        digest = "" if r.evidence is None else r.evidence.digest
        if r.envelope.get("created") != ref.created and digest not in taken:
            continue
        if r.evidence is not None:
            mine.append(r.evidence)
        elif r.fault is not None and r.fault.trouble == "newer":
            raise RecordDamaged(
                f"an entry (run {r.run_id}) was {r.fault.what}",
                where=f"the record of {ref.name!r}" if ref.name else "the policies",
                fix="Use a newer spot-mlflow: pip install -U spot-mlflow.",
            )
    once = {e.id: e for e in sorted(mine, key=lambda e: e.run_id, reverse=True)}
    return sorted(once.values(), key=lambda e: (e.at, e.id))


def as_read(evidence: Evidence) -> Evidence:
    """Returns an entry that was just written as it will be read: its payload is JSON."""
    return replace(evidence, payload=json.loads(canonical(evidence.payload)))


def heads(readings: Iterable[Reading]) -> tuple[str, ...]:
    """Returns the digests of the newest complete entries: what a new one follows."""
    whole = [r.evidence for r in readings if r.evidence is not None]
    newest = sorted(whole, key=lambda e: (e.at, e.id))[-_PARENTS:]
    return tuple(sorted({e.digest for e in newest}))
