"""Every private name of MLflow that spot-mlflow uses, and nothing else.

One place to look when a new MLflow minor comes out; ``tests/spot_mlflow_plugins/
test_mlflow_private.py`` calls each of them. Imports are late: MLflow's server is heavy, and a
client never needs it.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# --- the server -----------------------------------------------------------------------------


def flask_app() -> Any:
    """Returns MLflow's Flask application."""
    from mlflow.server import app

    return app


def fastapi_app(flask: Any) -> Any:
    """Returns a new FastAPI application: MLflow's native routes, and ``flask`` for all others."""
    from mlflow.server.fastapi_app import create_fastapi_app

    return create_fastapi_app(flask)


def serves_asgi() -> bool:
    """Says whether this process runs under uvicorn, which wants an ASGI application."""
    from mlflow.environment_variables import _MLFLOW_SGI_NAME

    return str(_MLFLOW_SGI_NAME.get()) == "uvicorn"


def with_static_prefix(route: str) -> str:
    """Returns ``route`` under the server's ``--static-prefix``."""
    from mlflow.server.handlers import _add_static_prefix

    return str(_add_static_prefix(route))


def tracking_store() -> Any:
    """Returns the live tracking store of this server process."""
    from mlflow.server.handlers import _get_tracking_store

    return _get_tracking_store()


def model_registry_store() -> Any:
    """Returns the live registry store of this server process."""
    from mlflow.server.handlers import _get_model_registry_store

    return _get_model_registry_store()


# --- looking behind the tracking store, past its own heavy readers ------------------------------


def name_of_experiment(store: Any, experiment_id: str) -> str | None:
    """Returns the name of an experiment in whatever state it is, or None where there is none."""
    from mlflow.exceptions import MlflowException

    if hasattr(store, "ManagedSessionMaker"):
        from mlflow.store.tracking.dbmodels.models import SqlExperiment

        try:
            number = int(experiment_id)
        except ValueError:
            return None
        with _primary(store) as session:
            asked = session.query(SqlExperiment.name)
            found = asked.filter(SqlExperiment.experiment_id == number).first()
        return None if found is None else str(found[0])
    try:
        return str(store.get_experiment(experiment_id).name)
    except MlflowException as e:
        if e.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def experiment_of_run(store: Any, run_id: str) -> str | None:
    """Returns the experiment of a run, or None where there is no such run.

    One column of one row: ``get_run`` would load every tag, param and metric.
    """
    if hasattr(store, "ManagedSessionMaker"):
        from mlflow.store.tracking.dbmodels.models import SqlRun

        with _primary(store) as session:
            found = session.query(SqlRun.experiment_id).filter(SqlRun.run_uuid == run_id).first()
        return None if found is None else str(found[0])
    from mlflow.exceptions import MlflowException

    try:
        return str(store.get_run(run_id).info.experiment_id)
    except MlflowException as e:
        if e.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def _primary(store: Any) -> Any:
    """Returns a session on the database itself: a read replica may not know of the newest yet."""
    return store.ManagedSessionMaker(read_only=False)


def experiment_of_logged_model(store: Any, model_id: str) -> str | None:
    """Returns the experiment of a logged model, or None where there is no such model."""
    from mlflow.exceptions import MlflowException

    try:
        return str(store.get_logged_model(model_id).experiment_id)
    except MlflowException as e:
        if e.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def all_views() -> int:
    """Returns the view that shows deleted experiments and runs as well."""
    from mlflow.entities import ViewType

    return int(ViewType.ALL)


def artifacts_only() -> bool:
    """Says whether the server was started with ``--artifacts-only``."""
    import os

    from mlflow.server import ARTIFACTS_ONLY_ENV_VAR

    return os.environ.get(ARTIFACTS_ONLY_ENV_VAR, "false") == "true"


def artifact_repository() -> Any | None:
    """Returns the live repository behind ``--artifacts-destination``, or None where there is none."""
    import os

    from mlflow.server import ARTIFACTS_DESTINATION_ENV_VAR
    from mlflow.server.handlers import _get_artifact_repo_mlflow_artifacts

    if ARTIFACTS_DESTINATION_ENV_VAR not in os.environ:
        return None
    return _get_artifact_repo_mlflow_artifacts()


# --- basic auth ---------------------------------------------------------------------------------


def auth_app(flask: Any) -> Any:
    """Puts MLflow's basic auth in front and returns the application to serve."""
    from mlflow.server.auth import create_app

    return create_app(flask)


# --- the server's own places ----------------------------------------------------------------------


def backend_uri() -> str:
    """Returns the URI of the server's tracking store."""
    import os

    from mlflow.server import BACKEND_STORE_URI_ENV_VAR

    return os.environ[BACKEND_STORE_URI_ENV_VAR]


def registry_uri() -> str:
    """Returns the URI of the server's registry store, without a gate in front of it."""
    import os

    from mlflow.server import REGISTRY_STORE_URI_ENV_VAR

    uri = os.environ.get(REGISTRY_STORE_URI_ENV_VAR) or backend_uri()
    return uri.removeprefix("spot+")


def plain_artifact_repository() -> Any:
    """Returns a repository of our own for ``--artifacts-destination``, which is not guarded."""
    import os

    from mlflow.server import ARTIFACTS_DESTINATION_ENV_VAR
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    return get_artifact_repository(os.environ[ARTIFACTS_DESTINATION_ENV_VAR])


def proxied_path(artifact_uri: str) -> str | None:
    """Returns where a proxied artifact location lies below the destination; None if not proxied."""
    from mlflow.server.handlers import (
        _get_proxied_run_artifact_destination_path,
        _get_workspace_scoped_repo_path_if_enabled,
        _is_servable_proxied_run_artifact_root,
    )

    if not _is_servable_proxied_run_artifact_root(artifact_uri):
        return None
    path = _get_proxied_run_artifact_destination_path(artifact_uri)
    return str(_get_workspace_scoped_repo_path_if_enabled(path))


# --- the registry store -------------------------------------------------------------------------


def is_prompt_tag(key: str) -> bool:
    """Says whether a tag makes a registered model, or a version, a prompt."""
    from mlflow.prompt.constants import IS_PROMPT_TAG_KEY

    return bool(key == IS_PROMPT_TAG_KEY)


def is_prompt_model(model: Any) -> bool:
    """Says whether a registered model is a prompt; its public ``tags`` hide that."""
    return bool(model._is_prompt())  # noqa: SLF001 - this is what the module is for


def registered_model_tag(key: str, value: str) -> Any:
    """Returns a tag as the registry's store takes it."""
    from mlflow.entities.model_registry import RegisteredModelTag

    return RegisteredModelTag(key, value)


# What MLflow's client and store write as a prompt version's source; older ones have no name for it.
_PROMPT_SOURCES: Final = frozenset({"dummy-source", "prompt-template"})


def is_prompt_source(source: str) -> bool:
    """Says whether a version's source is a placeholder: a prompt's text stands in its tags."""
    return source in _PROMPT_SOURCES


def is_prompt_version(version: Any) -> bool:
    """Says whether a version is a prompt's: by its tag, and with nothing that could be loaded."""
    return bool(version._is_prompt()) and is_prompt_source(str(version.source))  # noqa: SLF001 - as above


def in_stage(store: Any, name: str, stage: str) -> list[Any]:
    """Returns the versions of a model in a stage, all of them.

    ``get_latest_versions`` gives one per stage only; a search reads every version's tags.
    """
    found: list[Any] = []
    token: str | None = None
    while True:
        quote = '"' if "'" in name else "'"
        page = store.search_model_versions(
            f"name = {quote}{name}{quote}", max_results=1000, page_token=token
        )
        found.extend(v for v in page if v.current_stage == stage)
        token = page.token
        if not token:
            return found


def sql_registry_store() -> type:
    """Returns the class of a registry in a database, workspaces included where they are on."""
    from mlflow.environment_variables import MLFLOW_ENABLE_WORKSPACES

    if MLFLOW_ENABLE_WORKSPACES.get():
        from mlflow.store.model_registry.sqlalchemy_workspace_store import (
            WorkspaceAwareSqlAlchemyStore,
        )

        return WorkspaceAwareSqlAlchemyStore
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

    return SqlAlchemyStore


def rest_registry_store(uri: str) -> tuple[type, Any]:
    """Returns the class of a remote registry, and its argument: where and as whom."""
    from functools import partial

    from mlflow.store.model_registry.rest_store import RestStore
    from mlflow.utils.credentials import get_default_host_creds

    return RestStore, partial(get_default_host_creds, uri)


def read_replica_uri() -> str | None:
    """Returns the database that the server was told to read from, or None."""
    import os

    from mlflow.server.constants import READ_REPLICA_BACKEND_STORE_URI_ENV_VAR

    return os.environ.get(READ_REPLICA_BACKEND_STORE_URI_ENV_VAR) or None


def sender_is_admin() -> bool:
    """Says whether the authenticated user of this request administers the server."""
    from mlflow.server.auth import sender_is_admin as is_admin

    return bool(is_admin())


def authorize(validators: dict[tuple[str, str], Any]) -> None:
    """Tells basic auth who may call which route of ours.

    Args:
        validators: (path, method) -> function without arguments that says yes or no.
    """
    from mlflow.server import auth

    auth.BEFORE_REQUEST_VALIDATORS.update(validators)


def may_read_model(name: str) -> bool:
    """Says whether the authenticated user may read a registered model."""
    return bool(_permission_on_model(name).can_read)


def may_update_model(name: str) -> bool:
    """Says whether the authenticated user may update a registered model."""
    return bool(_permission_on_model(name).can_update)


def _permission_on_model(name: str) -> Any:
    from mlflow.server import auth

    user: Any = auth.authenticate_request()
    return auth._get_role_permission_or_default(  # noqa: SLF001 - this is what the module is for
        auth._role_permission_for(  # noqa: SLF001 - as above
            username=user.username,
            resource_type="registered_model",
            resource_key=name,
            workspace_lookup_id=name,
            workspace_fetcher=model_registry_store().get_registered_model,
            workspace_label="registered model",
        )
    )


# --- workspaces -------------------------------------------------------------------------------------


def workspaces() -> list[str | None]:
    """Returns the names of all workspaces; one without a name where they are off."""
    from mlflow.environment_variables import MLFLOW_ENABLE_WORKSPACES

    if not MLFLOW_ENABLE_WORKSPACES.get():
        return [None]
    from mlflow.server.workspace_helpers import _get_workspace_store

    return [str(w.name) for w in _get_workspace_store().list_workspaces()]


def current_workspace() -> str | None:
    """Returns the workspace of this request, or None where they are off."""
    from mlflow.environment_variables import MLFLOW_ENABLE_WORKSPACES

    if not MLFLOW_ENABLE_WORKSPACES.get():
        return None
    from mlflow.utils.workspace_context import get_request_workspace

    return get_request_workspace()


@contextmanager
def in_workspace(name: str | None) -> Iterator[None]:
    """Does what is inside in a workspace, as a request to it would."""
    if name is None:
        yield
        return
    from mlflow.utils.workspace_context import (
        clear_server_request_workspace,
        set_server_request_workspace,
    )

    set_server_request_workspace(name)
    try:
        yield
    finally:
        clear_server_request_workspace()


# --- has anything been recorded since? ----------------------------------------------------------


class Pulse(NamedTuple):
    """What shows that an experiment has more than before: cheap to ask, and equal means unchanged.

    Attributes:
        stage: lifecycle stage of the experiment.
        runs: its runs, deleted ones included.
        finished: those that are finished.
    """

    stage: str
    runs: int
    finished: int

    def plus_one(self) -> Pulse:
        """Returns the pulse after one more finished run."""
        return Pulse(self.stage, self.runs + 1, self.finished + 1)


def tracking_store_of(client: Any) -> Any:
    """Returns the tracking store behind a client."""
    return client._tracking_client.store  # noqa: SLF001 - as above


def pulse_of(store: Any, experiment_id: str) -> Pulse | None:
    """Returns the pulse of an experiment: one statement; None where the store is no database here."""
    if not hasattr(store, "ManagedSessionMaker"):
        return None
    import sqlalchemy as sa
    from mlflow.store.tracking.dbmodels.models import SqlExperiment, SqlRun

    finished = sa.func.sum(sa.case((SqlRun.status == "FINISHED", 1), else_=0))
    query: Any = (
        sa.select(SqlExperiment.lifecycle_stage, sa.func.count(SqlRun.run_uuid), finished)
        .select_from(SqlExperiment)
        .outerjoin(SqlRun, SqlRun.experiment_id == SqlExperiment.experiment_id)
        .where(SqlExperiment.experiment_id == int(experiment_id))
        .group_by(SqlExperiment.lifecycle_stage)
    )
    with _primary(store) as session:
        row = session.execute(query).first()
    return None if row is None else Pulse(str(row[0]), int(row[1]), int(row[2] or 0))


def runs_of(store: Any, experiment_id: str) -> set[str]:
    """Returns the ids of an experiment's active runs; nothing where the store is no database here."""
    if not hasattr(store, "ManagedSessionMaker"):
        return set()
    import sqlalchemy as sa
    from mlflow.store.tracking.dbmodels.models import SqlRun

    query: Any = sa.select(SqlRun.run_uuid).where(
        SqlRun.experiment_id == int(experiment_id), SqlRun.lifecycle_stage == "active"
    )
    with _primary(store) as session:
        return set(session.execute(query).scalars())


def insert_finished_run(
    store: Any,
    *,
    experiment_id: str,
    folder: str,
    name: str,
    at: int,
    tags: Mapping[str, str],
    params: Mapping[str, str],
) -> str | None:
    """Writes a run whole, in one transaction, as ``create_run`` and two more calls would.

    Args:
        store: a tracking store.
        experiment_id: of the run.
        folder: artifact location of the experiment.
        name: of the run.
        at: its start and end, milliseconds.
        tags: of the run.
        params: of the run.

    Returns:
        The run's id; None where the store is no database here, and nothing was written.
    """
    if not hasattr(store, "ManagedSessionMaker"):
        return None
    import uuid

    from mlflow.store.tracking.dbmodels.models import SqlParam, SqlTag

    run_id = uuid.uuid4().hex
    run = _run_row(run_id, experiment_id, folder, name, at)
    said = {**tags, "mlflow.runName": name}
    run.tags = [SqlTag(key=k, value=v) for k, v in said.items()]
    run.params = [SqlParam(key=k, value=v) for k, v in params.items()]
    with _primary(store) as session:
        session.add(run)
    return run_id


def _run_row(run_id: str, experiment_id: str, folder: str, name: str, at: int) -> Any:
    """Returns the row that ``create_run`` and ``update_run`` leave behind."""
    from mlflow.store.tracking.dbmodels.models import SqlRun
    from mlflow.utils.uri import append_to_uri_path

    return SqlRun(
        name=name,
        artifact_uri=append_to_uri_path(folder, run_id, "artifacts"),
        run_uuid=run_id,
        experiment_id=int(experiment_id),
        source_type="UNKNOWN",
        source_name="",
        entry_point_name="",
        user_id="spot",
        status="FINISHED",
        start_time=at,
        end_time=at,
        deleted_time=None,
        source_version="",
        lifecycle_stage="active",
    )


def registry_store_of(client: Any) -> Any:
    """Returns the registry store behind a client."""
    return client._get_registry_client().store  # noqa: SLF001 - as above


def workspace_of(store: Any) -> str:
    """Returns the workspace that a store works in now; "" where it knows none."""
    ask = getattr(store, "_get_active_workspace", None)
    return "" if ask is None else str(ask())


class ModelRows(NamedTuple):
    """What a registry's tables say of one model.

    Attributes:
        name: as it is written there.
        created: creation time, milliseconds.
        tags: key to value.
        aliases: alias to version.
        versions: (version, creation time, stage, run id), oldest first, deleted ones left out.
    """

    name: str
    created: int
    tags: dict[str, str]
    aliases: dict[str, str]
    versions: list[tuple[str, int, str, str]]


def model_rows(store: Any, name: str) -> ModelRows | None:
    """Reads one model by four small statements; None where the store is no database here, or has none.

    ``get_registered_model`` and ``search_model_versions`` load every tag of every version.
    """
    if not hasattr(store, "ManagedSessionMaker"):
        return None
    from mlflow.entities.model_registry.model_version_stages import STAGE_DELETED_INTERNAL
    from mlflow.store.model_registry.dbmodels import models as m

    def rows(session: Any, table: Any, *columns: str) -> list[Any]:
        query = store._get_query(session, table).filter(table.name == name)  # noqa: SLF001 - as above
        return list(query.with_entities(*(getattr(table, c) for c in columns)).all())

    with store.ManagedSessionMaker() as session:
        found = rows(session, m.SqlRegisteredModel, "name", "creation_time")
        if len(found) != 1:
            return None
        tags = rows(session, m.SqlRegisteredModelTag, "key", "value")
        aliases = rows(session, m.SqlRegisteredModelAlias, "alias", "version")
        versions = rows(
            session, m.SqlModelVersion, "version", "creation_time", "current_stage", "run_id"
        )
    return ModelRows(
        str(found[0][0]),
        int(found[0][1] or 0),
        {str(k): str(v) for k, v in tags},
        {str(a): str(v) for a, v in aliases},
        [
            (str(v), int(created or 0), str(stage or "None"), str(run or ""))
            for v, created, stage, run in sorted(versions)
            if stage != STAGE_DELETED_INTERNAL
        ],
    )


def finish_run(client: Any, run_id: str) -> None:
    """Sets a run FINISHED; the client's ``update_run`` would read all of it before."""
    from mlflow.entities import RunStatus

    tracking_store_of(client).update_run_info(run_id, RunStatus.FINISHED, None, None)
