"""From the wheel to the picture: installed in a fresh environment, the demo tells the whole story.

The tests stand in one file because they look at the same demo, which takes its time.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODEL = "result-incentive"

# A fresh environment is installed from the registry: that takes as long as it takes.
pytestmark = [pytest.mark.journey, pytest.mark.timeout(1800)]


def clean_environment(**more):
    """Returns an environment in which nothing of this checkout can be imported by accident."""
    kept = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith(("MLFLOW_", "COV_", "PYTHON", "PYTEST"))
    }
    return kept | {"MLFLOW_DISABLE_TELEMETRY": "true", "COLUMNS": "80", **more}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A wheel and an sdist, built from the checkout; the wheel from the sdist, as an index would."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return folder


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    """A fresh environment with the wheel and what it asks for, and nothing else."""
    folder = tmp_path_factory.mktemp("fresh") / "env"
    venv.create(folder, with_pip=False)
    python = str(folder / "bin" / "python")
    wheel = str(next(built.glob("*.whl")))
    # uv does it in a tenth of pip's time; where it does not reach the index that pip is set up for, pip does.
    for installer in (
        ["uv", "pip", "install"],
        ["pip", "--python", python, "install", "--no-compile"],
    ):
        place = ["--python", python] if installer[0] == "uv" else []
        command = [sys.executable, "-m", *installer, "--quiet", *place, wheel]
        done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
        if done.returncode == 0:
            break
    assert done.returncode == 0, done.stderr[-3000:]
    return folder / "bin"


@pytest.fixture(scope="module")
def demo(installed, tmp_path_factory):
    """The folder in which ``spot demo`` was run, and what it printed."""
    folder = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        [installed / "spot", "demo"], cwd=folder, capture_output=True, text=True, timeout=600,
        env=clean_environment(), check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return folder / "spot-demo", done.stdout


def test_the_wheel_holds_the_four_packages_and_nothing_generic(built):
    """The wheel installs the four import packages, typed, and no top-level ``cli`` or ``tests``."""
    import zipfile

    names = zipfile.ZipFile(next(built.glob("*.whl"))).namelist()
    top = {n.split("/")[0] for n in names if not n.split("/")[0].endswith(".dist-info")}
    assert top == {"spot_mlflow", "spot_mlflow_plugins", "spot_mlflow_checks", "spot_mlflow_cli"}
    assert {f"{p}/py.typed" for p in top} <= set(names)
    assert "spot_mlflow_cli/demo/data/thornton_hiv.csv" in names


def test_the_sdist_holds_what_a_packager_needs_and_nothing_of_this_checkout(built):
    """Sources, tests, docs, licence and the light client's list; no environment, database or cache."""
    import tarfile

    from spot_mlflow.version import __version__

    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {n.partition("/")[2] for n in archive.getnames()}
    assert next(built.glob("*.tar.gz")).name == f"spot_mlflow-{__version__}.tar.gz"
    wanted = {"pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "NOTICE", "Makefile"}
    wanted |= {"spot_mlflow/version.py", "tests/conftest.py", "docs/stability.md"}
    wanted |= {"requirements-light.txt"}
    assert wanted <= names
    top = {n.partition("/")[0] for n in names}
    assert not top & {".venv", "build", "dist", ".git", ".pytest_cache", "spot-demo", "mlruns"}
    assert [n for n in names if n.endswith((".db", ".pyc", ".log"))] == []


def test_the_installed_command_says_its_version(installed):
    """``spot --version`` of the installed wheel is the package's version."""
    from spot_mlflow.version import __version__

    done = subprocess.run(
        [installed / "spot", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().endswith(__version__)


def test_the_demo_tells_the_story(demo):
    """The gate refuses twice and allows once; the inflated promise falls short, the honest one stays open.

    9 % of the holdout never came back with an outcome and hardly any of the treated: no verdict.
    """
    _, said = demo
    assert said.count("Refused") == 2
    assert said.index("Refused") < said.index("Allowed")
    assert all(len(line) <= 80 for line in said.splitlines() if "│" in line)
    rows = [re.split(r"\s*[│|]\s*", line.strip(" │|")) for line in said.splitlines() if re.match(r"\s*│ ?[12] ", line)]  # fmt: skip
    assert [row[0] for row in rows] == ["1", "2"]
    assert "Less than promised" in rows[0]
    assert "No verdict" in rows[1]
    told = " ".join(said.split())
    assert "have no arm" in told
    assert "Version 1 (shortfall, viable): Less than promised: " in told
    assert "Version 2 (inconclusive, viable): No verdict: " in told
    assert "Outcomes are missing for 0.36 % of the treated and 9.4 % of the holdout" in told


def test_the_demo_names_commands_that_run(demo, installed):
    """Where the environment is not on the path, as after ``make demo``, the commands say where it is."""
    _, said = demo
    typed = next(line.split()[0] for line in said.splitlines() if " server --backend" in line)
    assert Path(typed) == installed / "mlflow"
    assert subprocess.run([typed, "--version"], check=True, capture_output=True).returncode == 0


def test_the_record_of_the_demo_is_whole(demo, installed):
    """All that the story says is on record, verified, and machine-readable."""
    import json

    folder, _ = demo
    environment = clean_environment(MLFLOW_TRACKING_URI=f"sqlite:///{folder / 'mlflow.db'}")

    def spot(*arguments, status=0):
        done = subprocess.run(
            [installed / "spot", *arguments], capture_output=True, text=True, env=environment,
            timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == status, done.stderr
        return done.stdout

    assert json.loads(spot("verify", MODEL, "--format", "json"))[0]["sound"]
    shown = json.loads(spot("show", MODEL, "--format", "json"))
    assert (shown["lift"]["verdict"], shown["lift"]["inconclusive"]) == ("inconclusive", "data")
    refused = json.loads(
        spot("gate", f"{MODEL}/1", "--to", "Production", "--format", "json", status=1)
    )
    assert not refused["allowed"]
    assert json.loads(spot("gate", f"{MODEL}/2", "--to", "Production", "--format", "json"))[
        "allowed"
    ]


def test_a_stopped_demo_leaves_nothing(demo, installed, tmp_path):
    """Ctrl-C in the middle leaves no folder; over an earlier demo, the earlier one is back."""
    # A shell lets what it starts in the background ignore Ctrl-C, and a process hands that down.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [installed / "spot", "demo"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=clean_environment(), start_new_session=True,
    )  # fmt: skip
    end = time.monotonic() + 240
    while time.monotonic() < end and not (tmp_path / "spot-demo" / "mlflow.db").exists():
        time.sleep(0.2)
    time.sleep(2)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=120)
    assert process.returncode == 130
    assert list(tmp_path.iterdir()) == []


@pytest.mark.browser
def test_plain_mlflow_shows_it(demo, installed):
    """In MLflow without our server: headline tag, readiness, gap, verdict, the chart as a picture."""
    from browser import chromium
    from servers import mlflow_server

    folder, _ = demo
    database = f"sqlite:///{folder / 'mlflow.db'}"
    with mlflow_server(folder, backend=database) as server, chromium() as browser:
        page = browser.new_page(viewport={"width": 1400, "height": 1400})
        page.goto(f"{server.url}/#/models/{MODEL}", timeout=120_000)
        page.wait_for_selector("text=44.5 points promised", timeout=120_000)
        picture = page.wait_for_selector("img[src*='get-artifact']", timeout=60_000)
        page.wait_for_function(
            "i => i.complete && i.naturalWidth > 300", arg=picture, timeout=60_000
        )
        text = page.inner_text("body")
        for words in (
            "Predicted lift",
            "Realized lift",
            "Lift gap",
            "No verdict",
            "spot.readiness",
        ):
            assert words in text, words
        keep_picture(page, "model-page")

        from mlflow import MlflowClient

        client = MlflowClient(server.url)
        experiment = client.get_experiment_by_name(f"spot/{MODEL}").experiment_id
        run = next(
            r for r in client.search_runs([experiment])
            if r.data.tags["spot.kind"] == "outcomes" and r.data.tags["spot.version"] == "2"
        )  # fmt: skip
        assert run.data.metrics["lift_gap"] == pytest.approx(
            run.data.metrics["realized_lift"] - run.data.metrics["predicted_lift"]
        )
        assert run.inputs.dataset_inputs[0].dataset.name == "outcomes-version-2.parquet"
        where = f"{server.url}/#/experiments/{experiment}/runs/{run.info.run_id}"
        page.goto(f"{where}/model-metrics", timeout=120_000)
        page.wait_for_selector("text=lift_gap", timeout=120_000)
        page.goto(f"{where}/artifacts/report.html", timeout=120_000)
        frame = page.frame_locator("iframe")
        frame.locator("text=Was the promised lift realized").first.wait_for(timeout=120_000)
        keep_picture(page, "report-in-mlflow")


def keep_picture(page, name):
    """Keeps a screenshot where somebody wants to look at it (SPOT_KEEP_PICTURES=folder)."""
    folder = os.environ.get("SPOT_KEEP_PICTURES")
    if folder:
        page.screenshot(path=str(Path(folder) / f"{name}.png"))
