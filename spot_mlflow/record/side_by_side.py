"""The state of many models at once: what ``Record.state`` returns for each, with few statements for all."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Final

from spot_mlflow.adoption import KnownVersions, ModelFacts, VersionFacts
from spot_mlflow.errors import SpotError
from spot_mlflow.record import companion, direct_many
from spot_mlflow.record.entry import CREATED, read_row
from spot_mlflow.record.facts import facts_of, logged_model_of, registered_model
from spot_mlflow.record.faults import mlflow_errors
from spot_mlflow.record.reading import counted
from spot_mlflow.record.references import ModelRef
from spot_mlflow.record.registry_ways import ways_of
from spot_mlflow.reporting.message.listed import UPDATED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from mlflow import MlflowClient
    from mlflow.entities import Experiment

    from spot_mlflow.adoption import Versions
    from spot_mlflow.evidence import Evidence
    from spot_mlflow.record.direct_many import ModelRow
    from spot_mlflow.record.entry import Reading

    State = tuple[ModelFacts, list[Evidence]]

_AT_ONCE: Final = 100  # models whose records are in memory together


def states(
    client: MlflowClient, models: Sequence[tuple[str, Mapping[str, str]]]
) -> Iterator[tuple[str, State | None]]:
    """Yields name and state of those models whose record is where it usually is, or nowhere.

    The state is None where the model's tags show that there was a record, and there is none. Models that are not
    yielded are for ``Record.state``, which looks further and says what is wrong: a model that is gone, a record that
    was renamed or deleted or that is damaged, a registry that is not a database of this process.

    Args:
        client: MLflow.
        models: (name, tags) of the models.

    Raises:
        Unavailable: MLflow did not answer.
    """
    if not direct_many.can_read(client):
        return
    for first in range(0, len(models), _AT_ONCE):
        some = dict(models[first : first + _AT_ONCE])
        with mlflow_errors("the records", at=str(client.tracking_uri)):
            found = list(_states(client, some))
        yield from found


def _states(
    client: MlflowClient, models: Mapping[str, Mapping[str, str]]
) -> Iterator[tuple[str, State | None]]:
    rows = direct_many.models(client, list(models))
    refs = {name: ModelRef(name, None, row.created) for name, row in rows.items()}
    homes = direct_many.homes(client, [companion.name_of(ref) for ref in refs.values()])
    at: dict[str, Experiment] = {}
    for name, ref in refs.items():
        home = homes.get(companion.name_of(ref))
        if name in models and home is not None and companion.is_usual(home, ref):
            at[name] = home
    readings: dict[str, list[Reading]] = {home.experiment_id: [] for home in at.values()}
    for run in direct_many.active_runs(client, list(readings)):
        reading = read_row(run.run_id, run.status, run.tags, run.params)
        readings[run.experiment_id].append(reading)
    for name, home in at.items():
        with suppress(SpotError):
            entries = counted(refs[name], readings[home.experiment_id])
            yield name, (_facts(client, name, models[name], rows[name]), entries)
    yield from _without_home(client, models, rows, set(homes))


def _without_home(
    client: MlflowClient,
    models: Mapping[str, Mapping[str, str]],
    rows: Mapping[str, ModelRow],
    homes: Collection[str],
) -> Iterator[tuple[str, State | None]]:
    """Yields the models that have no record, under no name."""
    taken = {name.casefold() for name in homes}  # some databases do not tell them apart by case
    none = {
        name: str(row.created)
        for name, row in rows.items()
        if name in models
        and companion.name_of(ModelRef(name, None, row.created)).casefold() not in taken
    }
    if not none:
        return
    elsewhere = direct_many.told_of_homes(client, CREATED, list(none.values()))
    for name, created in none.items():
        if created not in elsewhere:
            facts = _facts(client, name, models[name], rows[name])
            yield name, None if UPDATED in facts.tags else (facts, [])


def _facts(client: MlflowClient, name: str, tags: Mapping[str, str], row: ModelRow) -> ModelFacts:
    return ModelFacts(
        name=name,
        created=row.created,
        versions=_versions(client, name, row),
        tags=ways_of(client).own(dict(tags)),
        description=row.description,
    )


def _versions(client: MlflowClient, name: str, row: ModelRow) -> Versions:
    aliases: dict[int, list[str]] = {}
    for alias, number in row.aliases.items():
        aliases.setdefault(number, []).append(alias.casefold())
    known = KnownVersions(
        VersionFacts(
            version=str(v.number),
            created=datetime.fromtimestamp(v.created / 1000, timezone.utc),
            stage=v.stage or "None",
            aliases=tuple(sorted(aliases.get(v.number, ()))),
            run_id=v.run_id,
            model_id=logged_model_of(v.source),
        )
        for v in sorted(row.versions, key=lambda v: v.number)
    )
    if len(known) == row.count:
        return known
    return _NewestKnown(client, name, known, row.aliases)


class _NewestKnown:
    """The versions of a model that has many: what is not about the newest is asked for when it is needed.

    Args:
        client: MLflow.
        name: of the model.
        known: the newest ones.
        aliases: alias -> number of the version.
    """

    def __init__(
        self, client: MlflowClient, name: str, known: KnownVersions, aliases: Mapping[str, int]
    ) -> None:
        self._client = client
        self._name = name
        self._known = known
        self._aliases = aliases
        self._rest: Versions | None = None

    def newest(self) -> VersionFacts | None:
        """Returns the newest version, or None where there is none."""
        return self._known.newest()

    def numbered(self, number: str) -> VersionFacts | None:
        """Returns the version of a number, or None."""
        return self._known.numbered(number) or self._others().numbered(number)

    def in_stage(self, stage: str) -> Sequence[VersionFacts]:
        """Returns the versions in a stage (case-folded), oldest first."""
        return self._others().in_stage(stage)

    def named(self, alias: str) -> Sequence[VersionFacts]:
        """Returns the versions that an alias (case-folded) points at, oldest first."""
        numbers = {n for said, n in self._aliases.items() if said.casefold() == alias}
        return [v for n in sorted(numbers) if (v := self.numbered(str(n))) is not None]

    def __iter__(self) -> Iterator[VersionFacts]:
        """Yields every version, oldest first."""
        return iter(self._others())

    def _others(self) -> Versions:
        if self._rest is None:
            with mlflow_errors(f"model {self._name!r}", at=str(self._client.tracking_uri)):
                registered = registered_model(self._client, self._name)
            self._rest = facts_of(self._client, registered).versions
        return self._rest
