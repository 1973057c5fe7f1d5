"""A ramp of the treated share and a moving base rate without any lift: no figure shows one.

Every day, segment, score bin, team and offer has the same rate in both arms by exact counts, so that each
comparison within strata is exactly 0; pooled, the arms are 10 and more points apart.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import pandas as pd
import pytest

from spot_mlflow.lift.causes.findings import findings_of
from spot_mlflow.lift.promise.contract import PredictedLift
from spot_mlflow.lift.strata.side_tables import side_tables
from spot_mlflow_checks import check_outcomes

DAYS = 28
PROMISE = PredictedLift.load(
    {
        "metric": "bought",
        "predicted": {"lift": 0.05, "baseline": 0.2},
        "score_edges": [0.5],
        "economics": {"unit": "EUR", "value": 10, "offer_cost": 0.5},
        "guardrails": [
            {"name": "complaints", "column": "complained", "direction": "decrease", "margin": 0.01}
        ],
        "columns": {
            "unit": "id", "arm": "arm", "outcome": "y", "decided_at": "at", "segment": "segment",
            "score": "score", "team": "team", "offer": "offer", "offered": "offered",
            "delivered": "offered_too", "value": "value", "acted": "acted",
        },
    }
)  # fmt: skip


def ramp(day: int) -> tuple[float, float]:
    """The share of treatment rises by week from 20 to 80 %, the rate from 10 to 40 %."""
    return 0.2 * (1 + day // 7), 0.1 * (1 + day // 7)


def weekends(day: int) -> tuple[float, float]:
    """Few are treated at weekends, when many buy."""
    return (0.2, 0.4) if day % 7 >= 5 else (0.8, 0.1)


def log(how: Any) -> pd.DataFrame:
    """100 units of each label a day; the same rate in both arms."""
    rows = []
    for day, segment, score, team, offer in product(
        range(DAYS), "ab", (0.2, 0.8), ("North", "South"), "xy"
    ):
        share, rate = how(day)
        for arm, n in ((1, round(100 * share)), (0, round(100 * (1 - share)))):
            bought = round(n * rate)
            rows += [
                (day, segment, score, team, offer, arm, int(i < bought), i % 2) for i in range(n)
            ]
    names = ["day", "segment", "score", "team", "offer", "arm", "y", "acted"]
    frame = pd.DataFrame(rows, columns=names)
    start = pd.Timestamp("2027-01-04", tz="UTC")
    return frame.assign(
        id=[f"u{i}" for i in range(len(frame))],
        at=start + pd.to_timedelta(frame["day"], unit="D"),
        offered=frame["arm"], offered_too=frame["arm"], complained=frame["y"],
        value=10.0 * frame["y"], acted=frame["acted"].where(frame["arm"] == 1),
    )  # fmt: skip


@pytest.mark.parametrize("how", [ramp, weekends])
def test_no_figure_shows_a_lift_that_is_not_there(how: Any) -> None:
    """Headline, means, rows, course, trend, arms reached, guardrails, causes, money, bins, groups: all 0."""
    frame = log(how)
    apart = frame.groupby("arm")["y"].mean().diff().iloc[-1]
    assert abs(apart) > 0.09  # what pooling would show
    report = check_outcomes(frame, PROMISE, as_of="2027-06-01")
    a = report.analysis
    beside = side_tables(report.moments, PROMISE)
    groups = findings_of(beside.moments, PROMISE, comparable=beside.comparable)
    lifts = {
        "headline": [a.realized.estimate.lift, a.realized.raw_difference],
        "means": [a.realized.mean_treatment - a.realized.mean_holdout],
        "segments": [s.estimate.lift for s in a.segments],
        "periods": [s.estimate.lift for s in a.periods],
        "course": [s.estimate.lift for s in a.course],
        "trend": [a.trend.per_day, a.trend.first, a.trend.last],  # type: ignore[union-attr]
        "reached": [a.compliance.cace.value],  # type: ignore[union-attr]
        "guardrails": [
            x for g in a.guardrails
            for x in (g.estimate.lift, (g.mean_treatment or 0) - (g.mean_holdout or 0))
        ],
        "bridge": [a.attribution.realized_lift],
        "money": [a.economics.lift.lift],
        "decisions": [d.lift.lift for d in a.economics.decisions],
        "profit curve": [x for p in a.economics.curve.points for x in (p.lift.lift, p.gain.lift)],
        "calibration": [row.realized.lift for row in a.calibration],
        "groups": [
            x for f in groups if f.factor in {"lift", "response"}
            for x in (f.level.lift, f.others)
        ],
    }  # fmt: skip
    assert {f.dimension for f in groups if f.factor == "lift"} == {
        "segment", "team", "offer", "week",
    }  # fmt: skip
    for name, shown in lifts.items():
        assert shown, name
        assert max(map(abs, shown)) < 1e-9, name
    # A treated unit costs .5 and brings nothing.
    assert a.economics.per_eligible.lift == pytest.approx(-0.5)
    assert all(p.profit.lift == pytest.approx(-0.5) for p in a.economics.curve.points)
    assert {d.action for d in a.economics.decisions} == {"do nothing"}
