"""Which version was in Production when, on a real gated server: on record, by whom, over a rename too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from gated import CONTRACT, new_scene

import spot_mlflow as spot
from spot_mlflow.record import Record

if TYPE_CHECKING:
    from servers import MlflowServer

pytestmark = [pytest.mark.journey, pytest.mark.postgres]


def test_every_change_through_the_server_is_in_the_history(any_gated_server: MlflowServer) -> None:
    """Given, replaced with another archived, renamed, gone back and archived: no gap, no guess."""
    scene = new_scene(any_gated_server.url)
    record, client = Record(scene.url, scene.url), scene.client
    spot.log_predicted_lift(f"{scene.name}/2", CONTRACT, record=record)
    spot.sign_off(
        f"{scene.name}/2", target="Production", person="Bea", role="business", record=record
    )
    client.transition_model_version_stage(scene.name, "2", "Production", True)
    name = f"{scene.name}-renamed"
    client.rename_registered_model(scene.name, name)
    client.transition_model_version_stage(name, "1", "Production", True)
    client.transition_model_version_stage(name, "1", "Archived")
    history = spot.get_history(name, "production", record=record)
    held = history.holdings
    assert [h.version for h in held] == ["1", "2", "1"]
    assert [h.until for h in held[:2]] == [h.since for h in held[1:]]
    assert held[2].until is not None
    assert not any(h.current for h in held)
    assert [h.outcome for h in held] == ["allowed"] * 3
    for h in held:
        assert h.since is not None
        standing = history.at(h.since)
        assert (standing.holdings, standing.known) == ((h,), True)
    after = history.at(held[2].until)
    assert (after.holdings, after.known) == ((), True)
    champion = spot.get_history(name, "@champion", record=record)
    assert [(h.version, h.current) for h in champion.holdings] == [("1", True)]
