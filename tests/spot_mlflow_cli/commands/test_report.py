from __future__ import annotations

import json

import pytest
from reports import short_report
from terminal import run_spot

from spot_mlflow import log_predicted_lift


@pytest.fixture
def checked(churn):
    """churn/1 with a promise and a check."""
    report = short_report()
    log_predicted_lift("churn/1", report.predicted, record=churn)
    churn.append(churn.resolve("churn/1"), "outcomes", report.to_dict(), refresh=False)
    return churn


@pytest.mark.usefixtures("checked")
def test_report_is_one_file(tmp_path):
    """Without -o the file is named after the model, and nothing is left beside it."""
    done = run_spot("report", "churn")
    assert done.status == 0, done.err
    assert done.out == "Wrote churn-1-report.html\n"
    html = (tmp_path / "churn-1-report.html").read_text(encoding="utf-8")
    assert html.lstrip().startswith("<!doctype html>")
    assert "2.3 points promised" in html.replace("\u00a0", " ")
    assert not list(tmp_path.glob(".*.part"))


@pytest.mark.usefixtures("checked")
@pytest.mark.parametrize(
    ("arguments", "opening"),
    [
        (("--format", "markdown"), "# Lift of renewed"),
        (("--format", "json"), "{"),
        ((), "<!doctype html>"),
    ],
)
def test_report_to_standard_output(arguments, opening):
    """-o - prints the report and nothing else."""
    done = run_spot("report", "churn/1", "-o", "-", *arguments)
    assert done.out.lstrip().startswith(opening)
    if opening == "{":
        assert json.loads(done.out)["verdict"] == "shortfall"


@pytest.mark.usefixtures("checked")
def test_report_follows_the_ending_of_its_file(tmp_path):
    """lift.md is Markdown without being told."""
    assert run_spot("report", "churn", "-o", str(tmp_path / "lift.md")).status == 0
    assert (tmp_path / "lift.md").read_text(encoding="utf-8").startswith("# Lift of renewed")


@pytest.mark.usefixtures("checked")
@pytest.mark.parametrize(("ending", "opening"), [("svg", b"<?xml"), ("png", b"\x89PNG")])
def test_report_as_a_picture(tmp_path, ending, opening):
    """lift.svg and lift.png are the picture alone, for a mail or a slide."""
    file = tmp_path / f"lift.{ending}"
    assert run_spot("report", "churn", "-o", str(file)).status == 0
    assert file.read_bytes().startswith(opening)


@pytest.mark.usefixtures("churn")
def test_report_without_a_check_says_what_to_do():
    """No outcome check yet: exit 2 and the command that makes one."""
    done = run_spot("report", "churn")
    assert done.status == 2
    assert "spot outcomes churn/1" in done.err


@pytest.mark.usefixtures("checked")
def test_report_into_nowhere(tmp_path):
    """A folder that does not exist is named; nothing is written."""
    done = run_spot("report", "churn", "-o", str(tmp_path / "none" / "r.html"))
    assert done.status == 2
    assert "cannot be written" in done.err
