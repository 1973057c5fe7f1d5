"""Tests that the operator's policy file counts, whatever stands in the record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from gated import backend_of, gated_mlflow_server, new_scene

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.journey


def test_decisions_and_summary_follow_the_operators_file(tmp_path: Path) -> None:
    """A newer policy written past the server changes neither the gate's answer nor the summary."""
    from spot_mlflow.gate.policy import default_policy
    from spot_mlflow.record import Record
    from spot_mlflow.record.policies import current_policy, set_policy

    with gated_mlflow_server(tmp_path, workers=1) as server:
        scene = new_scene(server.url)
        behind = Record(backend_of(server), backend_of(server))
        assert current_policy(behind).name == "locked"
        set_policy(behind, default_policy())
        assert current_policy(behind).name == "spot-default"
        body = {
            "name": scene.name, "version": "2", "stage": "Production",
            "archive_existing_versions": False,
        }  # fmt: skip
        refused = scene.call("POST", "model-versions/transition-stage", body)
        assert refused.status_code == 403
        assert (
            "2 requirements not met" in refused.json()["message"]
        )  # of that policy; the other asks for more
        said = scene.entry(
            "pulse", {"useful": 4, "would_use": 4, "guess": False}, role="frontline", person="Flo"
        )
        assert said.status_code == 200, said.text
        told = scene.ajax("POST", "spot/refresh", json={"model": scene.name, "version": "2"})
        assert told.status_code == 200, told.text
        tags = scene.client.get_model_version(scene.name, "2").tags
        missing = len(default_policy().requires("Production"))
        assert "Production: no, 2 requirements" in tags["spot"], tags["spot"]
        assert f"{missing} requirements" not in tags["spot"]
