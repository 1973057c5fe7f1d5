"""``spot history`` on a registry with a gate, with changes before it and past it."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from mlflow import MlflowClient

import spot_mlflow
from spot_mlflow.gate.policy import Policy
from spot_mlflow.record import Record
from spot_mlflow.record.policies import set_policy
from spot_mlflow_cli.main import main

POLICY = {
    "name": "open", "version": "1", "mode": "block",
    "targets": {"Production": {}, "@champion": {}},
}  # fmt: skip


@pytest.fixture
def gated(mlflow_uri: str) -> MlflowClient:
    """A gated registry on which version 1 went to Production before the gate came."""
    plain = MlflowClient(mlflow_uri)
    plain.create_registered_model("churn")
    for _ in range(3):
        plain.create_model_version("churn", source="s3://nowhere/model")
    plain.transition_model_version_stage("churn", "1", "Production")
    set_policy(Record(), Policy.load(POLICY))
    return MlflowClient(mlflow_uri, f"spot+{mlflow_uri}")


@pytest.fixture
def spot(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command as typed and returns (exit status, what it printed)."""

    def run(*arguments: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as e:
            main(list(arguments))
        out, err = capsys.readouterr()
        return int(e.value.code or 0), out + err

    return run


def test_what_the_gate_saw_is_told_and_the_rest_is_unknown(gated: MlflowClient, spot: Any) -> None:
    """Text in 80 columns, CSV and JSON say the same of before the gate, by it, and past it."""
    gated.transition_model_version_stage("churn", "2", "Production", archive_existing_versions=True)
    status, out = spot("history", "churn", "--to", "production")
    assert status == 0
    assert max(map(len, out.splitlines())) <= 80
    assert out.splitlines()[0] == "churn · Production"
    assert [line.split()[:2] for line in out.splitlines()[2:4]] == [["1", "unknown"], ["2", f"{datetime.now(timezone.utc):%Y-%m-%d}"]]  # fmt: skip
    rows = list(csv.DictReader(io.StringIO(spot("history", "churn", "--format", "csv")[1])))
    assert [(r["version"], r["from"] == "unknown", r["to"] == "") for r in rows] == [("1", True, False), ("2", False, True)]  # fmt: skip
    (found,) = json.loads(spot("history", "churn", "--format", "json")[1])
    assert [h["since_known"] for h in found["holdings"]] == [False, True]
    assert found["holdings"][0]["until"] == found["holdings"][1]["since"] == found["recorded_from"]


def test_on_a_date(gated: MlflowClient, spot: Any) -> None:
    """Status 0 where it is on record, 3 where it is not; the future is refused."""
    gated.set_registered_model_alias("churn", "champion", "2")
    now = datetime.now(timezone.utc)
    at = (now + timedelta(microseconds=1)).isoformat()
    status, out = spot("history", "churn", "--to", "@champion", "--at", at)
    assert (status, out.startswith("version 2, from ")) == (0, True), out
    before = (now - timedelta(days=400)).date().isoformat()
    status, out = spot("history", "churn", "--to", "@champion", "--at", before)
    assert (status, out) == (0, "No version held @champion.\n"), "there was no such model"
    status, out = spot("history", "churn", "--to", "Production", "--at", at, "--format", "json")
    assert (status, json.loads(out)["known"]) == (3, False)
    assert spot("history", "churn", "--to", "@champion", "--at", "2999-01-01")[0] == 2
    assert spot("history", "churn", "--to", "@champion", "--at", "soon")[0] == 2
    assert spot("history", "churn", "--at", at)[0] == 2


def test_past_the_gate_shows_as_a_difference(gated: MlflowClient, spot: Any) -> None:
    """A change in the database itself leaves an end and a begin that nobody knows."""
    gated.set_registered_model_alias("churn", "champion", "2")
    MlflowClient().set_registered_model_alias("churn", "champion", "3")
    history = spot_mlflow.get_history("churn", "@champion")
    assert [(h.version, h.since is None, h.until, h.current) for h in history.holdings] == [
        ("2", False, None, False),
        ("3", True, None, True),
    ]
    assert "unknown" in spot("history", "churn", "--to", "@champion")[1]


def test_nothing_on_record_is_said(mlflow_uri: str, spot: Any) -> None:
    """A model that never held anything."""
    MlflowClient(mlflow_uri).create_registered_model("fresh")
    assert spot("history", "fresh") == (0, "No version holds a target, and none is on record.\n")
