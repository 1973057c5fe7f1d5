"""Tests of which experiments and runs hold evidence."""

from __future__ import annotations

import pytest

from spot_mlflow_plugins import mlflow_private
from spot_mlflow_plugins.server.record.companions import Companions, Memory, is_companion_name


@pytest.mark.parametrize(
    ("name", "reserved"),
    [
        ("spot/churn", True),
        ("Spot/churn", True),
        (" spot/churn", True),
        ("\uff53\uff50\uff4f\uff54/churn", True),
        ("spot", True),
        ("spotify", False),
        ("spot-checks", False),
        ("team/spot/churn", False),
        ("Default", False),
    ],
)
def test_reserved_names(name: str, reserved: bool) -> None:  # noqa: FBT001 - a table
    """The prefix is reserved however it is written; other names are not."""
    assert is_companion_name(name, "spot/") is reserved


def test_prefix_may_be_a_folder() -> None:
    """Some servers want a folder in front."""
    assert is_companion_name("/Shared/spot/churn", "/Shared/spot/")
    assert not is_companion_name("spot/churn", "/Shared/spot/")


@pytest.fixture
def asked(monkeypatch) -> list[str]:
    """Records what the database is asked: run 1 is in experiment 1, a companion; run 2 is not."""
    calls: list[str] = []

    def experiment_of(_: object, run_id: str) -> str | None:
        calls.append(f"run {run_id}")
        return {"1": "1", "2": "2"}.get(run_id)

    def name_of(_: object, experiment_id: str) -> str | None:
        calls.append(f"experiment {experiment_id}")
        return {"1": "spot/churn", "2": "mine"}.get(experiment_id)

    monkeypatch.setattr(mlflow_private, "experiment_of_run", experiment_of)
    monkeypatch.setattr(mlflow_private, "name_of_experiment", name_of)
    return calls


def test_each_run_is_asked_for_once(asked: list[str]) -> None:
    """What cannot change is remembered, for companions and others alike."""
    companions = Companions("spot/")
    for _ in range(5):
        assert companions.run(None, "1")
        assert not companions.run(None, "2")
    assert asked == ["run 1", "experiment 1", "run 2", "experiment 2"]


def test_unknown_run_is_asked_for_again(asked: list[str]) -> None:
    """It may be created a moment later, by another worker."""
    companions = Companions("spot/")
    assert not companions.run(None, "9")
    assert not companions.run(None, "9")
    assert asked == ["run 9", "run 9"]


def test_noted_run_costs_nothing(asked: list[str]) -> None:
    """A run just created through the guard is known."""
    companions = Companions("spot/")
    companions.note_run("5", ours=False)
    assert not companions.run(None, "5")
    assert asked == []


def test_not_ours_is_forgotten_after_a_while(asked: list[str], monkeypatch) -> None:
    """A removed experiment's number may be given to a companion: the answer holds half a minute."""
    clock = {"now": 100.0}
    monkeypatch.setattr("time.monotonic", lambda: clock["now"])
    companions = Companions("spot/")
    companions.experiment(None, "2")
    companions.experiment(None, "2")
    clock["now"] += 31
    companions.experiment(None, "2")
    assert asked == ["experiment 2", "experiment 2"]


def test_memory_is_bounded() -> None:
    """The oldest answers go first."""
    memory = Memory(limit=3)
    for n in range(5):
        memory.put(n, answer=True)
    assert [memory.get(n) for n in range(5)] == [None, None, True, True, True]
