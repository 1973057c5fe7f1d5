"""Tests of what keeps the files of a deployed version as they were approved."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from mlflow.exceptions import MlflowException

from spot_mlflow.errors import RecordDamaged
from spot_mlflow.gate.policy import default_policy
from spot_mlflow_plugins import mlflow_private
from spot_mlflow_plugins.mlflow_private import HolderRow
from spot_mlflow_plugins.server.files.deployed import Deployed
from spot_mlflow_plugins.server.files.places import Places
from spot_mlflow_plugins.server.files.sources import Sources

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RUN, MODEL = "a" * 32, f"m-{'b' * 32}"
LOGGED = f"mlflow-artifacts:/3/models/{MODEL}/artifacts/"
HOLDERS = [
    HolderRow("churn", "1", "@champion", RUN, f"mlflow-artifacts:/0/{RUN}/artifacts/model"),
    HolderRow("churn", "2", "Production", "", LOGGED, f"models:/{MODEL}"),
    HolderRow("churn", "5", "Production", "f" * 32, f"runs:/{'f' * 32}//mod%65l/"),
    HolderRow("churn", "3", "@blue", "c" * 32, "mlflow-artifacts:/0/c/artifacts/model"),
    HolderRow("free", "1", "@champion", "d" * 32, "mlflow-artifacts:/0/d/artifacts/model"),
    HolderRow("churn", "4", "Staging", "e" * 32, "s3://bucket/e/artifacts/model"),
]


class Judge:
    """A decider that knows a policy and keeps what was tried."""

    def __init__(self) -> None:
        self.attempts: list[str] = []
        self.damaged = False

    def policy(self) -> Any:
        """Blocks churn."""
        if self.damaged:
            raise RecordDamaged("no policy")
        return default_policy().with_mode("block", pattern="churn")

    def attempt(self, kind: str, what: str, **_: Any) -> None:
        """Like the decider's."""
        self.attempts.append(f"{kind}: {what}")


@pytest.fixture
def judge() -> Judge:
    """The decider of the test."""
    return Judge()


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch, judge: Judge, tmp_path: Path) -> Deployed:
    """Two versions of churn are deployed through the server's artifacts, one elsewhere."""
    monkeypatch.setattr(mlflow_private, "holders", lambda _: HOLDERS)
    monkeypatch.setenv("_MLFLOW_SERVER_SERVE_ARTIFACTS", "true")
    monkeypatch.setattr(
        mlflow_private, "run_locations",
        lambda _, runs: {r: f"mlflow-artifacts:/5/{r}/artifacts" for r in runs},
    )  # fmt: skip
    monkeypatch.setattr(
        mlflow_private, "models_logged_by",
        lambda _, runs: [mlflow_private.LoggedModelRow(MODEL, "model", runs[0], LOGGED)],
    )  # fmt: skip
    monkeypatch.setattr(mlflow_private, "model_locations", lambda _, __: {MODEL: LOGGED})
    monkeypatch.setattr(
        mlflow_private, "experiment_of_run", lambda _, run: "0" if run == RUN else "7"
    )
    monkeypatch.setattr(mlflow_private, "experiment_of_logged_model", lambda _, __: "3")
    places, stores = Places(str(tmp_path)), SimpleNamespace()
    sources = Sources(places, stores, stores)
    return Deployed(stores, judge, places, sources)  # type: ignore[arg-type] # what it is asked for


FILES = f"0/{RUN}/artifacts/model"
REFUSED: dict[str, Callable[[Deployed], None]] = {
    "write a file": lambda d: d.check_write(f"{FILES}/MLmodel"),
    "write deep below": lambda d: d.check_write(f"{FILES}/data/model.pkl"),
    "write in the place of the folder": lambda d: d.check_write(FILES),
    "write to a logged model": lambda d: d.check_write(f"3/models/{MODEL}/artifacts/MLmodel"),
    "write elsewhere": lambda d: d.check_uri("model/MLmodel", "s3://bucket/e/artifacts"),
    "write with other slashes": lambda d: d.check_write(f"/0//{RUN}/./artifacts/model//MLmodel"),
    "write with percent signs": lambda d: d.check_write(f"0%2F{RUN}/artifacts/mod%2565l/MLmodel"),
    "write to what a run leads to": lambda d: d.check_write(f"5/{'f' * 32}/artifacts/model/x"),
    "write through another root": lambda d: d.check_uri(
        "model/x", f"mlflow-artifacts:/0/{RUN}/artifacts"
    ),
    "put a logged model over it": lambda d: d.check_new_logged_model("Model", "f" * 32),
    "delete the run that it leads to": lambda d: d.check_delete_run("f" * 32),
    "delete a file": lambda d: d.check_delete(f"{FILES}/MLmodel"),
    "delete the folder": lambda d: d.check_delete(FILES),
    "delete what lies above": lambda d: d.check_delete(f"0/{RUN}"),
    "delete everything": lambda d: d.check_delete("."),
    "delete the run": lambda d: d.check_delete_run(RUN),
    "delete the logged model": lambda d: d.check_delete_logged_model(MODEL),
    "delete the run's experiment": lambda d: d.check_delete_experiment(None, "0"),
    "delete it, written otherwise": lambda d: d.check_delete_experiment(None, " 00"),
    "delete the logged model's experiment": lambda d: d.check_delete_experiment(None, "3"),
}


@pytest.mark.parametrize("attempt", REFUSED)
def test_deployed_files_stay_as_they_are(deployed: Deployed, judge: Judge, attempt: str) -> None:
    """It is HTTP 403, says which version it is of, and stands in the record."""
    with pytest.raises(MlflowException, match=r"churn/\d, which holds") as refused:
        REFUSED[attempt](deployed)
    assert refused.value.get_http_status_code() == 403
    assert len(judge.attempts) == 1


def test_everything_else_is_free(deployed: Deployed, judge: Judge) -> None:
    """Files beside, of versions without a gated target, and of models that are not blocked."""
    deployed.check_write(f"0/{RUN}/artifacts/plot.png")
    deployed.check_write(f"{FILES}2/MLmodel")
    deployed.check_write("0/c/artifacts/model/MLmodel")
    deployed.check_write("0/d/artifacts/model/MLmodel")
    deployed.check_delete("0/d")
    deployed.check_uri("plot.png", "s3://bucket/e/artifacts")
    deployed.check_delete_run("c" * 32)
    deployed.check_delete_run("")
    deployed.check_delete_logged_model("m-none")
    deployed.check_new_logged_model("model", "d" * 32)
    deployed.check_new_logged_model("other", "f" * 32)
    deployed.check_new_logged_model(None, None)
    deployed.check_delete_experiment(None, "8")
    deployed.check_delete_experiment(None, "x")
    assert judge.attempts == []


def test_without_a_readable_policy_all_that_is_deployed_stays(
    deployed: Deployed, judge: Judge
) -> None:
    """A damaged policy opens nothing."""
    judge.damaged = True
    with pytest.raises(MlflowException, match="free/1"):
        deployed.check_write("0/d/artifacts/model/MLmodel")


def test_the_registry_is_asked_once_a_second(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Uploads in quick succession cost one question; what is deployed later is known a second after."""
    asked: list[Any] = []
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(mlflow_private, "holders", lambda _: asked.append(1) or [])
    monkeypatch.setattr(
        "spot_mlflow_plugins.server.files.deployed.time.monotonic", lambda: clock.now
    )
    for clock.now in (0.0, 0.4, 0.9, 1.1):
        deployed.check_write("0/x/artifacts/a.txt")
    assert len(asked) == 2
