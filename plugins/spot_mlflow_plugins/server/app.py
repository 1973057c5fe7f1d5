"""``mlflow server --app-name spot`` and ``--app-name spot-auth``.

MLflow calls the factory once in every worker. Under uvicorn it must return an ASGI application,
under gunicorn and waitress the Flask application. The gate is no middleware: the classes of the
live stores are swapped, so that every route of MLflow, native or Flask, today's or tomorrow's,
goes through it.
"""

from __future__ import annotations

import logging
from typing import Any

from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.server.gating import gate_stores, or_die
from spot_mlflow_plugins.server.routes import register_routes

_logger = logging.getLogger("mlflow.spot")


def create_app() -> Any:
    """Returns MLflow's own server application, gated."""
    flask_app = private.flask_app()
    with or_die():
        gate_stores()
        register_routes(flask_app)
        if private.serves_asgi():
            return private.fastapi_app(flask_app)
        return flask_app


def create_auth_app() -> Any:
    """Returns MLflow's basic-auth server application, gated; the actor is the authenticated user."""
    flask_app = private.flask_app()
    with or_die():
        gate_stores()
        register_routes(flask_app)
        private.authorize(flask_app)
        return private.auth_app(flask_app)
