"""Values and costs of the log beside those of the contract: an order of magnitude apart is a slip.

A value column in cents under a contract in euros makes every sum of money a hundred times too large,
and nothing else in a report would show it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from spot_mlflow import figures
from spot_mlflow.lift.estimators.arm import arms_of
from spot_mlflow.lift.moments.labels import HOLDOUT

if TYPE_CHECKING:
    from spot_mlflow.lift.estimators.arm import Arm
    from spot_mlflow.lift.moments.cells import Moments
    from spot_mlflow.lift.promise.contract import PredictedLift

FAR: Final = 8.0  # times; below it prices and baskets differ, at ten and more the unit does


@dataclass(frozen=True, slots=True)
class MoneyMatch:
    """What the log says of one sum of the contract.

    Attributes:
        key: "value", of one good outcome, or "cost", of one contact.
        logged: in the log, on average.
        low: the least that the contract states.
        high: the most, where segments differ or incentives are paid.
        unit: label of the money.
    """

    key: Literal["value", "cost"]
    logged: float
    low: float
    high: float
    unit: str

    @property
    def factor(self) -> float:
        """Times the contract's figure; 1 within its range."""
        nearest = min(max(self.logged, self.low), self.high)
        return self.logged / nearest

    @property
    def far(self) -> bool:
        """Whether they are too far apart to be the same money."""
        return not 1 / FAR < self.factor < FAR

    @property
    def words(self) -> str:
        """One sentence without its full stop."""
        per = "good outcome" if self.key == "value" else "contact"
        stated = figures.plain(self.low, 4)
        if self.high > self.low:
            stated = f"{figures.plain(self.low, 4)} to {figures.plain(self.high, 4)}"
        found = f"The log's {self.key} is {figures.plain(self.logged, 6)} {self.unit}".rstrip()
        return f"{found} per {per}, the contract says {stated}"


def money_matches(cells: Moments, predicted: PredictedLift) -> tuple[MoneyMatch, ...]:
    """Compares what was logged of value and cost with the contract, where both speak of it.

    Args:
        cells: the reduced log.
        predicted: the contract.
    """
    totals = cells.collapse("arm")
    found = (_value(totals, predicted), _cost(totals, predicted))
    return tuple(m for m in found if m is not None)


def money_doubt(cells: Moments, predicted: PredictedLift) -> str:
    """Returns why sums of money are not to be headlined, or "".

    Args:
        cells: the reduced log.
        predicted: the contract.
    """
    return "; ".join(m.words for m in money_matches(cells, predicted) if m.far)


def _stated(own: float | None, segments: list[float | None]) -> list[float]:
    return [x for x in (own, *segments) if x is not None and x > 0]


def _match(
    key: Literal["value", "cost"], total: float, count: float, stated: list[float], unit: str
) -> MoneyMatch | None:
    if not stated or not count > 0 or not math.isfinite(total):
        return None
    return MoneyMatch(key, total / count, min(stated), max(stated), unit)


def _value(totals: Moments, predicted: PredictedLift) -> MoneyMatch | None:
    """Value per good outcome, both arms; where less is better, of a unit it did not happen to."""
    e = predicted.economics
    if totals.index("value") is None or e is None:
        return None
    if predicted.direction == "decrease" and predicted.kind != "binary":
        return None
    outcome, value = arms_of(totals), arms_of(totals, "value")
    good = sum(_total(a) for a in outcome)
    if predicted.direction == "decrease":
        good = sum(a.n for a in outcome) - good
    stated = _stated(e.value, [s.value for s in predicted.segments.values()])
    return _match("value", sum(_total(a) for a in value), good, stated, e.unit)


def _cost(totals: Moments, predicted: PredictedLift) -> MoneyMatch | None:
    """Cost per contact of the treated: delivered, else offered, else all of them."""
    e = predicted.economics
    if totals.index("cost") is None or e is None:
        return None
    treated = totals.select(totals.arm != HOLDOUT)
    steps = [s for s in ("delivered", "offered") if totals.index(s) is not None]
    reached = _total(arms_of(treated, steps[0])[0]) if steps else float(treated.n.sum())
    own = _stated(e.offer_cost + e.handling_cost, [s.cost for s in predicted.segments.values()])
    if own and e.incentive and reached > 0:
        accepted = _total(arms_of(treated)[0]) / reached
        own.append(max(own) + e.incentive * max(accepted, 0.0))
    return _match("cost", _total(arms_of(treated, "cost")[0]), reached, own, e.unit)


def _total(arm: Arm) -> float:
    return arm.total if arm.n else 0.0
