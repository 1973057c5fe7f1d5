"""Whoever may not read a model may not read its evidence either, by whatever route of MLflow.

The right on a companion experiment is the lesser of its own and READ on its model; that of a model
that was deleted is the administrators'. MLflow decides it (``mlflow_private.bind_experiments``); here
stands which model an experiment belongs to. A user who owes the model answers has none until they are
in (``answers_owed``). Writing there is the entry route's alone in any case.
"""

from __future__ import annotations

import time
from threading import Lock
from typing import Any, Final

from spot_mlflow.record.entry import CREATED, MODEL
from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.server.guards.answers_owed import AnswersOwed

_FRESH: Final = 2.0  # seconds that a model which was deleted or renamed may go on to be known


class Owners:
    """Knows which models an experiment's evidence is of; asked with every right on an experiment.

    Args:
        tracking: the live tracking store, guarded.
        registry: the live registry store.
    """

    def __init__(self, tracking: Any, registry: Any) -> None:
        self._tracking, self._registry = tracking, registry
        self._lock = Lock()
        self._read_at = float("-inf")
        self._homes: dict[str, tuple[str, str]] = {}
        self._names: dict[int, list[str]] = {}

    def models_of(self, experiment_id: str) -> tuple[str, ...] | None:
        """Returns the models whose evidence an experiment holds; several where it cannot be told.

        None where it holds none, or the registry's own (the policies); empty where the model is gone.
        """
        if not self._tracking._spot_companions.experiment(self._tracking, experiment_id):  # noqa: SLF001 - ours
            return None
        with self._lock:
            self._refresh(experiment_id)
            home = self._homes.get(experiment_id)
            if home is None:
                return self._by_name(experiment_id)
            name, created = home
            if (name, created) == ("", "0"):
                return None
            known = self._names.get(int(created) if created.isdigit() else -1, [])
        return (name,) if name in known else tuple(known)

    def _refresh(self, experiment_id: str) -> None:
        now = time.monotonic()
        if now - self._read_at < _FRESH and experiment_id in self._homes:
            return
        self._homes = private.evidence_homes(self._tracking, (MODEL, CREATED)) or {}
        self._names = {}
        for name, created in private.model_births(self._registry) or ():
            self._names.setdefault(created, []).append(name)
        self._read_at = now

    def _by_name(self, experiment_id: str) -> tuple[str, ...] | None:
        """Of an experiment without our tags: the model that its name says."""
        prefix = self._tracking._spot_companions.prefix  # noqa: SLF001 - ours
        name = private.name_of_experiment(self._tracking, experiment_id) or ""
        if name == prefix.rstrip("/"):
            return None
        said = name[len(prefix) :]
        return (said,) if any(said in names for names in self._names.values()) else ()


def bind_companions() -> None:
    """Binds the rights on companions to those on their models; at start, on a server with logins."""
    tracking = private.tracking_store()
    owners = Owners(tracking, private.model_registry_store())
    private.bind_experiments(owners.models_of, AnswersOwed(tracking, owners.models_of).withheld)
