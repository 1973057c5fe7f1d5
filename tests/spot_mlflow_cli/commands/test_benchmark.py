from __future__ import annotations

import json
from pathlib import Path

import pytest
from terminal import run_spot


@pytest.fixture
def portfolio(churn):
    """Churn at 3, and six others at 2, 2, 3, 4, 4, 4, as their summary tags tell."""
    for i, level in enumerate([3, 2, 2, 3, 4, 4, 4]):
        name = f"model-{i}" if i else "churn"
        if i:
            churn.client.create_registered_model(name)
        for key in ("updated", "readiness", "strategy", "product", "operation", "technology"):
            churn.client.set_registered_model_tag(name, f"spot.{key}", str(level))
    return churn


@pytest.mark.usefixtures("portfolio")
def test_a_model_among_the_others_with_n_shown():
    """Its own level is not among those it is compared with."""
    done = run_spot("benchmark", "churn")
    assert "Strategy    level 3; of n = 6: 2 lower, 1 the same, 3 higher" in done.out
    found = run_spot("benchmark", "churn", "--format", "json").json
    assert found["standings"][0] == {
        "measure": "overall", "level": 3, "n": 6, "below": 2, "same": 1, "above": 3, "hidden": 0,
    }  # fmt: skip


@pytest.mark.usefixtures("portfolio")
def test_summaries_are_exported_and_compared_with():
    """No name is in the file, no count under five; another team reads it."""
    assert run_spot("benchmark", "--export", "ours.json").status == 0
    text = Path("ours.json").read_text(encoding="utf-8")
    assert "churn" not in text
    assert json.loads(text)["measures"]["S"]["hidden"] == 7
    done = run_spot("benchmark", "churn", "--with", "ours.json", "--only-others")
    assert "of n = 7: 0 lower, 0 the same, 0 higher, 7 not shown separately" in done.out
    Path("bad.json").write_text(text.replace('"hidden": 7', '"hidden": 2'), encoding="utf-8")
    bad = run_spot("benchmark", "churn", "--with", "bad.json")
    assert (bad.status, "bad.json" in bad.err) == (2, True)


@pytest.mark.usefixtures("churn")
def test_too_few_models_are_neither_compared_nor_exported():
    """One assessed model is no portfolio."""
    assert "not known (n = 0)" in run_spot("benchmark", "churn").out
    done = run_spot("benchmark", "--export", "ours.json")
    assert (done.status, "must be at least 5" in done.err) == (2, True)
    assert not Path("ours.json").exists()
    assert run_spot("benchmark").status == 2
