"""MLflow's server: its applications, live stores, settings and places."""

from __future__ import annotations

from typing import Any


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


def backend_uri() -> str:
    """Returns the URI of the server's tracking store."""
    import os

    from mlflow.server import BACKEND_STORE_URI_ENV_VAR

    return os.environ[BACKEND_STORE_URI_ENV_VAR]


def serve(uri: str, destination: str | None = None) -> None:
    """Has this process take a database for its server's own, as ``mlflow server`` tells its workers.

    Args:
        uri: of the database.
        destination: of the artifacts that the server serves, or None.
    """
    import os

    from mlflow.server import (
        ARTIFACTS_DESTINATION_ENV_VAR,
        BACKEND_STORE_URI_ENV_VAR,
        SERVE_ARTIFACTS_ENV_VAR,
    )

    os.environ[BACKEND_STORE_URI_ENV_VAR] = uri
    if destination is not None:
        os.environ[ARTIFACTS_DESTINATION_ENV_VAR] = destination
        os.environ[SERVE_ARTIFACTS_ENV_VAR] = "true"


def registry_uri() -> str:
    """Returns the URI of the server's registry store, without a gate in front of it."""
    import os

    from mlflow.server import REGISTRY_STORE_URI_ENV_VAR

    uri = os.environ.get(REGISTRY_STORE_URI_ENV_VAR) or backend_uri()
    return uri.removeprefix("spot+")


def read_replica_uri() -> str | None:
    """Returns the database that the server was told to read from, or None."""
    import os

    from mlflow.server.constants import READ_REPLICA_BACKEND_STORE_URI_ENV_VAR

    return os.environ.get(READ_REPLICA_BACKEND_STORE_URI_ENV_VAR) or None


def plain_artifact_repository() -> Any:
    """Returns a repository of our own for ``--artifacts-destination``, which is not guarded."""
    import os

    from mlflow.server import ARTIFACTS_DESTINATION_ENV_VAR
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    return get_artifact_repository(os.environ[ARTIFACTS_DESTINATION_ENV_VAR])


def artifacts_destination() -> str | None:
    """Returns ``--artifacts-destination``, or None where this server serves no artifacts."""
    import os

    from mlflow.server import ARTIFACTS_DESTINATION_ENV_VAR
    from mlflow.server.handlers import _is_serving_proxied_artifacts

    return (
        os.environ.get(ARTIFACTS_DESTINATION_ENV_VAR) if _is_serving_proxied_artifacts() else None
    )


def default_artifact_root() -> str:
    """Returns ``--default-artifact-root``: where new experiments keep their artifacts."""
    import os

    from mlflow.server import ARTIFACT_ROOT_ENV_VAR

    return os.environ.get(ARTIFACT_ROOT_ENV_VAR, "")


def sent_json() -> Any:
    """Returns the JSON of this request as MLflow's handlers read it; None where it has none.

    What is changed in it, MLflow reads changed.
    """
    import json

    from flask import request

    said = request.get_json(force=True, silent=True)
    if not isinstance(said, str):
        return said
    try:  # old clients send a text that is JSON once more, and MLflow reads it
        said = json.loads(said)
    except ValueError:
        return None
    request._cached_json = (said, said)  # noqa: SLF001 - what this package is for
    return said


def is_proxied(artifact_uri: str) -> bool:
    """Says whether an artifact location is one that a server serves, whichever."""
    return artifact_uri.startswith("mlflow-artifacts:")


def proxied_path(artifact_uri: str) -> str | None:
    """Returns where a proxied artifact location lies below the destination.

    None where this server does not proxy it: another scheme, an ordinary web address, or a path of
    another workspace. An address of the proxy's own routes counts, whichever host it names: MLflow
    takes each for its own.
    """
    from urllib.parse import unquote, urlsplit

    from mlflow.exceptions import MlflowException
    from mlflow.server.handlers import (
        _get_proxied_run_artifact_destination_path,
        _get_workspace_scoped_repo_path_if_enabled,
        _is_servable_proxied_run_artifact_root,
    )

    if not _is_servable_proxied_run_artifact_root(artifact_uri):
        return None
    parts = urlsplit(artifact_uri)
    if parts.scheme in ("http", "https"):
        names = [n for n in unquote(parts.path).split("/") if n]
        starts = [i for i in range(len(names)) if _is_proxy_route(names[i : i + 4])]
        if not starts:
            return None
        artifact_uri = "mlflow-artifacts:/" + "/".join(names[starts[0] + 4 :])
    path = _get_proxied_run_artifact_destination_path(artifact_uri)
    try:
        return str(_get_workspace_scoped_repo_path_if_enabled(path))
    except MlflowException:
        return None


def _is_proxy_route(names: list[str]) -> bool:
    return names[:1] in (["api"], ["ajax-api"]) and names[1:] == [
        "2.0", "mlflow-artifacts", "artifacts",
    ]  # fmt: skip
