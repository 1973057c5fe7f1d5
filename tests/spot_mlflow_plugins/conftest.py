"""What tests of the plugins share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from guarding import churn

if TYPE_CHECKING:
    from mlflow import MlflowClient


@pytest.fixture
def sqlite(mlflow_uri: str) -> MlflowClient:
    """A client of a gated SQLite registry with two versions of churn, all models in mode block."""
    return churn(mlflow_uri)
