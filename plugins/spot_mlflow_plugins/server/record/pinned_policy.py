"""A policy that the server's operator gives in a file: no client can change it.

Without logins nobody is known, so anybody may set the policy through the record; a server that is
meant to hold names its policy in ``SPOT_MLFLOW_POLICY_FILE``.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Final

from spot_mlflow.errors import RecordDamaged, Refused
from spot_mlflow.gate.policy import Policy
from spot_mlflow.record import REGISTRY, companion
from spot_mlflow.record.policies import Policies, policies_in, policies_of
from spot_mlflow.record.verification import Finding
from spot_mlflow_plugins.server.trust.kept import anchors, signer
from spot_mlflow_plugins.server.trust.kept_policy import keep, newest, read_kept

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from spot_mlflow.evidence import Evidence
    from spot_mlflow.record import Record
    from spot_mlflow_plugins.server.trust.kept_policy import Kept
    from spot_mlflow_plugins.server.trust.signing import Signer

_logger: Final = logging.getLogger("mlflow.spot")

POLICY_VARIABLE: Final = "SPOT_MLFLOW_POLICY_FILE"


@cache
def pinned_policy() -> Policy | None:
    """Returns the policy of the operator's file, read once, at start; None where there is no file.

    Raises:
        InvalidInput: the file holds no policy; the server does not start then.
    """
    from pathlib import Path

    path = os.environ.get(POLICY_VARIABLE)
    return Policy.load(Path(path)) if path else None


def policy_in_force(record: Record) -> Policy:
    """Returns the operator's policy, else the one that is kept, else the newest one of the record.

    Raises:
        RecordDamaged: it cannot be read; the gate then stays shut.
    """
    return pinned_policy() or kept_or(partial(policies_in, record, recent=True), record).in_force


def kept_or(ask: Callable[[], Policies], record: Record) -> Policies:
    """Returns the policies of the record, or what is kept where the record has lost it.

    Args:
        ask: returns what the record says.
        record: where it is.

    Raises:
        RecordDamaged: neither can be read.
    """
    kept = read_kept(*_kept_where())
    try:
        said = ask()
        if kept is not None and said.entry == kept.entry:
            return replace(said, sure=True)
        later = _signed_later(kept, record) if said.at is not None else None
    except RecordDamaged:
        if kept is None:
            raise
        later = None
    if later is not None:
        with suppress(OSError):  # tried again at the next question
            keep(*_kept_where(), later)
        return replace(policies_of([later], {}), sure=True)
    if kept is None:
        return said
    return Policies(kept.policy, kept.entry, kept.at, frozenset([kept.policy.digest]), sure=True)


def keep_policy(entry: Evidence) -> None:
    """Keeps a policy that was just recorded; where that fails, the next question tries again."""
    try:
        keep(*_kept_where(), entry)
    except OSError:
        _logger.exception("the policy is recorded, and not yet kept beside the anchors")


def lost_policies(record: Record) -> list[Finding]:
    """Returns what the record has lost of the policy that is kept, for ``verify``."""
    try:
        kept = read_kept(*_kept_where())
        entries = [] if kept is None else record.registry()[0]
    except RecordDamaged as e:
        return [Finding("missing", "", str(e))]
    if kept is None or kept.entry in {e.id for e in entries}:
        return []
    what = f"the policy {kept.policy.label}, in force, is gone from the record; it stays in force"
    return [Finding("missing", "", what)]


def _kept_where() -> tuple[Path, Signer]:

    return anchors().folder, signer()


def _signed_later(kept: Kept | None, record: Record) -> Evidence | None:
    """Returns a policy of the record that this server signed, or took in, after the one kept."""
    home = companion.find(record.client, REGISTRY)
    remembered = [] if home is None else anchors().of(str(home.experiment_id))[0]
    adopted = {a.digest for a in remembered if a.adopted}
    found = [
        (r.evidence, r.signature)
        for r in record.readings(REGISTRY)
        if r.evidence is not None and r.evidence.kind == "policy"
    ]
    own = {e.id for e, s in found if e.digest in adopted or signer().valid(e.digest, s)}
    return newest(kept, sorted((e for e, _ in found), key=lambda e: (e.at, e.id)), own)


def refuse_where_pinned() -> None:
    """Refuses a policy from a client where the server's own file gives it.

    Raises:
        Refused: it does.
    """
    if pinned_policy() is not None:
        raise Refused(
            "this server's policy is set in a file by its operator",
            fix="Ask the operator to change it and to start the server again.",
        )
