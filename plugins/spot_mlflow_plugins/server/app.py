"""``mlflow server --app-name spot`` and ``--app-name spot-auth``.

MLflow calls the factory once in every worker. Under uvicorn it must return an ASGI application,
under gunicorn and waitress the Flask application. The gate is no middleware: the classes of the
live stores are swapped, so that every route of MLflow, native or Flask, today's or tomorrow's,
goes through it.
"""

from __future__ import annotations

from typing import Any

from spot_mlflow_plugins import mlflow_private as private
from spot_mlflow_plugins.server.guards.companion_rights import bind_companions
from spot_mlflow_plugins.server.guards.gating import (
    gate_stores,
    one_at_a_time,
    or_die,
    start_verification,
)
from spot_mlflow_plugins.server.routes.authorization import open_paths, validators
from spot_mlflow_plugins.server.routes.limits import bounded
from spot_mlflow_plugins.server.routes.table import register_routes
from spot_mlflow_plugins.server.trust.identity import require_login


def create_app() -> Any:
    """Returns MLflow's own server application, gated."""
    flask_app = private.flask_app()
    with or_die():
        gate_stores()
        register_routes(flask_app)
        start_verification()
        if private.serves_asgi():
            return bounded(private.fastapi_app(flask_app))
        return flask_app


def create_auth_app() -> Any:
    """Returns MLflow's basic-auth server application, gated; the actor is the authenticated user."""
    flask_app = private.flask_app()
    with or_die():
        gate_stores()
        start_verification()
        require_login()
        private.authorize(validators())
        private.leave_open(open_paths())
        # MLflow makes the table of users before it starts workers, for its own app only.
        with one_at_a_time("auth"):
            app = private.auth_app(flask_app)
        bind_companions()
        register_routes(flask_app)
        return bounded(app) if private.serves_asgi() else app
