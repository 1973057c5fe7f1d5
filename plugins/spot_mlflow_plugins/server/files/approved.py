"""Which versions are approved for a target and do not hold it yet: their files stay as they were approved.

Kept in one file beside the anchors, since the routes that guard files cannot read all records. What is
lost with it is the guard, not the binding: the gate compares what was approved with what is there.
"""

from __future__ import annotations

import fcntl
import json
import uuid
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from spot_mlflow.validation import utc
from spot_mlflow_plugins.mlflow_private import HolderRow
from spot_mlflow_plugins.server.trust.kept import anchors
from spot_mlflow_plugins.server.trust.signing import home

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class ApprovedFiles:
    """The files of one approved version.

    Attributes:
        request: id of the request that was approved.
        row: name, version, target, run, location, source and workspace, as of a holder.
        until: when the approval ends, ISO 8601.
        policy: digest of the policy that it was approved under; with another one it is void.
    """

    request: str
    row: HolderRow
    until: str
    policy: str


def approved(policy: str) -> list[HolderRow]:
    """Returns the versions whose approval under a policy has not ended.

    Args:
        policy: digest of the policy in force.
    """
    now = utc(None)
    return [a.row for a in _read() if a.policy == policy and utc(a.until) > now]


def keep_approved(found: ApprovedFiles) -> None:
    """Keeps the files of a version as they are; what has ended is forgotten meanwhile.

    Raises:
        OSError: it cannot be written.
    """
    now = utc(None)
    with _changing() as known:
        known[:] = [a for a in known if utc(a.until) > now] + [found]


def release(name: str, version: str, request: str, workspace: str | None) -> None:
    """Lets the files of a version go whose approval was refused, withdrawn or taken back."""
    wanted = (name, version, request, workspace)
    with _changing() as known:
        known[:] = [
            a for a in known if (a.row.name, a.row.version, a.request, a.row.workspace) != wanted
        ]


def _read() -> Sequence[ApprovedFiles]:
    try:
        said = json.loads(_file().read_text(encoding="utf-8"))
        return [ApprovedFiles(**{**a, "row": HolderRow(*a["row"])}) for a in said]
    except (OSError, ValueError, TypeError, KeyError):
        return ()


@contextmanager
def _changing() -> Iterator[list[ApprovedFiles]]:
    """One after the other, on all hosts that share the folder; whole or not at all."""
    path = _file()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = list(_read())
        known = list(before)
        yield known
        if known == before:
            return
        draft = path.with_name(f".{uuid.uuid4().hex}")
        draft.write_text(json.dumps([asdict(a) for a in known]), encoding="utf-8")
        draft.chmod(0o600)
        draft.replace(path)


def _file() -> Path:
    return home() / "approved" / f"{anchors().folder.name}.json"
