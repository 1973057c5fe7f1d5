from __future__ import annotations

import json

import pytest
from reports import kept_report
from terminal import run_spot

from spot_mlflow import log_predicted_lift


@pytest.fixture
def registry(churn):
    """Three models: one checked, two that nobody has touched."""
    report = kept_report()
    log_predicted_lift("churn/1", report.predicted, record=churn)
    churn.append(churn.resolve("churn/1"), "outcomes", report.to_dict())
    for name in ("upsell", "untouched"):
        churn.client.create_registered_model(name)
    return churn


@pytest.mark.usefixtures("registry")
def test_portfolio_at_a_glance():
    """How many, what arrived, and one line for each model with something to say."""
    done = run_spot("portfolio")
    assert done.status == 0, done.err
    said = " ".join(done.out.split())  # wherever the terminal broke its lines
    assert "3 models: 1 checked, 2 not assessed." in said
    assert "The promised lift was realized in 1 of 1 decided (100 %)." in said
    assert "churn" in said
    assert "upsell" not in said
    assert "2 models not assessed; --all lists them." in said


@pytest.mark.usefixtures("registry")
def test_portfolio_json_and_pattern():
    """The machine's answer has every model that the pattern names, untouched ones too."""
    everything = json.loads(run_spot("portfolio", "--format", "json").out)
    assert everything["summary"]["models"] == 3
    assert [m["model"] for m in everything["models"]] == ["churn", "untouched", "upsell"]
    assert everything["models"][0]["lift"]["verdict"] == "met"
    some = json.loads(run_spot("portfolio", "--model", "U*", "--format", "json").out)
    assert [m["model"] for m in some["models"]] == ["untouched", "upsell"]


@pytest.mark.usefixtures("registry")
def test_portfolio_markdown_lists_all_on_request():
    """As Markdown, with the untouched ones where asked for."""
    done = run_spot("portfolio", "--all", "--format", "markdown")
    assert done.out.startswith("## Portfolio\n")
    assert "| upsell |" in done.out


@pytest.mark.usefixtures("registry")
def test_portfolio_reads_tags_only(monkeypatch):
    """One search of the registry, however many models: no run, no version is read."""
    from mlflow import MlflowClient

    def never(*_args, **_kwargs):
        raise AssertionError("the portfolio reads summary tags only")

    for name in ("search_runs", "search_model_versions", "get_registered_model", "get_run"):
        monkeypatch.setattr(MlflowClient, name, never)
    assert run_spot("portfolio").status == 0
