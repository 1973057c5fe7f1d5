"""MLflow's basic auth: who is asking, and what they may."""

from __future__ import annotations

from typing import Any

from spot_mlflow_plugins.mlflow_private.server import model_registry_store


def auth_app(flask: Any) -> Any:
    """Puts MLflow's basic auth in front and returns the application to serve."""
    from mlflow.server.auth import create_app

    return create_app(flask)


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
    return auth._get_role_permission_or_default(  # noqa: SLF001 - what this package is for
        auth._role_permission_for(  # noqa: SLF001 - what this package is for
            username=user.username,
            resource_type="registered_model",
            resource_key=name,
            workspace_lookup_id=name,
            workspace_fetcher=model_registry_store().get_registered_model,
            workspace_label="registered model",
        )
    )
