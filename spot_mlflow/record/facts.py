"""What the registry says of a model, read with as few questions as what is asked of it needs.

A model that is retrained every hour has thousands of versions. MLflow tells the newest version of
each stage with the model itself; others are asked for by number, and all of them only where needed.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.adoption import ModelFacts, VersionFacts
from spot_mlflow.record import direct
from spot_mlflow.record.faults import mlflow_errors
from spot_mlflow.record.registry_ways import ways_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel

_SINGLY: Final = 4  # versions that are asked for by number before all are read
_ABSENT: Final = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
_LOGGED_MODEL: Final = re.compile(r"models:/+(?P<id>m-[0-9a-f]{32})")


def registered_model(client: MlflowClient, name: str) -> RegisteredModel:
    """Returns a registered model with its tags and the newest version of each stage.

    Raises:
        MlflowException: no such model.
    """
    return direct.registered_model(client, name) or client.get_registered_model(name)


def facts_of(client: MlflowClient, registered: RegisteredModel) -> ModelFacts:
    """Returns what the registry says of a model just read; versions are asked for when needed."""
    return ModelFacts(
        name=registered.name,
        created=int(registered.creation_timestamp or 0),
        versions=RegistryVersions(client, registered),
        tags=ways_of(client).own(dict(registered.tags or {})),
        description=registered.description or "",
    )


class RegistryVersions:
    """The versions of a registered model, as of the moment the model was read.

    Args:
        client: MLflow.
        registered: the model.
    """

    def __init__(self, client: MlflowClient, registered: RegisteredModel) -> None:
        self._client = client
        self._name = registered.name
        self._ways = ways_of(client)
        self._aliases: dict[str, list[str]] = {}
        for alias, version in dict(registered.aliases or {}).items():
            self._aliases.setdefault(str(version), []).append(str(alias).casefold())
        told = sorted(registered.latest_versions or [], key=_number)
        self._last = told[-1] if told else None
        self._stages = {str(v.current_stage).casefold(): str(v.current_stage) for v in told}
        self._known: dict[str, ModelVersion | None] = {str(v.version): v for v in told}
        self._staged: dict[str, list[str] | None] = {}
        self._asked = 0
        # Where these are as many as the highest number, there are no others.
        self._all = told if told and len(told) == _number(told[-1]) else None

    def entity(self, number: str) -> ModelVersion | None:
        """Returns MLflow's own object of a version, with tags and description; None without one."""
        if self._all is None and number not in self._known and number.isdecimal():
            self._ask(number)
        return self._known.get(number)

    def tags(self, number: str) -> dict[str, str]:
        """Returns the tags of a version, which some registries' searches do not tell."""
        found = self.entity(number)
        if found is None or not self._ways.version_tags:
            return {}
        with self._errors():
            return version_tags(self._client, found)

    def newest(self) -> VersionFacts | None:
        """Returns the newest version, or None where there is none."""
        last = self._last or next(iter(self._entities()[-1:]), None)
        return None if last is None else self._facts(last)

    def numbered(self, number: str) -> VersionFacts | None:
        """Returns the version of a number, or None."""
        found = self.entity(number)
        return None if found is None else self._facts(found)

    def in_stage(self, stage: str) -> Sequence[VersionFacts]:
        """Returns the versions in a stage (case-folded), oldest first."""
        if self._all is None and self._last is not None:
            if stage not in self._stages:
                return []
            if stage not in self._staged:
                with self._errors():
                    found = direct.in_stage(self._client, self._name, self._stages[stage])
                self._staged[stage] = found
            numbers = self._staged[stage]
            if numbers is not None:
                return [v for n in numbers if (v := self.numbered(n)) is not None]
        return [v for v in self if v.stage.casefold() == stage]

    def named(self, alias: str) -> Sequence[VersionFacts]:
        """Returns the versions that an alias (case-folded) points at, oldest first."""
        numbers = [n for n, aliases in self._aliases.items() if alias in aliases]
        return [v for n in sorted(numbers, key=int) if (v := self.numbered(n)) is not None]

    def __iter__(self) -> Iterator[VersionFacts]:
        """Yields every version, oldest first."""
        return iter([self._facts(v) for v in self._entities()])

    def _ask(self, number: str) -> None:
        """Asks for one version; for all of them where several were asked for."""
        from mlflow.exceptions import MlflowException

        self._asked += 1
        if self._last is None or self._asked > _SINGLY:
            self._entities()
            return
        if int(number) > _number(self._last):
            return
        with self._errors():
            try:
                found = self._client.get_model_version(self._name, number)
            except MlflowException as e:
                if e.error_code not in _ABSENT:
                    raise
                found = None
        self._known[number] = found if found and str(found.version) == number else None

    def _entities(self) -> list[ModelVersion]:
        if self._all is None:
            with self._errors():
                self._all = every_version(self._client, self._name)
            self._known = {str(v.version): v for v in self._all}
        return self._all

    def _errors(self) -> Any:
        return mlflow_errors(f"model {self._name!r}", at=str(self._client.tracking_uri))

    def _facts(self, v: ModelVersion) -> VersionFacts:
        return VersionFacts(
            version=str(v.version),
            created=datetime.fromtimestamp(v.creation_timestamp / 1000, timezone.utc),
            stage=v.current_stage or "None",
            aliases=tuple(sorted(self._aliases.get(str(v.version), ()))),
            run_id=v.run_id or "",
            model_id=logged_model_id(v),
        )


def every_model(client: MlflowClient) -> list[tuple[str, Mapping[str, str]]]:
    """Returns (name, tags) of every registered model: one by one where a search tells no tags."""
    names = direct.model_names(client)
    if names is not None:
        return list(direct.model_tags(client, names).items())
    ways, found = ways_of(client), _registered(client)
    if ways.search_tells_tags or not ways.tags:
        return [(m.name, ways.own(dict(m.tags or {})) if ways.tags else {}) for m in found]
    told = (client.get_registered_model(m.name) for m in found)
    return [(m.name, ways.own(dict(m.tags or {}))) for m in told]


def every_name(client: MlflowClient) -> list[str]:
    """Returns the name of every registered model."""
    names = direct.model_names(client)
    return [m.name for m in _registered(client)] if names is None else names


def _registered(client: MlflowClient) -> list[RegisteredModel]:
    """Returns every registered model as a search tells it, read in pages of 1,000."""
    found: list[RegisteredModel] = []
    token: str | None = None
    while True:
        page = client.search_registered_models(max_results=1000, page_token=token)
        found.extend(page)
        token = page.token
        if not token:
            return found


def version_tags(client: MlflowClient, version: ModelVersion) -> dict[str, str]:
    """Returns the tags of a version that may come from a search."""
    ways = ways_of(client)
    if not ways.version_tags:
        return {}
    if not ways.search_tells_tags:
        version = client.get_model_version(version.name, str(version.version))
    return ways.own(dict(version.tags or {}))


def every_version(client: MlflowClient, name: str) -> list[ModelVersion]:
    """Returns all versions of a model, oldest first."""
    quote = '"' if "'" in name else "'"
    found: list[ModelVersion] = []
    token: str | None = None
    while True:
        page = client.search_model_versions(
            f"name={quote}{name}{quote}", max_results=10_000, page_token=token
        )
        found.extend(page)
        token = page.token
        if not token:
            return sorted(found, key=_number)


def _number(version: ModelVersion) -> int:
    return int(version.version)


def logged_model_id(version: ModelVersion) -> str:
    """Returns the id of the LoggedModel that a version was registered from, or "".

    A database registry keeps it as the version's source only; others tell it as well.
    """
    told = getattr(version, "model_id", None)
    return str(told or logged_model_of(str(version.source or "")))


def logged_model_of(source: str) -> str:
    """Returns the id that an address of a LoggedModel ("models:/m-1a2b") names, or ""."""
    match = _LOGGED_MODEL.fullmatch(source.strip())
    return match["id"] if match else ""
