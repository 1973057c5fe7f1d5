"""Means by arm of the measures that reports show beside the lift (``Measure.shown``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spot_mlflow.lift.moments.measures import BY_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spot_mlflow.lift.moments.cells import Moments
    from spot_mlflow.lift.moments.measures import Measure


@dataclass(frozen=True, slots=True)
class MeasureMeans:
    """One measure by arm.

    Attributes:
        measure: its key.
        label: its name in a sentence.
        arms: arm -> mean over its analysed units, in the measure's own unit; the holdout last. A blank
            counts as the measure says. No comparison: strata and weights have no part in it.
    """

    measure: str
    label: str
    arms: Mapping[str, float]


def shown_means(cells: Moments, table: Mapping[str, Measure] = BY_KEY) -> tuple[MeasureMeans, ...]:
    """Returns the means of the measures that reports show, in the order of the moments."""
    shown = [m for m in cells.measures if m in table and table[m].shown]
    return tuple(MeasureMeans(m, table[m].label, _means(cells, m)) for m in shown)


def _means(cells: Moments, measure: str) -> dict[str, float]:
    at, by_arm = cells.measures.index(measure), cells.collapse("arm")
    found = {
        str(arm): float(cells.center[at] + s1[at] / n)
        for arm, n, s1 in zip(by_arm.arm, by_arm.n, by_arm.s1, strict=True)
        if n
    }
    order: Sequence[str] = [*cells.arms(), *found]
    return {arm: found[arm] for arm in order if arm in found}
