"""Money of a whole portfolio, added up of what the models' tags hold exactly; pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from spot_mlflow.lift.interval import Interval
from spot_mlflow.reporting.message.history import months_added
from spot_mlflow.reporting.message.worth import Money

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from spot_mlflow.lift.money.months import MonthMoney
    from spot_mlflow.reporting.message.history import Account, History


@dataclass(frozen=True, slots=True)
class PortfolioMoney:
    """Money to date in one currency, over all models that have any.

    Attributes:
        unit: label of the currency.
        promised: to date.
        arrived: to date.
        below: how far the interval reaches below what arrived.
        above: how far it reaches above.
        months: by the month of the decision, oldest first; they sum to the two totals.
        models: names of those counted.
        shared: groups of them that act on the same customers, as far as their logs and holdouts show;
            their intervals are added as if they erred together.
        left_out: name -> the model that was counted in its place, on the same rows.
    """

    unit: str
    promised: Decimal
    arrived: Decimal
    below: float
    above: float
    months: tuple[MonthMoney, ...]
    models: tuple[str, ...]
    shared: tuple[tuple[str, ...], ...]
    left_out: Mapping[str, str]

    @property
    def money(self) -> Money:
        """The same as every surface writes it."""
        arrived = float(self.arrived)
        found = Interval(arrived, arrived - self.below, arrived + self.above, None)
        return Money(float(self.promised), found, self.unit)

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values; sums as text, so that no cent is lost."""
        found = self.money.realized
        low, high = (x if math.isfinite(x) else None for x in (found.low, found.high))
        return {
            "unit": self.unit,
            "promised": str(self.promised),
            "arrived": str(self.arrived),
            "low": low,
            "high": high,
            "months": [
                {"month": m.month or None, "promised": str(m.promised), "arrived": str(m.arrived)}
                for m in self.months
            ],
            "models": list(self.models),
            "shared_customers": [list(group) for group in self.shared],
            "left_out": dict(self.left_out),
        }


def portfolio_money(histories: Mapping[str, History]) -> tuple[PortfolioMoney, ...]:
    """Adds up the money of models, one currency at a time, the largest promise first.

    Args:
        histories: name -> what its tag holds.
    """
    units = sorted({a.unit for h in histories.values() for a in h.accounts})
    found = [_of_unit(unit, histories) for unit in units]
    return tuple(sorted(found, key=lambda m: (-m.promised, m.unit)))


def _of_unit(unit: str, histories: Mapping[str, History]) -> PortfolioMoney:
    all_of = {n: a for n, h in histories.items() for a in h.accounts if a.unit == unit}
    left_out = _left_out(all_of, histories)
    accounts = {name: a for name, a in all_of.items() if name not in left_out}
    groups = _groups({name: histories[name].logs for name in accounts})
    return PortfolioMoney(
        unit=unit,
        promised=sum((a.promised for a in accounts.values()), Decimal(0)),
        arrived=sum((a.arrived for a in accounts.values()), Decimal(0)),
        below=math.hypot(*(sum(accounts[n].below for n in g) for g in groups)),
        above=math.hypot(*(sum(accounts[n].above for n in g) for g in groups)),
        months=months_added(a.months for a in accounts.values()),
        models=tuple(sorted(accounts)),
        shared=tuple(g for g in groups if len(g) > 1),
        left_out=left_out,
    )


def _left_out(accounts: Mapping[str, Account], histories: Mapping[str, History]) -> dict[str, str]:
    """Returns the models whose rows another one counts already, the larger promise before the smaller."""
    order = sorted(accounts, key=lambda n: (-accounts[n].promised, n))
    counted: dict[str, str] = {}
    left: dict[str, str] = {}
    for name in order:
        results = histories[name].results
        others = [counted[r] for r in results if r in counted]
        if results and len(others) == len(results):
            left[name] = others[0]
        else:
            counted |= dict.fromkeys(results, name)
    return left


def _groups(marks: Mapping[str, Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    """Returns the models in groups that are connected by a common mark."""
    group_of: dict[str, set[str]] = {}
    for name, own in sorted(marks.items()):
        joined = {name}
        for key in own:
            joined |= group_of.get(key, set())
        for member in list(joined):
            for key in marks[member]:
                group_of[key] = joined
    seen = {id(g): g for g in group_of.values()}
    alone = set(marks) - {n for g in seen.values() for n in g}
    return _sorted([*seen.values(), *({n} for n in alone)])


def _sorted(groups: Iterable[set[str]]) -> tuple[tuple[str, ...], ...]:
    return tuple(sorted(tuple(sorted(g)) for g in groups))
