"""Calls to MLflow's stores where its client would ask for much more than the record needs.

``MlflowClient.update_run`` reads the whole run before it writes. Each of its writes to a registered
model or version loads the model with all its versions, to see whether it is a prompt. All private
names of MLflow that the record uses are in this module and in ``direct_many``.
"""

from __future__ import annotations

import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.record.faults import in_spite_of_races

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import RegisteredModel

_PROMPT: Final = "mlflow.prompt.is_prompt"  # the tag by which MLflow knows a prompt
_AT_ONCE: Final = 500  # names in one statement; databases bound the number of parameters


def finish_run(client: MlflowClient, run_id: str) -> None:
    """Sets a run FINISHED."""
    from mlflow.entities import RunStatus

    store = client._tracking_client.store  # noqa: SLF001 - what this module is for
    store.update_run_info(run_id, RunStatus.FINISHED, int(time.time() * 1000), None)


def log_artifacts(client: MlflowClient, place: str, folder: str) -> None:
    """Writes a folder's files to an artifact URI; the client would look up the run's URI first."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    get_artifact_repository(place, tracking_uri=client.tracking_uri).log_artifacts(folder)


def tag_models(client: MlflowClient, names: Sequence[str], key: str, value: str) -> None:
    """Sets a tag of registered models to one value, in a database of this process 500 in a transaction.

    A name that MLflow itself cannot read, or that is gone meanwhile, is passed over.
    """
    from mlflow.exceptions import MlflowException

    registry, singly = client._get_registry_client(), list(names)  # noqa: SLF001 - what this module is for
    if is_database(registry.store):
        singly = []
        for first in range(0, len(names), _AT_ONCE):
            some = names[first : first + _AT_ONCE]
            try:
                in_spite_of_races(partial(_tag_rows, registry.store, some, key, value))
            except MlflowException:  # one of them is gone meanwhile
                singly += some
    for name in singly:
        with suppress(MlflowException):
            in_spite_of_races(partial(registry.set_registered_model_tag, name, key, value))


def _tag_rows(store: Any, names: Sequence[str], key: str, value: str) -> None:
    from mlflow.store.model_registry.dbmodels import models
    from sqlalchemy import insert

    model: Any = models.SqlRegisteredModel
    tag: Any = models.SqlRegisteredModelTag
    with store.ManagedSessionMaker(read_only=False) as session:
        asked = store._get_query(session, model).filter(model.name.in_(names))  # noqa: SLF001 - what this module is for
        there = asked.with_entities(model.workspace, model.name).all()
        rows = [{"workspace": w, "name": n, "key": key, "value": value} for w, n in there]
        for workspace in {w for w, _ in there}:
            session.query(tag).filter(
                tag.workspace == workspace, tag.key == key, tag.name.in_(names)
            ).delete(synchronize_session=False)
        if rows:
            session.execute(insert(tag), rows)


def write_summary(
    client: MlflowClient,
    name: str,
    version: str | None,
    *,
    tags: Mapping[str, str],
    description: str | None,
) -> None:
    """Writes tags and description of a registered model, or of one of its versions.

    In a database of this process they are one transaction. Through a server each is a call of its own.

    Args:
        client: MLflow.
        name: of the model.
        version: number of the version; None for the model itself.
        tags: those to set after the description, in this order.
        description: the new one; None to leave it as it is.
    """
    registry = client._get_registry_client()  # noqa: SLF001 - what this module is for
    if is_database(registry.store):
        in_spite_of_races(
            partial(_write_rows, registry.store, name, version, tags=tags, description=description)
        )
        return
    of = (name,) if version is None else (name, version)
    describe = (
        registry.update_registered_model if version is None else registry.update_model_version
    )
    tag = registry.set_registered_model_tag if version is None else registry.set_model_version_tag
    if description is not None:
        describe(*of, description)
    for key, value in tags.items():
        in_spite_of_races(partial(tag, *of, key, value))


def default_registry(tracking_uri: str) -> str:
    """Returns where the models of a tracking server are, as MLflow has it where nothing was set."""
    import mlflow.tracking

    registry = mlflow.tracking._model_registry.utils  # noqa: SLF001 - what this module is for
    return str(registry._get_default_registry_uri_for_tracking_uri(tracking_uri))  # noqa: SLF001 - the same


def registry_uri(client: MlflowClient) -> str:
    """Returns the address of a client's registry."""
    return str(client._registry_uri)  # noqa: SLF001 - what this module is for


def download_uri(client: MlflowClient, name: str, version: str) -> str:
    """Returns where the files of a version are."""
    registry = client._get_registry_client()  # noqa: SLF001 - what this module is for
    return str(registry.get_model_version_download_uri(name, version))


def registered_model(client: MlflowClient, name: str) -> RegisteredModel | None:
    """Returns a registered model as ``get_registered_model`` does, which loads all its versions.

    None where the registry is no database of this process, or has no such model.
    """
    store = client._get_registry_client().store  # noqa: SLF001 - what this module is for
    if not is_database(store):
        return None
    from mlflow.entities.model_registry import RegisteredModel
    from mlflow.entities.model_registry.model_version_stages import ALL_STAGES
    from mlflow.store.model_registry.dbmodels import models

    model: Any = models.SqlRegisteredModel
    version: Any = models.SqlModelVersion
    with store.ManagedSessionMaker() as session:
        asked = store._get_query(session, model)  # noqa: SLF001 - what this module is for
        row = asked.filter(model.name == name).one_or_none()
        if row is None:
            return None
        asked = store._get_query(session, version).filter(version.name == name)  # noqa: SLF001 - what this module is for
        newest = asked.order_by(version.version.desc())
        told = [newest.filter(version.current_stage == s).first() for s in ALL_STAGES]
        return RegisteredModel(
            name=row.name,
            creation_timestamp=row.creation_time,
            last_updated_timestamp=row.last_updated_time,
            description=row.description,
            latest_versions=[v.to_mlflow_entity() for v in told if v is not None],
            tags=[t.to_mlflow_entity() for t in row.registered_model_tags],
            aliases=[a.to_mlflow_entity() for a in row.registered_model_aliases],
        )


def in_stage(client: MlflowClient, name: str, stage: str) -> list[str] | None:
    """Returns the numbers of a model's versions in a stage, oldest first.

    None where the registry is no database of this process: MLflow's searches know no stage.
    """
    store = client._get_registry_client().store  # noqa: SLF001 - what this module is for
    if not is_database(store):
        return None
    from mlflow.store.model_registry.dbmodels.models import SqlModelVersion as Version

    with store.ManagedSessionMaker() as session:
        asked = store._get_query(session, Version)  # noqa: SLF001 - what this module is for
        rows = asked.filter(Version.name == name, Version.current_stage == stage)
        return [str(n) for (n,) in sorted(rows.with_entities(Version.version).all())]


def recent_runs(
    client: MlflowClient, experiment_id: str, known: Container[str], *, first: int, count: int
) -> tuple[list[str], list[Run]] | None:
    """Returns ids of an experiment's active runs, newest first, and those not yet known as entities.

    ``search_runs`` would load tags, params, metrics, inputs and outputs of all of them, to find that
    there is one new run or none.

    Args:
        client: MLflow.
        experiment_id: the experiment.
        known: ids of runs that need not be loaded.
        first: how many of the newest to pass over.
        count: how many to ask for.

    Returns:
        None where the tracking store is no database of this process.
    """
    store: Any = client._tracking_client.store  # noqa: SLF001 - what this module is for
    if not is_database(store):
        return None
    from mlflow.store.tracking.dbmodels import models

    run: Any = models.SqlRun
    with store.ManagedSessionMaker() as session:
        asked = store._get_query(session, run).filter(  # noqa: SLF001 - what this module is for
            run.experiment_id == int(experiment_id), run.lifecycle_stage == "active"
        )
        newest = asked.order_by(run.start_time.desc(), run.run_uuid).offset(first).limit(count)
        ids = [str(x) for (x,) in newest.with_entities(run.run_uuid).all()]
        fresh = [x for x in ids if x not in known]
        if not fresh:
            return ids, []
        eager = store._get_eager_run_query_options()  # noqa: SLF001 - what this module is for
        asked = store._get_query(session, run).options(*eager)  # noqa: SLF001 - what this module is for
        return ids, [x.to_mlflow_entity() for x in asked.filter(run.run_uuid.in_(fresh)).all()]


def is_database(store: Any) -> bool:
    """Whether it is a database that MLflow itself writes to; a class derived from it may do more."""
    return hasattr(store, "ManagedSessionMaker") and type(store).__module__.startswith("mlflow.")


def _write_rows(
    store: Any,
    name: str,
    version: str | None,
    *,
    tags: Mapping[str, str],
    description: str | None,
) -> None:
    from mlflow.store.model_registry.dbmodels.models import (
        SqlModelVersionTag,
        SqlRegisteredModelTag,
    )
    from mlflow.utils.time import get_current_time_millis

    with store.ManagedSessionMaker(read_only=False) as session:
        if version is None:
            row = store._get_registered_model(session, name)  # noqa: SLF001 - what this module is for
            key: dict[str, Any] = {"name": name}
            table = SqlRegisteredModelTag
        else:
            row = store._get_sql_model_version(session, name, version)  # noqa: SLF001 - what this module is for
            key = {"name": name, "version": int(version)}
            table = SqlModelVersionTag
        for tag, value in tags.items():
            session.merge(table(workspace=row.workspace, key=tag, value=value, **key))
        if description is not None:
            row.description = description
            row.last_updated_time = get_current_time_millis()


def model_marks(client: MlflowClient, key: str) -> dict[str, tuple[int, int, str]] | None:
    """Returns what tells that a registered model has changed, for each that is not a prompt: one statement.

    Args:
        client: MLflow.
        key: a tag that changes with the others.

    Returns:
        name -> (creation time, time of the last update, value of the tag or ""); None where the
        registry is no database of this process.
    """
    store: Any = client._get_registry_client().store  # noqa: SLF001 - what this module is for
    if not is_database(store):
        return None
    from mlflow.store.model_registry.dbmodels import models
    from sqlalchemy import and_

    model: Any = models.SqlRegisteredModel
    tag: Any = models.SqlRegisteredModelTag
    with store.ManagedSessionMaker() as session:
        asked = store._get_query(session, model)  # noqa: SLF001 - what this module is for
        same = and_(tag.name == model.name, tag.workspace == model.workspace)
        joined = asked.outerjoin(tag, and_(same, tag.key.in_((key, _PROMPT))))
        columns = (model.name, model.creation_time, model.last_updated_time, tag.key, tag.value)
        rows = joined.with_entities(*columns).all()
    prompts = {name for name, _, _, of, value in rows if of == _PROMPT and value == "true"}
    found: dict[str, tuple[int, int, str]] = {}
    for name, created, updated, of, value in rows:
        if name not in prompts and (of == key or name not in found):
            mark = str(value or "") if of == key else ""
            found[str(name)] = (int(created or 0), int(updated or 0), mark)
    return found


def model_names(client: MlflowClient) -> list[str] | None:
    """Returns the names of all registered models, sorted, without prompts and without loading any version.

    None if the registry is not a database of this process.
    """
    marks = model_marks(client, _PROMPT)
    return None if marks is None else sorted(marks)


def model_tags(client: MlflowClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """Returns name -> tags of registered models in a database of this process, a statement for 500."""
    from mlflow.store.model_registry.dbmodels import models

    store: Any = client._get_registry_client().store  # noqa: SLF001 - what this module is for
    model: Any = models.SqlRegisteredModel
    tag: Any = models.SqlRegisteredModelTag
    found: dict[str, dict[str, str]] = {name: {} for name in names}
    with store.ManagedSessionMaker() as session:
        for first in range(0, len(names), _AT_ONCE):
            asked = store._get_query(session, model)  # noqa: SLF001 - what this module is for
            asked = asked.filter(model.name.in_(names[first : first + _AT_ONCE]))
            joined = asked.join(tag, (tag.name == model.name) & (tag.workspace == model.workspace))
            for name, key, value in joined.with_entities(model.name, tag.key, tag.value):
                found[str(name)][str(key)] = str(value or "")
    return found
