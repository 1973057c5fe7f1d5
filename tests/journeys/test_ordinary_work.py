"""Ordinary work is answered by a gated server as by a plain one, in modes observe and warn."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from gated import POLICY, gated_mlflow_server
from ordinary import Seen, work
from servers import mlflow_server

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.journey
LEAST = 71  # steps


@pytest.fixture(scope="module")
def plainly(tmp_path_factory: pytest.TempPathFactory) -> list[Seen]:
    """What plain MLflow answers."""
    folder = tmp_path_factory.mktemp("plainly")
    with mlflow_server(folder) as server:
        return worked(server.url, folder)


def worked(url: str, folder: Path) -> list[Seen]:
    """Does the work outside of any repository; what it sets in this process is set back."""
    import mlflow
    from mlflow.tracking import fluent
    from mlflow.tracking._model_registry import utils as registry
    from mlflow.tracking._tracking_service import utils as tracking

    assert mlflow.active_run() is None
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(fluent, "_active_experiment_id", None)
        patch.setattr(tracking, "_tracking_uri", None)
        patch.setattr(registry, "_registry_uri", None)
        for name in ("MLFLOW_EXPERIMENT_ID", "MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
            patch.setenv(name, "")  # so that it is put back whatever sets it
            patch.delenv(name)
        return work(url)


def both(p: Seen, g: Seen) -> tuple[tuple[list[str], list[str]], ...]:
    """What one server answered and the other did, in both orders."""
    return (p.answers, g.answers), (g.answers, p.answers)


@pytest.mark.parametrize("mode", ["observe", "warn"])
def test_ordinary_work_is_answered_as_by_plain_mlflow(
    mode: str, mlflow_uri: str, tmp_path: Path, plainly: list[Seen]
) -> None:
    """Body for body, but for ids, times, ``spot*`` tags, companions and our block in descriptions."""
    assert mlflow_uri == f"sqlite:///{tmp_path / 'mlflow.db'}"  # the tables are made already
    assert len(plainly) >= LEAST
    assert sum(not s.answers for s in plainly) <= 2, "every step asks the server something"
    policy = tmp_path / "own.yaml"
    policy.write_text(json.dumps({**POLICY, "mode": mode, "models": []}))
    said = {"SPOT_MLFLOW_POLICY_FILE": str(policy)}
    with gated_mlflow_server(tmp_path, environment=said, workers=1) as server:
        gated = worked(server.url, tmp_path)
    differing = {
        p.step: [sorted(set(one) - set(other)) for one, other in both(p, g)]
        for p, g in zip(plainly, gated, strict=True)
        if p.answers != g.answers
    }
    assert not differing, json.dumps(differing, indent=1)[:6000]
