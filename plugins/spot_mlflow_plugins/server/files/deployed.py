"""What is deployed does not change under its approval: the files of a version that holds a target.

A version was let through as it stood. In mode "block" nobody writes or deletes the files that it is
loaded from while it holds a gated target, nor deletes the run, logged model or experiment they belong
to. The same goes for a version whose request was approved, until it holds the target or the approval
ends. Files of other versions are free: they are not deployed.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.adoption import FileFacts
from spot_mlflow.errors import NotFound, SpotError
from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.server.files.approved import approved
from spot_mlflow_plugins.server.files.buckets import listed
from spot_mlflow_plugins.server.files.manifests import (
    Background,
    Manifest,
    hashed,
    keep,
    kept,
    key_of,
)
from spot_mlflow_plugins.server.files.uploads import open_until
from spot_mlflow_plugins.server.trust.refusal import refusal
from spot_mlflow_plugins.server.trust.turns import generation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spot_mlflow_plugins.mlflow_private import HolderRow, VersionRow
    from spot_mlflow_plugins.ruling import Decider
    from spot_mlflow_plugins.server.files.places import Place, Places
    from spot_mlflow_plugins.server.files.sources import Files, Sources

# On this host what is deployed is known at once (see ``turns``), from another one after a moment.
FRESH: Final = 1.0  # seconds
_FIX: Final = "Register another version, or take the target away first."


@dataclass(frozen=True)
class Deployment:
    """A version that holds a target.

    Attributes:
        row: what the registry says.
        files: what it is loaded from.
    """

    row: HolderRow
    files: Files


@dataclass
class _Known:
    """The deployments of one moment, found by what may be written or deleted."""

    every: list[Deployment]
    places: dict[Place, Deployment] = field(default_factory=dict)
    above: dict[Place, Deployment] = field(default_factory=dict)  # folders that hold some
    runs: dict[str, Deployment] = field(default_factory=dict)
    logged_models: dict[str, Deployment] = field(default_factory=dict)
    names: dict[tuple[str, str], Deployment] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for deployment in self.every:
            files = deployment.files
            for place in files.places:
                self.places[place] = deployment
                self.above.update(dict.fromkeys(place.upwards(), deployment))
            self.runs.update(dict.fromkeys(files.runs, deployment))
            self.logged_models.update(dict.fromkeys(files.logged_models, deployment))
            self.names.update(dict.fromkeys(files.names, deployment))


class Deployed:
    """The versions that hold a gated target in mode "block"; one object for all threads.

    Args:
        registry: the live registry store.
        decider: knows the policy, and keeps what is refused.
        places: in which writes and sources are compared.
        sources: follows what is registered.
    """

    def __init__(self, registry: Any, decider: Decider, places: Places, sources: Sources) -> None:
        self._registry, self._decider = registry, decider
        self.places, self.sources = places, sources
        self.manifests = Background(self.hash_files)
        self._known: tuple[float, int, _Known] | None = None
        self._followed: dict[tuple[VersionRow, str | None], Files] = {}

    def now(self) -> list[Deployment]:
        """Returns them: those of this host as they are now, of others as of a second ago at most.

        Raises:
            MlflowException: the registry did not answer.
        """
        return self._fresh().every

    def here(self) -> bool:
        """Says whether one of them is in the workspace of the moment."""
        workspace = private.current_workspace()
        return any(d.row.workspace == workspace for d in self.now())

    def files_of(self, name: str, version: str | None) -> FileFacts | None:
        """Returns where the files of a version are; None where there is no such version."""
        row = private.version_row(self._registry, name, version) if version else None
        if row is None:
            return None
        found = self.sources.files(row)
        until = open_until(found.places)
        arriving = "" if until is None else until.isoformat(timespec="seconds")
        manifest = kept(key_of(row, str(version)))
        return FileFacts(
            where=found.where,
            source=row.source or row.location,
            manifest="" if manifest is None else manifest.digest,
            arriving=arriving,
            checked="" if manifest is None else manifest.checked,
            changed=() if manifest is None else manifest.changed,
        )

    def row_of(self, name: str, version: str, target: str) -> HolderRow:
        """Returns a version that is there as the row of one that holds a target."""
        row = private.version_row(self._registry, name, version)
        if row is None:
            raise NotFound(f"model {name!r} has no version {version!r}")
        return private.HolderRow(
            name, version, target, row.run_id, row.location, row.source, private.current_workspace()
        )

    def hash_files(self, name: str, version: str) -> Manifest | None:
        """Hashes the files of a version; keeps the list where it is the first, else what differs.

        Returns:
            The list as it is kept; None where this server can neither read its files nor list them.
        """
        row = private.version_row(self._registry, name, version)
        if row is None:
            return None
        files = self.sources.files(row)
        if files.where == "outside":
            now = listed(row.location)
        else:
            now = hashed(self.places, files.places) if files.where == "inside" else None
        if now is None:
            return None
        key = key_of(row, version)
        first = kept(key)
        if first is not None:
            now = replace(first, checked=now.at, changed=first.differences(now))
        keep(key, now)
        return now

    def check_published(self, path: str) -> None:
        """Refuses to put a file that arrived meanwhile in the place of a deployed one.

        Args:
            path: of the file, on this machine.
        """
        self._check_write(self.places.on_disk(path))

    def check_write(self, path: str) -> None:
        """Refuses to write below the artifacts destination where deployed files lie.

        Args:
            path: below the destination.
        """
        self._check_write(self.places.below(path))

    def check_delete(self, path: str) -> None:
        """Refuses to delete deployed files, or a folder that holds some."""
        place = self.places.below(path)
        if place is not None:
            known = self._fresh()
            self._refuse(_holding(known, place) or known.above.get(place), "delete the files of")

    def check_uri(self, path: str, root: str) -> None:
        """Refuses to write to a location that deployed files are loaded from.

        Args:
            path: below the root.
            root: URI of a run's or logged model's artifacts.
        """
        self._check_write(self.places.at(root, path))

    def check_delete_run(self, run_id: Any) -> None:
        """Refuses to delete the run of a deployed version: its files go with it."""
        self._refuse(self._fresh().runs.get(str(run_id)), "delete the run of")

    def check_delete_logged_model(self, model_id: Any) -> None:
        """Refuses to delete the logged model of a deployed version."""
        self._refuse(self._fresh().logged_models.get(str(model_id)), "delete the logged model of")

    def check_new_logged_model(self, name: Any, run_id: Any) -> None:
        """Refuses a logged model that would be loaded in the place of a deployed version's files."""
        if name and run_id:
            known = self._fresh().names.get((str(run_id), str(name).casefold()))
            self._refuse(known, "put a logged model over the files of")

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
        found = (d for d in self.now() if wanted in _experiments(store, d))
        self._refuse(next(found, None), "delete the experiment of")

    def _check_write(self, place: Place | None) -> None:
        if place is not None:
            self._refuse(_holding(self._fresh(), place), "change the files of")

    def _fresh(self) -> _Known:
        known, at, targets = self._known, time.monotonic(), generation()
        if known is None or at - known[0] >= FRESH or targets != known[1]:
            known = self._known = at, targets, _Known(self._read())
        return known[2]

    def _read(self) -> list[Deployment]:
        found: list[Deployment] = []
        held = [*private.holders(self._registry), *self._approved()]
        rows = sorted(held, key=lambda r: r.workspace or "")
        for workspace, of_it in groupby(rows, key=lambda r: r.workspace):
            with private.in_workspace(workspace):
                found += [Deployment(row, self._files(row)) for row in self._watched(of_it)]
        live = {_registered(d.row) for d in found}
        self._followed = {key: files for key, files in self._followed.items() if key in live}
        return found

    def _approved(self) -> list[HolderRow]:
        """Returns the versions that are approved under the policy in force; none where it is lost."""
        try:
            return approved(self._decider.policy().digest)
        except SpotError:
            return []

    def _watched(self, rows: Iterable[HolderRow]) -> list[HolderRow]:
        """Returns those that are kept as they are, in the workspace of the moment."""
        try:
            policy = self._decider.policy()
        except SpotError:  # a policy that cannot be read keeps what is deployed as it is
            return list(rows)
        return [
            row
            for row in rows
            if policy.mode_for(row.name) == "block" and policy.key_of(row.target) is not None
        ]

    def _files(self, row: HolderRow) -> Files:
        """Follows a source once: while it is deployed, nothing that it leads to may change."""
        key = _registered(row)
        files = self._followed.get(key)
        if files is None:
            files = self.sources.files(key[0])
            if files.where != "unresolved":
                self._followed[key] = files
        return files

    def _refuse(self, found: Deployment | None, what: str) -> None:
        if found is None:
            return
        row = found.row
        state = "is approved for" if row in self._approved() else "holds"
        said = f"{what} {row.name}/{row.version}, which {state} {row.target}"
        with private.in_workspace(row.workspace):
            self._decider.attempt(
                "deployed", said, place=row.name, model=lambda: row.name, version=row.version
            )
        raise refusal(f"Nobody may {said}.", _FIX)


def _registered(row: HolderRow) -> tuple[VersionRow, str | None]:
    return private.VersionRow(row.location, row.source, row.run_id), row.workspace


def _holding(known: _Known, place: Place) -> Deployment | None:
    """Returns the deployment whose files a place belongs to."""
    return next((known.places[p] for p in place.upwards() if p in known.places), None)


def _experiments(store: Any, deployment: Deployment) -> set[str | None]:
    files = deployment.files
    return {private.experiment_of_run(store, run_id) for run_id in files.runs} | {
        private.experiment_of_logged_model(store, model_id) for model_id in files.logged_models
    }
