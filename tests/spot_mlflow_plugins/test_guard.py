from __future__ import annotations

from typing import Any

import pytest
from guarding import churn, decisions, record, refused
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore
from ready_record import block, make_ready, promise

from spot_mlflow.gate.policy import default_policy
from spot_mlflow.record import Record
from spot_mlflow.record.policies import set_policy
from spot_mlflow_plugins.guard import gated, is_reserved

pytestmark = pytest.mark.filterwarnings("ignore:.*transition_model_version_stage.*:FutureWarning")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def uri(request: pytest.FixtureRequest) -> str:
    """The database of a registry: an SQLite file, and a real PostgreSQL."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("mlflow_uri"))
    return str(request.getfixturevalue("postgres_database"))


def test_the_gate_holds_on_every_database(uri: str) -> None:
    """Refused without evidence, allowed with it; both are in the record, on SQLite and PostgreSQL."""
    client = churn(uri)
    said = refused(client.transition_model_version_stage, "churn", "1", "Production")
    assert "spot ask churn --role" in said
    refused(client.set_registered_model_alias, "churn", "champion", "1")
    assert client.get_model_version("churn", "1").current_stage == "None"
    make_ready(record(client), "churn/1")
    assert (
        client.transition_model_version_stage("churn", "1", "Production").current_stage
        == "Production"
    )
    client.set_registered_model_alias("churn", "champion", "1")
    assert str(client.get_model_version_by_alias("churn", "champion").version) == "1"
    assert [(d["target"], d["outcome"], d["applied"]) for d in decisions(client)] == [
        ("Production", "refused", False),
        ("@champion", "refused", False),
        ("Production", "allowed", True),
        ("@champion", "allowed", True),
    ]


def test_spelling_is_no_way_round(sqlite: MlflowClient) -> None:
    """MLflow takes stages in any letter case, and aliases in any script; so does the gate."""
    for stage in ("production", "PRODUCTION", "pRoDuCtIoN"):
        refused(sqlite.transition_model_version_stage, "churn", "1", stage)
    for alias in ("champion", "Champion", "CHAMPION", "prod", "сhampion", "champiоn"):
        refused(sqlite.set_registered_model_alias, "churn", alias, "1")
    for version in ("1", 1, "01", " 1", "１"):
        with pytest.raises(MlflowException):
            sqlite.transition_model_version_stage("churn", version, "Production")
    assert sqlite.get_model_version("churn", "1").current_stage == "None"
    assert not sqlite.get_registered_model("churn").aliases


def test_aliases_that_nobody_gates_pass_unrecorded(sqlite: MlflowClient) -> None:
    """An alias outside the policy is MLflow's business alone."""
    sqlite.set_registered_model_alias("churn", "candidate", "1")
    sqlite.set_registered_model_alias("churn", "candidate", "2")
    sqlite.delete_registered_model_alias("churn", "candidate")
    assert decisions(sqlite) == []


def test_unknown_models_versions_and_stages_are_mlflows_errors(sqlite: MlflowClient) -> None:
    """What does not exist is not found, and a stage that is none is invalid: no refusal of ours."""
    for call, code in (
        (
            lambda: sqlite.transition_model_version_stage("nobody", "1", "Production"),
            "RESOURCE_DOES_NOT_EXIST",
        ),
        (
            lambda: sqlite.transition_model_version_stage("churn", "9", "Production"),
            "RESOURCE_DOES_NOT_EXIST",
        ),
        (
            lambda: sqlite.transition_model_version_stage("churn", "1", "Prodüction"),
            "INVALID_PARAMETER_VALUE",
        ),
    ):
        with pytest.raises(MlflowException) as e:
            call()
        assert e.value.error_code == code


def test_repeated_refusals_are_one_entry(sqlite: MlflowClient) -> None:
    """A pipeline that asks again and again does not inflate the record; new evidence counts anew."""
    for _ in range(5):
        refused(sqlite.transition_model_version_stage, "churn", "1", "Production")
    assert len(decisions(sqlite)) == 1
    promise(record(sqlite), "churn/1")
    refused(sqlite.transition_model_version_stage, "churn", "1", "Production")
    assert len(decisions(sqlite)) == 2


def test_a_transition_that_mlflow_refuses_is_not_recorded_as_done(sqlite: MlflowClient) -> None:
    """An allowed decision is recorded after the transition, and only if there was one."""
    make_ready(record(sqlite), "churn/1")
    with pytest.raises(MlflowException):
        sqlite.set_registered_model_alias("churn", "bad alias!", "1")
    assert decisions(sqlite) == []


def test_a_new_blocking_concern_counts_at_once(sqlite: MlflowClient) -> None:
    """Evidence written by another client between two calls is part of the next decision."""
    make_ready(record(sqlite), "churn/1")
    make_ready(record(sqlite), "churn/2")
    sqlite.transition_model_version_stage("churn", "1", "Production")
    import spot_mlflow as spot

    spot.raise_concern(
        "churn",
        person="Cleo Sample",
        role="frontline",
        what="wrong list",
        severity="blocking",
        record=record(sqlite),
    )
    assert "Blocking concerns" in refused(
        sqlite.transition_model_version_stage, "churn", "2", "Production"
    )


def test_a_rollback_is_never_blocked(sqlite: MlflowClient) -> None:
    """A version that held the target may come back when nothing is in order any more."""
    make_ready(record(sqlite), "churn/1")
    make_ready(record(sqlite), "churn/2")
    sqlite.transition_model_version_stage("churn", "1", "Production")
    sqlite.transition_model_version_stage(
        "churn", "2", "Production", archive_existing_versions=True
    )
    import spot_mlflow as spot

    spot.raise_concern(
        "churn", person="C", role="frontline", what="w", severity="blocking", record=record(sqlite)
    )
    sqlite.transition_model_version_stage(
        "churn", "1", "Production", archive_existing_versions=True
    )
    assert sqlite.get_model_version("churn", "1").current_stage == "Production"
    last = decisions(sqlite)[-1]
    assert (last["basis"], last["replaced"]) == ("rollback", {"Production": ["2"]})


def test_what_held_a_target_before_the_gate_came_may_come_back(mlflow_uri: str) -> None:
    """A holder from before is named when it is replaced or archived, and can be gone back to."""
    plain = MlflowClient(mlflow_uri, mlflow_uri)
    plain.create_registered_model("churn")
    plain.create_model_version("churn", source="s3://nowhere/model")
    plain.transition_model_version_stage("churn", "1", "Production")
    plain.set_registered_model_alias("churn", "champion", "1")
    block(Record(mlflow_uri, mlflow_uri))
    client = MlflowClient(mlflow_uri, f"spot+{mlflow_uri}")
    assert client.get_model_version("churn", "1").current_stage == "Production", (
        "it keeps the target"
    )
    client.transition_model_version_stage("churn", "1", "Archived")
    client.transition_model_version_stage("churn", "1", "Production")
    client.delete_registered_model_alias("churn", "champion")
    client.set_registered_model_alias("churn", "champion", "1")
    assert [(d["target"], d["basis"]) for d in decisions(client)] == [
        ("Production", "removal"),
        ("Production", "rollback"),
        ("@champion", "removal"),
        ("@champion", "rollback"),
    ]


def test_removing_is_never_refused(sqlite: MlflowClient) -> None:
    """Archiving, and taking an alias away, pass without any evidence, and are recorded."""
    make_ready(record(sqlite), "churn/1")
    sqlite.set_registered_model_alias("churn", "champion", "1")
    sqlite.transition_model_version_stage("churn", "2", "Archived")
    sqlite.delete_registered_model_alias("churn", "champion")
    assert [d["basis"] for d in decisions(sqlite)] == ["requirements", "removal"]
    assert decisions(sqlite)[-1]["replaced"] == {"@champion": ["1"]}


def test_siblings_that_a_transition_archives_are_named(sqlite: MlflowClient) -> None:
    """The versions that MLflow archives along stand in the decision."""
    make_ready(record(sqlite), "churn/1")
    make_ready(record(sqlite), "churn/2")
    sqlite.transition_model_version_stage("churn", "1", "Production")
    sqlite.transition_model_version_stage(
        "churn", "2", "Production", archive_existing_versions=True
    )
    assert sqlite.get_model_version("churn", "1").current_stage == "Archived"
    assert decisions(sqlite)[-1]["replaced"] == {"Production": ["1"]}


def test_what_holds_a_target_cannot_be_deleted(sqlite: MlflowClient) -> None:
    """Version and model are refused while deployed, with the way out; afterwards they go."""
    make_ready(record(sqlite), "churn/1")
    sqlite.set_registered_model_alias("churn", "champion", "1")
    assert "delete_registered_model_alias(name, 'champion')" in refused(
        sqlite.delete_model_version, "churn", "1"
    )
    refused(sqlite.delete_registered_model, "churn")
    sqlite.delete_model_version("churn", "2")
    sqlite.delete_registered_model_alias("churn", "champion")
    sqlite.delete_model_version("churn", "1")
    assert [(d["basis"], d["outcome"]) for d in decisions(sqlite)] == [
        ("requirements", "allowed"),
        ("deletion", "refused"),
        ("removal", "allowed"),
    ]
    sqlite.delete_registered_model("churn")


def test_outside_mode_block_a_deletion_is_recorded(mlflow_uri: str) -> None:
    """Deleting a holder passes, and the record says what was given up."""
    client = churn(mlflow_uri)
    set_policy(record(client), default_policy())
    client.set_registered_model_alias("churn", "champion", "1")
    client.delete_model_version("churn", "1")
    last = decisions(client)[-1]
    assert (last["basis"], last["outcome"], last["replaced"]) == (
        "deletion",
        "observed",
        {"@champion": ["1"]},
    )


def test_a_model_made_anew_starts_without_evidence(sqlite: MlflowClient) -> None:
    """Deleting a model and registering its name again does not inherit what was known."""
    make_ready(record(sqlite), "churn/1")
    sqlite.delete_registered_model("churn")
    sqlite.create_registered_model("churn")
    sqlite.create_model_version("churn", source="s3://nowhere/other")
    refused(sqlite.transition_model_version_stage, "churn", "1", "Production")


def test_a_copied_version_does_not_inherit_evidence(sqlite: MlflowClient) -> None:
    """A copy under another name, with the tags of its source, is judged by itself."""
    known = record(sqlite)
    make_ready(known, "churn/1")
    known.refresh(known.resolve("churn/1"))
    assert sqlite.get_model_version("churn", "1").tags, "the source carries derived tags"
    copy = sqlite.copy_model_version("models:/churn/1", "churn-copy")
    assert not [t for t in copy.tags if is_reserved(t)]
    refused(sqlite.transition_model_version_stage, "churn-copy", copy.version, "Production")


def test_evidence_follows_a_rename(sqlite: MlflowClient) -> None:
    """A renamed model keeps what is known of it, and there and back changes nothing."""
    make_ready(record(sqlite), "churn/1")
    sqlite.rename_registered_model("churn", "leavers")
    assert (
        sqlite.transition_model_version_stage("leavers", "1", "Production").current_stage
        == "Production"
    )
    sqlite.rename_registered_model("leavers", "churn")
    refused(sqlite.transition_model_version_stage, "churn", "2", "Production")


def test_a_rename_does_not_lead_a_holder_out_of_the_gate(sqlite: MlflowClient) -> None:
    """Under a name that nobody watches it could be deleted or moved on; without targets it may go."""
    make_ready(record(sqlite), "churn/1")
    sqlite.set_registered_model_alias("churn", "champion", "1")
    set_policy(record(sqlite), default_policy().with_mode("block", pattern="churn*"))
    said = refused(sqlite.rename_registered_model, "churn", "free")
    assert "churn/1 may not be renamed while it holds @champion" in said
    assert "the new name 'free' is watched in mode observe" in said
    assert "delete_registered_model_alias(name, 'champion')" in said
    sqlite.rename_registered_model("churn", "churn-b")
    sqlite.delete_registered_model_alias("churn-b", "champion")
    sqlite.rename_registered_model("churn-b", "free")
    known = record(sqlite)
    found = [e.payload for e in known.entries(known.resolve("free")) if e.kind == "decision"]
    assert [(d["basis"], d["outcome"], d["applied"]) for d in found[1:]] == [
        ("renaming", "refused", False),
        ("renaming", "allowed", True),
        ("removal", "allowed", True),
    ]


def test_a_name_with_both_quotes_is_a_name(sqlite: MlflowClient) -> None:
    """A model that no search filter can name is decided on, renamed and deleted like any other."""
    name = """churn'"x"""
    sqlite.create_registered_model(name)
    sqlite.create_model_version(name, source="s3://nowhere/model")
    refused(sqlite.transition_model_version_stage, name, "1", "Production")
    sqlite.rename_registered_model(name, f"{name}y")
    sqlite.delete_registered_model(f"{name}y")


def test_a_rename_into_a_blocked_pattern_is_decided(mlflow_uri: str) -> None:
    """A holder under a name nobody watched cannot be renamed into one that is."""
    client = churn(mlflow_uri)
    block(record(client), "prod-*")
    client.transition_model_version_stage("churn", "1", "Archived")
    set_policy_observing(client)
    client.set_registered_model_alias("churn", "champion", "1")
    said = refused(client.rename_registered_model, "churn", "prod-churn")
    assert "may not become 'prod-churn'" in said
    client.delete_registered_model_alias("churn", "champion")
    client.rename_registered_model("churn", "prod-churn")
    refused(client.set_registered_model_alias, "prod-churn", "champion", "1")


def set_policy_observing(client: MlflowClient) -> None:
    """Puts a policy in force that blocks models called prod-* only."""
    set_policy(record(client), default_policy().with_mode("block", pattern="prod-*"))


def test_modes_observe_and_warn_let_everything_pass_and_record_it(
    mlflow_uri: str, caplog: Any
) -> None:
    """Outside mode block the decision is recorded; in mode warn it is said as well."""
    client = churn(mlflow_uri)
    set_policy(record(client), default_policy())
    client.transition_model_version_stage("churn", "1", "Production")
    set_policy(record(client), default_policy().with_mode("warn"))
    with caplog.at_level("WARNING", logger="mlflow.spot"):
        client.set_registered_model_alias("churn", "prod", "2")
    assert "Recent assessment" in caplog.text
    assert [d["outcome"] for d in decisions(client)] == ["observed", "warned"]


def test_public_functions_work_through_a_gated_uri(
    mlflow_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the registry URI set to a gated one, recording evidence still writes its summary tags."""
    import mlflow

    import spot_mlflow as spot

    client = churn(mlflow_uri)
    mlflow.set_registry_uri(f"spot+{mlflow_uri}")
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", f"spot+{mlflow_uri}")
    spot.log_involvement("churn", phase="scope", kind="contributed", person="Bo", role="business")
    assert "spot" in client.get_registered_model("churn").tags


def test_a_store_without_a_decider_lets_nothing_gated_pass(mlflow_uri: str) -> None:
    """Whoever gates a class and forgets the rest has a shut gate, and no open one."""
    store = gated(SqlAlchemyStore)(mlflow_uri)
    store.create_registered_model("churn")
    store.create_model_version("churn", "s3://x/y")
    assert "is not configured" in refused(
        store.transition_model_version_stage, "churn", "1", "Production", False
    )


def test_a_damaged_policy_keeps_the_gate_shut(sqlite: MlflowClient) -> None:
    """A policy that cannot be read is no reason to fall back to a weaker one."""
    from spot_mlflow.record import REGISTRY

    record(sqlite).append(REGISTRY, "policy", {"policy": {"name": "x"}, "digest": ""})
    assert "could not be decided" in refused(
        sqlite.set_registered_model_alias, "churn", "champion", "1"
    )


def test_a_deleted_record_blocks_in_block_and_passes_in_observe(sqlite: MlflowClient) -> None:
    """Without its evidence a model in mode block is refused; outside it nobody is stopped."""
    make_ready(record(sqlite), "churn/1")
    sqlite.delete_experiment(sqlite.get_experiment_by_name("spot/churn").experiment_id)
    assert "was deleted" in refused(sqlite.set_registered_model_alias, "churn", "champion", "1")
    set_policy(record(sqlite), default_policy())
    sqlite.set_registered_model_alias("churn", "champion", "1")
    assert str(sqlite.get_model_version_by_alias("churn", "champion").version) == "1"
