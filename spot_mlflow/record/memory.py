"""Entries that one process has read: an entry never changes, so only newer runs are read again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from spot_mlflow.record import reading
from spot_mlflow.record.entry import ERASED

if TYPE_CHECKING:
    from collections.abc import Collection

    from mlflow import MlflowClient
    from mlflow.entities import Experiment

    from spot_mlflow.record.entry import Reading

    Key = tuple[str, int, bool]

_MOST_SEEN: Final = 1000  # experiments whose entries one object keeps
_MOST_OWN: Final = 10_000
_SETTLED: Final = 60.0  # seconds after which a writer has also written its summary


class Memory:
    """The runs of companion experiments as they were last read.

    An experiment is known by its id and creation time: another database has the same ids. A name that
    was erased since makes everything be read anew.

    Args:
        client: MLflow.
    """

    def __init__(self, client: MlflowClient) -> None:
        self._client = client
        self._seen: dict[Key, dict[str, Reading]] = {}
        self._erased: dict[Key, str | None] = {}  # mark of the erasure last seen
        self._own: set[str] = set()  # runs written by this object

    def read(self, home: Experiment, *, recent: bool, deleted: bool = False) -> Collection[Reading]:
        """Returns every run of an experiment.

        Args:
            home: the experiment, as it is now.
            recent: read only what is not known yet.
            deleted: whether to read deleted runs, too.
        """
        key, erased = _key(home, deleted=deleted), home.tags.get(ERASED)
        known = recent and key in self._seen and self._erased.get(key) == erased
        if known:
            reading.read_new(self._client, key[0], self._seen[key])
        else:
            found = reading.read_all(self._client, [key[0]], deleted_of=key[0] if deleted else None)
            self.keep(home, found[key[0]], deleted=deleted)
        return list(self._seen[key].values())

    def keep(self, home: Experiment, found: dict[str, Reading], *, deleted: bool = False) -> None:
        """Takes in all runs of an experiment, just read."""
        key = _key(home, deleted=deleted)
        if key not in self._seen and len(self._seen) >= _MOST_SEEN:
            self._seen.clear()  # read anew when they are asked for; a registry may have many
        self._seen[key], self._erased[key] = found, home.tags.get(ERASED)

    def wrote(self, run_id: str) -> None:
        """Notes that a run was written here."""
        if len(self._own) >= _MOST_OWN:
            self._own.clear()
        self._own.add(run_id)

    def alone(self, home: Experiment) -> bool:
        """Whether nobody else has written for a while, who might still be writing a summary."""
        since = time.time() - _SETTLED
        return not any(
            r.evidence is not None and r.evidence.at.timestamp() > since and run not in self._own
            for run, r in self._seen.get(_key(home), {}).items()
        )

    def news(self, home: Experiment) -> bool:
        """Reads what is new; returns whether others have written in the meantime."""
        seen = self._seen.setdefault(_key(home), {})
        return not reading.read_new(self._client, str(home.experiment_id), seen) <= self._own


def _key(home: Experiment, *, deleted: bool = False) -> Key:
    return str(home.experiment_id), int(home.creation_time or 0), deleted
