"""The routes that spot adds to MLflow's server."""

from __future__ import annotations

from typing import Any

from spot_mlflow.version import __version__
from spot_mlflow_plugins import mlflow_private as private


def register_routes(flask_app: Any) -> None:
    """Adds the routes of spot to MLflow's Flask application, once."""
    if "spot_health" in flask_app.view_functions:
        return
    flask_app.before_request(_check_uploads)
    flask_app.add_url_rule(
        private.with_static_prefix("/spot/health"), "spot_health", health, methods=["GET"]
    )


def health() -> dict[str, str]:
    """Says that the gate stands; fails where it does not."""
    from spot_mlflow_plugins.server.gating import check_gated

    check_gated()
    return {"spot": __version__, "gate": "on"}


def _check_uploads() -> Any:
    """Looks at the two upload routes that reach an artifact location directly."""
    from flask import request

    if not request.path.endswith(("/mlflow/upload-artifact", "/presigned-upload-url")):
        return None
    from mlflow.exceptions import MlflowException

    from spot_mlflow_plugins.server.artifact_guard import check_direct_upload

    companions = private.tracking_store()._spot_companions  # noqa: SLF001 - ours, set at start
    try:
        check_direct_upload(
            companions, request.path, request.args, request.get_json(force=True, silent=True)
        )
    except MlflowException as e:
        return e.serialize_as_json(), e.get_http_status_code(), {"Content-Type": "application/json"}
    return None
