"""Every private name of MLflow that spot-mlflow uses, and nothing else.

One place to look when a new MLflow minor comes out; ``tests/spot_mlflow_plugins/
test_mlflow_private.py`` calls each of them. Imports are late: MLflow's server is heavy, and a
client never needs it.
"""

from __future__ import annotations

from typing import Any

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

        with store.ManagedSessionMaker() as session:
            found = session.query(SqlRun.experiment_id).filter(SqlRun.run_uuid == run_id).first()
        return None if found is None else str(found[0])
    from mlflow.exceptions import MlflowException

    try:
        return str(store.get_run(run_id).info.experiment_id)
    except MlflowException as e:
        if e.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


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
