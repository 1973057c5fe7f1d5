"""Outcome logs made unit by unit, with every column of the way to the customer; plainly invented."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spot_mlflow.lift.moments.cells import Moments
from spot_mlflow.lift.moments.labels import HOLDOUT, TREATMENT
from spot_mlflow.lift.moments.outcome_moments import OutcomeMoments
from spot_mlflow.lift.promise.contract import PredictedLift

FUNNEL = ("offered", "system_failure", "delivered", "on_time")


@dataclass(frozen=True)
class Units:
    """A log in memory.

    Attributes:
        measures: name -> (units,) values, everything that can be logged.
        arm: (units,) labels. segment: (units,) labels. day: (units,) decided at. team: (units,).
        reduced: what was reduced already, since many tests look at the same log.
    """

    measures: dict[str, np.ndarray]
    arm: np.ndarray
    segment: np.ndarray
    day: np.ndarray
    team: np.ndarray
    score: np.ndarray = field(default_factory=lambda: np.zeros(0))
    reduced: dict[Any, Moments] = field(default_factory=dict, init=False)

    def moments(self, *names: str, segments: bool = True, periods: bool = False) -> Moments:
        """Reduces the outcome and the named measures; all of them where none is named."""
        kept = {k: v for k, v in self.measures.items() if not names or k in {"outcome", *names}}
        asked = (*kept, segments, periods)
        if asked not in self.reduced:
            self.reduced[asked] = Moments.of_units(
                kept,
                self.arm,
                segment=self.segment if segments else None,
                period=self.day if periods else None,
            )
        return self.reduced[asked]

    def log(self, *names: str, segments: bool = True, periods: bool = False) -> OutcomeMoments:
        """Reduces to what ``check_outcomes`` would hand on, base pass only."""
        cells = self.moments(*names, segments=segments, periods=periods)
        return OutcomeMoments(cells, {}, as_of="2027-01-01")

    def teams(self) -> Moments:
        """Reduces by team and week."""
        monday = (self.day.astype("datetime64[D]").astype(int) + 3) // 7 * 7 - 3
        week = monday.astype("datetime64[D]")
        return Moments.of_units(self.measures, self.arm, segment=self.team, period=week)

    def bins(self, edges: list[float]) -> Moments:
        """Reduces by score bin and day."""
        number = np.searchsorted(edges, self.score, side="right").astype(str)
        return Moments.of_units(self.measures, self.arm, segment=number, period=self.day)


def make_units(
    n: int = 20_000,
    *,
    seed: int = 5,
    offered: float = 0.9,
    system: float = 0.95,
    delivered: float = 0.8,
    on_time: float = 0.9,
    response: tuple[float, float] = (0.12, 0.06),
    share: float = 0.4,
    value: float = 40.0,
    cost: float = 0.5,
    treated: float = 0.8,
    late_team: str = "",
) -> Units:
    """Makes a log of two segments, "gold" and "plain"; ``late_team`` delivers only a fifth."""
    rng = np.random.default_rng(seed)
    arm = np.where(rng.random(n) < treated, TREATMENT, HOLDOUT)
    gold = rng.random(n) < share
    team = rng.choice(["North", "South", "West"], n)
    through = np.where(team == late_team, 0.2, delivered)
    has = (arm == TREATMENT) & (rng.random(n) < offered)
    failed = has & (rng.random(n) >= system)
    reached = has & ~failed & (rng.random(n) < through)
    timely = reached & (rng.random(n) < on_time)
    score = rng.random(n)
    good = rng.random(n) < 0.05 + 0.03 * gold + timely * np.where(gold, *response) * 2 * score
    measures: dict[str, Any] = {
        "outcome": good,
        "value": good * rng.gamma(4, value / 4, n),
        "cost": reached * rng.gamma(9, cost / 9, n),
        "offered": has,
        "system_failure": failed,
        "delivered": reached,
        "on_time": timely,
        "acted": reached,
    }
    day = np.datetime64("2026-01-05") + rng.integers(0, 56, n).astype("timedelta64[D]")
    numbers = {k: np.asarray(v, dtype=float) for k, v in measures.items()}
    return Units(numbers, arm, np.where(gold, "gold", "plain"), day, team, score)


def make_contract(*, mix: bool = True, **changes: Any) -> PredictedLift:
    """Makes a promise of what ``make_units`` would bring with a perfect delivery."""
    parts = {
        "gold": {"share": 0.5, "response": 0.12},
        "plain": {"share": 0.5, "response": 0.06},
    }
    data: dict[str, Any] = {
        "metric": "bought",
        "predicted": {"lift": 0.08, "se": 0.002},
        "columns": {"arm": "arm", "outcome": "bought"},
        "economics": {"unit": "EUR", "value": 40, "offer_cost": 0.4, "handling_cost": 0.1},
        "funnel": {"offered": 0.95, "delivered": 0.95, "on_time": 0.95},
        "segments": parts if mix else {},
    }
    return PredictedLift.load({**data, **changes})
