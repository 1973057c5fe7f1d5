from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from terminal import run_spot

from spot_mlflow.api import log_predicted_lift, raise_concern

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from servers import MlflowServer

    from spot_mlflow.record import Record

CONTRACT = {
    "metric": "got",
    "predicted": {"lift": 0.35, "se": 0.02},
    "columns": {"arm": "any", "outcome": "got"},
}


def test_where_nothing_is_yet_it_says_so_and_makes_nothing(tmp_path: Path) -> None:
    """The address that MLflow would take, that nobody chose it, and how to begin; no database is left."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_")}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "spot_mlflow_cli"],
        capture_output=True, text=True, check=True, timeout=240, cwd=tmp_path,
        env={**kept, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert "No MLflow at sqlite:///" in done.stdout
    assert "yet; MLFLOW_TRACKING_URI is not set." in done.stdout
    assert "Next: spot demo" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_an_empty_registry_is_named_with_a_first_step(mlflow_uri: str) -> None:
    """A store without models is no answer that all is well, in this and in every other command."""
    done = run_spot()
    assert f"Store {mlflow_uri}, without the gate." in done.out
    assert f"No models at {mlflow_uri}." in done.out
    assert "Next: spot init" in done.out
    for command in (["todo"], ["portfolio"], ["gate", "--all", "--to", "Production"],
                    ["verify", "--all"], ["digest"], ["outcomes", "--all"]):  # fmt: skip
        said = run_spot(*command)
        assert f"No models at {mlflow_uri}." in said.out + said.err, command


def test_models_are_counted_and_what_needs_attention_is_named(churn: Record) -> None:
    """How many there are, which ones ask for something, and the next command."""
    done = run_spot()
    assert "1 model: 1 not assessed." in done.out
    assert "Next: spot ask churn --role business" in done.out
    log_predicted_lift("churn/1", CONTRACT, record=churn)
    raise_concern(
        "churn",
        what="who calls them?",
        severity="major",
        person="Ann",
        role="business",
        record=churn,
    )
    done = run_spot()
    assert "1 model: 1 promised." in done.out
    assert any(line.startswith("  churn: ") for line in done.out.splitlines())
    assert "Next: spot todo" in done.out


@pytest.fixture
def at(mlflow_uri: str) -> Callable[[str], None]:
    """Has MLflow itself ask another address, until the test ends."""
    import mlflow

    assert mlflow_uri

    def use(uri: str) -> None:
        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(uri)

    return use


def test_a_server_is_told_from_a_store(
    gated_server: MlflowServer, plain_server: str, at: Callable[[str], None]
) -> None:
    """Whether the server has the gate is said before anything else."""
    at(gated_server.url)
    assert f"Server {gated_server.url}, with the gate." in run_spot().out
    at(plain_server)
    assert f"Server {plain_server}, without the gate" in run_spot().out


def test_a_wrong_path_names_the_address(plain_server: str, at: Callable[[str], None]) -> None:
    """A path prefix that the server does not have is told from a server without models."""
    at(f"{plain_server}/wrong")
    for command in ((), ("show", "churn"), ("doctor",)):
        done = run_spot(*command)
        assert done.status == 3, command
        assert "no MLflow under this path" in " ".join((done.out + done.err).split()), command
        assert f"{plain_server}/wrong" in done.out + done.err


@pytest.mark.usefixtures("mlflow_uri")
def test_ask_makes_its_folder(tmp_path: Path, churn: Record) -> None:
    """The folder for the worksheet is made; a file in its place is named."""
    assert churn
    done = run_spot("ask", "churn", "--role", "business", "-o", tmp_path / "new" / "letters")
    assert done.status == 0, done.err
    assert len(list((tmp_path / "new" / "letters").glob("*.html"))) == 1
    (tmp_path / "file").write_text("")
    done = run_spot("ask", "churn", "--role", "business", "-o", tmp_path / "file" / "below")
    assert done.status == 2
    assert "cannot be made" in done.err
