"""The bridge by brute force: raw units, one coalition at a time, no arrays and no moments.

Independent of ``spot_mlflow.lift``: written from the formula in docs/causes.md for the log of
``funnel_logs``, to be compared with what the library says.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spot_mlflow.lift.moments.labels import TREATMENT

if TYPE_CHECKING:
    from funnel_logs import Units

SHARE, RESPONSE = {"gold": 0.5, "plain": 0.5}, {"gold": 0.12, "plain": 0.06}
PLANNED = {"coverage": 0.95, "system": 1.0, "delivery": 0.95, "timeliness": 0.95}
LIFT, VALUE, COST = 0.08, 40.0, 0.5


@dataclass
class State:
    """Levels of one segment: stages by player, response, value, cost per contact, share."""

    stages: dict[str, float]
    response: float
    value: float
    cost: float
    share: float


class Bridge:
    """Both states of every segment, and who moves what.

    Args:
        units: the log.
        columns: what was logged of it.
    """

    def __init__(self, units: Units, columns: tuple[str, ...]) -> None:
        self.units, self.columns = units, set(columns)
        self.stages = self._stages()
        cut = [factor for stage in self.stages for factor in stage.split("+")]
        last = [f for f in PLANNED if f not in cut]
        if "system" in last and not self._attempts():
            last.remove("system")
        self.answer = "+".join([*last, "response"])
        self.promised = {s: self._promised(s, last) for s in SHARE}
        self.realized = {s: self._realized(s) for s in SHARE}
        brought = sum(self.realized[s].share * self._gain(s) for s in SHARE)
        lift = sum(self.realized[s].share * self._gap(s, "outcome") for s in SHARE)
        for s in SHARE:
            self.realized[s].value = brought / lift

    def _attempts(self) -> bool:
        return {"offered", "system_failure"} <= self.columns

    def _stages(self) -> list[str]:
        """Names the logged steps; what was not logged waits for the next."""
        out, waiting = [], []
        chain = [("coverage", "offered" in self.columns), ("system", self._attempts())]
        chain += [("delivery", "delivered" in self.columns)]
        chain += [("timeliness", "on_time" in self.columns)]
        for factor, logged in chain:
            if factor == "system" and not logged:
                continue
            waiting.append(factor)
            if logged:
                out.append("+".join(waiting))
                waiting = []
        return out

    def _mean(self, s: str, measure: str, *, treated: bool = True) -> float:
        u = self.units
        here = u.measures[measure][(u.segment == s) & ((u.arm == TREATMENT) == treated)]
        return math.fsum(here) / len(here)

    def _gap(self, s: str, measure: str) -> float:
        return self._mean(s, measure) - self._mean(s, measure, treated=False)

    def _gain(self, s: str) -> float:
        return self._gap(s, "value") if "value" in self.columns else VALUE * self._gap(s, "outcome")

    def _passed(self, s: str, stage: str) -> float:
        """Share of the treated that got past a stage."""
        last = stage.rsplit("+", maxsplit=1)[-1]
        name = {"coverage": "offered", "delivery": "delivered", "timeliness": "on_time"}
        if last == "system":
            return self._mean(s, "offered") - self._mean(s, "system_failure")
        return self._mean(s, name[last])

    def _promised(self, s: str, last: list[str]) -> State:
        whole = math.prod(PLANNED.values())
        scale = LIFT / sum(SHARE[x] * whole * RESPONSE[x] for x in SHARE)
        stages = {p: math.prod(PLANNED[f] for f in p.split("+")) for p in self.stages}
        answer = RESPONSE[s] * scale * math.prod(PLANNED[f] for f in last)
        return State(stages, answer, VALUE, COST, SHARE[s])

    def _realized(self, s: str) -> State:
        stages, through = {}, 1.0
        contact = 1.0
        for stage in self.stages:
            passed = self._passed(s, stage)
            stages[stage] = passed / through
            through = passed
            contact = passed if not stage.endswith("timeliness") else contact
        cost = COST
        if "cost" in self.columns:
            planned = math.prod(PLANNED[f] for f in self._uncut())
            cost = self._gap(s, "cost") / (contact * planned)
        share = float((self.units.segment == s).mean())
        return State(stages, self._gap(s, "outcome") / through, 0.0, cost, share)

    def _uncut(self) -> list[str]:
        """Factors of the contact that no stage before it covers."""
        before = [f for p in self.stages if not p.endswith("timeliness") for f in p.split("+")]
        return [f for f in ("coverage", "delivery") if f not in before]

    @property
    def players(self) -> list[str]:
        """The causes."""
        own = [x for x in ("value", "cost") if x in self.columns]
        return ["mix", *self.stages, self.answer, *own]

    def worth(self, moved: frozenset[str], game: str) -> float:
        """Lift or net value per eligible unit with some causes as realized, the rest as promised."""
        total = 0.0
        for s in SHARE:
            a, b = self.promised[s], self.realized[s]
            reach = contact = 1.0
            for p in self.stages:
                reach *= (b if p in moved else a).stages[p]
                contact = contact if p.endswith("timeliness") else reach
            contact *= math.prod(PLANNED[f] for f in self._uncut())
            lift = reach * (b if self.answer in moved else a).response
            value = (b if "value" in moved else a).value
            cost = (b if "cost" in moved else a).cost
            net = lift if game == "lift" else lift * value - contact * cost
            total += (b if "mix" in moved else a).share * net
        return total

    def shapley(self, game: str) -> dict[str, float]:
        """Every cause's marginal contribution, averaged over all coalitions of the others."""
        n = len(self.players)
        known = {
            c: self.worth(c, game)
            for r in range(n + 1)
            for c in map(frozenset, itertools.combinations(self.players, r))
        }
        return {
            p: math.fsum(
                (known[c | {p}] - known[c]) / (n * math.comb(n - 1, len(c)))
                for c in known
                if p not in c
            )
            for p in self.players
        }

    def waterfall(self, game: str, order: list[str]) -> dict[str, float]:
        """What each cause adds when they change one after the other."""
        out, moved = {}, frozenset[str]()
        for p in order:
            out[p] = self.worth(moved | {p}, game) - self.worth(moved, game)
            moved |= {p}
        return out
