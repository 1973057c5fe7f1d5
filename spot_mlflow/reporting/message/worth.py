"""Money promised and money that arrived, as the headline, cards and tags write it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spot_mlflow.lift.causes.bridge import interval_from
from spot_mlflow.reporting import figures

if TYPE_CHECKING:
    from spot_mlflow.lift.interval import Interval
    from spot_mlflow.reporting.words.lift_view import LiftView


@dataclass(frozen=True, slots=True)
class Money:
    """Net value of the treated units to date.

    Attributes:
        promised: at the promised lift, cost included.
        realized: at the realized lift, with its interval.
        unit: label of the currency, or "".
    """

    promised: float
    realized: Interval
    unit: str

    @property
    def promised_text(self) -> str:
        """The promise, rounded like what arrived so that the two compare: "120k USD"; never to nothing."""
        said = figures.money(self.promised, self.unit, half_width=self.half_width)
        nothing = figures.money(0.0, self.unit)
        return figures.about_money(self.promised, self.unit) if said == nothing else said

    @property
    def arrived_text(self) -> str:
        """What arrived, rounded as its interval asks: "47k USD"."""
        return figures.money(self.realized.lift, self.unit, half_width=self.half_width)

    @property
    def range_text(self) -> str:
        """Its interval: "30k to 64k"."""
        low, high = self.realized.low, self.realized.high
        if not (math.isfinite(low) and math.isfinite(high)):
            return "unbounded"
        half = self.half_width
        return f"{figures.money(low, half_width=half)} to {figures.money(high, half_width=half)}"

    @property
    def realized_text(self) -> str:
        """What arrived with its interval: "47k USD (30k to 64k)"."""
        return f"{self.arrived_text} ({self.range_text})"

    @property
    def half_width(self) -> float:
        """Half the width of the interval of what arrived."""
        return (self.realized.high - self.realized.low) / 2


def money_of(view: LiftView, *, doubted: bool = False) -> Money | None:
    """Returns the money of a check to date, or None where neither contract nor log knows of any.

    Args:
        view: the check.
        doubted: also where values or costs of the log are far from the contract's; no headline.
    """
    economics = view.data.get("economics")
    if not economics or (economics.get("doubt") and not doubted):
        return None
    to_date = economics["to_date"]
    return Money(
        promised=float(to_date["promised"]),
        realized=interval_from(to_date["realized"]),
        unit=str(economics.get("unit") or ""),
    )
