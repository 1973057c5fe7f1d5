"""Tests of the state of many models read at once, against ``Record.state`` of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from mlflow import MlflowClient

import spot_mlflow as spot
from spot_mlflow.errors import RecordDamaged
from spot_mlflow.record import Record, direct_many
from spot_mlflow.record.companion import name_of
from spot_mlflow.record.references import ModelRef
from spot_mlflow.record.side_by_side import states
from spot_mlflow.reporting.message.listed import UPDATED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spot_mlflow.adoption import ModelFacts
    from spot_mlflow.evidence import Evidence

    State = tuple[ModelFacts, list[Evidence]]


@pytest.fixture
def record(another_mlflow: str) -> Record:
    """The record of an MLflow in a file of its own."""
    return Record(another_mlflow, another_mlflow)


@pytest.fixture
def client(record: Record) -> MlflowClient:
    """Its client."""
    return record.client


def model(record: Record, name: str, versions: int = 0) -> str:
    """Registers a model with a concern in its record."""
    record.client.create_registered_model(name)
    for _ in range(versions):
        record.client.create_model_version(name, "file:///nowhere", await_creation_for=None)
    spot.raise_concern(
        name, what="late", severity="major", person="Fay", role="frontline", record=record
    )
    return name


def home(client: MlflowClient, name: str) -> str:
    """Returns the id of a model's companion experiment."""
    found = client.get_experiment_by_name(name_of(ModelRef(name, None, 0)))
    return str(found.experiment_id)


def found(client: MlflowClient) -> dict[str, State | None]:
    """Returns name -> what is read of all models at once."""
    return dict(states(client, every(client)))


def every(client: MlflowClient) -> list[tuple[str, Mapping[str, str]]]:
    """Returns (name, tags) of every model, as MLflow tells them."""
    return [(m.name, dict(m.tags)) for m in client.search_registered_models()]


def same(state: State | None, record: Record) -> bool:
    """Whether ``Record.state`` returns the same, and says the same of the versions."""
    assert state is not None
    told, entries = record.state(record.named(state[0].name))
    assert state[0] == told
    for ask in (
        list,
        lambda v: v.newest(),
        lambda v: [v.numbered(str(n)) for n in range(9)],
        lambda v: [list(v.in_stage(s)) for s in ("none", "production", "archived")],
        lambda v: [list(v.named(a)) for a in ("champion", "other", "none")],
    ):
        said: tuple[Any, Any] = ask(state[0].versions), ask(told.versions)
        assert said[0] == said[1]
    return state[1] == list(entries)


def versions_of_all_kinds(client: MlflowClient, name: str) -> None:
    """Moves, names and deletes versions of a model that has seven."""
    client.transition_model_version_stage(name, "2", "Production")
    client.transition_model_version_stage(name, "3", "Archived")
    for alias, version in (("Champion", "2"), ("other", "6")):
        client.set_registered_model_alias(name, alias, version)
    for version in ("4", "7"):
        client.delete_model_version(name, version)


@pytest.mark.parametrize("most", [100, 2])
def test_all_models_at_once_are_as_each_alone(
    record: Record, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """Facts, versions and entries agree, also where a model has more versions than are read at once."""
    monkeypatch.setattr(direct_many, "MOST_VERSIONS", most)
    agree(record)


@pytest.mark.parametrize("database", ["postgres_database", "mariadb_database"])
def test_other_databases_answer_the_same(request: pytest.FixtureRequest, database: str) -> None:
    """Each has its own rules for groups, cases and numbers."""
    uri = str(request.getfixturevalue(database))
    agree(Record(uri, uri))


def agree(record: Record) -> None:
    """Checks that all that is read at once is what is read of each model."""
    client = record.client
    names = [
        model(record, "plain"),
        model(record, "with versions", 7),
        model(record, "it's ümläut"),
    ]
    versions_of_all_kinds(client, "with versions")
    client.update_registered_model("plain", "Some words")
    client.create_registered_model("without record")
    client.create_registered_model("gone", tags={UPDATED: "2026-05-03T10:00:00Z (entry 12345678)"})
    read = found(client)
    assert read.pop("gone") is None
    with pytest.raises(RecordDamaged, match="is gone"):
        record.state(record.named("gone"))
    assert sorted(read) == sorted([*names, "without record"])
    assert all(same(state, record) for state in read.values())
    assert sorted(len(state[1]) for state in read.values() if state) == [0, 1, 1, 1]


def test_what_does_not_count_alone_does_not_count_at_once(
    record: Record, client: MlflowClient
) -> None:
    """A run that is edited, half written, foreign or deleted is no entry."""
    name = model(record, "hurt")
    place = home(client, name)
    runs = []
    for person in ("Ann", "Bea", "Cem", "Dan"):
        spot.raise_concern(
            name, what="late", severity="minor", person=person, role="frontline", record=record
        )
        runs.append(client.search_runs([place])[0].info.run_id)
    client.set_tag(runs[0], "spot.person", "Zoe")
    client.set_terminated(runs[1], "FAILED")
    client.delete_run(runs[2])
    client.create_run(place)
    state = found(client)[name]
    assert state is not None
    assert same(state, record)
    assert sorted(str(e.person) for e in state[1]) == ["Dan", "Fay"]


def test_a_record_that_is_elsewhere_or_at_fault_is_left_to_the_one_that_looks_further(
    record: Record, client: MlflowClient
) -> None:
    """Renamed, made anew, deleted, gone, or under another name: not answered here."""
    names = [model(record, n) for n in ("renamed", "anew", "deleted", "moved", "well")]
    client.rename_registered_model("renamed", "with a new name")
    client.delete_registered_model("anew")
    client.create_registered_model("anew")
    client.delete_experiment(home(client, "deleted"))
    client.rename_experiment(home(client, "moved"), "elsewhere")
    assert list(found(client)) == ["well"]
    assert len(names) == 5
    assert len(record.state(record.named("with a new name"))[1]) == 1
    with pytest.raises(RecordDamaged, match="was deleted"):
        record.state(record.named("deleted"))


def test_through_a_server_nothing_is_read_at_once(plain_server: str) -> None:
    """A client of a server has no database to ask."""
    client = MlflowClient(plain_server, plain_server)
    assert list(states(client, [("churn", {})])) == []
