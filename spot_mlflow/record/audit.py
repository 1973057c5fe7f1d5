"""What an auditor follows: decisions, requests, sign-offs, waivers, policies, erasures, as they were recorded.

Entries are found by the time at which they were finished, not by the time they claim: an entry may be
written down late. A cursor keeps that time and what was told of the last hour, so that entries that finish
out of order, or on a host whose clock is behind, are told once as well.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import InvalidInput
from spot_mlflow.record.entry import CREATED, ENTRY, KIND, read
from spot_mlflow.record.faults import mlflow_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlflow import MlflowClient
    from mlflow.entities import Run

    from spot_mlflow.evidence import Evidence

OVERLAP: Final = 3_600_000  # milliseconds in which entries may finish out of order
PAGE: Final = 2_000  # lines
_LAST: Final = 253_402_300_799_999  # the year 9999 ends, Unix time in milliseconds
_RUNS: Final = 5_000
_EXPERIMENTS: Final = 500  # in one search
# What a line says of each kind. Answers, levels and figures are left out: its readers may owe answers,
# and a line cannot be taken back.
TOLD: Final[Mapping[str, tuple[str, ...]]] = {
    "decision": (
        "target", "outcome", "allowed", "basis", "applied", "mode", "policy", "policy_digest",
        "attempts", "replaced", "manifest",
    ),
    "request": ("act", "request", "target", "why", "reason", "expires", "manifest"),
    "sign-off": ("target", "request", "manifest", "policy_digest", "contract_digest"),
    "waiver": ("target", "requirement", "reason", "expires"),
    "break-glass": ("target", "reason", "until", "manifest"),
    "policy": ("digest", "retired"),
    "restore": ("reason", "gone", "faults"),
    "erasure": ("token", "entries", "models"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far an audit stream has come.

    Attributes:
        through: newest time at which a told entry was finished, Unix time in milliseconds.
        recent: id -> that time, of what was told of the hour before.
    """

    through: int
    recent: Mapping[str, int]

    @classmethod
    def since(cls, at: datetime | None) -> Cursor:
        """Returns where to begin: at a moment, or at the first entry."""
        return cls(0 if at is None else int(at.timestamp() * 1000) + OVERLAP, {})

    @classmethod
    def read(cls, said: Any) -> Cursor:
        """Reads one from JSON values.

        Raises:
            InvalidInput: they are not a cursor.
        """
        try:
            return cls(
                _moment(said["through"]), {str(k): _moment(v) for k, v in said["recent"].items()}
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            raise InvalidInput("this is not a cursor of spot audit") from None

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values."""
        return {"through": self.through, "recent": dict(self.recent)}

    def after(self, told: Mapping[str, int], now: int) -> Cursor:
        """Returns the cursor once more entries were told.

        Args:
            told: id -> when it was finished.
            now: Unix time in milliseconds; an entry from a clock that is ahead does not move it further.
        """
        through = max(self.through, min(now, max(told.values(), default=0)))
        kept = {**self.recent, **told}
        return Cursor(through, {k: t for k, t in kept.items() if t > through - OVERLAP})


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Some lines of the stream.

    Attributes:
        lines: JSON values, in the order in which the entries were finished.
        cursor: to go on from.
        more: whether there is more at once.
    """

    lines: tuple[Mapping[str, Any], ...]
    cursor: Cursor
    more: bool


def read_audit(client: MlflowClient, cursor: Cursor, *, names: bool = False) -> AuditPage:
    """Returns what was recorded after a cursor.

    Args:
        client: MLflow, with the rights of the one who asks.
        cursor: where to begin.
        names: whether lines name people. A name in a line cannot be erased any more.

    Raises:
        Unavailable: MLflow did not answer.
    """
    with mlflow_errors("the records", at=client.tracking_uri):
        places = dict(_places(client))
        # Taken before the search: what finishes during it is not older than this.
        now = int(time.time() * 1000)
        found = {
            e.id: (_finished(run), e)
            for run in _news(client, places, cursor)
            if (e := _entry(run, places)) is not None
        }
    ordered = sorted(found.values(), key=lambda pair: (pair[0], pair[1].id))
    # Runs without a time of their end, as earlier versions wrote, are found by the first search alone.
    told = ordered[:PAGE] if cursor.through else ordered
    lines = tuple(_line(e, at, names=names) for at, e in told)
    return AuditPage(
        lines, cursor.after({e.id: at for at, e in told}, now), more=len(ordered) > len(told)
    )


def _places(client: MlflowClient) -> Iterator[tuple[str, str]]:
    """Yields the experiments of all records, and which creation of a model each is of."""
    token: str | None = None
    while True:
        page = client.search_experiments(
            filter_string=f"tags.`{CREATED}` LIKE '%'", max_results=1000, page_token=token
        )
        yield from ((str(e.experiment_id), str(e.tags.get(CREATED))) for e in page)
        token = page.token
        if not token:
            return


def _news(client: MlflowClient, places: Mapping[str, str], cursor: Cursor) -> Iterator[Run]:
    """Yields runs that were not told, of each group of experiments the first that were finished."""
    ids = list(places)
    for first in range(0, len(ids), _EXPERIMENTS):
        new = 0
        for run in _runs(client, ids[first : first + _EXPERIMENTS], cursor.through - OVERLAP):
            entry = run.data.tags.get(ENTRY)
            if run.data.tags.get(KIND) not in TOLD or entry in cursor.recent:
                continue
            yield run
            new += 1
            if new > PAGE and cursor.through:
                break


def _runs(client: MlflowClient, places: Sequence[str], after: int) -> Iterator[Run]:
    """Yields the runs that were finished after a moment, in that order; all where it is the beginning."""
    condition = f"attributes.end_time > {after}" if after > 0 else ""
    token: str | None = None
    while True:
        page = client.search_runs(
            list(places),
            filter_string=condition,
            order_by=["attributes.end_time ASC"],
            max_results=_RUNS,
            page_token=token,
        )
        yield from page
        token = page.token
        if not token:
            return


def _entry(run: Run, places: Mapping[str, str]) -> Evidence | None:
    """Returns the entry of a run where it counts and is told."""
    found = read(run)
    created = str(found.envelope.get("created"))
    if found.evidence is None or created != places[run.info.experiment_id]:
        return None
    return found.evidence if found.evidence.kind in TOLD else None


def _moment(said: Any) -> int:
    """Returns a Unix time in milliseconds; what no database can compare with is none."""
    if type(said) is not int or not 0 <= said <= _LAST:
        raise ValueError(said)
    return said


def _finished(run: Run) -> int:
    return int(run.info.end_time or run.info.start_time or 0)


def _line(e: Evidence, finished: int, *, names: bool) -> dict[str, Any]:
    said = e.payload
    line: dict[str, Any] = {
        "id": e.id,
        "recorded": datetime.fromtimestamp(finished / 1000, timezone.utc).isoformat(
            timespec="milliseconds"
        ),
        "at": e.at.isoformat(),
        "kind": e.kind,
        "model": e.model,
        "version": e.version,
        "role": e.role,
        "digest": e.digest,
        **{k: said[k] for k in TOLD[e.kind] if said.get(k) is not None},
    }
    if e.kind == "decision":
        asked = [r for r in said.get("requirements") or () if not r.get("met")]
        line["unmet"] = [str(r.get("name")) for r in asked]
        line["waived"] = [str(r.get("name")) for r in asked if r.get("waived")]
    if e.kind == "policy":
        policy = said.get("policy") or {}
        line |= {k: policy.get(k) for k in ("name", "version", "mode")}
    if names:
        line |= {"person": e.person, "recorded_by": e.recorded_by or None}
    return line
