"""The examples for schedulers, run as far as they run without cron, Airflow and GitHub."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from mlflow import MlflowClient
from raw_worlds import ENGLISH, promise, world, write_csv
from warm_spot import folder_of_spot

import spot_mlflow as spot
from spot_mlflow.record import Record
from spot_mlflow.record.claims import TAG

SCHEDULE = Path(__file__).resolve().parents[2] / "examples" / "schedule"


@pytest.fixture
def shop(tmp_path: Path, mlflow_uri: str) -> Path:
    """A folder in which one model is measured by its tables, and which is due."""
    assert mlflow_uri
    folder = tmp_path / "shop"
    folder.mkdir()
    write_csv(folder, world(200), ENGLISH)
    client = MlflowClient()
    client.create_registered_model("churn")
    client.create_model_version("churn", source="s3://nowhere/model")
    spot.log_predicted_lift("churn/1", promise(folder))
    return folder


def shell(command: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs a line of shell to its end, with a `spot` that has its imports done."""
    path = f"{SCHEDULE}:{folder_of_spot()}:{os.environ['PATH']}"
    with started(command, folder, **{"PATH": path, **variables}) as process:
        out, err = process.communicate()
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def started(command: str, folder: Path, **variables: str) -> subprocess.Popen[str]:
    """Starts it with the `spot` of this environment, in a process group of its own."""
    path = f"{SCHEDULE}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "SPOT_PAUSE": "0", **variables}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        ["sh", "-c", command],
        cwd=folder, env=environment, stdout=pipe, stderr=pipe, text=True, start_new_session=True,
    )  # fmt: skip


def test_the_line_for_cron_is_silent_where_all_is_well_and_speaks_where_a_person_is_needed(
    shop: Path,
) -> None:
    """What cron mails is what is printed: nothing, or the log with the message."""
    (line,) = [x for x in (SCHEDULE / "crontab").read_text().splitlines() if x.startswith("15 6 ")]
    command = line.split(maxsplit=5)[5].replace("/srv/spot", str(shop))
    assert re.fullmatch(r"cd \S+ && check_outcomes\.sh > .*", command)
    done = shell(command, shop)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout
    assert "1 version watched: 1 recorded." in (shop / "outcomes.log").read_text()
    silent = shell(command, shop, MLFLOW_TRACKING_URI="http://127.0.0.1:9", SPOT_TRIES="2")
    assert silent.stdout.count("did not answer") == 2
    assert (
        shell(
            "check_outcomes.sh", shop, MLFLOW_TRACKING_URI="http://127.0.0.1:9", SPOT_TRIES="1"
        ).returncode
        == 3
    )


def test_a_kill_midway_and_a_late_file_are_made_good_by_the_next_run(shop: Path) -> None:
    """Killed while a file is not whole: nothing is half written. What came late is in the next answer, once."""
    late, record = shop / "orders-late.csv", Record()
    os.mkfifo(late)  # a file of which nothing comes

    def checks() -> int:
        return len(record.adoption("churn").checks.get("1", ()))

    def in_hand() -> bool:
        tags = MlflowClient().get_model_version("churn", "1").tags
        return any(k.startswith(TAG) for k in tags)

    with started("check_outcomes.sh --as-of 2026-06-01", shop) as process:
        while process.poll() is None and not in_hand():
            time.sleep(0.2)
        os.killpg(process.pid, signal.SIGKILL)
    assert (checks(), in_hand()) == (0, True)
    late.unlink()
    assert shell("check_outcomes.sh --as-of 2026-06-01", shop).returncode == 0
    assert (checks(), in_hand()) == (1, False)
    rows = [f"late{i},{i},2026-03-20 10:00:00,30.0,paid" for i in range(1, 150)]
    late.write_text("\n".join([",".join(ENGLISH["orders.csv"]), *rows, ""]), encoding="utf-8")
    for _ in range(2):
        assert shell("check_outcomes.sh --as-of 2026-06-08", shop).returncode == 0
    assert checks() == 2
    before, after = (c["realized"]["mean_holdout"] for c in record.adoption("churn").checks["1"])
    assert after > before


def test_the_steps_of_the_workflow_write_their_table_and_end_with_the_status(shop: Path) -> None:
    """Each `run` but the installation, in order; no input is put into a command."""
    workflow = yaml.safe_load((SCHEDULE / "github-actions.yml").read_text(encoding="utf-8"))
    steps = [s["run"] for job in workflow["jobs"].values() for s in job["steps"] if "run" in s]
    assert not [run for run in steps if "${{" in run]
    install, *others = steps
    assert install.startswith("pip install ")
    page = shop / "summary.md"
    for run in others:
        done = shell(f"set -e\n{run}", shop, GITHUB_STEP_SUMMARY=str(page))
        assert done.returncode == 0, done.stderr
    assert "| churn/1 | recorded |" in page.read_text(encoding="utf-8")
    (shop / "orders.csv").unlink()
    MlflowClient().set_registered_model_tag("churn", "note", "the tables are gone")
    failed = shell(
        f"set -e\n{others[-1]}".replace(" --due", ""), shop, GITHUB_STEP_SUMMARY=str(page)
    )
    assert failed.returncode == 2
    assert "Not checked: churn/1" in page.read_text(encoding="utf-8")


def recipe() -> Any:
    """The module of the DAG; without Airflow it defines the callable alone."""
    spec = importlib.util.spec_from_file_location("airflow_dag", SCHEDULE / "airflow_dag.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_callable_of_the_dag_tells_what_may_work_later_from_what_needs_a_person(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow tries an ordinary error again, and fails at once on the other."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    module = recipe()
    assert module.check_due_outcomes() == {"recorded": 1}
    assert module.check_due_outcomes() == {"not_due": 1}
    broken = promise(shop)
    broken["sources"]["events"]["table"] = str(shop / "none.csv")
    spot.log_predicted_lift("churn/1", broken)
    with pytest.raises(module.NeedsAPerson, match="no such file"):
        module.check_due_outcomes("--as-of", "2100-01-01")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(RuntimeError, match="did not answer"):
        module.check_due_outcomes()
