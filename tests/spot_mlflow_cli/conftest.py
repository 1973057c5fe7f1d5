"""A registry with one model, and a home of its own for drafts and keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from spot_mlflow_cli.main import main

if TYPE_CHECKING:
    from spot_mlflow.record import Record


@pytest.fixture(autouse=True)
def _own_home(tmp_path, monkeypatch):
    """No test reads or writes the drafts and keys of the person who runs it."""
    monkeypatch.setenv("SPOT_HOME", str(tmp_path / "home"))
    for name in ("SPOT_PERSON", "SPOT_PSEUDONYM", "SPOT_PSEUDONYM_KEY", "SPOT_INSTRUMENT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def churn(mlflow_uri: str) -> Record:
    """The record of a registry that holds churn, version 1."""
    from mlflow import MlflowClient

    from spot_mlflow.record import Record

    client = MlflowClient(mlflow_uri)
    client.create_registered_model("churn")
    client.create_model_version("churn", source="s3://nowhere/model")
    return Record()


@pytest.fixture
def spot(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command as typed and returns (exit status, what it printed, what it complained)."""

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as e:
            main(list(arguments))
        out, err = capsys.readouterr()
        return int(e.value.code or 0), out, err

    return run
