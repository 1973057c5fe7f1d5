"""Every command, in a folder where no MLflow is and nothing says where one is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from terminal import run_spot

from spot_mlflow_cli.main import SECTIONS

if TYPE_CHECKING:
    from pathlib import Path

WHO = "--person Ann --role business"
TO = "--to Production"
# command -> how it is called; those of one command that differ are told apart by their arguments.
ASKING = [
    "assess churn --from answers.yaml " + WHO,
    "ask churn --role business",
    "involve churn --phase scope --kind contributed " + WHO,
    "concern raise churn --severity major --what cost " + WHO,
    "concern answer churn c1 --what solved " + WHO,
    "concern confirm churn c1 " + WHO,
    "concern reopen churn c1 --what again " + WHO,
    "confirm churn --person Ann",
    "pulse churn --useful 4 --would-use 4 " + WHO,
    "todo",
    "promise churn/1 lift.yaml",
    "outcomes churn/1 outcomes.csv",
    "outcomes --all",
    "log churn/1",
    "init --all",
    "show churn",
    "portfolio",
    "history churn",
    "digest",
    "report churn",
    "card churn",
    "benchmark churn",
    "gate churn/1 " + TO,
    "gate --all " + TO,
    "policy show",
    "policy set --mode warn --dry-run",
    "policy retire --reason over",
    f"request churn/1 {TO} --why ready " + WHO,
    "approve churn 1 " + WHO,
    "reject churn 1 --reason early " + WHO,
    "withdraw churn 1 --person Ann",
    f"sign-off churn/1 {TO} " + WHO,
    f"waive churn/1 {TO} --requirement sign_off --reason test --approver Bo",
    f"break-glass churn/1 {TO} --reason fire",
    f"rollback churn {TO}",
    "verify churn",
    "verify --all",
    "restore accept --reason older",
    "audit",
    "export churn -o churn.jsonl",
    "rebind churn",
    "erase Ann",
]
# These ask no MLflow, or say themselves what there is; `server` and `demo` are there to make one.
OTHERS = {"demo", "server", "doctor", "completion", "plan", "assign", "worksheet", "import"}


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, in which MLflow would put a database of its own."""
    import mlflow.tracking._model_registry.utils as registry
    import mlflow.tracking._tracking_service.utils as tracking

    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(tracking, "_tracking_uri", None)
    monkeypatch.setattr(registry, "_registry_uri", None)
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "SPOT_PERSON"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "lift.yaml").write_text(
        "metric: got\npredicted: {lift: 0.3, se: 0.02}\ncolumns: {arm: any, outcome: got}\n"
    )
    (tmp_path / "answers.yaml").write_text("answers: {S1: 3}\n")
    (tmp_path / "outcomes.csv").write_text("any,got\n1,1\n0,0\n")
    return folder


@pytest.mark.parametrize("line", ASKING)
def test_where_no_store_is_none_is_made(line: str, empty: Path) -> None:
    """It says that there is none, where it looked, and which variable is not set; no file is left."""
    files = {f"{p.name}": str(p) for p in empty.parent.iterdir() if p.is_file()}
    done = run_spot(*(files.get(word, word) for word in line.split()))
    assert done.status == 3, done.out + done.err
    assert f"there is no MLflow at sqlite:///{empty}/mlflow.db" in done.err
    assert "MLFLOW_TRACKING_URI is not set" in done.err
    assert list(empty.iterdir()) == []


def test_the_table_has_every_command() -> None:
    """A new command is tried as well."""
    known = {name for commands in SECTIONS.values() for name in commands}
    assert {line.split()[0] for line in ASKING} | OTHERS == known


def test_a_policy_that_is_set_makes_its_store(empty: Path) -> None:
    """An operator sets the policy before there is a model; so does who imports into an empty registry."""
    assert run_spot("policy", "set", "--mode", "warn").status == 0
    assert (empty / "mlflow.db").exists()
