"""A store, a folder or a home that cannot be written is an error that names it and the remedy.

Each command runs as a user without an entry in the list of users, where the suite itself runs as root.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.journey

# Another user, who may read everything, since the interpreter may lie in root's own folder.
AS_NOBODY = (
    "setpriv", "--reuid=54321", "--regid=54321", "--clear-groups",
    "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search",
)  # fmt: skip
CONTRACT = "metric: got\npredicted: {lift: 0.3, se: 0.02}\ncolumns: {arm: any, outcome: got}\n"
SPEAK = ("involve", "churn", "--phase", "scope", "--kind", "contributed", "--person", "Ann",
         "--role", "business")  # fmt: skip


@pytest.fixture(scope="module")
def folder(_empty_mlflow: Path) -> Iterator[Path]:
    """A folder that all may read and only its owner may write, with a registry that holds churn/1."""
    from mlflow import MlflowClient

    place = Path(tempfile.mkdtemp(prefix="spot-unwritable-"))
    shutil.copy(_empty_mlflow, place / "mlflow.db")
    client = MlflowClient(f"sqlite:///{place / 'mlflow.db'}")
    client.create_registered_model("churn")
    client.create_model_version("churn", source="s3://nowhere/model")
    client.create_experiment("spot/churn", artifact_location=f"{place.as_uri()}/artifacts")
    (place / "lift.yaml").write_text(CONTRACT)
    (place / "open").mkdir()
    (place / "empty").mkdir(mode=0o755 if os.geteuid() == 0 else 0o555)
    (place / "open").chmod(0o777)
    (place / "mlflow.db").chmod(0o644)
    place.chmod(0o755 if os.geteuid() == 0 else 0o555)
    yield place
    place.chmod(0o755)
    shutil.rmtree(place)


def run(
    folder: Path, *arguments: str, home: str | None = "/", **said: str
) -> subprocess.CompletedProcess[str]:
    """Runs ``spot`` as nobody in particular, in ``folder``."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "SPOT_", "HOME"))}
    homes = {} if home is None else {"HOME": home}
    path = {"PYTHONPATH": os.pathsep.join(sys.path), "MLFLOW_DISABLE_TELEMETRY": "true"}
    command = [sys.executable, "-W", "ignore", "-m", "spot_mlflow_cli", *arguments]
    return subprocess.run(
        [*AS_NOBODY, *command] if os.geteuid() == 0 else command,
        capture_output=True, text=True, check=False, timeout=300, cwd=folder,
        env={**kept, **path, **homes, **said},
    )  # fmt: skip


def entries(database: Path) -> int:
    """How many runs an MLflow has."""
    with closing(sqlite3.connect(database)) as base:
        return int(base.execute("select count(*) from runs").fetchone()[0])


def test_a_folder_that_cannot_be_written_holds_no_database(folder: Path) -> None:
    """MLflow's default, a file in the folder where one is: it is named at once, and so is the variable."""
    done = run(folder / "empty", "todo")
    assert done.returncode == 3, done.stderr
    assert "there is no MLflow at sqlite:" in done.stderr
    assert "MLFLOW_TRACKING_URI is not set" in done.stderr
    done = run(folder / "empty", "policy", "set", "--mode", "warn")
    assert done.returncode == 3, done.stderr
    assert "mlflow.db cannot be opened: this user cannot write its folder" in done.stderr
    assert "MLFLOW_TRACKING_URI is not set" in done.stderr
    assert "retried" not in done.stderr


def test_a_database_that_is_read_only_is_read_and_not_written(folder: Path) -> None:
    """What can be read is read; an entry is refused with the database's name and leaves nothing."""
    database = folder / "mlflow.db"
    uri = f"sqlite:///{database}"
    assert "1 model" in run(folder, MLFLOW_TRACKING_URI=uri).stdout
    before = database.read_bytes()
    done = run(folder, *SPEAK, MLFLOW_TRACKING_URI=uri)
    assert done.returncode == 3, done.stderr
    assert "mlflow.db cannot be written: it is read-only for this user" in done.stderr
    assert "MLFLOW_TRACKING_URI to a store" in done.stderr
    assert database.read_bytes() == before


def test_an_artifact_folder_that_cannot_be_written_leaves_no_entry_that_counts(
    folder: Path,
) -> None:
    """As with /mlruns of a server without an artifact store: named, with the remedy, and no promise made."""
    database = folder / "open" / "mlflow.db"
    shutil.copy(folder / "mlflow.db", database)
    database.chmod(0o666)
    uri = f"sqlite:///{database}"
    done = run(folder, "promise", "churn/1", "lift.yaml", MLFLOW_TRACKING_URI=uri)
    assert done.returncode == 3, done.stderr
    assert f"{folder}/artifacts" in done.stderr
    assert "--artifacts-destination" in done.stderr
    assert not (folder / "artifacts").exists()
    from spot_mlflow.record import Record

    assert Record(uri).adoption("churn/1").entries == ()
    assert run(folder, "verify", "churn", MLFLOW_TRACKING_URI=uri).returncode == 0


def test_without_a_home_the_variable_is_named(folder: Path) -> None:
    """No HOME and no entry in the list of users, as in some containers: MLflow itself would fail."""
    done = run(folder, "todo", home=None, MLFLOW_TRACKING_URI=f"sqlite:///{folder}/mlflow.db")
    assert done.returncode == 2, done.stderr
    assert "this user has no home folder" in done.stderr
    assert "HOME=/tmp" in done.stderr


def test_a_home_that_is_read_only_keeps_no_key(folder: Path) -> None:
    """A pseudonym needs a key: the file that cannot be made is named, and the variable in its place."""
    before = entries(folder / "mlflow.db")
    done = run(
        folder, *SPEAK, "--pseudonym", home=str(folder), MLFLOW_TRACKING_URI=f"sqlite:///{folder}/mlflow.db"
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "pseudonym.key: cannot be written" in done.stderr
    assert "SPOT_PSEUDONYM_KEY" in done.stderr
    assert entries(folder / "mlflow.db") == before
