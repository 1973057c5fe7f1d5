"""How a view's value becomes JSON, and its errors HTTP."""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING, Any, Final

from spot_mlflow.errors import SpotError
from spot_mlflow.record.faults import mlflow_errors
from spot_mlflow_plugins.server.routes.walls import error_code

if TYPE_CHECKING:
    from collections.abc import Callable

_logger: Final = logging.getLogger("mlflow.spot")


def answers_json(view: Callable[[], Any]) -> Callable[[], Any]:
    """Turns a view's value into JSON, and errors into a status with MLflow's error body."""

    @functools.wraps(view)
    def wrapper() -> Any:
        from flask import jsonify
        from mlflow.exceptions import MlflowException

        try:
            with mlflow_errors("the record"):
                return jsonify(view())
        except SpotError as e:
            return jsonify(error_code=error_code(e), message=f"[spot] {e}"), e.http_status
        except MlflowException as e:
            body = e.serialize_as_json()
            return body, e.get_http_status_code(), {"Content-Type": "application/json"}
        except OSError as e:
            _logger.exception("The server could not write")
            message = f"[spot] The server could not write: {e.strerror or e}"
            return jsonify(error_code="TEMPORARILY_UNAVAILABLE", message=message), 503

    return wrapper
