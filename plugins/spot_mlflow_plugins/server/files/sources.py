"""What a version is loaded from: its source followed to the places that files really lie in.

``runs:/<run>/<name>`` leads to two: the run's own folder, and over it a logged model of that name;
both are loaded together. ``models:/`` leads to another version or a logged model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.server.files.places import segments

if TYPE_CHECKING:
    from spot_mlflow_plugins.mlflow_private import VersionRow
    from spot_mlflow_plugins.server.files.places import Place, Places

Where = Literal["inside", "outside", "unresolved"]
_DEEPEST: Final = 8  # versions registered from versions from versions ...


@dataclass(frozen=True, slots=True)
class Files:
    """What a version is loaded from.

    Attributes:
        where: "inside" the server's artifacts destination, "outside" of it, or "unresolved" where
            the source should lead to something that this server knows, and does not.
        places: folders that are loaded; all of them are written to by way of this server only
            where they are inside.
        runs: ids of the runs that they belong to.
        logged_models: ids of the logged models that they belong to.
        names: (run id, folded name): a logged model that such a run got under such a name would
            be loaded, too.
    """

    where: Where
    places: frozenset[Place] = frozenset()
    runs: frozenset[str] = frozenset()
    logged_models: frozenset[str] = frozenset()
    names: frozenset[tuple[str, str]] = frozenset()

    def __or__(self, other: Files) -> Files:
        """Returns both together; the first says where."""
        return Files(
            self.where,
            self.places | other.places,
            self.runs | other.runs,
            self.logged_models | other.logged_models,
            self.names | other.names,
        )


_NOWHERE: Final = Files("unresolved")


class Sources:
    """Follows sources, for one server.

    Args:
        places: of the server.
        tracking: the live tracking store.
        registry: the live registry store.
        authority: of the server's own default artifact root: "" for ``mlflow-artifacts:/``.
    """

    def __init__(self, places: Places, tracking: Any, registry: Any, authority: str = "") -> None:
        self._places, self._tracking, self._registry = places, tracking, registry
        self._authority = authority

    def files(self, row: VersionRow) -> Files:
        """Returns what a version is loaded from."""
        found = self._followed(row.location, _DEEPEST)
        if row.source != row.location:
            found |= self._followed(row.source, _DEEPEST)
        if row.run_id:
            found |= Files(found.where, runs=frozenset([row.run_id]))
        return found

    def _followed(self, uri: str, depth: int) -> Files:
        parts = _split(uri)
        if parts is None or not uri.strip() or depth == 0:
            return _NOWHERE
        if parts.scheme == "runs":
            return Files("outside") if parts.netloc else self._of_run(uri)
        if parts.scheme == "models":
            return Files("outside") if parts.netloc else self._of_model(uri, depth)
        return self._stored(uri, parts.netloc)

    def _stored(self, uri: str, authority: str) -> Files:
        place, root = self._places.at(uri), self._places.destination
        if root is not None and root.within(place):
            return _NOWHERE  # all that this server stores would be this version's files
        if self._places.served(place) is None:
            lost = uri.startswith("mlflow-artifacts:") and self._places.destination is not None
            return _NOWHERE if lost else Files("outside", frozenset([place]))
        elsewhere = authority not in ("", self._authority) and private.proxied_path(uri) is not None
        return Files("outside" if elsewhere else "inside", frozenset([place]))

    def _of_run(self, uri: str) -> Files:
        read = private.run_and_path(uri)
        root = read and private.run_locations(self._tracking, [read[0]]).get(read[0])
        if not read or not root:
            return _NOWHERE
        run_id, path = read
        place = self._places.at(root, path)
        found = self._stored(root, _authority_of(root))
        found = Files(found.where, frozenset([place]), frozenset([run_id]))
        name = next(iter(segments(path)), "").casefold()
        if not name:
            return found
        found |= Files(found.where, names=frozenset([(run_id, name)]))
        for model in private.models_logged_by(self._tracking, [run_id]):
            if model.name.casefold() == name:
                found |= self._logged(model.model_id, model.location)
        return found

    def _of_model(self, uri: str, depth: int) -> Files:
        model_id, name, version = private.model_reference(uri)
        if model_id is not None:
            location = private.model_locations(self._tracking, [model_id]).get(model_id)
            return _NOWHERE if location is None else self._logged(model_id, location)
        if name is None or version is None:  # a stage or an alias: it leads elsewhere tomorrow
            return _NOWHERE
        row = private.version_row(self._registry, name, version)
        return _NOWHERE if row is None else self._followed(row.location, depth - 1)

    def _logged(self, model_id: str, location: str) -> Files:
        found = self._stored(location, _authority_of(location))
        return found | Files(found.where, logged_models=frozenset([model_id]))


def _split(uri: str) -> Any:
    try:
        return urlsplit(uri)
    except ValueError:  # brackets that are no address
        return None


def _authority_of(uri: str) -> str:
    parts = _split(uri)
    return "" if parts is None else str(parts.netloc)
