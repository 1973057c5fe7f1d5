from __future__ import annotations

import re
from pathlib import Path

import pytest
from terminal import run_spot

from spot_mlflow import log_assessment, log_involvement, raise_concern

PAGE = Path(__file__).resolve().parents[2] / "docs" / "json.md"


def documented(command):
    """The words in code in the section of a command."""
    section = PAGE.read_text(encoding="utf-8").split(f"## `spot {command} ", 1)[1].split("\n## ")[0]
    return set(re.findall(r"`([A-Za-z_]+)`", section))


def keys(value):
    """Every key that is a word of ours, at any depth."""
    if isinstance(value, list):
        return set().union(*map(keys, value)) if value else set()
    if not isinstance(value, dict):
        return set()
    nested = set().union(*(keys(v) for v in value.values())) if value else set()
    return {k for k in value if not re.fullmatch(r"[SPOT]\d", k)} | nested


@pytest.fixture
def record(churn):
    """A concern, an event, and an assessment with a plan."""
    raise_concern("churn", person="Fay", role="frontline", what="x", severity="minor", record=churn)
    log_involvement(
        "churn", phase="scope", kind="decided", person="Kim", role="business", record=churn
    )
    answers = {"P1": {"now": 1, "target": 3, "by": "2027-01-31", "owner": "Bo"}}
    log_assessment("churn", answers, person="Kim", role="business", record=churn)
    return churn


def test_every_key_is_documented_and_every_documented_key_is_there(record, tmp_path):
    """The contract of what a machine reads, command by command."""
    assert record.adoption("churn").readiness.people == 1
    (tmp_path / "a.yaml").write_text("P1: 2\n")
    who = ("--person", "Ann", "--role", "business")
    runs = {
        "assess": ("assess", "churn", "--from", tmp_path / "a.yaml", *who),
        "involve": ("involve", "churn", "--phase", "scope", "--kind", "decided", *who),
        "concern": ("concern", "list", "churn"),
        "pulse": ("pulse", "churn", "--show"),
        "todo": ("todo",),
        "benchmark": ("benchmark", "churn"),
        "ask": ("ask", "churn", "--role", "business"),
        "erase": ("erase", "Ann", "--dry-run"),
    }
    values = {"null", "overall", "S", "P", "O", "T", "confirmation", "lift"}
    phases = {"naming", "scope", "features", "review", "feedback"}
    linked = {"link", "until"}  # there with --link alone, which a server makes (test_links.py)
    parts = {"coverage", "breadth", "recency", "closure", "name", "limit", "why"}
    for name, arguments in runs.items():
        done = run_spot(*arguments, "--format", "json")
        assert done.status == 0, done.err
        found = keys(done.json) - values - phases - parts
        left_out = values | phases | parts | (linked if name == "ask" else set())
        assert found == documented(name) - left_out, name
