from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from mlflow import MlflowClient
from ready_record import block, make_ready

from spot_mlflow.record import Record


@pytest.fixture
def record(mlflow_uri: str) -> Record:
    """A registry with two versions of churn and no evidence."""
    client = MlflowClient(mlflow_uri)
    client.create_registered_model("churn")
    for _ in range(2):
        client.create_model_version("churn", source="s3://nowhere/model")
    return Record()


def kinds(record: Record) -> list[str]:
    """Returns the kinds of the entries of churn."""
    return [e.kind for e in record.entries(record.resolve("churn"))]


def test_refused_is_one_allowed_is_zero(record: Record, spot: Any) -> None:
    """Exit 1 with what is missing, exit 0 once it is there; the refusal is recorded once."""
    block(record)
    status, out, _ = spot("gate", "churn/1", "--to", "Production")
    assert status == 1
    assert out.startswith("churn/1 may not go to Production: ")
    spot("gate", "churn/1", "--to", "production")
    assert kinds(record) == ["decision"]
    make_ready(record, "churn/1")
    status, out, _ = spot("gate", "churn/1", "--to", "Production")
    assert (status, "may go to Production" in out) == (0, True)
    assert kinds(record).count("decision") == 2


def test_as_installed_everything_passes_and_says_what_is_missing(record: Record, spot: Any) -> None:
    """Mode observe exits 0; `--mode block` says beforehand what block would do."""
    status, out, _ = spot("gate", "churn", "--to", "@champion")
    assert (status, "in mode observe, but 14 requirements are not met" in out) == (0, True)
    assert spot("gate", "churn", "--to", "@champion", "--mode", "block")[0] == 1
    assert record.entries(record.resolve("churn"))


def test_a_dry_run_writes_nothing(record: Record, spot: Any) -> None:
    """With --dry-run and with --all nothing is recorded."""
    spot("gate", "churn/1", "--to", "Production", "--dry-run")
    spot("gate", "--all", "--to", "Production")
    assert kinds(record) == []


def test_json_is_the_decision(record: Record, spot: Any) -> None:
    """The JSON holds the documented keys, and the requester asked for."""
    _, out, _ = spot(
        "gate", "churn/1", "--to", "Production", "--format", "json", "--requester", "Ann"
    )
    found = json.loads(out)
    assert (found["model"], found["version"], found["requester"]) == ("churn", "1", "Ann")
    assert found["requirements"][0]["fix"] == "spot ask churn --role business"
    assert record


def test_junit_and_markdown_are_for_pipelines(record: Record, spot: Any) -> None:
    """JUnit parses and fails as the exit status does; Markdown opens with the verdict."""
    block(record)
    status, out, _ = spot("gate", "churn/1", "--to", "Production", "--format", "junit")
    suite = ET.fromstring(out).find("testsuite")  # noqa: S314 - ours
    assert suite is not None
    assert (status, suite.get("failures")) == (1, "13")
    assert spot("gate", "churn/1", "--to", "Production", "--format", "markdown")[1].startswith(
        "**⛔"
    )


def test_all_says_who_would_be_refused(record: Record, spot: Any) -> None:
    """Every model is decided on its newest version; the line counts causes, mode observe exits 0."""
    MlflowClient().create_registered_model("empty")
    MlflowClient().create_registered_model("upsell")
    MlflowClient().create_model_version("upsell", source="s3://nowhere/model")
    make_ready(record, "upsell/1")
    status, out, _ = spot("gate", "--all", "--to", "Production")
    assert status == 0
    assert out.startswith("1 of 2 would be refused: 1 recent assessment")
    assert "churn/2" in out
    found = json.loads(spot("gate", "--all", "--to", "Production", "--format", "json")[1])
    assert [d["model"] for d in found["decisions"]] == ["churn", "upsell"]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("gate", "nobody", "--to", "Production"), 2, "no registered model 'nobody'"),
        (("gate", "churn/9", "--to", "Production"), 2, "has no version '9'"),
        (("gate", "churn", "--to", "Prodution"), 2, "did you mean 'Production'"),
        (("gate", "churn"), 2, "--to"),
        (("gate", "--to", "Production"), 2, "Name one MODEL"),
        (("gate", "churn", "--all", "--to", "Production"), 2, "Name one MODEL"),
        (("gate", "churn", "--to", "Production", "--policy", "none.yaml"), 2, "no such file"),
    ],
)
def test_wrong_input_is_two(
    record: Record, spot: Any, arguments: tuple[str, ...], status: int, said: str
) -> None:
    """A model, version, target or policy that is not there is wrong input, and nothing is written."""
    found, out, err = spot(*arguments)
    assert found == status
    assert said in err
    assert out == ""
    assert kinds(record) == []


def test_a_server_that_is_down_is_three(spot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be decided is neither yes nor no."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    import mlflow

    monkeypatch.setattr(mlflow, "get_registry_uri", lambda: "http://127.0.0.1:9")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri("http://127.0.0.1:9")
    try:
        status, _, err = spot("gate", "churn", "--to", "Production")
    finally:
        mlflow.set_tracking_uri(before)
    assert status == 3
    assert "did not answer" in err


def test_damaged_evidence_is_three(record: Record, spot: Any) -> None:
    """A record that was deleted decides nothing."""
    make_ready(record, "churn/1")
    record.client.set_registered_model_tag("churn", "spot.updated", "yes")
    record.client.delete_experiment(
        record.client.get_experiment_by_name("spot/churn").experiment_id
    )
    status, _, err = spot("gate", "churn/1", "--to", "Production")
    assert status == 3
    assert "was deleted" in err


def test_policy_set_enrols_by_pattern_and_shows(record: Record, spot: Any, tmp_path: Any) -> None:
    """A dry run changes nothing; a pattern is enrolled; show gives what set takes."""
    status, out, _ = spot("policy", "set", "--mode", "block", "--model", "churn*", "--dry-run")
    assert (status, "'churn*' matches 1: churn" in out) == (0, True)
    assert spot("gate", "churn", "--to", "Production", "--dry-run")[0] == 0
    spot("policy", "set", "--mode", "block", "--model", "churn*", "--person", "Ann Sample")
    assert spot("gate", "churn", "--to", "Production", "--dry-run")[0] == 1
    shown = spot("policy", "show")[1]
    (tmp_path / "policy.yaml").write_text(shown, encoding="utf-8")
    assert spot("policy", "set", str(tmp_path / "policy.yaml"))[0] == 0
    assert spot("policy", "show")[1] == shown
    assert json.loads(spot("policy", "show", "--format", "json")[1])["policy"]["models"]
    assert "properties" in json.loads(spot("policy", "schema")[1])
    assert record


def test_a_faulty_policy_is_not_set(record: Record, spot: Any, tmp_path: Any) -> None:
    """A policy that names an unknown requirement is refused, and the one in force stays."""
    (tmp_path / "p.yaml").write_text(
        "name: x\nversion: 1\ntargets: {Production: {sing_off: true}}", encoding="utf-8"
    )
    status, _, err = spot("policy", "set", str(tmp_path / "p.yaml"))
    assert (status, "did you mean 'sign_off'" in err) == (2, True)
    assert "spot-default" in spot("policy", "show")[1]
    assert spot("policy", "set")[0] == 2
    assert spot("policy", "set", "--model", "churn*")[0] == 2
    assert record


def test_sign_off_and_waiver_open_the_gate(record: Record, spot: Any) -> None:
    """What the gate asks for can be done with the commands it prints."""
    block(record)
    make_ready(record, "churn/1", without=("sign_off", "review"))
    gate = ("gate", "churn/1", "--to", "Production", "--requester", "Dan Sample")
    assert spot(*gate)[0] == 1
    signed = ("sign-off", "churn/1", "--to", "production", "--person", "Bo Sample")
    assert spot(*signed, "--role", "engineer")[0] == 2
    assert spot(*signed, "--role", "business", "--dry-run")[0] == 0
    assert kinds(record).count("sign-off") == 0
    assert spot(*signed, "--role", "business")[0] == 0
    for requirement in ("review_age", "involvement_includes", "involvement-phases"):
        waived = (
            "waive",
            "churn/1",
            "--to",
            "Production",
            "--requirement",
            requirement,
            "--reason",
            "away",
        )
        assert spot(*waived, "--approver", "Dan Sample", "--requester", "dan sample")[0] == 2
        assert spot(*waived, "--approver", "Eve Sample", "--dry-run")[0] == 0
        assert spot(*waived, "--approver", "Eve Sample")[0] == 0
    status, out, _ = spot(*gate)
    assert (status, "3 of them waived" in out) == (0, True)
    assert kinds(record).count("waiver") == 3


@pytest.mark.filterwarnings("ignore:.*transition_model_version_stage.*:FutureWarning")
@pytest.mark.parametrize("scheme", ["", "spot+"])
def test_rollback_goes_back_one_step(
    record: Record, spot: Any, mlflow_uri: str, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last earlier holder gets the target again, gated or not, and it is in the record."""
    import mlflow

    block(record)
    for version in ("churn/1", "churn/2"):
        make_ready(record, version)
    mlflow.set_registry_uri(f"{scheme}{mlflow_uri}")
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", f"{scheme}{mlflow_uri}")
    gated = MlflowClient(mlflow_uri, f"spot+{mlflow_uri}")
    for version in ("1", "2"):
        gated.transition_model_version_stage("churn", version, "Production", True)
        gated.set_registered_model_alias("churn", "Champion", version)
    status, out, _ = spot("rollback", "churn", "--to", "Production", "--dry-run")
    assert (status, "from version 2 to version 1" in out) == (0, True)
    assert gated.get_model_version("churn", "1").current_stage == "Archived"
    assert spot("rollback", "churn", "--to", "Production")[0] == 0
    assert gated.get_model_version("churn", "1").current_stage == "Production"
    assert gated.get_model_version("churn", "2").current_stage == "Archived"
    assert spot("rollback", "churn/1", "--to", "@champion")[0] == 0
    assert gated.get_registered_model("churn").aliases == {"Champion": 1}
    decisions = [e.payload for e in record.entries(record.resolve("churn")) if e.kind == "decision"]
    assert [(d["target"], d["basis"], d["replaced"]) for d in decisions[-2:]] == [
        ("Production", "rollback", {"Production": ["2"]}),
        ("@champion", "rollback", {"@champion": ["2"]}),
    ]


def test_rollback_needs_an_earlier_holder(record: Record, spot: Any) -> None:
    """A version that never held the target is no rollback; the message leads to the gate."""
    status, _, err = spot("rollback", "churn", "--to", "Production")
    assert (status, "knows no earlier holder" in err) == (2, True)
    status, _, err = spot("rollback", "churn/2", "--to", "Production")
    assert (status, "spot gate churn/2 --to Production" in err) == (2, True)
    assert record


@pytest.mark.parametrize("command", ["gate", "policy", "sign-off", "waive", "rollback"])
def test_help_teaches_with_an_example(spot: Any, command: str) -> None:
    """Each command's help shows how it is typed."""
    status, out, _ = spot(command, "--help")
    assert status == 0
    assert "Example:" in out
    assert f"spot {command}" in out
