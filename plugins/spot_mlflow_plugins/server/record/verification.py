"""Verification with what only the server has: its key and its anchors.

Beside edits and missing ancestors, which anybody can find, this finds entries that the server did
not sign and entries that it remembers and that are gone.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from spot_mlflow.errors import RecordDamaged, SpotError
from spot_mlflow.record import REGISTRY, ModelRef, direct
from spot_mlflow.record.companion import find
from spot_mlflow.record.reading import counted
from spot_mlflow.record.verification import Finding, Verification, verify
from spot_mlflow.reporting.message.summary import NOT_ASSESSED
from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.server.files.check import changed_files
from spot_mlflow_plugins.server.record.anchor_store import settle
from spot_mlflow_plugins.server.record.pinned_policy import lost_policies
from spot_mlflow_plugins.server.record.signed import (
    open_record,
    recorded,
    server_client,
    server_record,
)
from spot_mlflow_plugins.server.trust.anchors import described, missed
from spot_mlflow_plugins.server.trust.kept import anchors, signer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mlflow.entities import Experiment

    from spot_mlflow.record import Record
    from spot_mlflow.record.entry import Reading
    from spot_mlflow_plugins.server.trust.anchors import Anchor, Anchors

_logger = logging.getLogger("mlflow.spot")
_LONGEST_REST: Final = 1.0  # seconds


def verify_model(name: str, *, files: bool = False) -> Verification:
    """Checks the record of one model; of the registry as a whole where the name is empty.

    Args:
        name: of the model, or "".
        files: whether to hash the files of its live and its hashed versions again.
    """
    record = server_record()
    if not name:
        return _verified_registry(record)
    about = record.named(name)
    remembered = _remembered(record.home_of(about))
    readings = list(record.readings_of(about))
    found = _verified(about.ref, readings, remembered)
    more = []
    if files:
        more = changed_files(record.facts_about(about), counted(about.ref, readings))
    return replace(found, findings=(*more, *found.findings))


def _verified_registry(record: Record) -> Verification:

    more = lost_policies(record)
    try:
        remembered = _remembered(find(record.client, REGISTRY))
        found = _verified(REGISTRY, record.readings(REGISTRY), remembered)
    except RecordDamaged as e:
        found = Verification("", 0, (Finding("missing", "", str(e)),))
    return replace(found, findings=(*more, *found.findings))


def verify_all(*, files: bool = False) -> list[Verification]:
    """Checks every record there is; a record that cannot be read is a finding, not an error."""
    return list(_each_verified(files=files))


def _each_verified(*, files: bool = False) -> Iterator[Verification]:
    """Yields the check of one record after the other."""
    yield from _orphans()
    for name in ["", *server_record().models()]:
        try:
            found = verify_model(name, files=files)
        except SpotError as e:  # one bad record must not hide the others
            found = Verification(name, 0, (Finding("missing", "", str(e)),))
        yield found


def _orphans() -> list[Verification]:
    """Names what is remembered of records that are not there at all, as in an older database."""
    store, remembered = server_record().client, anchors()
    gone: list[Finding] = []
    for experiment_id in remembered.experiments():
        if private.name_of_experiment(private.tracking_store_of(store), experiment_id) is None:
            gone += _gone((), remembered.of(experiment_id)[0])
    return [Verification("", 0, tuple(gone))] if gone else []


def adopt_once() -> int:
    """Takes in what stood there, unsigned, before this backend was first gated; returns how much.

    Done at the first start only: after it an unsigned entry is a forged one.
    """
    remembered = anchors()
    settle(remembered, server_client())
    if remembered.adopted:
        return 0
    count = 0
    for workspace in private.workspaces():
        with private.in_workspace(workspace):
            count += _adopt(remembered)
    remembered.mark_adopted()
    return count


def _adopt(remembered: Anchors) -> int:

    record, count = open_record(), 0
    for ref in [REGISTRY, *recorded(record)]:
        experiment_id = _experiment_of(ref)
        entries = [r.evidence for r in record.readings(ref) if r.evidence and not r.signature]
        if experiment_id is not None and entries:
            remembered.add(experiment_id, entries, adopted=True)
            count += len(entries)
    return count


def tag_untouched_models() -> None:
    """Says "not assessed" on every model that nobody has touched yet, for people to see."""
    record = open_record()
    untouched = [name for name, tags in record.portfolio() if "spot" not in tags]
    direct.tag_models(record.client, untouched, "spot", NOT_ASSESSED)


def verify_at_start() -> None:
    """Verifies every record and logs what is wrong; a damaged record does not stop the server.

    After each record it pauses for as long as the record took, so that the server can start and answer.
    """
    for workspace in private.workspaces():
        with private.in_workspace(workspace):
            tag_untouched_models()
            begin = time.monotonic()
            for found in _each_verified():
                _log(found)
                time.sleep(min(time.monotonic() - begin, _LONGEST_REST))
                begin = time.monotonic()


def _log(found: Verification) -> None:
    for finding in found.findings:
        if finding.trouble != "half written":
            _logger.error(
                "spot verify: model %r: %s: %s %s",
                found.model,
                finding.trouble,
                finding.what,
                finding.run_id,
            )


def _remembered(home: Experiment | None) -> tuple[list[Anchor], str]:
    """Returns what is remembered of a record. Read it before the record itself: others go on writing."""
    return ([], "") if home is None else anchors().of(str(home.experiment_id))


def _verified(
    ref: ModelRef, readings: Sequence[Reading], memory: tuple[list[Anchor], str]
) -> Verification:
    found = verify(ref, readings)
    remembered, tampered = memory
    complete = [r for r in readings if r.evidence is not None]
    more = [*_forged(complete, remembered), *_gone(readings, remembered)]
    if tampered:
        more.append(Finding("edited", "", tampered))
    return replace(found, findings=(*more, *found.findings))


def _forged(complete: Iterable[Reading], remembered: Iterable[Anchor]) -> list[Finding]:
    adopted = {a.digest for a in remembered if a.adopted}
    key = signer()
    return [
        Finding("forged", r.run_id, f"entry {r.evidence.id} is not signed by this server")
        for r in complete
        if r.evidence is not None
        and r.evidence.digest not in adopted
        and not key.valid(r.evidence.digest, r.signature)
    ]


def _gone(readings: Iterable[Reading], remembered: Iterable[Anchor]) -> list[Finding]:
    present = {r.evidence.id for r in readings if r.evidence is not None}
    return [
        Finding("missing", "", f"{described(a)} was recorded and is gone or edited")
        for a in missed(remembered, present)
    ]


def _experiment_of(ref: ModelRef) -> str | None:

    experiment = find(server_record().client, ref)
    return None if experiment is None else str(experiment.experiment_id)
