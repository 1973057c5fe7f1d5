from __future__ import annotations

from pathlib import Path

import pytest
from terminal import run_spot

from spot_mlflow import log_assessment
from spot_mlflow.roles import ROLES


@pytest.mark.usefixtures("churn")
@pytest.mark.parametrize("form", ["html", "markdown", "yaml", "csv"])
def test_a_file_in_each_form(form, tmp_path):
    """In the folder one stands in, or where one says; printed with -."""
    done = run_spot("worksheet", "churn", "--role", "business", "--as", form)
    assert done.status == 0, done.err
    (path,) = Path.cwd().glob("spot-churn-business.*")
    assert str(path.name) in done.out
    printed = run_spot("worksheet", "churn", "--role", "business", "--as", form, "-o", "-")
    assert printed.out.replace("\r\n", "\n") == path.read_bytes().decode().replace("\r\n", "\n")
    wrong = run_spot("worksheet", "churn", "--as", form, "-o", tmp_path / "x.doc")
    assert (wrong.status, "must end in" in wrong.err) == (2, True)


def test_the_whole_questionnaire_needs_no_mlflow(tmp_path, monkeypatch):
    """To print or to read, for no model in particular."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    done = run_spot("worksheet")
    assert done.status == 0, done.err
    assert "14 questions" in done.out
    assert (tmp_path / "spot-questions-all.html").exists()


@pytest.mark.usefixtures("churn")
def test_ones_own_answers_may_be_filled_in():
    """For the next round; never somebody else's."""
    log_assessment("churn", {"P1": {"now": 2, "comment": "mine"}}, person="Kim", role="business")
    log_assessment("churn", {"P1": {"now": 4, "comment": "secret"}}, person="Bo", role="business")
    done = run_spot("worksheet", "churn", "--as", "yaml", "-o", "-", "--person", "kim", "--mine")
    assert '"mine"' in done.out
    assert "secret" not in done.out
    assert run_spot("worksheet", "churn", "--mine").status == 2


@pytest.mark.usefixtures("churn")
def test_an_unknown_model_or_a_dry_run_writes_nothing():
    """No file is left behind."""
    assert run_spot("worksheet", "chrn").status == 2
    assert "Would write" in run_spot("worksheet", "churn", "--dry-run").out
    assert not list(Path.cwd().glob("spot-*"))


@pytest.mark.usefixtures("churn")
def test_ask_writes_the_message_and_the_worksheet():
    """Text to paste, a draft for the mail program, or JSON."""
    done = run_spot(
        "ask", "churn", "--role", "frontline", "--name", "Fay", "--return-to", "dana@example.org",
        "--by", "2027-01-31", "--sender", "Dana",
    )  # fmt: skip
    assert done.status == 0, done.err
    for said in ("Hello Fay,", "Sunday, 31 January 2027", "dana@example.org", "5 questions"):
        assert said in done.out
    sheet = Path("spot-churn-frontline.html").read_text(encoding="utf-8")
    assert 'value="Fay"' in sheet
    draft = run_spot(
        "ask", "churn", "--role", "frontline", "--to", "fay@example.org", "--format", "eml"
    )
    assert draft.out.strip() == "spot-churn-frontline.eml"
    assert b"X-Unsent: 1" in Path("spot-churn-frontline.eml").read_bytes()
    found = run_spot("ask", "churn", "--role", "engineer", "--format", "json", "--dry-run").json
    assert found["written"] is False
    assert not Path("spot-churn-engineer.html").exists()


@pytest.mark.usefixtures("churn")
def test_ask_takes_a_folder_and_no_name_of_a_file(tmp_path):
    """The worksheet has a name of its own; "-o ann.eml" would make a folder that is called so."""
    done = run_spot("ask", "churn", "--role", "business", "-o", tmp_path / "ann.eml")
    assert done.status == 2
    assert "is a folder" in done.err
    assert not (tmp_path / "ann.eml").exists()


@pytest.mark.usefixtures("churn")
def test_ask_knows_every_role_and_no_other():
    """A misspelt role is named."""
    for role in ROLES:
        assert run_spot("ask", "churn", "--role", role, "--dry-run").status == 0
    assert run_spot("ask", "churn", "--role", "boss").status == 2
