from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
from funnel_logs import make_units

from spot_mlflow.lift.adoption.curve import actions_of
from spot_mlflow.lift.moments.actions import ActionTable, Crew
from spot_mlflow.lift.moments.labels import TREATMENT
from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments

UNITS = make_units(3_000)


def test_json_and_back():
    """A table written as JSON is read back the same, people and reasons included."""
    log = UNITS.log(periods=True)
    told = replace(
        actions_of(log),
        crews={("", ""): Crew(3, 2, 1.0, 2.0, 3.0)},
        overrides={("West", "2026-01-05", "no time"): 4},
    )
    again = ActionTable.from_dict(json.loads(json.dumps(told.to_dict())))
    assert again.to_dict() == told.to_dict()
    kept = replace(log, actions=told)
    back = OutcomeMoments.from_dict(json.loads(json.dumps(kept.to_dict())))
    assert back.actions.to_dict() == told.to_dict()


def test_moments_by_day_are_added_up_by_week():
    """Without a pass of its own, acts are counted from the base pass, by week, treated only."""
    found = actions_of(UNITS.log(periods=True))
    treated = UNITS.arm == TREATMENT
    assert len(found.week) > 8  # by day, each under its Monday
    assert set(found.week.astype("datetime64[D]").astype(int) % 7) == {4}  # Mondays
    assert found.acted.sum() == int(UNITS.measures["acted"][treated].sum())
    assert found.recommended.sum() == treated.sum()


def test_teams_are_kept_where_they_were_reduced():
    """From the moments by team and week every team has its own rows."""
    found = actions_of(replace(UNITS.log(), teams=UNITS.teams()))
    west = found.team == "West"
    rows = (UNITS.arm == TREATMENT) & (UNITS.team == "West")
    assert found.recommended[west].sum() == rows.sum()
    assert found.acted[west].sum() == int(UNITS.measures["acted"][rows].sum())
    assert np.isnat(found.week).sum() == 0


def test_a_log_without_acts_has_no_table():
    """Where `acted` was not logged there is no table."""
    assert actions_of(UNITS.log("delivered")) is None
