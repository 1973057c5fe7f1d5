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
