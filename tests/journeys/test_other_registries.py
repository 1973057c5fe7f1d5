"""Registries without stages, with three-level names and with limits on tags carry the whole story."""

from __future__ import annotations

import logging

import mlflow
import other_registries
import pytest
from mlflow import MlflowClient
from ready_record import make_ready
from terminal import run_spot

import spot_mlflow as spot
from spot_mlflow.errors import InvalidInput, NotFound
from spot_mlflow.gate.policy import Policy, default_policy
from spot_mlflow.record import Record
from spot_mlflow.record.claims import Claims
from spot_mlflow.record.policies import set_policy

pytestmark = pytest.mark.journey

NAME = "main.sales.churn"
CONTRACT = {
    "metric": "renewals",
    "predicted": {"lift": 0.10, "se": 0.01},
    "minimum_viable": 0.05,
    "columns": {"arm": "arm", "outcome": "renewed"},
}
WHO = {"person": "Bo Sample", "role": "business"}


@pytest.fixture
def plugins(mlflow_uri, tmp_path, monkeypatch):
    """The registries, found by MLflow through its entry points, over the test's own database."""
    monkeypatch.setenv(other_registries.DATABASE, mlflow_uri)
    with other_registries.installed(tmp_path):
        yield mlflow_uri


@pytest.fixture
def unity(plugins):
    """A model with two versions in a registry that behaves as Unity Catalog does."""
    mlflow.set_registry_uri("databricks-uc")
    client = MlflowClient()
    client.create_registered_model(NAME)
    for _ in range(2):
        client._get_registry_client().create_model_version(NAME, "s3://elsewhere/model")
    return client


def with_alias() -> Policy:
    """The default policy, with its rules for Production put on @champion, in mode block."""
    said = default_policy().to_dict()
    said["targets"] = {"@champion": said["targets"]["Production"]}
    return Policy.load(said).with_mode("block")


def test_the_whole_story_without_stages(unity, caplog):
    """Promise, people, gate by alias, portfolio and the rest work; what lacks is said once."""
    record = Record()
    with caplog.at_level(logging.WARNING, logger="spot_mlflow"):
        spot.log_predicted_lift(f"{NAME}/2", CONTRACT)
        spot.log_involvement(NAME, phase="scope", kind="contributed", what="rules", **WHO)
        concern = spot.raise_concern(NAME, what="too late", severity="major", **WHO)
        spot.answer_concern(NAME, concern, what="sooner", person="Dan", role="data_scientist")
        spot.confirm_concern(NAME, concern, **WHO)
    said = [r.getMessage() for r in caplog.records if "registry is" in r.getMessage()]
    assert len(said) == 1
    assert "has no stages" in said[0]
    tags = unity.get_registered_model(NAME).tags
    assert "promised" in tags["spot"] or "promise" in tags["spot"]
    assert not [k for k in tags if "." in k]
    assert tags["spot_lift_predicted"]
    assert record.facts(NAME).tags["spot.lift.predicted"] == tags["spot_lift_predicted"]
    assert unity.get_model_version(NAME, "2").tags["spot_lift_predicted"]

    for command in ("show NAME", "portfolio", "todo", "history NAME", "verify --all", "card NAME",
                    "init --all", "digest --since 2020-01-01"):  # fmt: skip
        run = run_spot(*command.replace("NAME", NAME).split())
        assert run.status == 0, (command, run.err)
        assert NAME in run.out or command.split()[0] in ("todo", "history", "init"), command
    rows = run_spot("portfolio", "--format", "json").json["models"]
    assert [(r["model"], r["stage"]) for r in rows] == [(NAME, "promised")]


def test_the_gate_decides_on_an_alias_and_refuses_a_stage(unity):
    """An alias is refused and then given; a stage is refused as what this registry cannot have."""
    record = Record()
    set_policy(record, with_alias())
    refused = run_spot("gate", f"{NAME}/1", "--to", "@champion")
    assert refused.status == 1, refused.err
    make_ready(record, f"{NAME}/1")
    allowed = spot.check_gate(f"{NAME}/1", "@champion", requester="Eve")
    assert [r.name for r in allowed.requirements if not r.met] in ([], ["sign_off"])
    stage = run_spot("gate", f"{NAME}/1", "--to", "Production")
    assert stage.status == 2
    assert "must be an alias: Unity Catalog has no stages" in stage.err
    for call in (
        lambda: spot.check_gate(NAME, "Staging"),
        lambda: spot.sign_off(NAME, target="Production", **WHO),
        lambda: spot.waive(
            NAME, target="Production", requirement="lift_minimum", reason="x", approver="Ann"
        ),
        lambda: spot.request_promotion(NAME, target="Production", why="x", person="Bo"),
    ):
        with pytest.raises(InvalidInput, match="no stages"):
            call()


def test_a_version_is_not_found_by_its_stage(unity):
    """A reference like churn/Production means nothing where there are no stages."""
    with pytest.raises(InvalidInput, match="has no stages"):
        Record().resolve(f"{NAME}/Production")


def test_a_name_needs_three_levels(unity):
    """A plain name is refused, with the form that it must have."""
    with pytest.raises((NotFound, InvalidInput), match="three levels"):
        Record().resolve("churn")


def test_a_claim_is_taken_under_a_key_that_is_allowed(unity):
    """A scheduled check is taken in hand once, by tags without dots and hyphens."""
    with Claims(unity) as mine, Claims(unity) as other:
        assert mine.take(NAME, "1") is None
        assert other.take(NAME, "1") is not None
        mine.release(NAME, "1")
        assert other.take(NAME, "1") is None
    assert not [k for k in unity.get_model_version(NAME, "1").tags if k.startswith("outcome")]


def test_a_registry_without_tags_and_aliases_keeps_the_record(plugins):
    """The record and the description are written, no tag is tried, and every target is refused."""
    mlflow.set_registry_uri("uc:http://somewhere")
    client = MlflowClient()
    client.create_registered_model(NAME)
    client._get_registry_client().create_model_version(NAME, "s3://elsewhere/model")
    spot.log_predicted_lift(f"{NAME}/1", CONTRACT)
    assert "spot:begin" in client.get_registered_model(NAME).description
    assert run_spot("show", NAME).status == 0
    assert run_spot("portfolio", "--all").status == 0
    spot.raise_concern(NAME, what="too late", severity="blocking", **WHO)
    assert "too late" in run_spot("todo").out  # no tag says that there is a record: all are read
    for target in ("Production", "@champion"):
        with pytest.raises(InvalidInput, match="neither stages nor aliases"):
            spot.check_gate(NAME, target)


@pytest.mark.parametrize("others", [0, 40])
def test_few_tags_leave_the_headline(plugins, others):
    """Where a model has many tags of its own, ours that matter most are written, and no error comes."""
    mlflow.set_registry_uri("azureml://somewhere")
    client = MlflowClient()
    client.create_registered_model("churn")
    client.create_model_version("churn", "s3://elsewhere/model")
    for i in range(others):
        client.set_registered_model_tag("churn", f"team{i}", "x")
    spot.log_predicted_lift("churn/1", CONTRACT)
    spot.log_involvement("churn", phase="scope", kind="contributed", what="w" * 3000, **WHO)
    tags = client.get_registered_model("churn").tags
    assert tags["spot"]
    assert tags["spot.updated"]
    assert len(tags) <= 50
    assert max(map(len, tags.values())) <= 1000
    assert ("spot.lift.predicted" in tags) == (others == 0)


def test_plain_short_tags_on_models_alone(plugins, monkeypatch):
    """Where versions have no tags and values few characters, the model's tags are cut and cleaned."""
    monkeypatch.setenv("SPOT_MLFLOW_REGISTRY", "sagemaker")
    mlflow.set_registry_uri("sagemaker-like://somewhere")
    client = MlflowClient()
    client.create_registered_model("churn")
    client.create_model_version("churn", "s3://elsewhere/model")
    spot.log_predicted_lift("churn/1", CONTRACT)
    spot.raise_concern("churn", what="ünder (all) " * 60, severity="blocking", **WHO)
    tags = client.get_registered_model("churn").tags
    assert max(map(len, tags.values())) <= 256
    assert tags["spot.lift.predicted"]
    assert client.get_model_version("churn", "1").tags == {}
    assert "spot:begin" in client.get_model_version("churn", "1").description
    with Claims(client) as mine, pytest.raises(InvalidInput, match="versions have no tags"):
        mine.take("churn", "1")


def test_an_unknown_kind_is_refused(churn_like, monkeypatch):
    """A misspelt kind of registry is an error that names the kinds."""
    monkeypatch.setenv("SPOT_MLFLOW_REGISTRY", "unity")
    with pytest.raises(InvalidInput, match="must be one of mlflow, unity-catalog"):
        _ = Record().ways


@pytest.fixture
def churn_like(mlflow_uri):
    """An MLflow of its own."""
    return mlflow_uri
