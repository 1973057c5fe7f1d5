"""A CSV file and a contract in; cause, place, money, cut-off and adoption out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from spot_mlflow_checks import check_outcomes

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.journey

CONTRACT = """
metric: bought
predicted: {lift: 0.055, se: 0.002, source: backtest}
window: 14d
treatment_share: 0.8
economics: {unit: EUR, value: 40, offer_cost: 0.5, handling_cost: 0.2, capacity: 5000, population: 100000}
funnel: {offered: 1.0, delivered: 0.95}
segments: {gold: {share: 0.5, response: 0.08}, plain: {share: 0.5, response: 0.035}}
score_edges: [0.2, 0.4, 0.6, 0.8]
columns:
  {unit: id, arm: arm, treated: offer, holdout: none, outcome: bought, decided_at: decided,
   segment: segment, score: score, team: team, actor: clerk, offered: offered, delivered: delivered,
   undelivered_reason: why, acted: delivered, acted_at: at, override_reason: why, value: revenue,
   cost: cost, handling: handling}
"""


def write_log(path: Path, n: int = 20_000) -> None:
    """Writes a log in which team West delivers a third of its offers and handling is dear."""
    r = np.random.default_rng(2027)
    treated, gold = r.random(n) < 0.8, r.random(n) < 0.5
    team = r.choice(["North", "South", "West"], n)
    failed = treated & (r.random(n) < 0.02)
    delivered = treated & ~failed & (r.random(n) < np.where(team == "West", 0.33, 0.97))
    bought = r.random(n) < 0.04 + delivered * np.where(gold, 0.08, 0.035)
    decided = pd.Timestamp("2027-01-04") + pd.to_timedelta(r.integers(0, 8 * 7 * 24, n), unit="h")
    late = pd.to_timedelta(r.exponential(30, n), unit="h")
    handling = delivered * r.gamma(9, 0.3 / 9, n)
    why = np.where(failed, "system", np.where(treated & ~delivered, "staff", ""))
    pd.DataFrame(
        {
            "id": np.arange(n),
            "arm": np.where(treated, "offer", "none"),
            "bought": bought.astype(int),
            "decided": decided,
            "segment": np.where(gold, "gold", "plain"),
            "score": r.random(n) / 2 + gold / 2,
            "team": team,
            "clerk": np.char.add(team, r.integers(0, 8, n).astype(str)),
            "offered": treated.astype(int),
            "delivered": delivered.astype(int),
            "why": why,
            "at": np.where(delivered, (decided + late).astype(str), ""),
            "revenue": bought * r.gamma(4, 10, n),
            "cost": delivered * 0.5 + handling,
            "handling": handling,
        }
    ).to_csv(path, index=False)


def test_from_a_file_to_the_cause_and_what_to_do(tmp_path):
    """The report names the team, splits the gap exactly, and its JSON carries all of it."""
    log, lift = tmp_path / "outcomes.csv", tmp_path / "lift.yaml"
    write_log(log)
    lift.write_text(CONTRACT)
    report = check_outcomes(str(log), str(lift), as_of="2027-06-01")
    a = report.analysis
    assert (
        "of offers were never delivered (5 % planned), most in team West." in a.diagnosis.sentence
    )
    assert a.attribution.ranked[0] == "delivery"
    assert {c.cause for c in a.attribution.losses} >= {"delivery", "handling"}
    parts = sum(c.money.lift for c in a.attribution.contributions)
    gap = a.attribution.realized_money - a.attribution.promised_money
    assert parts == pytest.approx(gap, rel=1e-9)
    assert a.attribution.realized_lift == pytest.approx(a.realized.estimate.lift)
    assert a.economics.worth == "yes"
    assert a.economics.curve.cutoff.held_out
    assert sum(s.contacts for s in a.economics.allocation.shares) == pytest.approx(5000)
    west = a.adoption.teams[0]
    assert (west.team, west.differs, west.people) == ("West", "below", 8)
    assert {r.reason for r in west.reasons} == {"staff", "system"}
    assert a.adoption.time_to_act.mean == pytest.approx(30, rel=0.1)
    written = json.loads(report.to_json())
    assert written["diagnosis"]["ranked"][0]["where"][0]["label"] == "West"
    assert written["economics"]["decisions"]
    assert len(written["adoption"]["weeks"]) == 8
    assert len(written["calibration"]) == 5
