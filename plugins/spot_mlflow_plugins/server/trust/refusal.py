"""The one form in which the server says no: HTTP 403, PERMISSION_DENIED, what and how instead.

INVALID_STATE would become HTTP 500 in some routes, which clients retry and hide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow.exceptions import MlflowException


def refusal(what: str, fix: str) -> MlflowException:
    """Returns the exception that MLflow's routes turn into 403 with this text."""
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import PERMISSION_DENIED

    return MlflowException(f"[spot] {what} {fix}", error_code=PERMISSION_DENIED)
