"""A registered model to write about; it has no artifacts, so it costs no training."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

CONTRACT = {
    "metric": "got",
    "predicted": {"lift": 0.35, "se": 0.02},
    "minimum_viable": 0.1,
    "columns": {"arm": "any", "outcome": "got"},
}


@pytest.fixture
def contract() -> dict[str, object]:
    """A lift contract."""
    return dict(CONTRACT)


@pytest.fixture
def churn(mlflow_uri: str) -> str:
    """A registered model with two versions."""
    from mlflow import MlflowClient

    client = MlflowClient(mlflow_uri)
    client.create_registered_model("churn")
    for _ in range(2):
        client.create_model_version("churn", source="file:///nowhere")
    return "churn"


@pytest.fixture
def another_mlflow(_empty_mlflow: Path, tmp_path: Path) -> str:
    """A second MLflow in an SQLite file, which nothing is set to."""
    return f"sqlite:///{shutil.copy(_empty_mlflow, tmp_path / 'another.db')}"
