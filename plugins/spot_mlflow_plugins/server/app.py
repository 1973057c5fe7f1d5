"""``mlflow server --app-name spot`` and ``--app-name spot-auth``.

MLflow calls the factory once in every worker. Under uvicorn it must return an ASGI application,
under gunicorn and waitress the Flask application. The gate is no middleware: the classes of the
live stores are swapped, so that every route of MLflow, native or Flask, today's or tomorrow's,
goes through it.
"""

from __future__ import annotations

import logging
from typing import Any

from spot_mlflow.version import __version__
from spot_mlflow_plugins import mlflow_private as private

_logger = logging.getLogger("mlflow.spot")


def create_app() -> Any:
    """Returns MLflow's own server application, gated."""
    flask_app = private.flask_app()
    gate_stores()
    register_routes(flask_app)
    if private.serves_asgi():
        return private.fastapi_app(flask_app)
    return flask_app


def gate_stores() -> None:
    """Swaps the classes of the live stores for their gated subclasses.

    Raises:
        SystemExit: when a store could not be gated; a server that looks gated and is not would be
            worse than none.
    """
    from spot_mlflow_plugins.guard import GateMixin, gated

    registry = private.model_registry_store()
    if not isinstance(registry, GateMixin):
        registry.__class__ = gated(type(registry))


def register_routes(flask_app: Any) -> None:
    """Adds the routes of spot to MLflow's Flask application, once."""
    if "spot_health" in flask_app.view_functions:
        return

    def health() -> dict[str, str]:
        return {"spot": __version__, "gate": "on"}

    flask_app.add_url_rule(
        private.with_static_prefix("/spot/health"), "spot_health", health, methods=["GET"]
    )
