"""Which experiments and runs hold evidence; asked on every write, so answered from memory.

Only answers that can never change are kept: a run never leaves its experiment, and the guard lets
no experiment enter or leave the reserved names. The memory is per process and bounded. "This
experiment is not ours" is kept for half a minute only: SQLite gives the number of an experiment
that ``mlflow gc`` removed to the next one.
"""

from __future__ import annotations

import time
import unicodedata
from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow_plugins import mlflow_private as private

if TYPE_CHECKING:
    from collections.abc import Hashable

REMEMBERED: Final = 200_000  # run ids; about 30 MB at most
NOT_OURS_SECONDS: Final = 30.0
FEW_EXPERIMENTS: Final = 10_000


def folded(name: str) -> str:
    """Returns a name as a careless database or reader would see it: width, case and edges gone."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


def is_companion_name(name: str, prefix: str) -> bool:
    """Says whether an experiment name is reserved for evidence, look-alikes included.

    The bare prefix without its slash is the registry's own record.
    """
    wanted = folded(prefix)
    return folded(name).startswith(wanted) or folded(name) == wanted.rstrip("/")


class Memory:
    """A bounded memory of answers that never change; the oldest is forgotten first."""

    def __init__(self, limit: int = REMEMBERED) -> None:
        self._answers: OrderedDict[Hashable, bool] = OrderedDict()
        self._limit = limit
        self._lock = Lock()

    def get(self, key: Hashable) -> bool | None:
        """Returns the remembered answer, or None."""
        return self._answers.get(key)

    def put(self, key: Hashable, answer: bool) -> bool:  # noqa: FBT001 - the answer itself
        """Remembers and returns ``answer``."""
        with self._lock:
            self._answers[key] = answer
            if len(self._answers) > self._limit:
                self._answers.popitem(last=False)
        return answer


class Companions:
    """Answers for one tracking store whether an experiment, run or logged model holds evidence.

    Args:
        prefix: of the companion experiments' names.
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self._memory = Memory()
        self._not_ours_until: dict[str, float] = {}

    def experiment(self, store: Any, experiment_id: Any) -> bool:
        """Says whether the experiment is a companion; unknown ones are not."""
        key = ("experiment", str(experiment_id))
        if self._memory.get(key):
            return True
        now = time.monotonic()
        if now < self._not_ours_until.get(key[1], 0.0):
            return False
        name = private.name_of_experiment(store, key[1])
        if name is not None and is_companion_name(name, self.prefix):
            return self._memory.put(key, True)
        if name is not None:
            if len(self._not_ours_until) > FEW_EXPERIMENTS:
                self._not_ours_until.clear()
            self._not_ours_until[key[1]] = now + NOT_OURS_SECONDS
        return False

    def run(self, store: Any, run_id: Any) -> bool:
        """Says whether the run stands in a companion experiment; unknown ones do not."""
        key = ("run", str(run_id))
        known = self._memory.get(key)
        if known is not None:
            return known
        experiment_id = private.experiment_of_run(store, str(run_id))
        if experiment_id is None:
            return False  # not remembered: it may be created a moment later
        return self._memory.put(key, self.experiment(store, experiment_id))

    def logged_model(self, store: Any, model_id: Any) -> bool:
        """Says whether the logged model stands in a companion experiment."""
        key = ("logged model", str(model_id))
        known = self._memory.get(key)
        if known is not None:
            return known
        experiment_id = private.experiment_of_logged_model(store, str(model_id))
        if experiment_id is None:
            return False
        return self._memory.put(key, self.experiment(store, experiment_id))

    def note_run(self, run_id: str, *, ours: bool) -> None:
        """Remembers a run that was just created, so that its first write costs nothing."""
        self._memory.put(("run", run_id), ours)
