"""A model against a portfolio, and anonymous summaries that teams can pool.

A summary holds counts of models per level, and of how much of the promised lift was realized, and nothing else: no names, no texts, no dates finer than
a month. A count under 5 is hidden, and where the hidden ones could be worked out from the total, the
next smallest is hidden too (primary and complementary cell suppression). All measures count the same
models: numbers that differ by one or two would tell of those one or two.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from spot_mlflow.errors import InvalidInput
from spot_mlflow.letters import ORDER
from spot_mlflow.readiness.instrument import LEVELS
from spot_mlflow.validation import Document, parse_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from typing_extensions import Self

    from spot_mlflow.readiness.instrument import Instrument

LEAST: Final = 5  # models to compare with; and the smallest count that is told
MEASURES: Final = ("overall", *ORDER)
LIFT: Final = "lift"  # how much of the promised lift was realized, in five levels
EVERY: Final = (*MEASURES, LIFT)
# Level of ``LIFT`` -> share of the promise that arrived.
ARRIVED: Final = {
    "1": "nothing or a loss",
    "2": "less than half",
    "3": "half to 90 %",
    "4": "90 to 110 %",
    "5": "more than 110 %",
}
_BOUNDS: Final = (0.5, 0.9, 1.1)
_CELLS: Final = tuple(str(level) for level in LEVELS)


class Distribution(Document):
    """How many models are at each level; None where the count is hidden.

    Attributes:
        counts: level as text -> number of models, or None.
        hidden: how many models the hidden counts hold together.
    """

    counts: dict[str, Annotated[int, Field(ge=0)] | None]
    hidden: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _levels_are_known(self) -> Self:
        wrong = sorted(set(self.counts) ^ set(_CELLS))
        if wrong:
            raise ValueError(f"levels must be {', '.join(_CELLS)}, got another or none: {wrong[0]}")
        if bool(self.hidden) != any(c is None for c in self.counts.values()):
            raise ValueError("hidden must hold the models of the hidden counts, and only those")
        return self

    @property
    def n(self) -> int:
        """How many models there are, hidden ones included."""
        return sum(c or 0 for c in self.counts.values()) + self.hidden


class BenchmarkStamp(Document):
    """The instrument the levels were given with."""

    name: str
    version: str


class Summary(Document):
    """What teams exchange.

    Attributes:
        spot: marks the file.
        instrument: levels of another major version are not compared.
        made: month of the export, "2026-11".
        measures: overall, S, P, O, T and lift, each with its distribution.
    """

    spot: Literal["benchmark"] = "benchmark"
    instrument: BenchmarkStamp
    made: Annotated[str, Field(pattern=r"^\d{4}-\d{2}$")]
    measures: dict[str, Distribution]

    @model_validator(mode="after")
    def _nothing_small_is_told(self) -> Self:
        unknown = [m for m in self.measures if m not in EVERY]
        if unknown:
            raise ValueError(f"unknown measure {unknown[0]!r}, must be one of {', '.join(EVERY)}")
        for name, found in self.measures.items():
            told = [c for c in found.counts.values() if c is not None]
            if any(0 < c < LEAST for c in told) or 0 < found.hidden < LEAST:
                raise ValueError(f"{name}: a count under {LEAST} is shown, must be hidden")
        return self


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a model stands on one measure.

    Attributes:
        measure: overall, S, P, O, T or lift.
        level: the model's level, or None where not known.
        n: models compared with; fewer than five are not compared.
        below: how many stand lower; same: as high; above: higher. None where not compared.
        hidden: how many cannot be told apart.
    """

    measure: str
    level: int | None
    n: int
    below: int | None = None
    same: int | None = None
    above: int | None = None
    hidden: int = 0

    @property
    def words(self) -> str:
        """The standing in one sentence."""
        if self.level is None:
            return f"not known (n = {self.n})"
        own = f"level {self.level}"
        if self.measure == LIFT:
            own = f"{ARRIVED[str(self.level)]} of the promise realized"
        if self.below is None:
            return f"{own}; not compared: n = {self.n}, at least {LEAST} needed"
        hidden = f", {self.hidden} not shown separately" if self.hidden else ""
        return (
            f"{own}; of n = {self.n}: {self.below} lower, {self.same} the same, "
            f"{self.above} higher{hidden}"
        )


def lift_level(share: float | None) -> int | None:
    """Returns the level of the share of the promised lift that arrived; None where it is not known.

    Args:
        share: realized lift / predicted lift.
    """
    if share is None:
        return None
    if share <= 0:
        return 1
    return 2 + sum(share >= bound for bound in _BOUNDS)


def distributions(models: Iterable[Mapping[str, int | None]]) -> dict[str, Distribution]:
    """Counts models per level for each measure, nothing hidden.

    Args:
        models: measure -> level of each model; None, or a missing measure, is not counted.
    """
    counted: dict[str, Counter[int]] = {m: Counter() for m in EVERY}
    for levels in models:
        for measure in EVERY:
            level = levels.get(measure)
            if level is not None:
                counted[measure][level] += 1
    return {
        m: Distribution(counts={c: counter[int(c)] for c in _CELLS})
        for m, counter in counted.items()
    }


def suppressed(found: Distribution) -> Distribution | None:
    """Hides counts under five, so that they cannot be worked out; None where nothing can be told."""
    counts = dict(found.counts)
    hide = {c for c, n in counts.items() if n is not None and 0 < n < LEAST}
    while hide and sum(counts[c] or 0 for c in hide) < LEAST:
        rest = [c for c, n in counts.items() if n and c not in hide]
        if not rest:
            return None
        hide.add(min(rest, key=lambda c: (counts[c] or 0, c)))
    hidden = sum(counts[c] or 0 for c in hide)
    return Distribution(
        counts={c: None if c in hide else n for c, n in counts.items()}, hidden=hidden
    )


def export_summary(
    models: Sequence[Mapping[str, int | None]], instrument: Instrument, *, month: str
) -> Summary:
    """Returns the anonymous summary of a portfolio: of the models known on all measures it tells.

    The realized share covers those of them that were checked, if all were or at least five were not.

    Args:
        models: measure -> level of each model.
        instrument: the instrument in use.
        month: "2026-11".

    Raises:
        InvalidInput: fewer than five models have been assessed on the same measures.
    """
    sizes = {m: d.n for m, d in distributions(models).items()}
    known = [m for m, n in sizes.items() if n >= LEAST and m != LIFT]
    complete = [x for x in models if all(x.get(m) is not None for m in known)]
    n = len(complete) if known else max(sizes[m] for m in MEASURES)
    if n < LEAST:
        raise InvalidInput(
            f"models assessed on {', '.join(known) or 'one measure'} == {n}, must be at least "
            f"{LEAST}: a summary of fewer could reveal single models"
        )
    counted = distributions(complete)
    checked = counted[LIFT].n
    if checked >= LEAST and (checked == n or n - checked >= LEAST):
        known.append(LIFT)
    hidden = {m: suppressed(counted[m]) for m in known}
    told = {m: d for m, d in hidden.items() if d is not None}
    stamp = BenchmarkStamp(name=instrument.name, version=instrument.version)
    return Summary(instrument=stamp, made=month, measures=told)


def load_summary(data: Any, instrument: Instrument, *, where: str) -> Summary:
    """Reads a summary that another team exported.

    Raises:
        InvalidInput: no valid summary, or one of another instrument or major version.
    """
    summary = parse_document(Summary, data, where=where)
    if not instrument.comparable(summary.instrument.model_dump()):
        raise InvalidInput(
            f"made with {summary.instrument.name} {summary.instrument.version}, must be made with "
            f"{instrument.name} {instrument.major}.x",
            where=where,
        )
    return summary


def pooled(parts: Iterable[Mapping[str, Distribution]]) -> dict[str, Distribution]:
    """Adds distributions up; what one part hides stays hidden in the sum.

    The hidden models of the sum may be at any level that some part hides.
    """
    total: dict[str, Distribution] = {}
    for part in parts:
        for measure, found in part.items():
            before = total.get(measure)
            total[measure] = found if before is None else _sum(before, found)
    return total


def _sum(one: Distribution, other: Distribution) -> Distribution:
    hide = {c for d in (one, other) for c, n in d.counts.items() if n is None}
    moved = sum(d.counts[c] or 0 for d in (one, other) for c in hide)
    return Distribution(
        counts={
            c: None if c in hide else (one.counts[c] or 0) + (other.counts[c] or 0) for c in _CELLS
        },
        hidden=one.hidden + other.hidden + moved,
    )


def compare(
    levels: Mapping[str, int | None], others: Mapping[str, Distribution]
) -> tuple[Standing, ...]:
    """Returns where a model stands among others, measure by measure.

    Args:
        levels: measure -> level of the model.
        others: distributions of the models to compare with, the model itself not among them.
    """
    return tuple(_standing(m, levels.get(m), others.get(m)) for m in EVERY)


def _standing(measure: str, level: int | None, found: Distribution | None) -> Standing:
    n = 0 if found is None else found.n
    if level is None or found is None or n < LEAST:
        return Standing(measure, level, n)
    at = {int(c): count or 0 for c, count in found.counts.items()}
    return Standing(
        measure,
        level,
        n,
        below=sum(count for c, count in at.items() if c < level),
        same=at[level],
        above=sum(count for c, count in at.items() if c > level),
        hidden=found.hidden,
    )
