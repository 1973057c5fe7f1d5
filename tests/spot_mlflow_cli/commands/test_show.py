from __future__ import annotations

import json

import pytest
from people import assessment
from reports import short_report
from terminal import run_spot

from spot_mlflow import log_predicted_lift


@pytest.fixture
def checked(churn):
    """churn/1 with a panel of one, a promise and a check that found a shortfall."""
    report = short_report()
    ref = churn.resolve("churn/1")
    log_predicted_lift(ref, report.predicted, record=churn)
    said = assessment("Ann", "frontline", {"O1": 2, "T2": 3})
    churn.append(ref, "assessment", said.payload, person="Ann", role="frontline", refresh=False)
    churn.append(ref, "outcomes", report.to_dict(), refresh=False)
    return churn


@pytest.mark.usefixtures("checked")
def test_show_opens_with_the_sentence_and_says_all():
    """Money first, then the gate with the commands that help, the lift, and the people."""
    done = run_spot("show", "churn")
    assert done.status == 0, done.err
    lines = done.out.splitlines()
    assert lines[0] == "churn, version 1"
    assert lines[1].startswith("Promised 2.3 points, arrived ")
    for said in (
        "Can it go to Production?",
        "spot ask churn --role",
        "Did the promised lift arrive?",
    ):
        assert said in " ".join(done.out.split())
    assert "Less than promised (shortfall)" in " ".join(done.out.split())


@pytest.mark.usefixtures("checked")
def test_show_json_has_the_documented_keys():
    """The machine's answer: readiness, involvement, concerns, lift and gate."""
    done = run_spot("show", "churn/1", "--to", "@champion", "--format", "json")
    data = json.loads(done.out)
    assert (data["model"], data["version"]) == ("churn", "1")
    assert data["readiness"]["O"] == 2
    assert data["readiness"]["T"] == 3
    assert data["lift"]["verdict"] == "shortfall"
    assert data["gate"]["target"] == "@champion"
    assert data["gate"]["allowed"] is True
    assert {"name", "met", "measured", "required", "why", "fix", "who"} <= set(
        data["gate"]["requirements"][0]
    )


@pytest.mark.usefixtures("checked")
def test_show_markdown():
    """The same as Markdown, for a wiki or a pull request."""
    done = run_spot("show", "churn", "--format", "markdown")
    assert done.out.startswith("# churn, version 1\n\n**Promised 2.3 points, arrived")


def test_show_writes_nothing(churn):
    """Looking at a model leaves neither tag nor run."""
    before = churn.facts("churn")
    assert run_spot("show", "churn").status == 0
    assert churn.facts("churn") == before
    assert churn.entries(churn.resolve("churn")) == []


@pytest.mark.usefixtures("churn")
@pytest.mark.parametrize("arguments", [("nosuch",), ("churn/9",), ("churn", "--to", "Attic")])
def test_show_names_what_is_wrong(arguments):
    """Unknown model, version or target: one line, exit 2."""
    done = run_spot("show", *arguments)
    assert done.status == 2
    assert done.err.startswith("Error: ")
    assert "Traceback" not in done.err
