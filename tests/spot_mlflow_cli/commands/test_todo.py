from __future__ import annotations

import pytest
from terminal import run_spot

from spot_mlflow import log_assessment, raise_concern


@pytest.fixture
def two_models(churn):
    """Churn with a concern and a plan, upsell with a plan, and one model nobody touched."""
    for name in ("upsell", "idle"):
        churn.client.create_registered_model(name)
    raise_concern(
        "churn", person="Fay", role="frontline", what="[red]x", severity="blocking", record=churn
    )
    plan = {"P1": {"now": 1, "target": 3, "by": "2026-01-31", "owner": "Bo"}}
    for name in ("churn", "upsell"):
        log_assessment(name, plan, person="Kim", role="business", record=churn)
    return churn


@pytest.mark.usefixtures("two_models")
def test_over_all_models_overdue_first():
    """Each with who, what, until when and the command; untouched models are left out."""
    found = run_spot("todo", "--format", "json").json
    assert {t["model"] for t in found} == {"churn", "upsell"}
    assert found[0]["overdue"]
    assert found[0]["who"] == "Bo"
    text = run_spot("todo").out
    assert "overdue since 2026-01-31" in text
    assert "[red]x" in text
    assert "spot concern answer churn" in text


def test_what_is_to_be_typed_can_be(churn):
    """Names with blanks and steering characters come out quoted and harmless."""
    churn.client.create_registered_model("stay \x1b[2Jradar")
    log_assessment("stay \x1b[2Jradar", {"P1": 2}, person="Kim", role="business", record=churn)
    out = run_spot("todo").out
    assert "\x1b" not in out
    assert "spot ask 'stay \ufffd[2Jradar' --role frontline" in out


@pytest.mark.usefixtures("two_models")
def test_one_person_one_model_or_only_what_is_overdue():
    """The filters go together."""
    assert {t["who"] for t in run_spot("todo", "--person", "bo", "--format", "json").json} == {"Bo"}
    only = run_spot("todo", "--model", "ups*", "--overdue", "--format", "json").json
    assert [(t["model"], t["who"]) for t in only] == [("upsell", "Bo")]
    assert "| upsell | Bo |" in run_spot("todo", "--model", "UPS*", "--format", "markdown").out
    said = run_spot("todo", "--person", "nobody").out
    assert said.startswith("Nothing is waiting for anyone (checked 3 models at sqlite:///")
    said = run_spot("todo", "--model", "x*").out
    assert said.startswith("No model at sqlite:///")
    assert "has a name like 'x*' (3 models there)" in said
