from __future__ import annotations

import pytest
from terminal import run_spot

FAY = ("--person", "Fay", "--role", "frontline")
DANA = ("--person", "Dana", "--role", "data_scientist")


def test_a_concern_from_raised_to_confirmed(churn):
    """Raise prints the id alone; only the person who raised it may close it."""
    raised = run_spot(
        "concern", "raise", "churn", *FAY, "--severity", "blocking", "--what", "called\x1b[2J twice"
    )
    id_ = raised.out.strip()
    assert id_.startswith("c")
    assert f"spot concern answer churn {id_}" in raised.err
    early = run_spot("concern", "confirm", "churn", id_, *FAY)
    assert (early.status, "needs an answer first" in early.err) == (2, True)
    done = run_spot(
        "concern", "answer", "churn", id_[:4], *DANA, "--what", "left alone for 30 days"
    )
    assert done.status == 0, done.err
    refused = run_spot("concern", "confirm", "churn", id_, *DANA)
    assert (refused.status, "only Fay, who raised it" in refused.err) == (1, True)
    assert run_spot("concern", "reopen", "churn", id_, *FAY, "--what", "still").status == 0
    assert run_spot("concern", "answer", "churn", id_, *DANA, "--what", "now").status == 0
    assert run_spot("concern", "confirm", "churn", id_, *FAY).status == 0
    listed = run_spot("concern", "list", "churn")
    assert "\x1b[2J" not in listed.out
    assert "blocking, confirmed, today" in listed.out
    assert run_spot("concern", "list", "churn", "--open").out.strip() == "No open concern."
    (found,) = run_spot("concern", "list", "churn", "--format", "json").json
    acts = [a["act"] for a in found["thread"]]
    assert acts == ["raised", "answered", "reopened", "answered", "confirmed"]
    assert churn.facts("churn").tags["spot.concerns.open"] == "0"


def test_a_dry_run_checks_and_writes_nothing(churn):
    """Also the rules of the thread are checked."""
    what = ("--severity", "minor", "--what", "x", "--dry-run")
    assert run_spot("concern", "raise", "churn", *FAY, *what).status == 0
    assert churn.entries(churn.resolve("churn")) == []
    missing = run_spot("concern", "answer", "churn", "c12345", *DANA, "--what", "x", "--dry-run")
    assert (missing.status, "No concern has been raised" in missing.err) == (2, True)


def test_a_pseudonym_may_close_its_own_concern(churn):
    """The same pseudonym comes out each time; nobody else's does."""
    raised = run_spot(
        "concern", "raise", "churn", *FAY, "--severity", "minor", "--what", "x", "--pseudonym"
    )
    id_ = raised.out.strip()
    run_spot("concern", "answer", "churn", id_, *DANA, "--what", "y")
    other = run_spot(
        "concern", "confirm", "churn", id_, "--person", "Bo", "--role", "frontline", "--pseudonym"
    )
    assert other.status == 1
    assert run_spot("concern", "confirm", "churn", id_, *FAY, "--pseudonym").status == 0
    assert churn.adoption("churn").involvement.open_concerns == ()


@pytest.mark.usefixtures("churn")
@pytest.mark.parametrize("step", ["answer", "reopen"])
def test_an_answer_must_be_given(step):
    """Only a confirmation may go without a word."""
    done = run_spot("concern", step, "churn", "c12345", "--person", "Kim", "--role", "business")
    assert done.status == 2
    assert "Missing option '--what'" in done.err
