"""What is approved are the files as they are at that moment: hashed then, and kept as they are from then on."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from spot_mlflow.errors import InvalidInput
from spot_mlflow.gate.policy import SignOffRule
from spot_mlflow.gate.promotion import APPROVAL, KIND, find_request, requests_of
from spot_mlflow.validation import utc
from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.server.files.approved import ApprovedFiles, keep_approved, release
from spot_mlflow_plugins.server.routes.entry_checks import check_payload
from spot_mlflow_plugins.server.trust.turns import changing_targets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spot_mlflow.adoption import FileFacts
    from spot_mlflow.record import Record
    from spot_mlflow.statements import Known
    from spot_mlflow_plugins.server.routes.entry_request import Request


@contextmanager
def files_as_approved(
    record: Record, request: Request, payload: dict[str, Any], known: Known
) -> Iterator[dict[str, Any]]:
    """The context to write an entry in; returns its payload, judged again for an approval.

    The files of a version are kept as they are before they are hashed for its approval. They are let go
    where it is not written after all, and by a rejection or a withdrawal.

    Args:
        record: of the server.
        request: the entry to be written; one that may be written.
        payload: as it was judged.
        known: what it was judged by.

    Raises:
        InvalidInput: the files were changed since they were hashed first.
        OSError: the files cannot be read, or the server cannot keep what it is to keep.
    """
    named = payload.get("request")
    if named is None or payload.get("act") == "asked" or request.version is None:
        yield payload
        return
    place = (request.model, request.version, str(named), private.current_workspace())
    if request.kind == KIND:
        yield payload
        asked = find_request(requests_of(known.model.entries, now=utc(None)), str(named))
        release(request.model, asked.version, str(named), place[3])
        return
    if request.kind != APPROVAL:
        yield payload
        return
    deployed = private.tracking_store()._spot_deployed  # noqa: SLF001 - ours, set at start
    row = deployed.row_of(request.model, request.version, str(payload["target"]))
    with changing_targets():
        keep_approved(
            ApprovedFiles(str(named), row, _until(known, payload), payload["policy_digest"])
        )
    try:
        deployed.hash_files(request.model, request.version)
        again = replace(known, adoption=record.with_files(known.model))
        _check_hashed(again.model.files)
        yield check_payload(request.kind, request.payload, again, version=request.version)
    except BaseException:
        release(*place)
        raise


def _check_hashed(files: FileFacts | None) -> None:
    if files is not None and files.where == "inside" and not files.manifest:
        raise InvalidInput("the files of this version cannot be hashed", where=files.source)


def _until(known: Known, payload: dict[str, Any]) -> str:
    asked = known.policy.requires(str(payload["target"])) if known.policy is not None else {}
    rule: SignOffRule = asked.get("sign_off") or SignOffRule()
    return (utc(None) + rule.valid).isoformat(timespec="seconds")
