"""Money of models that leave the same customers alone: it is not added, since it may be the same money; pure.

Models whose assignments have one salt share their holdout. Nobody in it had any of them, so what one did for
customers of both is in the figure of the other too. Where they treat the same customers and are measured
by the same outcome, each figure is that of all of them; where they treat different ones, the sum is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spot_mlflow.reporting import figures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spot_mlflow.reporting.pages.portfolio_row import PortfolioRow


@dataclass(frozen=True, slots=True)
class SharedMoney:
    """What models with one holdout brought together, as far as that is known.

    Attributes:
        salt: of their assignments.
        models: their names.
        unit: label of the money.
        low: the least that it may be: one of the figures, or their sum.
        high: the most.
        promised: what was promised of what ``low`` counts.
    """

    salt: str
    models: tuple[str, ...]
    unit: str
    low: float
    high: float
    promised: float

    @property
    def words(self) -> str:
        """One sentence, and what to do."""
        low, high = figures.money(self.low), figures.money(self.high, self.unit)
        return (
            f"{', '.join(self.models)} share one holdout (salt {self.salt}), so what one did may be "
            f"in the figures of the others: together {low} to {high}, counted here as {low}. To know, "
            "check them together under one lift contract, or draw a holdout for each."
        )

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values."""
        return {k: getattr(self, k) for k in self.__slots__} | {"models": list(self.models)}


def shared_money(rows: Sequence[PortfolioRow]) -> tuple[SharedMoney, ...]:
    """Returns what each group of models with one holdout and one currency brought.

    Args:
        rows: all models.
    """
    groups: dict[tuple[str, str], list[PortfolioRow]] = {}
    for row in rows:
        if row.holdout and row.promised is not None and row.realized is not None:
            groups.setdefault((row.holdout, row.unit), []).append(row)
    return tuple(
        _together(salt, unit, group) for (salt, unit), group in groups.items() if len(group) > 1
    )


def _together(salt: str, unit: str, group: Sequence[PortfolioRow]) -> SharedMoney:
    figures_of = [(r.realized or 0.0, r.promised or 0.0) for r in group]
    figures_of.append((sum(r for r, _ in figures_of), sum(p for _, p in figures_of)))
    low, promised = min(figures_of)
    names = tuple(sorted(r.model for r in group))
    return SharedMoney(salt, names, unit, low, max(figures_of)[0], promised)
