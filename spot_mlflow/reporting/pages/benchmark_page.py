"""Our models among others: letters and lift, ours and those of imported summaries; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from spot_mlflow.errors import InvalidInput
from spot_mlflow.letters import LETTERS
from spot_mlflow.readiness.benchmark import (
    ARRIVED,
    EVERY,
    LEAST,
    LIFT,
    Distribution,
    compare,
    distributions,
    pooled,
    suppressed,
)
from spot_mlflow.reporting import figures
from spot_mlflow.reporting.words.tables import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spot_mlflow.readiness.benchmark import Summary
    from spot_mlflow.reporting.pages.portfolio_row import PortfolioRow

TITLES: Final = {"overall": "Readiness", **LETTERS, LIFT: "Realized lift"}
GOOD: Final = 3  # the level from which on a letter no longer holds a model back
HIDDEN: Final = "hidden"
OURS, THEIRS = "our models", "other teams"


@dataclass(frozen=True, slots=True)
class Benchmark:
    """What the page shows.

    Attributes:
        answer: the sentence on the first screen.
        table: who has how many models at which level.
        standings: (measure in words, where one model stands among the others), where one is named.
        n: our models that were assessed.
    """

    answer: str
    table: Table | None
    standings: tuple[tuple[str, str], ...]
    n: int


def benchmark_of(
    rows: Sequence[PortfolioRow], summaries: Sequence[Summary] = (), model: str = ""
) -> Benchmark:
    """Compares the models that the reader may see with each other, and with imported summaries.

    Args:
        rows: the models.
        summaries: of other teams.
        model: the one to place among the others, or "".

    Raises:
        InvalidInput: a model is named that is not among the rows.
    """
    levels = {r.model: r.compared for r in rows}
    if model and model not in levels:
        raise InvalidInput(
            f"there is no model {model[:100]!r} here", fix="Choose a model from the list."
        )
    ours = distributions(levels.values())
    theirs = pooled(s.measures for s in summaries)
    own = levels.get(model, {})
    others = distributions(x for name, x in levels.items() if name != model)
    placed = compare(own, pooled((others, theirs))) if model else ()
    return Benchmark(
        answer=_answer(ours, theirs),
        table=_table(ours, theirs),
        standings=tuple(
            (TITLES[s.measure], figures.sentence(figures.raised(s.words))) for s in placed
        ),
        n=max(ours[m].n for m in EVERY),
    )


def _answer(ours: Mapping[str, Distribution], theirs: Mapping[str, Distribution]) -> str:
    """Returns our weakest letter, and how many of ours and of others reach the middle of the scale."""
    known = {m: d for m in LETTERS if (d := ours[m]).n >= LEAST}
    if not known:
        n = max(d.n for d in ours.values())
        return (
            f"Too early to compare: {figures.things(n, 'model')} assessed, at least {LEAST} needed."
        )
    weakest = min(known, key=lambda m: _reaching(known[m])[0] / known[m].n)
    said = f"Our weakest letter is {LETTERS[weakest]}: {_share(known[weakest])} our models reach {GOOD} of 5"
    other = theirs.get(weakest)
    if other is not None and other.n >= LEAST:
        said += f", and {_share(other)} those of other teams"
    return figures.sentence(said)


def _reaching(found: Distribution) -> tuple[int, int]:
    """Returns how many reach the level for certain, and how many more may be among the hidden."""
    told = sum(c or 0 for level, c in found.counts.items() if int(level) >= GOOD)
    return told, found.hidden


def _share(found: Distribution) -> str:
    told, hidden = _reaching(found)
    return f"{'at least ' if hidden else ''}{figures.count(told)} of {figures.count(found.n)} of"


def _table(ours: Mapping[str, Distribution], theirs: Mapping[str, Distribution]) -> Table | None:
    rows: list[tuple[str, ...]] = []
    for measure in EVERY:
        for who, found in ((OURS, ours.get(measure)), (THEIRS, theirs.get(measure))):
            if found is None or not found.n:
                continue
            # Ours as they would leave the house: what another team must not learn, no page shows.
            told = suppressed(found) if found.n >= LEAST and not found.hidden else found
            cells = ("too few",) * 5 if told is None or found.n < LEAST else _cells(told)
            rows.append((f"{TITLES[measure]}, {who}", figures.count(found.n), *cells))
    if not rows:
        return None
    return Table(
        f"Models at each level; counts under {LEAST} are hidden",
        ("what", "models (n)", "1", "2", "3", "4", "5"),
        tuple(rows),
        frozenset(range(1, 7)),
    )


def _cells(found: Distribution) -> tuple[str, ...]:
    return tuple(
        HIDDEN if found.counts[level] is None else figures.count(found.counts[level])
        for level in ("1", "2", "3", "4", "5")
    )


def lift_note() -> str:
    """Returns what the five levels of the lift mean."""
    told = "; ".join(f"{level}: {words}" for level, words in ARRIVED.items())
    return f"Realized lift, as a share of the promise: {told}. Each is an estimate with its own interval."
