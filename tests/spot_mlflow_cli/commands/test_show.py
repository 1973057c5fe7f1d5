from __future__ import annotations

import json

import pytest
from people import assessment
from reports import short_report
from terminal import run_spot

from spot_mlflow import log_assessment, log_predicted_lift
from spot_mlflow.person import pseudonym


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
    """The model and its result, where it is, then the gate with the commands that help, the lift, and the people."""
    done = run_spot("show", "churn")
    assert done.status == 0, done.err
    lines = done.out.splitlines()
    assert lines[0] == "churn, version 1"
    assert lines[1] == "churn: less than promised, 0.3 of 2.3 points"
    assert lines[2].startswith("Can it go to Production? No: ")
    for said in (
        "Can it go to Production?",
        "spot ask churn --role",
        "Was the promised lift realized?",
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
    assert done.out.startswith("# churn, version 1\n\n**")
    assert "0.3 of 2.3 points**\n\nCan it go" in done.out


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


@pytest.mark.usefixtures("checked")
def test_show_hides_the_others_answers_until_ones_own_are_in(monkeypatch):
    """Who took part and has not answered sees that one person answered, no level; then all of it."""
    done = run_spot(
        "involve", "churn", "--phase", "scope", "--kind", "contributed", "--person", "Kim",
        "--role", "business",
    )  # fmt: skip
    assert done.status == 0, done.err
    monkeypatch.setenv("SPOT_PERSON", "kim")
    hidden = json.loads(run_spot("show", "churn", "--format", "json").out)
    assert (hidden["readiness"]["hidden"], hidden["readiness"]["O"]) == (True, None)
    assert hidden["readiness"]["people"] == 1
    text = run_spot("show", "churn").out
    assert "1 person answered" in text
    assert "spot assess churn --role ROLE" in text
    assert "weakest answer" not in text
    # Another reader sees the panel; one who says that she is asked does not.
    assert (
        json.loads(run_spot("show", "churn", "--person", "Zoe", "--format", "json").out)[
            "readiness"
        ]["O"]
        == 2
    )
    asked = run_spot("show", "churn", "--person", "Zoe", "--role", "executive", "--format", "json")
    assert json.loads(asked.out)["readiness"]["O"] is None
    log_assessment("churn", {"P1": 3}, person="Kim", role="business")
    shown = json.loads(run_spot("show", "churn", "--format", "json").out)
    assert (shown["readiness"]["hidden"], shown["readiness"]["O"]) == (False, 2)


def test_a_pseudonym_is_known_by_its_pseudonym(checked, monkeypatch):
    """Who answered under a pseudonym and reads under it sees the panel."""
    monkeypatch.setenv("SPOT_PSEUDONYM_KEY", "a-key-for-one-test")
    monkeypatch.setenv("SPOT_PERSON", "Kim")
    asked = ("show", "churn", "--role", "business", "--format", "json")
    assert json.loads(run_spot(*asked, "--pseudonym").out)["readiness"]["hidden"]
    name = pseudonym("Kim", b"a-key-for-one-test")
    log_assessment("churn", {"P1": 3}, person=name, role="business", record=checked)
    assert not json.loads(run_spot(*asked, "--pseudonym").out)["readiness"]["hidden"]
    assert json.loads(run_spot(*asked).out)["readiness"]["hidden"]
