"""The policy in force, kept beside the anchors: no client and no database can take it away.

A file for each workspace, written whole and put in place at once, with a keyed digest. What the
database holds counts where the server signed it later; what is older, unsigned or gone does not.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import RecordDamaged, SpotError
from spot_mlflow.evidence import canonical
from spot_mlflow.gate.policy import Policy
from spot_mlflow_plugins import mlflow_private as private

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from spot_mlflow.evidence import Evidence
    from spot_mlflow_plugins.server.trust.signing import Signer

_DOMAIN: Final = b"spot-mlflow policy 1\0"


@dataclass(frozen=True, slots=True)
class Kept:
    """A policy as it was kept.

    Attributes:
        entry: id of its entry.
        at: when it was set.
        policy: the policy.
    """

    entry: str
    at: datetime
    policy: Policy


def read_kept(folder: Path, signer: Signer) -> Kept | None:
    """Returns the policy kept for the workspace of the moment; None where none was ever set.

    Args:
        folder: of the anchors.
        signer: whose keys the file's digest is keyed with.

    Raises:
        RecordDamaged: the file cannot be read, or is not as the server wrote it.
    """
    path = _path(folder)
    try:
        changed = path.stat()
    except FileNotFoundError:
        return None
    except OSError as e:
        raise _damaged(path, e) from e
    return _read(path, signer, changed.st_mtime_ns, changed.st_ino)


def keep(folder: Path, signer: Signer, entry: Evidence) -> None:
    """Keeps a policy's entry as the one in force in the workspace of the moment.

    Raises:
        OSError: the folder cannot be written.
    """
    said = {
        "entry": entry.id,
        "at": entry.at.isoformat(),
        "policy": dict(entry.payload["policy"]),
        "retired": entry.payload.get("retired"),
    }
    text = json.dumps({**said, "mac": _mac(signer.keys[0], said)})
    path = _path(folder)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with draft.open("w", encoding="utf-8") as f:
            f.write(text)
            f.flush()
            os.fsync(f.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def newest(kept: Kept | None, entries: Sequence[Evidence], signed: set[str]) -> Evidence | None:
    """Returns the entry that takes the place of what is kept; None where what is kept stays.

    Args:
        kept: what is kept.
        entries: policies of the database, oldest first.
        signed: ids of those that this server signed, or took in when it was first gated.
    """
    own = [e for e in entries if e.id in signed]
    if not own or (kept is not None and (own[-1].at, own[-1].id) <= (kept.at, kept.entry)):
        return None
    return own[-1]


@lru_cache(maxsize=64)
def _read(path: Path, signer: Signer, _changed: int, _inode: int) -> Kept:
    try:
        said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        mac = str(said.pop("mac"))
        if not any(hmac.compare_digest(_mac(key, said), mac) for key in signer.keys):
            raise ValueError("it is not as the server wrote it")  # noqa: TRY301 - as damaged as torn
        at = datetime.fromisoformat(said["at"])
        return Kept(str(said["entry"]), at, Policy.load(said["policy"]))
    except (OSError, KeyError, TypeError, ValueError, AttributeError, SpotError) as e:
        raise _damaged(path, e) from e


def _damaged(path: Path, error: Exception) -> RecordDamaged:
    return RecordDamaged(
        f"the policy in force cannot be read from {path.name} beside the anchors: {error}",
        where="the policies",
        fix="Put the file back from a backup, or set the policy again: spot policy set POLICY.YAML",
    )


def _path(folder: Path) -> Path:
    workspace = private.current_workspace()
    if workspace is None:
        return folder / "policy.json"
    return folder / f"policy-{hashlib.sha256(workspace.encode()).hexdigest()[:16]}.json"


def _mac(key: bytes, said: dict[str, Any]) -> str:
    return hmac.new(key, _DOMAIN + canonical(said).encode(), hashlib.sha256).hexdigest()
