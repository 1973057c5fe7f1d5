"""What is deployed does not change under its approval: the files of a version that holds a target.

A version was let through as it stood. In mode "block" nobody writes or deletes the files that it is
loaded from while it holds a gated target, nor deletes the run, logged model or experiment they belong
to. Files of versions that hold nothing are free: they are not deployed.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import SpotError
from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.server.refusal import refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from spot_mlflow_plugins.decider import Decider

# Before it is deployed a version's files are free anyway, so that a moment's delay gives nothing away.
FRESH: Final = 1.0  # seconds
_LOGGED_MODEL: Final = re.compile(r"m-[0-9a-f]{32}")
_FIX: Final = "Register another version, or take the target away first."


@dataclass(frozen=True)
class Deployment:
    """A version that holds a target.

    Attributes:
        model: registered name.
        version: version number.
        target: stage or "@alias".
        run_id: the run it came from, or "".
        location: URI of its files.
        path: of its files below the artifacts destination, or None where they lie elsewhere.
    """

    model: str
    version: str
    target: str
    run_id: str
    location: str
    path: str | None

    @property
    def logged_models(self) -> tuple[str, ...]:
        """Ids of the logged models that its files belong to: one, or none."""
        return tuple(_LOGGED_MODEL.findall(self.location))


class Deployed:
    """The versions that hold a gated target in mode "block"; one object for all threads.

    Args:
        registry: the live registry store.
        decider: knows the policy, and keeps what is refused.
    """

    def __init__(self, registry: Any, decider: Decider) -> None:
        self._registry, self._decider = registry, decider
        self._known: dict[str | None, tuple[float, list[Deployment]]] = {}

    def now(self) -> list[Deployment]:
        """Returns them, as of a second ago at most.

        Raises:
            MlflowException: the registry did not answer.
        """
        workspace = private.current_workspace()
        at, found = self._known.get(workspace, (-FRESH, []))
        if time.monotonic() - at >= FRESH:
            found = self._read()
            self._known[workspace] = (time.monotonic(), found)
        return found

    def check_write(self, path: str) -> None:
        """Refuses to write below the artifacts destination where deployed files lie.

        Args:
            path: normalized, below the destination.
        """
        self._refuse(lambda d: d.path is not None and _within(path, d.path), "change the files of")

    def check_delete(self, path: str) -> None:
        """Refuses to delete deployed files, or a folder that holds some."""
        self._refuse(
            lambda d: (
                d.path is not None
                and (path == "." or _within(path, d.path) or _within(d.path, path))
            ),
            "delete the files of",
        )

    def check_uri(self, path: str, root: str) -> None:
        """Refuses to write to a location that deployed files are loaded from.

        Args:
            path: normalized, below the root.
            root: URI of a run's or logged model's artifacts.
        """
        uri = f"{root.rstrip('/')}/{path}"
        self._refuse(lambda d: _within(uri, d.location), "change the files of")

    def check_delete_run(self, run_id: Any) -> None:
        """Refuses to delete the run of a deployed version: its files go with it."""
        self._refuse(lambda d: bool(d.run_id) and d.run_id == str(run_id), "delete the run of")

    def check_delete_logged_model(self, model_id: Any) -> None:
        """Refuses to delete the logged model of a deployed version."""
        self._refuse(lambda d: str(model_id) in d.logged_models, "delete the logged model of")

    def check_delete_experiment(self, store: Any, experiment_id: Any) -> None:
        """Refuses to delete the experiment that a deployed version came from.

        Args:
            store: the tracking store.
            experiment_id: as the client wrote it.
        """
        try:
            wanted = str(int(experiment_id))
        except ValueError:
            return
        self._refuse(lambda d: wanted in _experiments(store, d), "delete the experiment of")

    def _read(self) -> list[Deployment]:
        try:
            policy = self._decider.policy()
        except SpotError:  # a policy that cannot be read keeps what is deployed as it is
            policy = None
        return [
            Deployment(
                row.name,
                row.version,
                row.target,
                row.run_id,
                row.location.rstrip("/"),
                private.proxied_path(row.location),
            )
            for row in private.holders(self._registry)
            if policy is None
            or (policy.mode_for(row.name) == "block" and policy.key_of(row.target) is not None)
        ]

    def _refuse(self, concerned: Callable[[Deployment], bool], what: str) -> None:
        found = next((d for d in self.now() if d.location and concerned(d)), None)
        if found is None:
            return
        said = f"{what} {found.model}/{found.version}, which holds {found.target}"
        self._decider.attempt(
            "deployed", said, place=found.model, model=lambda: found.model, version=found.version
        )
        raise refusal(f"Nobody may {said}.", _FIX)


def _within(path: str, folder: str) -> bool:
    return bool(folder) and (path == folder or path.startswith(f"{folder}/"))


def _experiments(store: Any, deployment: Deployment) -> set[str | None]:
    ids = {private.experiment_of_run(store, deployment.run_id)} if deployment.run_id else set()
    return ids | {private.experiment_of_logged_model(store, m) for m in deployment.logged_models}
