"""Reads many models, homes and runs with few statements, from databases of this process.

MLflow's own searches ask for each version, tag and run of each model. Beside ``direct``, this is the one
module of the record that uses private names of MLflow.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.record import direct

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlflow import MlflowClient
    from mlflow.entities import Experiment

MOST_VERSIONS: Final = 100  # of a model that has more, only the newest are read
_AT_ONCE: Final = 500  # names in one statement; databases bound the number of parameters


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One version: number, creation time in milliseconds, stage, training run, source."""

    number: int
    created: int
    stage: str
    run_id: str
    source: str


@dataclass(slots=True)
class ModelRow:
    """One registered model.

    Attributes:
        created: creation time in milliseconds.
        description: of the model.
        count: how many versions it has.
        versions: those that were read: all of them, or the newest.
        aliases: alias -> number of the version.
    """

    created: int
    description: str
    count: int = 0
    versions: list[VersionRow] = field(default_factory=list)
    aliases: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class RunRow:
    """One run as far as an entry needs it."""

    run_id: str
    experiment_id: str
    status: str
    tags: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)


def can_read(client: MlflowClient) -> bool:
    """Returns whether both stores are databases of this process."""
    return direct.is_database(_registry(client)) and direct.is_database(_tracking(client))


def models(client: MlflowClient, names: Sequence[str]) -> dict[str, ModelRow]:
    """Returns name -> registered model, for those of the names that there are."""
    from mlflow.store.model_registry.dbmodels import models as tables

    store = _registry(client)
    model: Any = tables.SqlRegisteredModel
    alias: Any = tables.SqlRegisteredModelAlias
    found: dict[str, ModelRow] = {}
    with store.ManagedSessionMaker() as session:
        for some in _parts(names):
            asked = store._get_query(session, model).filter(model.name.in_(some))  # noqa: SLF001 - what this module is for
            columns = (model.name, model.creation_time, model.description)
            for name, created, description in asked.with_entities(*columns):
                found[str(name)] = ModelRow(int(created or 0), str(description or ""))
            asked = store._get_query(session, alias).filter(alias.name.in_(some))  # noqa: SLF001 - what this module is for
            for name, said, number in asked.with_entities(alias.name, alias.alias, alias.version):
                if name in found:
                    found[name].aliases[str(said)] = int(number)
            _read_versions(store, session, some, found)
    return found


def _read_versions(
    store: Any, session: Any, names: Sequence[str], found: dict[str, ModelRow]
) -> None:
    from mlflow.entities.model_registry.model_version_stages import STAGE_DELETED_INTERNAL
    from mlflow.store.model_registry.dbmodels.models import SqlModelVersion
    from sqlalchemy import and_, func, or_

    version: Any = SqlModelVersion
    there = version.current_stage != STAGE_DELETED_INTERNAL
    asked = store._get_query(session, version).filter(version.name.in_(names), there)  # noqa: SLF001 - what this module is for
    counts = asked.with_entities(
        version.workspace.label("workspace"),
        version.name.label("name"),
        func.max(version.version).label("newest"),
        func.count().label("count"),
    )
    of = counts.group_by(version.workspace, version.name).subquery()
    joined = asked.join(of, and_(version.name == of.c.name, version.workspace == of.c.workspace))
    wanted = or_(of.c.count <= MOST_VERSIONS, version.version > of.c.newest - MOST_VERSIONS)
    columns = (
        version.name, of.c.count, version.version, version.creation_time, version.current_stage,
        version.run_id, version.source,
    )  # fmt: skip
    for name, count, number, created, stage, run_id, source in joined.filter(wanted).with_entities(
        *columns
    ):
        if name in found:
            row = VersionRow(
                int(number), int(created or 0), str(stage), str(run_id or ""), str(source or "")
            )
            found[name].count = int(count)
            found[name].versions.append(row)


def homes(client: MlflowClient, names: Sequence[str]) -> dict[str, Experiment]:
    """Returns name -> experiment, with its tags; deleted ones are among them."""
    from mlflow.entities import Experiment, ExperimentTag
    from mlflow.store.tracking.dbmodels.models import SqlExperiment, SqlExperimentTag

    store = _tracking(client)
    home: Any = SqlExperiment
    tag: Any = SqlExperimentTag
    found: dict[str, Experiment] = {}
    with store.ManagedSessionMaker() as session:
        for some in _parts(names):
            asked = store._get_query(session, home).filter(home.name.in_(some))  # noqa: SLF001 - what this module is for
            of = asked.with_entities(
                home.experiment_id, home.name, home.lifecycle_stage, home.creation_time
            ).all()
            told: dict[int, list[ExperimentTag]] = {key: [] for key, *_ in of}
            tags = session.query(tag.experiment_id, tag.key, tag.value)
            for key, name, value in tags.filter(tag.experiment_id.in_(list(told))):
                told[key].append(ExperimentTag(name, value))
            for key, name, stage, created in of:
                found[str(name)] = Experiment(
                    str(key), name, "", stage, tags=told[key], creation_time=created
                )
    return found


def told_of_homes(client: MlflowClient, key: str, values: Sequence[str]) -> set[str]:
    """Returns those of some values that a tag has on any experiment, deleted ones included."""
    from mlflow.store.tracking.dbmodels.models import SqlExperiment, SqlExperimentTag

    store = _tracking(client)
    home: Any = SqlExperiment
    tag: Any = SqlExperimentTag
    found: set[str] = set()
    with store.ManagedSessionMaker() as session:
        for some in _parts(values):
            asked = store._get_query(session, home)  # noqa: SLF001 - what this module is for
            joined = asked.join(tag, tag.experiment_id == home.experiment_id)
            wanted = joined.filter(tag.key == key, tag.value.in_(some))
            found |= {str(value) for (value,) in wanted.with_entities(tag.value)}
    return found


def active_runs(client: MlflowClient, experiment_ids: Sequence[str]) -> Iterator[RunRow]:
    """Yields the active runs of experiments, without metrics, inputs and outputs."""
    from mlflow.store.tracking.dbmodels import models as tables

    store = _tracking(client)
    run: Any = tables.SqlRun
    parts: tuple[tuple[Any, str], ...] = ((tables.SqlTag, "tags"), (tables.SqlParam, "params"))
    for some in _parts(experiment_ids):
        found: dict[str, RunRow] = {}
        with store.ManagedSessionMaker() as session:
            ours = (
                run.experiment_id.in_([int(x) for x in some]),
                run.lifecycle_stage == "active",
            )
            for key, home, status in session.query(
                run.run_uuid, run.experiment_id, run.status
            ).filter(*ours):
                found[key] = RunRow(str(key), str(home), str(status))
            for table, of in parts:
                told = session.query(table.run_uuid, table.key, table.value)
                for key, name, value in told.join(run, run.run_uuid == table.run_uuid).filter(
                    *ours
                ):
                    if key in found:
                        getattr(found[key], of)[name] = value
        yield from found.values()


def _parts(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[i : i + _AT_ONCE] for i in range(0, len(names), _AT_ONCE))


def _registry(client: MlflowClient) -> Any:
    return client._get_registry_client().store  # noqa: SLF001 - what this module is for


def _tracking(client: MlflowClient) -> Any:
    return client._tracking_client.store  # noqa: SLF001 - what this module is for
