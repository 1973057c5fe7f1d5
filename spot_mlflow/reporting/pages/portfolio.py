"""All models at a glance, read from their summary tags alone; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spot_mlflow.reporting import figures
from spot_mlflow.reporting.message.headline import TO_DO
from spot_mlflow.reporting.pages.portfolio_row import STAGE_WORDS, STAGES, PortfolioRow
from spot_mlflow.reporting.pages.shared_holdout import SharedMoney, shared_money
from spot_mlflow.reporting.sections.section import Section
from spot_mlflow.reporting.words.tables import Table
from spot_mlflow.verdicts import TAGGED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class PortfolioSummary:
    """The portfolio in a few figures.

    Attributes:
        models: how many there are.
        stages: stage -> how many.
        decided: models whose verdict is more than inconclusive.
        arrived: of those, how many kept or exceeded their promise.
        value: unit -> (promised, realized), summed over models that tell both; of models that share a
            holdout once.
        shared: what models that share a holdout brought together.
        cause: of the model that lost most, behind its name; "" where no loss is shown.
        request: what is asked for that model, or else for the one most in need, its name before it.
    """

    models: int
    stages: Mapping[str, int]
    decided: int
    arrived: int
    value: Mapping[str, tuple[float, float]]
    cause: str = ""
    request: str = ""
    shared: tuple[SharedMoney, ...] = ()

    @property
    def words(self) -> str:
        """Money, cause and request, then the counts."""
        said = [
            f"Promised {figures.money(promised, unit)} to date, realized {figures.money(realized)}."
            for unit, (promised, realized) in self.value.items()
        ]
        said += [group.words for group in self.shared]
        said += [self.cause, f"{TO_DO} {self.request}" if self.request else ""]
        stages = ", ".join(
            f"{figures.count(n)} {STAGE_WORDS[stage]}" for stage, n in self.stages.items() if n
        )
        said.append(
            f"{figures.things(self.models, 'model')}: {stages}." if self.models else "No models."
        )
        if self.decided:
            said.append(
                f"The promised lift was realized in {self.arrived} of {self.decided} decided "
                f"({figures.share(self.arrived / self.decided)})."
            )
        return " ".join(part for part in said if part)

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values."""
        return {
            "models": self.models,
            "stages": dict(self.stages),
            "decided": self.decided,
            "arrived": self.arrived,
            "value": {u: {"promised": p, "realized": r} for u, (p, r) in self.value.items()},
            "shared": [group.to_dict() for group in self.shared],
            "cause": self.cause or None,
            "request": self.request or None,
        }


def portfolio_summary(rows: Sequence[PortfolioRow]) -> PortfolioSummary:
    """Counts and sums the rows."""
    shared = shared_money(rows)
    once = {name for group in shared for name in group.models}
    added = [(r.unit, r.promised, r.realized) for r in rows if r.model not in once]
    added += [(group.unit, group.promised, group.low) for group in shared]
    value: dict[str, tuple[float, float]] = {}
    for unit, promised, realized in added:
        if promised is not None and realized is not None:
            before = value.get(unit, (0.0, 0.0))
            value[unit] = (before[0] + promised, before[1] + realized)
    kept = [TAGGED[r.verdict].good for r in rows if r.verdict in TAGGED]
    lost = max((r for r in rows if r.cause), key=_missing, default=None)
    asking = lost if lost and lost.request else next((r for r in rows if r.request), None)
    return PortfolioSummary(
        models=len(rows),
        stages={s: sum(r.stage == s for r in rows) for s in reversed(STAGES)},
        decided=sum(k is not None for k in kept),
        arrived=sum(k is True for k in kept),
        value=value,
        cause=f"{lost.name}: {lost.cause}" if lost else "",
        request=f"{asking.name}: {asking.request}" if asking else "",
        shared=shared,
    )


def _missing(row: PortfolioRow) -> float:
    """Returns the money that did not arrive; 0 where nothing is known of money."""
    known = row.promised is not None and row.realized is not None
    return (row.promised or 0.0) - (row.realized or 0.0) if known else 0.0


def portfolio_section(rows: Sequence[PortfolioRow], *, everything: bool = False) -> Section:
    """Returns the portfolio as a section.

    Args:
        rows: all models.
        everything: list also the models that nobody has touched.
    """
    shown = [r for r in rows if everything or r.stage != "not assessed"]
    hidden = len(rows) - len(shown)
    notes = (
        (f"{figures.things(hidden, 'model')} not assessed; --all lists them.",) if hidden else ()
    )
    table = Table(
        "Models",
        ("model", "S", "P", "O", "T", "promised", "realized", "verdict", "where", "concerns"),
        tuple(_cells(r) for r in shown),
        frozenset({1, 2, 3, 4, 9}),
    )
    said = portfolio_summary(rows).words
    return Section(
        "portfolio", "Portfolio", text=(said,), tables=(table,) if shown else (), notes=notes
    )


def _cells(row: PortfolioRow) -> tuple[str, ...]:
    name = row.model if row.name == row.model else f"{row.name} ({row.model})"
    levels = [figures.NOTHING if x is None else str(x) for x in row.levels.values()]
    return (
        name,
        *levels,
        row.lift["predicted"] or figures.NOTHING,
        row.lift["realized"] or figures.NOTHING,
        f"{row.sign} {row.said}".strip(),
        row.gate or figures.NOTHING,
        str(row.concerns),
    )
