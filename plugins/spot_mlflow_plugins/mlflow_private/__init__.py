"""Every private name of MLflow that spot-mlflow uses, and nothing else.

One place to look when a new MLflow minor comes out; ``tests/spot_mlflow_plugins/
test_mlflow_private.py`` calls each of them. Imports of MLflow are late: its server is heavy, and a
client never needs it.
"""

from __future__ import annotations

from spot_mlflow_plugins.mlflow_private.joining import (
    Joined,
    is_database,
    runs_with_change,
    same_database,
)
from spot_mlflow_plugins.mlflow_private.login import (
    auth_app,
    authorize,
    may_read_model,
    may_update_model,
    sender_is_admin,
)
from spot_mlflow_plugins.mlflow_private.registry import (
    ModelRows,
    in_stage,
    is_prompt_model,
    is_prompt_source,
    is_prompt_tag,
    is_prompt_version,
    model_rows,
    registered_model_tag,
    registry_store_of,
    rest_registry_store,
    sql_registry_store,
)
from spot_mlflow_plugins.mlflow_private.server import (
    artifact_repository,
    artifacts_only,
    backend_uri,
    fastapi_app,
    flask_app,
    model_registry_store,
    plain_artifact_repository,
    proxied_path,
    read_replica_uri,
    registry_uri,
    serves_asgi,
    tracking_store,
    with_static_prefix,
)
from spot_mlflow_plugins.mlflow_private.tracking import (
    Pulse,
    RunRows,
    all_views,
    experiment_of_logged_model,
    experiment_of_run,
    finish_run,
    finished_run,
    insert_run,
    name_of_experiment,
    pulse_of,
    runs_of,
    tracking_store_of,
)
from spot_mlflow_plugins.mlflow_private.workspaces import (
    current_workspace,
    in_workspace,
    workspace_of,
    workspaces,
)

__all__ = [
    "Joined",
    "ModelRows",
    "Pulse",
    "RunRows",
    "all_views",
    "artifact_repository",
    "artifacts_only",
    "auth_app",
    "authorize",
    "backend_uri",
    "current_workspace",
    "experiment_of_logged_model",
    "experiment_of_run",
    "fastapi_app",
    "finish_run",
    "finished_run",
    "flask_app",
    "in_stage",
    "in_workspace",
    "insert_run",
    "is_database",
    "is_prompt_model",
    "is_prompt_source",
    "is_prompt_tag",
    "is_prompt_version",
    "may_read_model",
    "may_update_model",
    "model_registry_store",
    "model_rows",
    "name_of_experiment",
    "plain_artifact_repository",
    "proxied_path",
    "pulse_of",
    "read_replica_uri",
    "registered_model_tag",
    "registry_store_of",
    "registry_uri",
    "rest_registry_store",
    "runs_of",
    "runs_with_change",
    "same_database",
    "sender_is_admin",
    "serves_asgi",
    "sql_registry_store",
    "tracking_store",
    "tracking_store_of",
    "with_static_prefix",
    "workspace_of",
    "workspaces",
]
